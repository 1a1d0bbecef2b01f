"""Joining labels with the transcripts of a corpus."""

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from isoclr.corpus.corpus import Corpus
from isoclr.errors import InputError
from isoclr.finetuning.config import SplitConfig
from isoclr.finetuning.data import (
    Dataset,
    LabelSpec,
    Trial,
    _refuse_torn,
    gather,
    group_rnas,
    leaks_of,
    make_trials,
    name_tasks,
    rna_sources,
)
from isoclr.finetuning.finetune import read_tasks
from isoclr.tasks.labels import read_labels
from isoclr.tasks.splits import Split


@pytest.fixture
def both(label_files: dict[str, Path]) -> list[LabelSpec]:
    tables = [read_labels(label_files[species]) for species in ("human", "mouse")]
    return name_tasks(tables, ["human", "mouse"])


def test_each_rna_comes_with_its_own_label_and_sequence(
    both: list[LabelSpec], corpus: Corpus
) -> None:
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


def test_the_longer_transcript_stands_for_a_gene(both: list[LabelSpec], corpus: Corpus) -> None:
    data = gather(both[:1], corpus, split="random")
    assert data.table["transcript_id"].str.ends_with("0.1").all()
    assert data.counts["RNAs for which another of their gene stands"] == 160
    assert data.counts["RNAs"] == data.counts["groups"] == 160


def test_homology_groups_are_gene_sets(both: list[LabelSpec], corpus: Corpus) -> None:
    data = gather(both, corpus, split="homology")
    assert len(np.unique(data.groups)) == 120
    assert data.groups[0] == data.groups[1] != data.groups[2]


def test_a_second_label_of_the_same_rnas_is_a_second_column(
    both: list[LabelSpec], corpus: Corpus, tmp_path: Path
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
    both: list[LabelSpec], corpus: Corpus, tmp_path: Path
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


def test_only_the_transcripts_asked_for_stand_for_genes(
    both: list[LabelSpec], corpus: Corpus
) -> None:
    annotated = replace(both[0], rnas="annotated")
    assert len(gather([annotated], corpus, split="random")) == 160
    with pytest.raises(InputError, match="no transcript is of species 'cow'"):
        gather([LabelSpec(both[0].labels, "cow", "x")], corpus, split="random")


def test_only_rnas_of_a_known_chromosome_can_be_dealt_by_it(
    both: list[LabelSpec], corpus: Corpus, tmp_path: Path
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


def test_constructs_bring_their_own_rnas(
    both: list[LabelSpec], corpus: Corpus, assay: Path
) -> None:
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


MakeDealing = Callable[..., SplitConfig]


def test_the_next_fold_validates(dataset: Dataset, dealing: MakeDealing) -> None:
    jobs, words = make_trials(dataset, dealing(split="fold"))
    folds = dataset.table["fold"].to_numpy()
    assert words == "the label file's own folds"
    assert [job.name for job in jobs] == ["fold-1.0", "fold-2.0", "fold-3.0", "fold-4.0"]
    for i, job in enumerate(jobs):
        assert set(folds[job.split.test]) == {str(i + 1)}
        assert set(folds[job.split.valid]) == {str((i + 1) % 4 + 1)}
        parts = (job.split.train, job.split.valid, job.split.test)
        assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(dataset)))


def test_seeds_repeat_folds_and_make_new_random_splits(
    dataset: Dataset, dealing: MakeDealing
) -> None:
    jobs, _ = make_trials(dataset, dealing(folds=3, seeds=2, seed=5))
    assert [job.name for job in jobs] == [f"fold-{i}.{s}" for i in (1, 2, 3) for s in (5, 6)]
    assert np.array_equal(jobs[0].split.test, jobs[1].split.test)
    jobs, words = make_trials(dataset, dealing(seeds=2, seed=5))
    assert [(job.name, job.seed) for job in jobs] == [("seed-5.5", 5), ("seed-6.6", 6)]
    assert not np.array_equal(jobs[0].split.test, jobs[1].split.test)
    assert words == "random 70/15/15 × 2 by whole genes"


def test_only_the_first_splits_are_done(dataset: Dataset, dealing: MakeDealing) -> None:
    jobs, words = make_trials(dataset, dealing(split="fold", splits=2, seeds=2))
    assert [job.name for job in jobs] == ["fold-1.0", "fold-1.1", "fold-2.0", "fold-2.1"]
    assert words.endswith("(the first 2)")


def test_a_share_is_drawn_uniformly_from_the_training_part(
    dataset: Dataset, dealing: MakeDealing
) -> None:
    whole, _ = make_trials(dataset, dealing(seeds=30))
    half, _ = make_trials(dataset, dealing(seeds=30, train_share=0.5))
    again, _ = make_trials(dataset, dealing(seeds=30, train_share=0.5))
    means = []
    for full, part, same in zip(whole, half, again, strict=True):
        assert np.array_equal(part.split.train, same.split.train)
        assert set(part.split.train) < set(full.split.train)
        assert len(part.split.train) == round(0.5 * len(full.split.train))
        assert np.array_equal(part.split.valid, full.split.valid)
        assert np.array_equal(part.split.test, full.split.test)
        means.append(
            dataset.targets[part.split.train].mean() - dataset.targets[full.split.train].mean()
        )
    # no part of the labels' range is preferred: over 30 draws the mean difference is small beside one draw's
    assert abs(np.mean(means)) < 3 * np.std(means) / np.sqrt(30)


def test_the_least_share_is_two_rnas(dataset: Dataset, dealing: MakeDealing) -> None:
    (job,), _ = make_trials(dataset, dealing(train_share=1e-6))
    assert len(job.split.train) == 2


def test_a_part_without_two_labels_of_a_task_is_refused(
    dataset: Dataset, dealing: MakeDealing
) -> None:
    targets = np.hstack([dataset.targets, np.full_like(dataset.targets, np.nan)])
    targets[0, 1] = 1.0
    bare = replace(dataset, targets=targets, tasks=("half_life", "rare"))
    with pytest.raises(InputError, match=r"rare: seed 0: the training part .* has [01] different"):
        make_trials(bare, dealing())


def test_tasks_of_different_genes_are_dealt_as_each_would_be_alone(
    label_files: dict[str, Path], corpus: Corpus, dealing: MakeDealing
) -> None:
    """Then a network of several tasks is tested on the RNAs of the networks of one."""

    def tested(*species: str) -> set[str]:
        tasks = name_tasks([read_labels(label_files[one]) for one in species], species)
        data = gather(tasks, corpus, split="random")
        (job,), _ = make_trials(data, dealing(seed=3))
        parts = (job.split.train, job.split.valid, job.split.test)
        assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(data)))
        return set(data.table["transcript_id"].gather(job.split.test))

    assert tested("human", "mouse") == tested("human") | tested("mouse")


def test_tasks_with_a_group_in_common_are_dealt_together(
    dataset: Dataset, dealing: MakeDealing
) -> None:
    targets = np.full((len(dataset), 2), np.nan)
    targets[::2, 0] = targets[1::2, 1] = dataset.targets[:80, 0]
    groups = np.array([f"set {i // 2}" for i in range(len(dataset))])  # one RNA of each task
    torn = replace(dataset, targets=targets, tasks=("a", "b"), groups=groups)
    (job,), _ = make_trials(torn, dealing())
    outside = np.concatenate([job.split.train, job.split.valid])
    assert not set(groups[outside]) & set(groups[job.split.test])


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
    pools, places = rna_sources(tasks, corpus)
    assert places == [0, 1, 0]
    assert [pool.corpus is None for pool in pools] == [True, False]
    assert tasks[2].labels.table["id"].equals(tasks[0].labels.table["id"])


def test_a_table_needs_a_corpus(label_files: dict[str, Path]) -> None:
    with pytest.raises(
        InputError, match=r"human\.tsv: its RNAs are a corpus', which --corpus must"
    ):
        rna_sources(read_tasks([label_files["human"]]), None)


def test_a_construct_beside_a_corpus_is_a_gene_set_of_its_own(
    assay: Path, label_files: dict[str, Path], corpus: Corpus
) -> None:
    pools, _ = rna_sources(read_tasks([assay, label_files["human"]]), corpus)
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


def test_what_a_test_part_shares_with_the_training_part_is_counted(dataset: Dataset) -> None:
    """Rows 2k and 2k + 1 are of one gene set; validation counts as neither side."""
    split = Split("fold 1", np.arange(0, 60), np.arange(60, 65), np.arange(65, 70))
    torn = replace(split, test=np.array([0, 60, 61, 64, 66]), valid=np.arange(62, 64))
    torn = replace(torn, train=np.array([*range(60), 65, 67]))
    table = dataset.table
    table[67, "gene"] = table[66, "gene"]
    found = leaks_of([Trial(0, torn, 0)], replace(dataset, table=table)).splits[0]
    assert (found.test, found.gene, found.gene_set) == (5, 2, 3)
    assert found.kmers == 1  # the RNA that is in both parts
    clean = leaks_of([Trial(0, replace(split, test=np.arange(66, 70)), 0)], dataset)
    assert (clean.splits[0].gene, clean.splits[0].gene_set, clean.splits[0].kmers) == (0, 0, 0)


def test_every_split_is_audited_once(dataset: Dataset, dealing: MakeDealing) -> None:
    jobs, _ = make_trials(dataset, dealing(split="fold", splits=2, seeds=2))
    found = leaks_of(jobs, dataset)
    assert [leaks.split for leaks in found.splits] == ["fold 1", "fold 2"]


def test_gene_sets_that_are_not_known_are_said_to_be_so(
    label_files: dict[str, Path], corpus: Corpus
) -> None:
    bare = copy.copy(corpus)
    bare.meta = {**corpus.meta, "homology": None}
    tasks = name_tasks([read_labels(label_files["human"])], ["human"])
    dataset = gather(tasks, bare, split="random")
    split = Split("fold 1", np.arange(60), np.arange(60, 65), np.arange(65, 70))
    assert leaks_of([Trial(0, split, 0)], dataset).splits[0].gene_set is None


def test_constructs_are_compared_by_their_inserts(assay: Path) -> None:
    """Of whole constructs nearly all is the same."""
    after = "".join(np.random.default_rng(0).choice(list("ACGT"), 1000))
    long = assay.with_name("long.toml")
    long.write_text(assay.read_text().replace('after = "CC"', f'after = "{after}"'))
    dataset = gather(read_tasks([long]), None, split="random")
    split = Split("fold 1", np.arange(30), np.arange(30, 35), np.arange(35, 40))
    found = leaks_of([Trial(0, split, 0)], dataset)
    assert found.compared == "insert of the construct"
    assert (found.splits[0].kmers, found.splits[0].with_sequence) == (0, 5)
    assert found.splits[0].gene_set is None
