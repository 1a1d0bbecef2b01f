from pathlib import Path

import pytest

from isoclr.errors import InputError
from isoclr.gene_sets.orthologs import HEADER, read_orthologs

FILE = Path("gene_orthologs")
PAIRS = (
    b"9606\t50\tOrtholog\t10090\t60\n9606\t70\tOrtholog\t7955\t60\n9606\t9\tOrtholog\t10116\t8\n"
)


@pytest.mark.parametrize("header", [HEADER + b"\n", b""])
def test_a_group_is_what_pairs_connect(header: bytes) -> None:
    table = read_orthologs(FILE, header + PAIRS)
    groups = {(taxid, gene): (group, rank) for taxid, gene, _, group, rank in table.rows()}
    assert groups == {
        (9606, 50): ("ORTH:50", 50),
        (10090, 60): ("ORTH:50", 50),
        (9606, 70): ("ORTH:50", 50),  # 50 and 70 meet in the mouse's gene
        (7955, 60): ("ORTH:50", 50),
        (9606, 9): ("ORTH:8", 8),
        (10116, 8): ("ORTH:8", 8),
    }
    assert set(table["symbol"]) == {""}


def test_a_chain_is_one_group_and_a_gene_has_one_row() -> None:
    lines = b"".join(b"9606\t%d\tOrtholog\t10090\t%d\n" % (i, i + 1) for i in range(500, 5, -1))
    table = read_orthologs(FILE, lines)
    assert set(table["group"]) == {"ORTH:6"}
    assert not table.select("taxid", "entrez").is_duplicated().any()


def test_a_broken_line_is_named() -> None:
    with pytest.raises(InputError, match="gene_orthologs: line 3: Other_GeneID is 'x', expected"):
        read_orthologs(
            FILE, HEADER + b"\n9606\t1\tOrtholog\t10090\t2\n9606\t1\tOrtholog\t10090\tx\n"
        )
