import gzip
from pathlib import Path

import polars as pl
import pytest

from isoclr.errors import InputError
from isoclr.tasks.labels import read_labels


def written(folder: Path, text: str, name: str = "labels.tsv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_table_by_gene_with_folds(tmp_path: Path) -> None:
    path = written(tmp_path, "gene_id\thalf_life\tfold\nG1\t1.5\t2\nG2\tNA\t1\nG3\t-2e-1\t1\n")
    labels = read_labels(path)
    assert (labels.name, labels.level, labels.missing, labels.has_folds) == (
        "half_life",
        "gene_id",
        1,
        True,
    )
    assert labels.table.rows() == [(2, "G1", 1.5, "2", None), (4, "G3", -0.2, "1", None)]


def test_csv_parquet_and_gz_hold_the_same(tmp_path: Path) -> None:
    frame = pl.DataFrame({"transcript_id": ["T1", "T2"], "te": [0.25, 3.0], "note": ["a", "b"]})
    frame.write_csv(tmp_path / "a.csv")
    frame.write_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress((tmp_path / "a.csv").read_bytes()))
    tables = [read_labels(tmp_path / name) for name in ("a.csv", "a.parquet", "a.csv.gz")]
    assert all(labels.level == "transcript_id" and labels.name == "te" for labels in tables)
    assert all(labels.table.equals(tables[0].table) for labels in tables)
    assert not tables[0].has_folds


def test_the_label_column_is_chosen_when_there_are_several(tmp_path: Path) -> None:
    path = written(tmp_path, "gene_id\ta\tb\nG1\t1\t2\nG2\t3\t2\nG3\t1\t5\n")
    assert read_labels(path, "b").table["value"].to_list() == [2, 2, 5]
    assert read_labels(path, "b").binary
    with pytest.raises(InputError, match=r"a, b; expected one label, or the name of one"):
        read_labels(path)


@pytest.mark.parametrize(
    ("text", "label", "message"),
    [
        ("name\tx\na\t1\n", None, r"columns are name, x; expected one named"),
        ("gene_id\tx\nG1\t1\nG2\tmuch\n", None, r"line 3: x is 'much', expected a finite number"),
        ("gene_id\tx\nG1\t1\nG2\tinf\n", "x", r"line 3: x is 'inf'"),
        ("gene_id\tx\nG1\t1\nG2\t1e200\n", "x", r"line 3: x is '1e200'"),
        ("gene_id\tx\nG1\t1\n", "y", r"no column 'y'; the columns are"),
        ("gene_id\tx\nG1\tNA\n", "x", r"no row has a value"),
        ("gene_id\tx\n\t1\n", "x", r"line 2: the id is empty"),
        ("gene_id\tx\nG1\t1\nG2\t1\nG1\t2\n", "x", r"line 4: G1 has a label already \(line 2\)"),
    ],
)
def test_bad_tables_end_in_one_line(
    tmp_path: Path, text: str, label: str | None, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_labels(written(tmp_path, text), label)
    assert "\n" not in str(caught.value)


def test_two_versions_of_one_gene_are_one_gene(tmp_path: Path) -> None:
    text = "gene_id\tx\nENSG00000000003.1\t1\nENSG00000000003.2\t2\n"
    with pytest.raises(InputError, match="has a label already"):
        read_labels(written(tmp_path, text))
    worm = read_labels(written(tmp_path, "gene_id\tx\nY74C9A.3\t1\nY74C9A.2\t2\n"))
    assert worm.table.height == 2  # here the number is part of the gene's name


def test_what_is_no_table_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_labels(tmp_path / "none.tsv")
    with pytest.raises(InputError, match="is a directory; expected a label table"):
        read_labels(tmp_path)
    (tmp_path / "x.parquet").write_bytes(b"no parquet")
    with pytest.raises(InputError, match="not a TSV, CSV or Parquet table"):
        read_labels(tmp_path / "x.parquet")
    (tmp_path / "x.tsv").write_bytes(b"")
    with pytest.raises(InputError, match="not a TSV, CSV or Parquet table"):
        read_labels(tmp_path / "x.tsv")


@pytest.mark.realdata
def test_the_real_tables(real_data: Path) -> None:
    found = {
        name: read_labels(real_data / "labels" / f"{name}.tsv.gz")
        for name in ("rna_half_life_human", "rna_half_life_mouse", "translation_efficiency_hela")
    }
    assert {name: labels.table.height for name, labels in found.items()} == {
        "rna_half_life_human": 10_384,
        "rna_half_life_mouse": 10_992,
        "translation_efficiency_hela": 10_528,
    }
    assert sorted(found["rna_half_life_human"].table["fold"].unique()) == list("12345678")


def test_columns_may_have_other_names(tmp_path: Path) -> None:
    text = "transcript_id\tGene\thalf_life\tcv\tchromosome\tfold\nT1\tG1\t1.5\ta\tchr2\t9\n"
    path = written(tmp_path, text)
    columns = {"gene_id": "Gene", "fold": "cv"}
    labels = read_labels(path, "half_life", columns)
    assert (
        labels.level == "gene_id"
    )  # the column that was named, though there is one of transcripts
    assert labels.table.rows() == [(2, "G1", 1.5, "a", "chr2")]
    with pytest.raises(InputError, match="no column 'Name'; the columns are transcript_id, Gene"):
        read_labels(path, "half_life", {"gene_id": "Name"})


def test_a_chromosome_is_no_label(tmp_path: Path) -> None:
    labels = read_labels(written(tmp_path, "gene_id\tchromosome\tx\nG1\t1\t0.5\nG2\t2\t0.7\n"))
    assert labels.name == "x"
    assert labels.table["chromosome"].to_list() == ["1", "2"]
