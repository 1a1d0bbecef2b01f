import gzip
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from isoclr.errors import InputError
from isoclr.genomics.homology import assign_gene_sets, read_gene_ids, read_homologene, read_homology, read_orthologs

HEADER = b"#tax_id\tGeneID\trelationship\tOther_tax_id\tOther_GeneID"

HOMOLOGENE = """3\t9606\t34\tACADM\t\t
3\t9606\t35\tACADM2\t\t
3\t10090\t11364\tAcadm\t\t
20\t9606\t7157\tTP53\t\t
20\t10090\t22059\tTrp53\t\t
100\t9606\t900\tTWICE\t\t
101\t9606\t901\tTWICE\t\t
102\t9606\t902\tSAME\t\t
102\t9606\t903\tSAME\t\t
"""
HUMAN_IDS = """ensembl_gene_id\tentrez_gene_id\tsymbol
ENSG00000000001\t34\tACADM
ENSG00000000002\t35\tNEWNAME
ENSG00000000003\t7157\tP53
ENSG00000000003\t34\tP53
ENSG00000000004\t\tTP53
ENSG00000000005\t555555\tTP53
ENSG00000000006\t900\tONE
ENSG00000000007\t901\tONE
"""


@pytest.fixture
def homology(tmp_path: Path) -> Path:
    path = tmp_path / "homologene.data"
    path.write_text(HOMOLOGENE)
    return path


@pytest.fixture
def human_ids(tmp_path: Path) -> Path:
    path = tmp_path / "human.tsv"
    path.write_text(HUMAN_IDS)
    return path


def genes(*rows: tuple[str, str, str]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=["species", "gene_id", "gene_symbol"], orient="row")


def sets(table: pl.DataFrame) -> list[str]:
    return table["gene_set"].to_list()


def test_paralogs_and_orthologs(homology: Path) -> None:
    rows = genes(("human", "34", ""), ("mouse", "22059", ""), ("human", "35", ""), ("mouse", "11364", ""))
    result = assign_gene_sets(rows, homology)
    assert sets(result.table) == ["HID:3", "HID:20", "HID:3", "HID:3"]
    assert result.table.drop("gene_set").equals(rows)
    assert result.mapped == {"human": (2, 2), "mouse": (2, 2)}


def test_within_species(homology: Path) -> None:
    rows = genes(("human", "34", ""), ("human", "35", ""), ("mouse", "11364", ""), ("mouse", "x", ""))
    result = assign_gene_sets(rows, homology, scope="within-species")
    assert sets(result.table) == ["human|HID:3", "human|HID:3", "mouse|HID:3", "mouse|x"]


def test_unmapped_genes(homology: Path) -> None:
    rows = genes(
        ("human", "ENSG00000000099.7", "ABC"),
        ("mouse", "ENSMUSG00000000099.1", "ABC"),
        ("human", "ENSG00000000098.7", "ABC"),
        ("rat", "g1", "S"),
        ("cow", "g1", "S"),
    )
    for file in (homology, None):
        result = assign_gene_sets(rows, file)
        assert sets(result.table) == [
            "human|ENSG00000000099",
            "mouse|ENSMUSG00000000099",
            "human|ENSG00000000098",
            "rat|g1",
            "cow|g1",
        ]
        assert result.mapped == {"human": (0, 2), "mouse": (0, 1), "rat": (0, 1), "cow": (0, 1)}


def test_symbols(homology: Path) -> None:
    rows = genes(("human", "g1", "TP53"), ("mouse", "g2", "TP53"), ("human", "g3", "tp53"), ("mouse", "g4", "Trp53"))
    assert sets(assign_gene_sets(rows, homology).table) == ["HID:20", "mouse|g2", "human|g3", "HID:20"]


def test_ambiguous_symbol(homology: Path) -> None:
    rows = genes(("human", "g1", "TWICE"), ("human", "g2", "SAME"))
    assert sets(assign_gene_sets(rows, homology).table) == ["human|g1", "HID:102"]


def test_gene_id_is_a_symbol(homology: Path) -> None:
    rows = genes(("human", "TP53", ""), ("human", "TP53", "OTHER"))
    assert sets(assign_gene_sets(rows, homology).table) == ["HID:20", "human|TP53"]


def test_loc_and_entrez_ids(homology: Path) -> None:
    rows = genes(
        ("human", "LOC34", ""), ("human", "g1", "LOC7157"), ("human", "GeneID:34", ""),
        ("mouse", "34", ""), ("mouse", "LOC34", ""), ("martian", "34", ""), ("9606", "34", ""),
    )  # fmt: skip
    assert sets(assign_gene_sets(rows, homology).table) == [
        "HID:3", "HID:20", "HID:3", "mouse|34", "mouse|LOC34", "martian|34", "HID:3",
    ]  # fmt: skip


def test_id_table(homology: Path, human_ids: Path) -> None:
    rows = genes(
        ("human", "ENSG00000000001.5", "WRONG"),  # by id, the version aside
        ("human", "ENSG00000000002", ""),
        ("human", "ENSG00000000003", ""),  # two Entrez ids: the smallest group
        ("human", "ENSG00000000004", ""),  # no Entrez id: the table's symbol, in the homology file
        ("human", "ENSG00000000005", "ACADM"),  # an Entrez id without a group: its own symbol first
        ("human", "novel", "NEWNAME"),  # a symbol that only the table knows
        ("human", "novel2", "ONE"),  # a symbol of two groups
        ("mouse", "ENSG00000000001", ""),  # another species' table does not count
    )
    result = assign_gene_sets(rows, homology, {"human": human_ids})
    assert sets(result.table) == [
        "HID:3", "HID:3", "HID:3", "HID:20", "HID:3", "HID:3", "human|novel2", "mouse|ENSG00000000001",
    ]  # fmt: skip


def test_order_of_preference(homology: Path, human_ids: Path) -> None:
    rows = genes(("human", "ENSG00000000001", "LOC7157"), ("human", "7157", "ACADM"), ("human", "LOC7157", "ACADM"))
    assert sets(assign_gene_sets(rows, homology, {"hg38": human_ids}).table) == ["HID:3", "HID:20", "HID:20"]


def test_gene_orthologs(tmp_path: Path, human_ids: Path) -> None:
    path = tmp_path / "gene_orthologs"
    path.write_text(
        "#tax_id\tGeneID\trelationship\tOther_tax_id\tOther_GeneID\n"
        "9606\t34\tOrtholog\t10090\t11364\n9606\t35\tOrtholog\t10090\t11365\n"
    )
    rows = genes(("mouse", "11364", ""), ("human", "ENSG00000000001.2", ""), ("human", "35", "ACADM"))
    result = assign_gene_sets(rows, path, {"human": human_ids})
    assert sets(result.table) == ["ORTH:34", "ORTH:34", "ORTH:35"]


def test_no_genes_and_null_symbols(homology: Path) -> None:
    empty = assign_gene_sets(genes().cast(pl.String), homology)
    assert empty.table.columns == ["species", "gene_id", "gene_symbol", "gene_set"]
    assert empty.mapped == {}
    rows = genes(("human", "34", "")).with_columns(gene_symbol=pl.lit(None, pl.String))
    assert sets(assign_gene_sets(rows, homology).table) == ["HID:3"]


def test_unknown_species_or_scope(homology: Path, human_ids: Path) -> None:
    rows = genes(("human", "34", ""))
    with pytest.raises(InputError, match=r"human\.tsv: is the gene id table of 'humn'.*human"):
        assign_gene_sets(rows, homology, {"humn": human_ids})
    with pytest.raises(InputError, match="scope is 'both', expected one of across-species, within"):
        assign_gene_sets(rows, homology, scope="both")  # type: ignore[arg-type]


def test_large_species_are_fast(tmp_path: Path) -> None:
    taxids = [9606, 10090]
    number = np.arange(20_000)
    lines = [f"{i}\t{t}\t{t * 100_000 + i}\tSYM{i}\t\t" for t in taxids for i in number]
    path = tmp_path / "homologene.data"
    path.write_text("\n".join(lines) + "\n")
    ids = pl.Series(np.arange(60_000)).cast(pl.String)
    rows = pl.concat(
        pl.DataFrame({"species": [str(t)] * 60_000, "gene_id": "GENE" + ids, "gene_symbol": "SYM" + ids})
        for t in taxids
    )
    began = time.perf_counter()
    result = assign_gene_sets(rows, path)
    assert time.perf_counter() - began < 5  # 0.1 s on an idle machine
    assert set(result.mapped.values()) == {(20_000, 60_000)}


@pytest.mark.realdata
def test_real_genes_map(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    homologene = read_homology(real_data / "homology/homologene.data.gz")
    assert homologene["group"].n_unique() == 43_941
    assert homologene["taxid"].n_unique() == 21
    monkeypatch.setattr("isoclr.genomics.homology.read_homology", lambda _: homologene)  # reading it takes time
    table = pl.read_csv(real_data / "ids/mouse.tsv.gz", separator="\t", infer_schema=False)
    coding = table.filter(pl.col("biotype") == "protein_coding")
    rows = coding.select(species=pl.lit("mouse"), gene_id="ensembl_gene_id", gene_symbol="symbol")
    result = assign_gene_sets(rows, FILE, {"mouse": real_data / "ids/mouse.tsv.gz"})
    mapped, total = result.mapped["mouse"]
    assert 0.8 < mapped / total < 0.95
    assert 0.7 < assign_gene_sets(rows, FILE).mapped["mouse"][0] / total < mapped / total


FILE = Path("homologene.data")


def test_homologene_missing_columns() -> None:
    data = b"3\t9606\t34\tACADM\t4557231\tNP_000007.1\n3\t10090\t11364\tAcadm\t\t\r\n12\t9606\t7\tX\n\n"
    table = read_homologene(FILE, data)
    assert table.columns == ["taxid", "entrez", "symbol", "group", "rank"]
    assert table.rows() == [
        (9606, 34, "ACADM", "HID:3", 3),
        (10090, 11364, "Acadm", "HID:3", 3),
        (9606, 7, "X", "HID:12", 12),
    ]


def test_homologene_quotes() -> None:
    table = read_homologene(FILE, b"3\t7227\t34\tl(2)\"x\t\t\n4\t7227\t35\t'y\t\t\n")
    assert table["symbol"].to_list() == ['l(2)"x', "'y"]


def test_homologene_bad_line() -> None:
    message = r"homologene\.data: line 3: gene id is 'abc', expected a number \(HomoloGene's"
    with pytest.raises(InputError, match=message):
        read_homologene(FILE, b"3\t9606\t34\tA\t\t\n\n3\t9606\tabc\tB\t\t\n")


def test_homologene_short_line() -> None:
    with pytest.raises(InputError, match="line 2: gene id is '', expected a number"):
        read_homologene(FILE, b"3\t9606\t34\tA\t\t\n3\t9606\n")


@pytest.mark.parametrize(
    ("data", "group"),
    [
        (b"3\t9606\t34\tACADM\t1\tNP_1\n", "HID:3"),
        (b"3\t9606\t34\tACADM\n", "HID:3"),
        (HEADER + b"\n9606\t34\tOrtholog\t10090\t35\n", "ORTH:34"),
        (b"9606\t34\tOrtholog\t10090\t35\n", "ORTH:34"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_read_homology(tmp_path: Path, data: bytes, group: str, packed: bool) -> None:
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(data) if packed else data)
    table = read_homology(path)
    assert table.select("taxid", "entrez", "group").row(0) == (9606, 34, group)


@pytest.mark.parametrize("data", [b"gene_a\tgene_b\n", b">a\nACGT\n", b"1,2,3,4\n"])
def test_read_homology_of_another_format(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"file: line 1 is .*, expected HomoloGene's columns HID"):
        read_homology(path)


@pytest.mark.realdata
def test_real_orthologs(real_data: Path) -> None:
    orthologs = read_homology(real_data / "homology/gene_orthologs.gz")
    assert orthologs["group"].n_unique() == 11_809
    assert orthologs["taxid"].n_unique() == 10


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
def test_read_gene_ids(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ids.gz"
    path.write_bytes(gzip.compress(text.encode()))
    table = read_gene_ids(path)
    assert table.columns == [*COLUMNS, "biotype"]
    assert table.select(COLUMNS).rows() == ROWS


@pytest.mark.parametrize("column", ["biotype", "Gene_type", "gene_biotype"])
def test_read_gene_ids_with_biotypes(tmp_path: Path, column: str) -> None:
    path = tmp_path / "ids.tsv"
    path.write_text(f"gene_id\t{column}\tentrez\ng\t lncRNA\t1\nh\t\t2\n")
    assert read_gene_ids(path).rows() == [("g", 1, "", "lncRNA"), ("h", 2, "", "")]


def test_read_gene_ids_of_gene2ensembl(tmp_path: Path) -> None:
    path = tmp_path / "gene2ensembl"
    path.write_text(
        "#tax_id\tGeneID\tEnsembl_gene_identifier\tRNA_nucleotide_accession.version\n"
        "9606\t1\tENSG00000121410\tNM_130786.4\n9606\t1\tENSG00000121410\t-\n"
    )
    assert read_gene_ids(path).rows() == [("ENSG00000121410", 1, "", "")]


@pytest.mark.parametrize("separator", ["\t", ","])
def test_a_last_column_that_is_empty_in_the_first_row(tmp_path: Path, separator: str) -> None:
    rows = (("gene_id", "symbol", "entrez"), ("ENSG00000000001", "A"), ("ENSG00000000002", "B", "7"))
    (tmp_path / "ids").write_text("\n".join(map(separator.join, rows)))
    assert read_gene_ids(tmp_path / "ids")["entrez"].to_list() == [None, 7]


def test_read_gene_ids_without_symbols(tmp_path: Path) -> None:
    path = tmp_path / "ids.tsv"
    path.write_text("gene_id\tentrez\nx\t1\n")
    assert read_gene_ids(path).rows() == [("x", 1, "", "")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id\tname\nx\t1\n", r"ids\.tsv: line 1 has the columns 'id, name', expected a TSV or CSV"),
        ("gene_id\tsymbol\nx\tA\n", "line 1 has the columns 'gene_id, symbol', expected"),
        ("gene_id\tentrez\nx\t1\ny\tHGNC:5\n", "line 3: the Entrez id is 'HGNC:5', expected a number"),
        ("", "the file is empty"),
    ],
)
def test_read_gene_ids_of_another_table(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "ids.tsv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_gene_ids(path)


FILE_ORTHOLOGS = Path("gene_orthologs")
PAIRS = b"9606\t50\tOrtholog\t10090\t60\n9606\t70\tOrtholog\t7955\t60\n9606\t9\tOrtholog\t10116\t8\n"


@pytest.mark.parametrize("header", [HEADER + b"\n", b""])
def test_orthologs_are_connected_components(header: bytes) -> None:
    table = read_orthologs(FILE_ORTHOLOGS, header + PAIRS)
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


def test_orthologs_chain() -> None:
    lines = b"".join(b"9606\t%d\tOrtholog\t10090\t%d\n" % (i, i + 1) for i in range(500, 5, -1))
    table = read_orthologs(FILE_ORTHOLOGS, lines)
    assert set(table["group"]) == {"ORTH:6"}
    assert not table.select("taxid", "entrez").is_duplicated().any()


def test_orthologs_bad_line() -> None:
    with pytest.raises(InputError, match="gene_orthologs: line 3: Other_GeneID is 'x', expected"):
        read_orthologs(FILE_ORTHOLOGS, HEADER + b"\n9606\t1\tOrtholog\t10090\t2\n9606\t1\tOrtholog\t10090\tx\n")
