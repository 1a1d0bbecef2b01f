import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import isoclr
from isoclr._io import sha256
from isoclr.cli import main
from isoclr.corpus.corpus import Corpus
from isoclr.embedding.embeddings import Embeddings
from isoclr.errors import InputError
from isoclr.probing.fit import TrainingSet, _check_calibration, training_set
from isoclr.probing.probe import probe
from isoclr.tasks.dataset import LabelSpec
from isoclr.tasks.labels import Labels, read_labels
from isoclr.tasks.rnas import rnas_of_embeddings
from isoclr.tasks.splits import SplitConfig


def gather(labels: Labels, embeddings: Embeddings, corpus: Corpus | None = None, **options: Any) -> TrainingSet:
    source = rnas_of_embeddings(embeddings, corpus)
    spec = LabelSpec(labels, labels.name)
    return training_set(labels, embeddings, source, spec, SplitConfig(**options))


def test_the_head_says_where_it_comes_from_and_how_good_it_is(
    embeddings: Path, labels: Callable[..., Path], tmp_path: Path
) -> None:
    table = labels(fold=np.arange(120) % 5)
    out = tmp_path / "head"
    report = isoclr.fit(embeddings, table, out=out, name="half-life", units="hours", coverage=0.85, rnas="coding")
    said = json.loads((out / "head.json").read_text())
    assert said["name"] == "half-life"
    assert said["model"]["sha256"] == "ab" * 32
    assert said["species"] == ["human"]
    assert said["rnas"] == "coding"
    assert said["labels"] == {"file": "labels.tsv", "sha256": sha256(table)}
    assert said["sha256"] == sha256(out / "head.safetensors")
    assert said["isoclr"] == isoclr.__version__
    (target,) = said["targets"]
    assert (target["name"], target["units"], target["n"]) == ("half_life", "hours", 120)
    assert target["lengths"] == [500, 1200]
    assert [one["nominal"] for one in target["held_out"]["coverage"]] == [0.8, 0.85, 0.9, 0.95]
    assert {row[0] for row in next(report.tables()).rows} == {"half_life (hours)"}
    quality = report.quality["half_life"]
    assert target["held_out"]["metrics"]["pearson"]["mean"] == quality.metrics["pearson"].mean
    assert 0.85 < quality.metrics["pearson"].mean < 0.99
    same = probe(embeddings, table, splits=SplitConfig(split="fold")).methods[0].summary["pearson"]
    assert quality.metrics["pearson"].mean == pytest.approx(same.mean)


def test_homologs_stay_together_when_a_corpus_knows_them(
    embeddings: Path, labels: Callable[..., Path], tmp_path: Path, corpus: Corpus
) -> None:
    report = isoclr.fit(embeddings, labels(), out=tmp_path / "head", corpus=corpus.path, folds=4)
    assert "4 folds, by whole gene sets" in next(report.tables()).title
    assert report.counts["half_life"]["groups"] == 60


def test_the_report_is_a_table(embeddings: Path, labels: Callable[..., Path], world: Embeddings) -> None:
    noise = np.random.default_rng(2).normal(size=120) * 0.5
    table = labels(stable=(world.matrix[:, 0] + noise > 0).astype(int))
    report = isoclr.fit(embeddings, table, label=("stable", "half_life"), folds=3)
    metrics, intervals = report.tables()
    assert [row[:3] for row in metrics.rows] == [
        ["stable", 120, "roc_auc"],
        ["stable", 120, "log_loss"],
        ["half_life", 120, "pearson"],
        ["half_life", 120, "spearman"],
        ["half_life", 120, "rmse"],
    ]
    assert all(len(row) == len(metrics.columns) for row in metrics.rows)
    assert [row[:2] for row in intervals.rows] == [["half_life", c] for c in ("0.8", "0.9", "0.95")]
    assert all(len(row) == len(intervals.columns) for row in intervals.rows)
    assert "3 folds, at random by whole genes" in metrics.title
    assert len(report.rows()) == 5 + 3
    assert report.head.name == "stable"


def test_few_labels_are_judged_at_the_coverages_they_can_vouch_for(
    embeddings: Path, labels: Callable[..., Path], tmp_path: Path
) -> None:
    few = [*np.linspace(0, 1, 15), *[None] * 105]
    report = isoclr.fit(embeddings, labels(half_life=few), out=tmp_path / "head", folds=3)
    found = [one.nominal for one in report.quality["half_life"].coverages]
    assert found == [0.8, 0.9]  # 10 scores when a fold is held out


def test_few_genes_make_fewer_folds_and_two_are_too_few(embeddings: Path, labels: Callable[..., Path]) -> None:
    def first(genes: int) -> Path:
        return labels(half_life=[*np.linspace(0, 1, genes), *[None] * (120 - genes)])

    report = isoclr.fit(embeddings, first(8), coverage=0.5)
    assert "4 folds, at random by whole genes" in next(report.tables()).title
    message = r"labels\.tsv: the labelled RNAs are of 2 genes, expected 3 or more"
    with pytest.raises(InputError, match=message):
        isoclr.fit(embeddings, first(2))
    with pytest.raises(InputError, match=r"8 genes.* are too few for 9 folds"):
        isoclr.fit(embeddings, first(8), folds=9)


def test_only_the_species_asked_for(
    world: Embeddings, labels: Callable[..., Path], tmp_path: Path, embeddings: Path
) -> None:
    with pytest.raises(InputError, match="no RNA of species 'mouse'"):
        isoclr.fit(embeddings, labels(), out=tmp_path / "head", species="mouse")
    assert not (tmp_path / "head").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"coverage": 1.0}, "--coverage 1: expected between 0 and 1"),
        ({"folds": 2}, "--folds 2: expected 3 or more"),
        ({"split": "homology"}, "--split homology needs --corpus"),
        ({"coverage": 0.999}, "too few to calibrate"),
        ({"seed": -1}, "--seed is -1"),
        ({"label": ("half_life", "half_life")}, "--label half_life: given twice"),
        ({"label": ("x",)}, r"labels\.tsv: no column 'x'"),
    ],
)
def test_bad_requests_leave_nothing(
    embeddings: Path, labels: Callable[..., Path], tmp_path: Path, options: dict[str, object], message: str
) -> None:
    out = tmp_path / "head"
    with pytest.raises(InputError, match=message):
        isoclr.fit(embeddings, labels(), out=out, **options)  # type: ignore[arg-type]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["embeddings.parquet", "labels.tsv"]


def test_a_head_is_replaced_only_with_overwrite(embeddings: Path, labels: Callable[..., Path], tmp_path: Path) -> None:
    out = tmp_path / "head"
    isoclr.fit(embeddings, labels(), out=out, folds=3)
    with pytest.raises(InputError, match="head: exists already"):
        isoclr.fit(embeddings, labels(), out=out)
    isoclr.fit(embeddings, labels(), out=out, folds=3, name="other", overwrite=True)
    assert isoclr.load_head(out).name == "other"
    with pytest.raises(InputError, match=r"labels\.tsv: is a file"):
        isoclr.fit(embeddings, tmp_path / "labels.tsv", out=tmp_path / "labels.tsv", overwrite=True)


def test_nothing_but_a_head_is_replaced(embeddings: Path, labels: Callable[..., Path], tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "thesis.txt").write_text("years")
    with pytest.raises(InputError, match=r"work: holds 'thesis\.txt'"):
        isoclr.fit(embeddings, labels(), out=work, folds=3, overwrite=True)
    assert (work / "thesis.txt").read_text() == "years"
    (tmp_path / "empty").mkdir()
    isoclr.fit(embeddings, labels(), out=tmp_path / "empty", folds=3, overwrite=True)
    assert isoclr.load_head(tmp_path / "empty").name == "half_life"


def test_homologs_are_in_one_fold(world: Embeddings, labels: Callable[..., Path], corpus: Corpus) -> None:
    table = read_labels(labels(fold=np.arange(120) % 4), "half_life")
    found = gather(table, world, corpus, folds=6)
    assert found.folds.max() == 5
    assert (found.folds[0::2] == found.folds[1::2]).all()
    assert len(np.unique(found.rnas.groups)) == 60
    assert found.split == "6 folds, by whole gene sets"


def test_given_folds_are_taken(world: Embeddings, labels: Callable[..., Path]) -> None:
    table = read_labels(labels(fold=[f"f{i % 4}" for i in range(120)]), "half_life")
    found = gather(table, world)
    assert found.folds.tolist() == [i % 4 for i in range(120)]
    assert found.split == "4 folds, the label file's own"
    assert found.features == pytest.approx(world.matrix)


def test_whole_chromosomes_are_in_one_fold(world: Embeddings, labels: Callable[..., Path], tmp_path: Path) -> None:
    where = tmp_path / "where.tsv"
    names = pl.Series("chromosome", [f"chr{i % 7}" for i in range(120)])
    world.table.select("transcript_id", names).write_csv(where, separator="\t")
    table = read_labels(labels())
    found = gather(table, world, split="chromosome", folds=3, chromosomes=(where,))
    assert found.split == "3 folds, by whole chromosomes"
    assert len(set(zip(found.rnas.groups.tolist(), found.folds.tolist(), strict=True))) == 7
    with pytest.raises(InputError, match="--chromosomes is for --split chromosome"):
        gather(table, world, split="random", folds=3, chromosomes=(where,))


def test_without_either_genes_are_split_at_random(world: Embeddings, labels: Callable[..., Path]) -> None:
    table = read_labels(labels())
    found = gather(table, world)
    assert np.bincount(found.folds).tolist() == [12] * 10
    other = gather(table, world, seed=1)
    some = read_labels(labels(fold=[None] + ["1"] * 119), "half_life")
    assert "at random" in gather(some, world).split
    assert (found.folds != other.folds).any()


def test_two_values_are_classes_whatever_they_are(world: Embeddings, labels: Callable[..., Path]) -> None:
    noise = np.random.default_rng(2).normal(size=120) * 0.5  # separable classes take long
    positive = world.matrix[:, 0] + noise > 0
    heads = []
    for low, high in ((0, 1), (1, 2), (-1, 1)):
        table = labels(x=np.where(positive, high, low))
        assert gather(read_labels(table, "x"), world, folds=3).is_class
        given: Any = world
        heads.append(isoclr.fit(given, table, label=("x",), folds=3).head)
        (target,) = heads[-1].targets
        assert (target.metadata["kind"], target.metadata["classes"]) == ("class", [str(low), str(high)])
    first, *others = (head.predict(world.matrix).value for head in heads)
    assert all(np.array_equal(first, one) for one in others)
    assert not gather(read_labels(labels(x=np.arange(120) % 3), "x"), world, folds=3).is_class


def test_too_few_rnas_cannot_vouch_for_much(world: Embeddings, labels: Callable[..., Path]) -> None:
    found = gather(read_labels(labels()), world)
    _check_calibration(found, 0.99)  # 108 scores when a fold is held out
    with pytest.raises(InputError, match=r"120 RNAs with a half_life are too few .* \(a fold held out, 108\)"):
        _check_calibration(found, 0.995)


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ({}, {"split": "homology"}, "--split homology needs --corpus"),
        ({}, {"split": "fold"}, r"no column 'fold', which --split fold needs"),
        ({"fold": [None] + ["1", "2"] * 59 + ["1"]}, {"split": "fold"}, "line 2 has no fold"),
        ({"fold": [1, 2, 3] * 40}, {"split": "fold", "folds": 3}, "--split fold uses the label table's own folds"),
        ({"fold": [1, 2] * 60}, {}, "the labels are in 2 folds, expected 3 or more"),
        ({"half_life": [1.5] * 120}, {}, r"half_life: fold \d+: the training part \(108 of 120 RNAs\) has 1"),
        ({"half_life": [1] * 3 + [0] * 117}, {}, "give more labels or larger parts"),
    ],
)
def test_bad_requests_end_in_one_line(
    world: Embeddings, labels: Callable[..., Path], columns: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        gather(read_labels(labels(**columns), "half_life"), world, **options)


def _two_rnas_a_gene(world: Embeddings, fold: list[str], tmp_path: Path) -> tuple[Labels, Embeddings]:
    """RNAs 2k and 2k + 1 are of gene Gk, each with a label and a fold of its own."""
    genes = pl.Series("gene_id", [f"G{i // 2}" for i in range(120)])
    two = Embeddings(world.table.with_columns(genes), world.matrix, world.meta)
    table = two.table.select("transcript_id").with_columns(x=pl.Series(world.matrix[:, 0]), fold=pl.Series(fold))
    table.write_csv(tmp_path / "two.csv")
    return read_labels(tmp_path / "two.csv", "x"), two


def test_given_folds_that_divide_a_gene_are_left_or_refused(world: Embeddings, tmp_path: Path) -> None:
    folds = [f"f{i // 2 % 4}" for i in range(120)]
    whole, two = _two_rnas_a_gene(world, folds, tmp_path)
    assert gather(whole, two).split == "4 folds, the label file's own"
    folds[11] = "f3"  # of gene G5, the other RNA of which is in fold f1
    divided, two = _two_rnas_a_gene(world, folds, tmp_path)
    found = gather(divided, two)
    assert (found.folds[0::2] == found.folds[1::2]).all()
    assert found.split == "10 folds, at random by whole genes (the label file's own folds divide 1 of them)"
    with pytest.raises(InputError, match=r"two\.csv: RNAs of gene G5 are in folds f1, f3; --split"):
        gather(divided, two, split="fold")


def test_text_labels_are_probabilities_of_classes(
    embeddings: Path, labels: Callable[..., Path], world: Embeddings
) -> None:
    noise = np.random.default_rng(2).normal(size=120) * 0.5  # separable classes take long
    two = np.where(world.matrix[:, 0] + noise > 0, "stable", "unstable")
    report = isoclr.fit(embeddings, labels(y=two), label=("y",), folds=3)
    (target,) = report.head.targets
    assert [*target.metadata["classes"]] == ["stable", "unstable"]
    assert report.quality["y"].metrics["roc_auc"].mean > 0.85


def test_command(
    embeddings: Path, labels: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = labels(y=np.random.default_rng(0).normal(size=120))
    words = ["fit", str(embeddings), str(table), "-o", str(tmp_path / "head")]
    assert main([*words, "--label", "half_life", "y", "--folds", "4"]) == 0
    seen = capsys.readouterr()
    assert "held-out folds: 4 folds, at random by whole genes" in seen.out
    assert "prediction intervals" in seen.out
    assert "120  y: samples" in seen.err
    assert (tmp_path / "head/head.safetensors").exists()
    assert main(words) == 2
    assert "head: exists already" in capsys.readouterr().err


def test_a_task_names_labels_rnas_and_units(
    embeddings: Path, labels: Callable[..., Path], world: Embeddings, tmp_path: Path
) -> None:
    noisy = world.matrix[:, :2] + np.random.default_rng(2).normal(size=(120, 2)) * 0.5
    digits = [f"{int(a)}{int(b)}" for a, b in noisy > 0]
    table = labels(y=digits)
    text = f'name = "places"\ntitle = "t"\n[labels]\nfile = "{table.name}"\nlabel = "y"\n'
    task = table.parent / "places.toml"
    task.write_text(text + 'units = "u"\nclasses = ["in", "out"]\n[samples]\nrnas = "all"\n')
    report = isoclr.fit(embeddings, task, out=tmp_path / "head", folds=3)
    assert report.head.name == "places"
    assert [target.name for target in report.head.targets] == ["in", "out"]
    assert {target.metadata["units"] for target in report.head.targets} == {"u"}
    assert report.quality["out"].metrics["roc_auc"].mean > 0.85
    assert report.head.metadata["labels"]["file"] == table.name
