import gzip
from pathlib import Path

import pytest

from isoclr.errors import InputError
from isoclr.gene_sets.ids import read_gene_ids

ROWS = [("ENSG00000000001", 5, "A"), ("ENSG00000000001", 7, "A"), ("ENSG00000000002", None, "B")]
COLUMNS = ["gene_id", "entrez", "symbol"]


@pytest.mark.parametrize(
    "text",
    [
        "ensembl_gene_id\tentrez_gene_id\tsymbol\tbiotype\nENSG00000000001\t5\tA\tx\nENSG00000000001\t7\tA\tx\n"
        "ENSG00000000002\t\tB\t\n",
        "Gene name,NCBI gene (formerly Entrezgene) ID,Gene stable ID,Gene description\n"
        'A,5,ENSG00000000001,"one, with a comma"\nA,7,ENSG00000000001,"x"\nB,,ENSG00000000002,\n',
        "GeneID\tgene_name\tgene_id\r\n5\tA\tENSG00000000001.4\r\n7\tA\tENSG00000000001.4\r\nNA\tB\tENSG00000000002.1\r\n",
        "entrez_gene_id\tsymbol\tensembl_gene_id\n5.0\tA\tENSG00000000001\n7.0\tA\tENSG00000000001\n\tB\tENSG00000000002\n"
        "9\tC\t\n5.0\tA\tENSG00000000001\n",
    ],
)
def test_columns_are_found_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ids.gz"
    path.write_bytes(gzip.compress(text.encode()))
    table = read_gene_ids(path)
    assert table.columns == [*COLUMNS, "biotype"]
    assert table.select(COLUMNS).rows() == ROWS


@pytest.mark.parametrize("column", ["biotype", "Gene_type", "gene_biotype"])
def test_biotypes_are_read_where_a_table_has_them(tmp_path: Path, column: str) -> None:
    path = tmp_path / "ids.tsv"
    path.write_text(f"gene_id\t{column}\tentrez\ng\t lncRNA\t1\nh\t\t2\n")
    assert read_gene_ids(path).rows() == [("g", 1, "", "lncRNA"), ("h", 2, "", "")]


def test_ncbis_gene2ensembl(tmp_path: Path) -> None:
    path = tmp_path / "gene2ensembl"
    path.write_text(
        "#tax_id\tGeneID\tEnsembl_gene_identifier\tRNA_nucleotide_accession.version\n"
        "9606\t1\tENSG00000121410\tNM_130786.4\n9606\t1\tENSG00000121410\t-\n"
    )
    assert read_gene_ids(path).rows() == [("ENSG00000121410", 1, "", "")]


def test_a_table_without_symbols(tmp_path: Path) -> None:
    path = tmp_path / "ids.tsv"
    path.write_text("gene_id\tentrez\nx\t1\n")
    assert read_gene_ids(path).rows() == [("x", 1, "", "")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id\tname\nx\t1\n", r"ids\.tsv: line 1 has the columns 'id, name', expected a TSV or CSV"),
        ("gene_id\tsymbol\nx\tA\n", "line 1 has the columns 'gene_id, symbol', expected"),
        (
            "gene_id\tentrez\nx\t1\ny\tHGNC:5\n",
            "line 3: the Entrez id is 'HGNC:5', expected a number",
        ),
        ("", "the file is empty"),
    ],
)
def test_what_is_no_such_table_gets_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "ids.tsv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_gene_ids(path)
