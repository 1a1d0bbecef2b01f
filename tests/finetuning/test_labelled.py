"""The labels that are learnt, and where their RNAs come from."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from isoclr.corpus import Corpus
from isoclr.errors import InputError
from isoclr.finetuning.labelled import group_rnas, name_tasks, pools_of
from isoclr.finetuning.request import read_tasks
from isoclr.tasks import read_labels


def test_the_same_label_twice_is_refused(label_files: dict[str, Path]) -> None:
    human = read_labels(label_files["human"])
    with pytest.raises(InputError, match="is given twice"):
        name_tasks([human] * 3, ["human"] * 3)


def test_labels_of_one_assay_are_of_the_same_rnas(
    assay: Path, label_files: dict[str, Path], corpus: Corpus, tmp_path: Path
) -> None:
    twin = tmp_path / "twin.toml"
    twin.write_text(assay.read_text().replace('"assay"', '"twin"').replace('"load"', '"other"'))
    tasks = read_tasks([assay, label_files["human"], twin], data=assay.parent)
    pools, places = pools_of(tasks, corpus)
    assert places == [0, 1, 0]
    assert [pool.corpus is None for pool in pools] == [True, False]
    assert tasks[2].labels.table["id"].equals(tasks[0].labels.table["id"])


def test_a_table_needs_a_corpus(label_files: dict[str, Path]) -> None:
    with pytest.raises(
        InputError, match=r"human\.tsv: its RNAs are a corpus', which --corpus must"
    ):
        pools_of(read_tasks([label_files["human"]]), None)


def test_a_construct_beside_a_corpus_is_a_gene_set_of_its_own(
    assay: Path, label_files: dict[str, Path], corpus: Corpus
) -> None:
    pools, _ = pools_of(read_tasks([assay, label_files["human"]]), corpus)
    human = [f"human|ENSG{gene:011d}" for gene in range(3)]
    table = pl.DataFrame(
        {"pool": [1, 0, 1, 0, 1], "gene": [human[0], "|a-1", human[1], "|a-2", human[2]]}
    )
    found = group_rnas(table, pools, "homology", ())
    assert found.groups.tolist() == ["HID:human0", "|a-1", "HID:human0", "|a-2", "HID:human1"]
    assert found.gene_sets is not None
    assert np.array_equal(found.gene_sets, found.groups)
    assert found.counts == {"genes that the corpus does not know": 0}
    with pytest.raises(InputError, match="--split homology: the labelled RNAs are of no corpus"):
        group_rnas(table.filter(pool=0), pools[:1], "homology", ())
