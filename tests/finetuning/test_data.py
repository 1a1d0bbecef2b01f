"""Labels, their RNAs, and trials."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from isoclr.corpus.corpus import Corpus
from isoclr.errors import InputError
from isoclr.finetuning.config import FinetuneConfig
from isoclr.finetuning.data import Trial, default_split, leakage, make_trials, read_label_specs, require_whole_genes
from isoclr.tasks.dataset import LabelledRnas, LabelSpec, label_rnas, rna_sources
from isoclr.tasks.labels import read_labels
from isoclr.tasks.splits import Split, SplitConfig


@pytest.fixture
def both(label_files: dict[str, Path]) -> list[LabelSpec]:
    paths = [label_files[species] for species in ("human", "mouse")]
    return read_label_specs(paths, None, ["human", "mouse"])


def gather(specs: Sequence[LabelSpec], corpus: Corpus | None, **splits: Any) -> LabelledRnas:
    """The labelled RNAs of a study."""
    return label_rnas(specs, rna_sources(specs, corpus), SplitConfig(**splits))


def trials_of(rnas: LabelledRnas, splits: dict[str, Any], **config: Any) -> tuple[list[Trial], str]:
    return make_trials(rnas, SplitConfig(**{"splits": 1, **splits}), FinetuneConfig(**config))


def test_labels_and_sequences(both: list[LabelSpec], corpus: Corpus) -> None:
    data = gather(both, corpus, split="random")
    assert len(data) == 240
    assert data.labels == ("half_life (human)", "half_life (mouse)")
    for i, (name, species) in enumerate(data.table.select("transcript_id", "species").rows()):
        codes = corpus.codes_of(corpus.find(name))
        assert np.array_equal(data.sequences[i], codes)
        gc = np.isin(codes & 7, [1, 2]).mean()
        own = 0 if species == "human" else 1
        assert data.targets[i, own] == pytest.approx(10 + 5 * gc if own == 0 else -100 * gc)
        assert np.isnan(data.targets[i, 1 - own])


def test_representative_transcripts(both: list[LabelSpec], corpus: Corpus) -> None:
    data = gather(both[:1], corpus, split="random")
    assert data.table["transcript_id"].str.ends_with("0.1").all()
    assert data.counts["RNAs that another transcript of their gene represents"] == 160
    assert data.counts["samples"] == data.counts["groups"] == 160


def test_homology_groups_are_gene_sets(both: list[LabelSpec], corpus: Corpus) -> None:
    data = gather(both, corpus, split="homology")
    assert len(np.unique(data.groups)) == 120
    assert data.groups[0] == data.groups[1] != data.groups[2]


def test_two_labels_of_the_same_rnas(both: list[LabelSpec], corpus: Corpus, tmp_path: Path) -> None:
    human = pl.read_csv(both[0].labels.path, separator="\t")
    table = human.head(7).select("gene_id", translation="half_life", fold="fold")
    table.write_csv(tmp_path / "te.tsv", separator="\t")
    tasks = [both[0], LabelSpec(read_labels(tmp_path / "te.tsv"), "translation")]
    data = gather(tasks, corpus, split="fold")
    assert len(data) == 160
    assert data.labels == ("half_life (human)", "translation")
    known = np.isfinite(data.targets)
    assert known.sum(axis=0).tolist() == [160, 7]
    np.testing.assert_array_equal(data.targets[known[:, 1], 0], data.targets[known[:, 1], 1])


def test_gene_in_folds_of_two_tables(both: list[LabelSpec], corpus: Corpus, tmp_path: Path) -> None:
    human = pl.read_csv(both[0].labels.path, separator="\t")
    human.select("gene_id", te="half_life", fold=pl.lit(9)).write_csv(tmp_path / "te.tsv", separator="\t")
    specs = [both[0], LabelSpec(read_labels(tmp_path / "te.tsv"), "te", "human")]
    with pytest.raises(InputError, match=r"gene ENSG00000000000 are in folds 1, 9.* 159 more"):
        require_whole_genes(gather(specs, corpus, split="fold"), specs)
    require_whole_genes(gather(specs, corpus, split="random"), specs)
    require_whole_genes(gather(specs[:1], corpus, split="fold"), specs)


def test_isoforms_in_two_folds(corpus: Corpus, tmp_path: Path) -> None:
    path = tmp_path / "isoforms.tsv"
    rows = [(f"ENST{gene:010d}{isoform}", gene + isoform, 1 + isoform * (gene == 1))
            for gene in range(3) for isoform in range(2)]  # fmt: skip
    table = pl.DataFrame(rows, ["transcript_id", "x", "fold"], orient="row")
    table.write_csv(path, separator="\t")
    specs = [LabelSpec(read_labels(path), "x")]
    with pytest.raises(InputError, match=r"gene ENSG00000000001 are in folds 1, 2.* 0 more"):
        require_whole_genes(gather(specs, corpus, split="fold"), specs)


def test_choice_of_rnas(both: list[LabelSpec], corpus: Corpus) -> None:
    annotated = replace(both[0], rnas="annotated")
    assert len(gather([annotated], corpus, split="random")) == 160
    with pytest.raises(InputError, match="no RNA of species 'cow'"):
        gather([LabelSpec(both[0].labels, "x", "cow")], corpus, split="random")


def test_unknown_chromosomes(both: list[LabelSpec], corpus: Corpus, tmp_path: Path) -> None:
    where = tmp_path / "where.tsv"
    rows = [(f"ENSG{gene:011d}", f"chr{gene % 7}") for gene in range(150)]
    pl.DataFrame(rows, ["gene_id", "chromosome"], orient="row").write_csv(where, separator="\t")
    data = gather(both[:1], corpus, split="chromosome", chromosomes=(where,))
    assert len(data) == len(data.targets) == len(data.groups) == len(data.compared or ()) == 150
    assert set(data.groups) == {f"human|{name}" for name in range(7)}
    assert data.counts["labelled RNAs without a known chromosome"] == 10
    for codes, value in zip(data.sequences, data.targets[:, 0], strict=True):
        assert value == pytest.approx(10 + 5 * np.isin(codes & 7, [1, 2]).mean())
    with pytest.raises(InputError, match="chromosome"):
        gather(both[:1], corpus, split="chromosome")


def test_reporter_constructs(both: list[LabelSpec], corpus: Corpus, assay: Path) -> None:
    (task,) = read_label_specs([assay])
    alone = gather([task], None, split="random")
    assert (len(alone), alone.labels, alone.gene_sets) == (40, ("load",), None)
    assert alone.counts["samples"] == alone.counts["groups"] == 40
    for codes, value in zip(alone.sequences, alone.targets[:, 0], strict=True):
        assert value == pytest.approx(5 * np.isin(codes[2:62] & 7, [1, 2]).mean())
    mixed = gather([both[0], task], corpus, split="homology")
    assert len(mixed) == 200
    assert np.isfinite(mixed.targets).sum(axis=0).tolist() == [160, 40]
    assert mixed.compared_name == "whole RNA or insert of the construct"
    own = np.isfinite(mixed.targets[:, 1])
    assert sorted(mixed.targets[own, 1]) == pytest.approx(sorted(alone.targets[:, 0]))
    assert len(np.unique(mixed.groups[own])) == 40


def test_two_labels_of_one_assay(assay: Path) -> None:
    data = gather(read_label_specs([assay, assay], ["load", "other"]), None, split="random")
    assert len(data) == 40
    assert np.isfinite(data.targets).all()


def test_validation_fold(rnas: LabelledRnas) -> None:
    jobs, words = trials_of(rnas, {"split": "fold"})
    folds = rnas.table["fold"].to_numpy()
    assert words == "the label file's own folds"
    assert [job.name for job in jobs] == ["fold-1.0", "fold-2.0", "fold-3.0", "fold-4.0"]
    for i, job in enumerate(jobs):
        assert set(folds[job.split.test]) == {str(i + 1)}
        assert set(folds[job.split.valid]) == {str((i + 1) % 4 + 1)}
        parts = (job.split.train, job.split.valid, job.split.test)
        assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(rnas)))


def test_seeds_of_trials(rnas: LabelledRnas) -> None:
    jobs, _ = trials_of(rnas, {"folds": 3, "seed": 5}, repeats=2)
    assert [job.name for job in jobs] == [f"fold-{i}.{s}" for i in (1, 2, 3) for s in (5, 6)]
    assert np.array_equal(jobs[0].split.test, jobs[1].split.test)
    jobs, words = trials_of(rnas, {"splits": 2, "seed": 5})
    assert [(job.name, job.seed) for job in jobs] == [("seed-5.5", 5), ("seed-6.6", 6)]
    assert not np.array_equal(jobs[0].split.test, jobs[1].split.test)
    assert words == "random 70/15/15 × 2 by whole genes"


def test_max_splits(rnas: LabelledRnas) -> None:
    jobs, words = trials_of(rnas, {"split": "fold"}, max_splits=2, repeats=2)
    assert [job.name for job in jobs] == ["fold-1.0", "fold-1.1", "fold-2.0", "fold-2.1"]
    assert words.endswith("(the first 2)")


def test_train_fraction(rnas: LabelledRnas) -> None:
    whole, _ = trials_of(rnas, {"splits": 30})
    half, _ = trials_of(rnas, {"splits": 30}, train_fraction=0.5)
    again, _ = trials_of(rnas, {"splits": 30}, train_fraction=0.5)
    means = []
    for full, part, same in zip(whole, half, again, strict=True):
        assert np.array_equal(part.split.train, same.split.train)
        assert set(part.split.train) < set(full.split.train)
        assert len(part.split.train) == round(0.5 * len(full.split.train))
        assert np.array_equal(part.split.valid, full.split.valid)
        assert np.array_equal(part.split.test, full.split.test)
        means.append(rnas.targets[part.split.train].mean() - rnas.targets[full.split.train].mean())
    # no part of the labels' range is preferred: over 30 draws the mean difference is small compared with one draw's
    assert abs(np.mean(means)) < 3 * np.std(means) / np.sqrt(30)


def test_smallest_train_fraction(rnas: LabelledRnas) -> None:
    (job,), _ = trials_of(rnas, {}, train_fraction=1e-6)
    assert len(job.split.train) == 2


def test_part_with_one_value(rnas: LabelledRnas) -> None:
    targets = np.hstack([rnas.targets, np.full_like(rnas.targets, np.nan)])
    targets[0, 1] = 1.0
    bare = replace(rnas, targets=targets, labels=("half_life", "rare"))
    with pytest.raises(InputError, match=r"rare: seed 0: the training part .* has [01] different"):
        trials_of(bare, {})


def test_unrelated_labels_are_split_independently(label_files: dict[str, Path], corpus: Corpus) -> None:
    """A network of two labels is tested on the RNAs of the networks of one."""

    def tested(*species: str) -> set[str]:
        tasks = read_label_specs([label_files[one] for one in species], None, species)
        data = gather(tasks, corpus, split="random")
        (job,), _ = trials_of(data, {"seed": 3})
        parts = (job.split.train, job.split.valid, job.split.test)
        assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(data)))
        return set(data.table["transcript_id"].gather(job.split.test))

    assert tested("human", "mouse") == tested("human") | tested("mouse")


def test_related_labels_are_split_together(rnas: LabelledRnas) -> None:
    targets = np.full((len(rnas), 2), np.nan)
    targets[::2, 0] = targets[1::2, 1] = rnas.targets[:80, 0]
    groups = np.array([f"set {i // 2}" for i in range(len(rnas))])  # one RNA of each task
    torn = replace(rnas, targets=targets, labels=("a", "b"), groups=groups)
    (job,), _ = trials_of(torn, {})
    outside = np.concatenate([job.split.train, job.split.valid])
    assert not set(groups[outside]) & set(groups[job.split.test])


def test_label_given_twice(label_files: dict[str, Path]) -> None:
    with pytest.raises(InputError, match="is given twice"):
        read_label_specs([label_files["human"]] * 3, None, ["human"])


def test_names_and_species(label_files: dict[str, Path], assay: Path) -> None:
    paths = list(label_files.values())
    specs = read_label_specs(paths, None, ["human", "mouse"])
    assert [spec.species for spec in specs] == ["human", "mouse"]
    assert [spec.name for spec in read_label_specs(paths)] == ["half_life", "half_life [mouse.tsv]"]
    (human,) = read_label_specs(paths[:1], ["half_life"], ["human"])
    assert human.name == "half_life (human)"
    assert read_label_specs([assay], None, ["human"])[0].species is None
    with pytest.raises(InputError, match=r"--species: got 3 values for 1 tables"):
        read_label_specs(paths[:1], None, ["human", "mouse", "cow"])
    with pytest.raises(InputError, match="no labels"):
        read_label_specs([])


@pytest.mark.parametrize(("values", "message"), [("11", "x is 1 in every row"), ("abc", "x has 3 classes")])
def test_labels_that_cannot_be_learned(tmp_path: Path, values: str, message: str) -> None:
    path = tmp_path / "labels.tsv"
    path.write_text("gene_id\tx\n" + "".join(f"G{i}\t{v}\n" for i, v in enumerate(values)))
    with pytest.raises(InputError, match=message):
        read_label_specs([path])


def test_task_file(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text("Gene\ty\tz\tcv\nA\t1\t5\t1\nB\t2\t6\t2\n")
    file = tmp_path / "own.toml"
    file.write_text(
        'name = "own"\ntitle = "own"\n[labels]\nfile = "x.tsv"\nlabel = "y"\n[labels.columns]\n'
        'gene_id = "Gene"\nfold = "cv"\n[samples]\nspecies = "cow"\nrnas = "coding"\nsplit = "fold"\n'
    )
    (spec,) = read_label_specs([file])
    assert (spec.name, spec.species, spec.rnas) == ("y (cow)", "cow", "coding")
    assert spec.labels.table["id"].to_list() == ["A", "B"]
    assert spec.labels.table["fold"].to_list() == ["1", "2"]
    assert default_split([spec]) == "fold"
    (other,) = read_label_specs([file], ["z"], ["yak"], "all")
    assert (other.name, other.species, other.rnas) == ("z (yak)", "yak", "all")


def test_tasks_of_different_splits(label_files: dict[str, Path], assay: Path, tmp_path: Path) -> None:
    folded = tmp_path / "folded.toml"
    table = f'[labels]\nfile = "{label_files["human"]}"\n[samples]\nsplit = "fold"\n'
    folded.write_text('name = "folded"\ntitle = "folded"\n' + table)
    assert default_split(read_label_specs([label_files["human"], assay])) == "random"
    with pytest.raises(InputError, match=r"fold of half_life, random of .*--split"):
        default_split(read_label_specs([folded, label_files["mouse"]]))


def test_repeats_are_for_cross_validation(rnas: LabelledRnas) -> None:
    with pytest.raises(InputError, match="--repeats 2"):
        trials_of(rnas, {}, repeats=2)
    with pytest.raises(InputError, match="there are 2, expected 3"):
        trials_of(rnas, {"folds": 2})


def test_labels_of_one_assay_share_rnas(
    assay: Path, label_files: dict[str, Path], corpus: Corpus, tmp_path: Path
) -> None:
    twin = tmp_path / "twin.toml"
    twin.write_text(assay.read_text().replace('"assay"', '"twin"').replace('"load"', '"other"'))
    families = tmp_path / "families.toml"
    families.write_text(twin.read_text() + "family_nt = 8\n")
    tasks = read_label_specs([assay, label_files["human"], twin, families], data=assay.parent)
    sources = rna_sources(tasks, corpus)
    assert sources[0] is sources[2]
    assert sources[0] is not sources[3]  # its genes are others: families of inserts
    assert [source.corpus is None for source in sources] == [True, False, True, True]
    assert tasks[2].labels.table["id"].equals(tasks[0].labels.table["id"])


def test_a_table_needs_a_corpus(label_files: dict[str, Path]) -> None:
    with pytest.raises(InputError, match=r"human\.tsv: needs --corpus"):
        rna_sources(read_label_specs([label_files["human"]]), None)


def test_leakage(rnas: LabelledRnas) -> None:
    """Rows 2k and 2k + 1 are of one gene set; validation counts as neither side."""
    split = Split("fold 1", np.arange(0, 60), np.arange(60, 65), np.arange(65, 70))
    torn = replace(split, test=np.array([0, 60, 61, 64, 66]), valid=np.arange(62, 64))
    torn = replace(torn, train=np.array([*range(60), 65, 67]))
    table = rnas.table
    table[67, "gene"] = table[66, "gene"]
    found = leakage([Trial(0, torn, 0)], replace(rnas, table=table)).splits[0]
    assert (found.test, found.gene, found.gene_set) == (5, 2, 3)
    assert found.kmers == 1  # the RNA that is in both parts
    clean = leakage([Trial(0, replace(split, test=np.arange(66, 70)), 0)], rnas)
    assert (clean.splits[0].gene, clean.splits[0].gene_set, clean.splits[0].kmers) == (0, 0, 0)


def test_leakage_of_repeats(rnas: LabelledRnas) -> None:
    jobs, _ = trials_of(rnas, {"split": "fold"}, max_splits=2, repeats=2)
    found = leakage(jobs, rnas)
    assert [leaks.split for leaks in found.splits] == ["fold 1", "fold 2"]


def test_leakage_without_gene_sets(label_files: dict[str, Path], corpus: Corpus) -> None:
    bare = copy.copy(corpus)
    bare.meta = {**corpus.meta, "homology": None}
    specs = read_label_specs([label_files["human"]], None, ["human"])
    dataset = gather(specs, bare, split="random")
    split = Split("fold 1", np.arange(60), np.arange(60, 65), np.arange(65, 70))
    assert leakage([Trial(0, split, 0)], dataset).splits[0].gene_set is None


def test_leakage_of_constructs(assay: Path) -> None:
    """Of whole constructs nearly all is the same."""
    after = "".join(np.random.default_rng(0).choice(list("ACGT"), 1000))
    long = assay.with_name("long.toml")
    long.write_text(assay.read_text().replace('after = "CC"', f'after = "{after}"'))
    dataset = gather(read_label_specs([long]), None, split="random")
    split = Split("fold 1", np.arange(30), np.arange(30, 35), np.arange(35, 40))
    found = leakage([Trial(0, split, 0)], dataset)
    assert found.compared == "insert of the construct"
    assert (found.splits[0].kmers, found.splits[0].with_sequence) == (0, 5)
    assert found.splits[0].gene_set is None
