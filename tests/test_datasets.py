"""The example set that ships."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import isoclr
from isoclr.datasets import FOLDER, Example, example
from isoclr.genomics.fasta import read_transcripts
from isoclr.tasks.labels import read_labels


def test_files_are_small_and_their_origin_is_said() -> None:
    files = [path for path in FOLDER.iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 1_200_000
    origin = example().origin.read_text()
    assert all(path.name in origin for path in files if path.suffix == ".gz")
    assert all(licence in origin for licence in ("MIT", "Apache-2.0"))


def test_every_rna_has_exons_a_cds_and_a_gene(tmp_path: Path) -> None:
    corpus = isoclr.build((example().inputs,), out=tmp_path / "corpus")
    table = corpus.transcripts
    assert table.height == len(read_transcripts(example().transcripts))
    assert corpus.meta["by_species"]["human"]["dropped"] == {}
    assert (table["cds_source"] == "annotated").all()
    assert (table["n_exons"] > 0).all()
    assert (table["gene_symbol"] != "").all()
    _, starts = corpus.members
    assert (np.diff(starts) > 1).sum() == 20


def test_labels_have_rnas_in_all_folds() -> None:
    labels = read_labels(example().labels)
    folds = labels.table["fold"].value_counts().sort("fold")
    assert folds["fold"].to_list() == list("12345678")
    assert (folds["count"] >= 65).all()
    genes = read_transcripts(example().transcripts).table["gene_id"]
    assert labels.table["id"].is_in(genes.implode()).all()


@pytest.mark.realdata
def test_script_makes_the_same_bytes(real_data: Path, tmp_path: Path) -> None:
    from benchmarks.example_set import candidates, choose, write

    rnas = read_transcripts(real_data / "dm3loc/human_dm3loc.fa.gz")
    made = Example(tmp_path)
    write(choose(candidates(real_data, rnas)), rnas, made)
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (FOLDER / path.name).read_bytes()
    assert len([*tmp_path.iterdir()]) == 5
    assert pl.read_csv(made.labels, separator="\t").height == 561


def test_it_is_an_attribute_of_the_package() -> None:
    """As README writes it, without an import of its own."""
    code = "import isoclr; print(isoclr.datasets.example().folder.name)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == example().folder.name + "\n"
