"""Joining labels with the transcripts of a corpus."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from isoclr.corpus import Corpus
from isoclr.errors import InputError
from isoclr.finetuning.dataset import _refuse_torn, gather
from isoclr.finetuning.labelled import Task, name_tasks
from isoclr.finetuning.request import read_tasks
from isoclr.tasks import read_labels


@pytest.fixture
def both(label_files: dict[str, Path]) -> list[Task]:
    tables = [read_labels(label_files[species]) for species in ("human", "mouse")]
    return name_tasks(tables, ["human", "mouse"])


def test_each_rna_comes_with_its_own_label_and_sequence(both: list[Task], corpus: Corpus) -> None:
    data = gather(both, corpus, split="random")
    assert len(data) == 240
    assert data.tasks == ("half_life (human)", "half_life (mouse)")
    for i, (name, species) in enumerate(data.table.select("transcript_id", "species").rows()):
        codes = corpus.codes_of(corpus.find(name))
        assert np.array_equal(data.codes[i], codes)
        gc = np.isin(codes & 7, [1, 2]).mean()
        own = 0 if species == "human" else 1
        assert data.targets[i, own] == pytest.approx(10 + 5 * gc if own == 0 else -100 * gc)
        assert np.isnan(data.targets[i, 1 - own])


def test_the_longer_transcript_stands_for_a_gene(both: list[Task], corpus: Corpus) -> None:
    data = gather(both[:1], corpus, split="random")
    assert data.table["transcript_id"].str.ends_with("0.1").all()
    assert data.counts["RNAs for which another of their gene stands"] == 160
    assert data.counts["RNAs"] == data.counts["groups"] == 160


def test_homology_groups_are_gene_sets(both: list[Task], corpus: Corpus) -> None:
    data = gather(both, corpus, split="homology")
    assert len(np.unique(data.groups)) == 120
    assert data.groups[0] == data.groups[1] != data.groups[2]


def test_a_second_label_of_the_same_rnas_is_a_second_column(
    both: list[Task], corpus: Corpus, tmp_path: Path
) -> None:
    human = pl.read_csv(both[0].labels.path, separator="\t")
    table = human.head(7).select("gene_id", translation="half_life", fold="fold")
    table.write_csv(tmp_path / "te.tsv", separator="\t")
    tasks = name_tasks([both[0].labels, read_labels(tmp_path / "te.tsv")], ["human", None])
    data = gather(tasks, corpus, split="fold")
    assert len(data) == 160
    assert data.tasks == ("half_life (human)", "translation")
    known = np.isfinite(data.targets)
    assert known.sum(axis=0).tolist() == [160, 7]
    np.testing.assert_array_equal(data.targets[known[:, 1], 0], data.targets[known[:, 1], 1])


def test_tables_that_deal_a_gene_to_two_folds_are_refused(
    both: list[Task], corpus: Corpus, tmp_path: Path
) -> None:
    human = pl.read_csv(both[0].labels.path, separator="\t")
    human.select("gene_id", te="half_life", fold=pl.lit(9)).write_csv(
        tmp_path / "te.tsv", separator="\t"
    )
    tasks = name_tasks([both[0].labels, read_labels(tmp_path / "te.tsv")], ["human", "human"])
    with pytest.raises(InputError, match=r"gene ENSG00000000000\.3 are in folds 1, 9, of 159 more"):
        gather(tasks, corpus, split="fold")
    assert len(gather(tasks, corpus, split="random")) == 160  # the folds do not matter


def test_isoforms_of_a_gene_in_two_folds_are_refused(corpus: Corpus, tmp_path: Path) -> None:
    path = tmp_path / "isoforms.tsv"
    rows = [(f"ENST{gene:010d}{isoform}", gene + isoform, 1 + isoform * (gene == 1))
            for gene in range(3) for isoform in range(2)]  # fmt: skip
    table = pl.DataFrame(rows, ["transcript_id", "x", "fold"], orient="row")
    table.write_csv(path, separator="\t")
    with pytest.raises(InputError, match=r"gene ENSG00000000001\.3 are in folds 1, 2, of 0 more"):
        gather(name_tasks([read_labels(path)], [None]), corpus, split="fold")


def test_a_gene_of_another_species_may_be_in_another_fold() -> None:
    every = pl.DataFrame(
        {"gene": ["human|A", "mouse|A"], "gene_id": ["A", "A"], "fold": ["1", "2"]}
    )
    _refuse_torn(every, [])


def test_only_the_transcripts_asked_for_stand_for_genes(both: list[Task], corpus: Corpus) -> None:
    annotated = replace(both[0], rnas="annotated")
    assert len(gather([annotated], corpus, split="random")) == 160
    with pytest.raises(InputError, match="no transcript is of species 'cow'"):
        gather([Task(both[0].labels, "cow", "x")], corpus, split="random")


def test_only_rnas_of_a_known_chromosome_can_be_dealt_by_it(
    both: list[Task], corpus: Corpus, tmp_path: Path
) -> None:
    where = tmp_path / "where.tsv"
    rows = [(f"ENSG{gene:011d}", f"chr{gene % 7}") for gene in range(150)]
    pl.DataFrame(rows, ["gene_id", "chromosome"], orient="row").write_csv(where, separator="\t")
    data = gather(both[:1], corpus, split="chromosome", chromosomes=[where])
    assert len(data) == len(data.targets) == len(data.groups) == len(data.compared) == 150
    assert set(data.groups) == {f"human|{name}" for name in range(7)}
    assert data.counts["labelled RNAs whose chromosome is not known"] == 10
    for codes, value in zip(data.codes, data.targets[:, 0], strict=True):
        assert value == pytest.approx(10 + 5 * np.isin(codes & 7, [1, 2]).mean())
    with pytest.raises(InputError, match="the label table, which has no column chromosome"):
        gather(both[:1], corpus, split="chromosome")


def test_constructs_bring_their_own_rnas(both: list[Task], corpus: Corpus, assay: Path) -> None:
    (task,) = read_tasks([assay])
    alone = gather([task], None, split="random")
    assert (len(alone), alone.tasks, alone.gene_sets) == (40, ("load",), None)
    assert alone.counts["RNAs"] == alone.counts["groups"] == 40
    for codes, value in zip(alone.codes, alone.targets[:, 0], strict=True):
        assert value == pytest.approx(5 * np.isin(codes[2:62] & 7, [1, 2]).mean())
    mixed = gather([both[0], task], corpus, split="homology")
    assert len(mixed) == 200
    assert np.isfinite(mixed.targets).sum(axis=0).tolist() == [160, 40]
    assert mixed.compared_named == "whole RNA or insert of the construct"
    own = np.isfinite(mixed.targets[:, 1])
    assert sorted(mixed.targets[own, 1]) == pytest.approx(sorted(alone.targets[:, 0]))
    assert len(np.unique(mixed.groups[own])) == 40


def test_two_labels_of_one_assay_are_two_columns(assay: Path) -> None:
    data = gather(read_tasks([assay, assay], ["load", "other"]), None, split="random")
    assert len(data) == 40
    assert np.isfinite(data.targets).all()
