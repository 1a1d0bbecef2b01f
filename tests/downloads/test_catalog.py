"""Downloaded tables become what the other stages read."""

import gzip
from pathlib import Path

import polars as pl
import pytest

from isoclr.downloads.catalog import CATALOG, prepare, select_entries
from isoclr.errors import InputError
from isoclr.genomics.species import find_species


def test_names_and_addresses() -> None:
    assert len({entry.name for entry in CATALOG}) == len(CATALOG)
    assert len({entry.file for entry in CATALOG}) == len(CATALOG)
    addresses = [url for entry in CATALOG for url in (*entry.urls, entry.checksums) if url]
    assert all(url.startswith("https://") for url in addresses)


def test_ten_species() -> None:
    groups = {entry.group for entry in CATALOG} - {"homology", "ids", "labels"}
    assert len(groups) == 10
    assert all(find_species(group) is not None for group in groups)
    for group in groups:
        files = {entry.name for entry in CATALOG if entry.group == group}
        assert files == {f"{group}/annotation", f"{group}/genome"}


def test_select() -> None:
    assert [e.name for e in select_entries(["worm/genome", "homology"])] == [
        "worm/genome",
        "homology/homologene",
        "homology/gene_orthologs",
    ]


def test_select_optional_files() -> None:
    archive = "labels/saluki_archive"
    assert archive not in {e.name for e in select_entries([])}
    assert archive not in {e.name for e in select_entries(["labels"])}
    assert [e.name for e in select_entries([archive])] == [archive]


def test_select_unknown_name() -> None:
    with pytest.raises(InputError, match="'axolotl' cannot be downloaded; expected one of human"):
        select_entries(["axolotl"])


GENE2ENSEMBL = """#tax_id\tGeneID\tEnsembl_gene_identifier\tRNA\tEnsembl_rna\tprotein\tEnsembl_protein
9606\t1\tENSG00000121410\tNM_1\tENST1\tNP_1\tENSP1
9606\t1\tENSG00000121410\tNM_2\tENST2\tNP_2\tENSP2
10090\t11287\tENSMUSG00000030359\tNM_7\tENSMUST7\tNP_7\tENSMUSP7
7227\t30970\tFBgn0040373\tNM_3\tFBtr1\tNP_3\tFBpp1
"""


def test_gene_ids(tmp_path: Path) -> None:
    (tmp_path / "ids").mkdir()
    (tmp_path / "ids/gene2ensembl.gz").write_bytes(gzip.compress(GENE2ENSEMBL.encode()))
    prepare(tmp_path, CATALOG)
    assert (tmp_path / "ids/human.tsv").read_text() == ("ensembl_gene_id\tentrez_gene_id\nENSG00000121410\t1\n")
    assert "ENSMUSG00000030359\t11287" in (tmp_path / "ids/mouse.tsv").read_text()


def test_half_lives(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/all_HLs_mouse_PC1.txt").write_text(
        "ensembl_gene_id\texternal_gene_name\tmouse_PC1\nENSMUSG1\tA\t1.0\nENSMUSG2\tB\t3.0\nENSMUSG3\tC\t5.0\n"
    )
    prepare(tmp_path, CATALOG)
    table = pl.read_csv(tmp_path / "labels/half_life_mouse.tsv", separator="\t")
    assert table.columns == ["gene_id", "half_life"]
    assert table["half_life"].to_list() == [-1.0, 0.0, 1.0]


def test_table_with_other_columns(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/all_HLs_mouse_PC1.txt").write_text("gene\tvalue\nA\t1\n")
    with pytest.raises(InputError, match=r"all_HLs_mouse_PC1\.txt: .* ensembl_gene_id, mouse_PC1"):
        prepare(tmp_path, CATALOG)


def test_species_without_genome(tmp_path: Path) -> None:
    (tmp_path / "fly").mkdir()
    (tmp_path / "fly/dm6.ncbiRefSeq.gtf.gz").touch()
    prepare(tmp_path, CATALOG)
    assert not (tmp_path / "inputs.toml").exists()
