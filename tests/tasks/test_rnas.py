from pathlib import Path

import polars as pl
import pytest

from isoclr.corpus.codes import letters
from isoclr.tasks import Labels
from isoclr.tasks.rnas import Rnas, label_rnas, of_task
from isoclr.tasks.task_files import read_label_task

TASK = """name = "t"
title = "t"
[labels]
file = "t.tsv"
label = "y"
[construct]
insert = "utr"
before = "GG"
cds = "ATGGCTTAA"
after = "CC"
"""


@pytest.fixture
def assay(tmp_path: Path) -> Path:
    (tmp_path / "t.tsv").write_text("utr\ty\nACGT\t1\nTTTT\t\nCCCA\t3\n")
    (tmp_path / "t.toml").write_text(TASK)
    return tmp_path / "t.toml"


def test_an_assays_rnas_are_its_constructs_and_differ_in_their_inserts(assay: Path) -> None:
    task = read_label_task(assay)
    rnas = of_task(task, "digest")
    assert rnas.table.rows()[0] == ("t-00002", "t-00002", "", 17, 9, "annotated")
    assert letters(rnas.codes_of(2)) == "GGCCCAATGGCTTAACC"
    assert letters(rnas.compared_of(2)) == "CCCA"
    assert rnas.compared == "insert of the construct"
    samples = label_rnas(task.labels(), rnas.choose("cow", "coding"))  # no species has them
    assert samples.rows.tolist() == [0, 2]
    assert samples.values.tolist() == [1.0, 3.0]


def test_rows_of_samples_are_rows_of_all_rnas() -> None:
    """Whatever choice of species and of coding sequences was made before."""
    table = pl.DataFrame(
        {
            "transcript_id": ["c", "b", "a", "n"],
            "gene_id": ["C", "B", "A", "N"],
            "species": ["cow", "cow", "human", "cow"],
            "length": 9,
            "cds_length": [3, 3, 3, 0],
            "cds_source": ["orf", "annotated", "annotated", "none"],
        }
    )

    class World:
        path, species = Path("corpus"), ("cow", "human")

    rnas = Rnas("", table, World())  # type: ignore[arg-type]  # only its name is asked for
    assert rnas.compared == "whole RNA"
    assert rnas.choose(None, "annotated")["transcript_id"].to_list() == ["b", "a"]
    assert rnas.choose("cow", "coding")["transcript_id"].to_list() == ["c", "b"]
    chosen = rnas.choose("human", "all")
    wanted = pl.DataFrame(
        {"line": [2, 3], "id": ["B", "A"], "value": [1.0, 2.0], "fold": None, "chromosome": None},
        schema_overrides={"fold": pl.String, "chromosome": pl.String},
    )
    samples = label_rnas(Labels(Path("x"), "x", "gene_id", wanted, 0), chosen)
    assert samples.rows.tolist() == [2]
    assert samples.unmatched == 1
    assert samples.values.tolist() == [2.0]
