import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from isoclr.errors import InputError
from isoclr.gene_sets import assign

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


def test_paralogs_and_orthologs_merge(homology: Path) -> None:
    rows = genes(
        ("human", "34", ""), ("mouse", "22059", ""), ("human", "35", ""), ("mouse", "11364", "")
    )
    found = assign(rows, homology)
    assert sets(found.table) == ["HID:3", "HID:20", "HID:3", "HID:3"]
    assert found.table.drop("gene_set").equals(rows)
    assert found.mapped == {"human": (2, 2), "mouse": (2, 2)}


def test_within_species_keeps_orthologs_apart_and_merges_paralogs(homology: Path) -> None:
    rows = genes(
        ("human", "34", ""), ("human", "35", ""), ("mouse", "11364", ""), ("mouse", "x", "")
    )
    found = assign(rows, homology, scope="within-species")
    assert sets(found.table) == ["human|HID:3", "human|HID:3", "mouse|HID:3", "mouse|x"]


def test_unmapped_genes_are_never_keyed_by_symbol(homology: Path) -> None:
    rows = genes(
        ("human", "ENSG00000000099.7", "ABC"),
        ("mouse", "ENSMUSG00000000099.1", "ABC"),
        ("human", "ENSG00000000098.7", "ABC"),
        ("rat", "g1", "S"),
        ("cow", "g1", "S"),
    )
    for file in (homology, None):
        found = assign(rows, file)
        assert sets(found.table) == [
            "human|ENSG00000000099",
            "mouse|ENSMUSG00000000099",
            "human|ENSG00000000098",
            "rat|g1",
            "cow|g1",
        ]
        assert found.mapped == {"human": (0, 2), "mouse": (0, 1), "rat": (0, 1), "cow": (0, 1)}


def test_a_symbol_counts_in_its_own_species_and_spelling_only(homology: Path) -> None:
    rows = genes(
        ("human", "g1", "TP53"),
        ("mouse", "g2", "TP53"),
        ("human", "g3", "tp53"),
        ("mouse", "g4", "Trp53"),
    )
    assert sets(assign(rows, homology).table) == ["HID:20", "mouse|g2", "human|g3", "HID:20"]


def test_an_ambiguous_symbol_maps_only_when_all_its_genes_are_of_one_group(homology: Path) -> None:
    rows = genes(("human", "g1", "TWICE"), ("human", "g2", "SAME"))
    assert sets(assign(rows, homology).table) == ["human|g1", "HID:102"]


def test_a_gene_id_that_is_the_symbol_maps(homology: Path) -> None:
    rows = genes(("human", "TP53", ""), ("human", "TP53", "OTHER"))
    assert sets(assign(rows, homology).table) == ["HID:20", "human|TP53"]


def test_loc_and_numbers_are_entrez_ids_of_the_species(homology: Path) -> None:
    rows = genes(
        ("human", "LOC34", ""), ("human", "g1", "LOC7157"), ("human", "GeneID:34", ""),
        ("mouse", "34", ""), ("mouse", "LOC34", ""), ("martian", "34", ""), ("9606", "34", ""),
    )  # fmt: skip
    assert sets(assign(rows, homology).table) == [
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
    found = assign(rows, homology, {"human": human_ids})
    assert sets(found.table) == [
        "HID:3", "HID:3", "HID:3", "HID:20", "HID:3", "HID:3", "human|novel2", "mouse|ENSG00000000001",
    ]  # fmt: skip


def test_surer_ways_win(homology: Path, human_ids: Path) -> None:
    rows = genes(
        ("human", "ENSG00000000001", "LOC7157"),
        ("human", "7157", "ACADM"),
        ("human", "LOC7157", "ACADM"),
    )
    assert sets(assign(rows, homology, {"hg38": human_ids}).table) == ["HID:3", "HID:20", "HID:20"]


def test_gene_orthologs(tmp_path: Path, human_ids: Path) -> None:
    path = tmp_path / "gene_orthologs"
    path.write_text(
        "#tax_id\tGeneID\trelationship\tOther_tax_id\tOther_GeneID\n"
        "9606\t34\tOrtholog\t10090\t11364\n9606\t35\tOrtholog\t10090\t11365\n"
    )
    rows = genes(
        ("mouse", "11364", ""), ("human", "ENSG00000000001.2", ""), ("human", "35", "ACADM")
    )
    found = assign(rows, path, {"human": human_ids})
    assert sets(found.table) == ["ORTH:34", "ORTH:34", "ORTH:35"]


def test_no_genes_and_null_symbols(homology: Path) -> None:
    empty = assign(genes().cast(pl.String), homology)
    assert empty.table.columns == ["species", "gene_id", "gene_symbol", "gene_set"]
    assert empty.mapped == {}
    rows = genes(("human", "34", "")).with_columns(gene_symbol=pl.lit(None, pl.String))
    assert sets(assign(rows, homology).table) == ["HID:3"]


def test_an_id_table_for_nobody_and_a_wrong_scope(homology: Path, human_ids: Path) -> None:
    rows = genes(("human", "34", ""))
    with pytest.raises(
        InputError, match=r"human\.tsv: is the gene id table of 'humn'.*here are human"
    ):
        assign(rows, homology, {"humn": human_ids})
    with pytest.raises(InputError, match="scope is 'both', expected one of across-species, within"):
        assign(rows, homology, scope="both")  # type: ignore[arg-type]


def test_a_ten_species_atlas_is_quick(tmp_path: Path) -> None:
    taxids = [9606, 10090, 9031, 6239, 9598, 9913, 9615, 7227, 10116, 7955]
    number = np.arange(20_000)
    lines = [f"{i}\t{t}\t{t * 100_000 + i}\tSYM{i}\t\t" for t in taxids for i in number]
    path = tmp_path / "homologene.data"
    path.write_text("\n".join(lines) + "\n")
    ids = pl.Series(np.arange(60_000)).cast(pl.String)
    rows = pl.concat(
        pl.DataFrame(
            {"species": [str(t)] * 60_000, "gene_id": "GENE" + ids, "gene_symbol": "SYM" + ids}
        )
        for t in taxids
    )
    began = time.perf_counter()
    found = assign(rows, path)
    assert time.perf_counter() - began < 20  # 0.6 s on an idle machine
    assert set(found.mapped.values()) == {(20_000, 60_000)}


@pytest.mark.realdata
def test_real_genes_map(real_data: Path) -> None:
    table = pl.read_csv(real_data / "ids/mouse.tsv.gz", separator="\t", infer_schema=False)
    coding = table.filter(pl.col("biotype") == "protein_coding")
    rows = coding.select(species=pl.lit("mouse"), gene_id="ensembl_gene_id", gene_symbol="symbol")
    found = assign(
        rows, real_data / "homology/homologene.data.gz", {"mouse": real_data / "ids/mouse.tsv.gz"}
    )
    mapped, total = found.mapped["mouse"]
    assert 0.8 < mapped / total < 0.95
    by_symbol = assign(rows, real_data / "homology/homologene.data.gz")
    assert 0.7 < by_symbol.mapped["mouse"][0] / total < mapped / total
