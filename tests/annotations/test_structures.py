"""Structure tables: what is known when cells are empty, and what happens when they contradict each other."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from isoclr.annotations.structures import read_structures
from isoclr.errors import InputError

Write = Callable[..., Path]
HEADER = "transcript_id\tutr5_len\tcds_len\tutr3_len\texon_lengths\n"


def one(write: Write, line: str, header: str = HEADER) -> dict[str, Any]:
    table = read_structures(write(header + line.replace(" ", "\t") + "\n", "a.tsv.gz")).table
    assert table.height == 1
    return table.row(0, named=True)


@pytest.mark.parametrize(
    ("line", "length", "cds", "exons"),
    [
        ("T.1 10 30 5 20,25", 45, (10, 40), [20, 25]),
        ("T.1 10 30 5 ", 45, (10, 40), None),
        ("T.1    20,25", 45, (-1, -1), [20, 25]),
        ("T.1 10 30  20,25", 45, (10, 40), [20, 25]),
        ("T.1 10 30  ", None, (10, 40), None),
        ("T.1  30 5 45", 45, (-1, -1), [45]),
        ("T.1 0 0 45 45", 45, (-1, -1), [45]),
        ("T.1    ", None, (-1, -1), None),
    ],
)
def test_what_is_known_of_a_transcript(
    write: Write, line: str, length: int | None, cds: tuple[int, int], exons: list[int] | None
) -> None:
    row = one(write, line)
    assert row["length"] == length
    assert (row["cds_start"], row["cds_end"]) == cds
    assert row["exon_lengths"] == exons
    assert row["exon_starts"] is None
    assert row["chrom"] is None
    assert row["strand"] is None
    assert (row["transcript_id"], row["gene_id"]) == ("T.1", "T.1")


def test_exons_that_disagree_with_the_length_are_dropped(write: Write) -> None:
    annotation = read_structures(write(HEADER + "T\t10\t30\t5\t20,26\n"))
    row = annotation.table.row(0, named=True)
    assert (row["length"], row["exon_lengths"], row["cds_end"]) == (45, None, 40)
    assert annotation.dropped == {"exons_disagree_with_length": 1}


def test_a_cds_beyond_the_exons_is_dropped(write: Write) -> None:
    annotation = read_structures(write(HEADER + "T\t10\t30\t\t39\n"))
    assert annotation.table["cds_end"].to_list() == [-1]
    assert annotation.dropped == {"cds_outside_exons": 1}


def test_columns_go_by_name_and_gene_columns_are_used(write: Write) -> None:
    header = "gene_id\texon_lengths\tcds_len\tutr3_len\tutr5_len\ttranscript_id\tgene_symbol\n"
    row = one(write, "G.1 45 30 5 10 T ABC", header="# made by us\n" + header)
    assert (row["gene_id"], row["gene_symbol"], row["cds_start"]) == ("G.1", "ABC", 10)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "transcript_id\tcds_len\n",
            "line 1: no column utr5_len, expected transcript_id, utr5_len",
        ),
        (HEADER + "T\t1\t2\t3\t6\nU\t-1\t2\t3\t\n", "line 3: utr5_len is '-1', expected a length"),
        (
            HEADER + "#\nT\t1\t2\t3\t6,x\n",
            "line 3: exon_lengths is '6,x', expected comma-separated",
        ),
        (HEADER + "T\t1\t2\t3\t0,6\n", "line 2: exon_lengths is '0,6'"),
        (HEADER + "\t1\t2\t3\t6\n", "line 2: no transcript_id"),
        (HEADER + "T\t1\t2\n", "line 2: 3 tab-separated columns, expected 5"),
    ],
)
def test_bad_lines_are_named(write: Write, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_structures(write(text))
