import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import isoclr
from isoclr.corpus import Corpus
from isoclr.embedding import Embeddings
from isoclr.errors import InputError
from isoclr.files import sha256
from isoclr.probing import probe


def test_the_head_says_where_it_comes_from_and_how_good_it_is(
    embeddings: Path, labels: Callable[..., Path], tmp_path: Path
) -> None:
    table = labels(fold=np.arange(120) % 5)
    out = tmp_path / "head"
    report = isoclr.fit(
        embeddings, table, out=out, name="half-life", units="hours", coverage=0.85, rnas="coding"
    )
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
    assert {row[0] for row in report.rows()} == {"half_life (hours)"}
    quality = report.quality["half_life"]
    assert target["held_out"]["metrics"]["pearson"]["mean"] == quality.metrics["pearson"].mean
    assert 0.85 < quality.metrics["pearson"].mean < 0.99
    same = probe(embeddings, table, split="fold", model="ridge").methods[0].summary["pearson"]
    assert quality.metrics["pearson"].mean == pytest.approx(same.mean)


def test_homologs_stay_together_when_a_corpus_knows_them(
    embeddings: Path, labels: Callable[..., Path], tmp_path: Path, corpus: Corpus
) -> None:
    report = isoclr.fit(embeddings, labels(), out=tmp_path / "head", corpus=corpus.path, folds=4)
    assert report.folds == "4 folds, by whole gene sets"
    assert report.counts["half_life"]["groups"] == 60


def test_the_report_is_a_table(
    embeddings: Path, labels: Callable[..., Path], tmp_path: Path, world: Embeddings
) -> None:
    table = labels(stable=(world.matrix[:, 0] > 0).astype(int))
    report = isoclr.fit(
        embeddings, table, out=tmp_path / "head", target=("stable", "half_life"), folds=4
    )
    rows = [*report.rows()]
    assert [row[:3] for row in rows] == [
        ["stable", 120, "roc_auc"],
        ["stable", 120, "log_loss"],
        ["half_life", 120, "pearson"],
        ["half_life", 120, "spearman"],
        ["half_life", 120, "rmse"],
    ]
    assert all(len(row) == len(report.columns()) for row in rows)
    covered = [*report.coverage_rows()]
    assert [row[:2] for row in covered] == [["half_life", c] for c in ("0.8", "0.9", "0.95")]
    assert all(len(row) == len(report.coverage_columns()) for row in covered)
    assert report.folds == "4 folds, at random by whole genes"
    assert report.head.name == "stable"


def test_few_labels_are_judged_at_the_coverages_they_can_vouch_for(
    embeddings: Path, labels: Callable[..., Path], tmp_path: Path
) -> None:
    few = [*np.linspace(0, 1, 15), *[None] * 105]
    report = isoclr.fit(embeddings, labels(half_life=few), out=tmp_path / "head", folds=3)
    found = [one.nominal for one in report.quality["half_life"].coverages]
    assert found == [0.8, 0.9]  # 10 scores when a fold is held out


def test_only_the_species_asked_for(
    world: Embeddings, labels: Callable[..., Path], tmp_path: Path, embeddings: Path
) -> None:
    with pytest.raises(InputError, match="no embedded RNA is of species 'mouse'"):
        isoclr.fit(embeddings, labels(), out=tmp_path / "head", species="mouse")
    assert not (tmp_path / "head").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"coverage": 1.0}, "--coverage 1: expected a share between 0 and 1"),
        ({"coverage": 0.999}, "too few to calibrate"),
        ({"seed": -1}, "--seed -1: expected 0 or more"),
        ({"target": ("half_life", "half_life")}, "--target half_life: given twice"),
        ({"target": ("x",)}, r"labels\.tsv: no column 'x'"),
    ],
)
def test_bad_requests_leave_nothing(
    embeddings: Path,
    labels: Callable[..., Path],
    tmp_path: Path,
    options: dict[str, object],
    message: str,
) -> None:
    out = tmp_path / "head"
    with pytest.raises(InputError, match=message):
        isoclr.fit(embeddings, labels(), out=out, **options)  # type: ignore[arg-type]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["embeddings.parquet", "labels.tsv"]


def test_a_head_is_replaced_only_when_told_to(
    embeddings: Path, labels: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "head"
    isoclr.fit(embeddings, labels(), out=out, folds=3)
    with pytest.raises(InputError, match="head: exists already"):
        isoclr.fit(embeddings, labels(), out=out)
    isoclr.fit(embeddings, labels(), out=out, folds=3, name="other", overwrite=True)
    assert isoclr.load_head(out).name == "other"
    with pytest.raises(InputError, match=r"labels\.tsv: is a file"):
        isoclr.fit(embeddings, tmp_path / "labels.tsv", out=tmp_path / "labels.tsv", overwrite=True)


def test_nothing_but_a_head_is_replaced(
    embeddings: Path, labels: Callable[..., Path], tmp_path: Path
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "thesis.txt").write_text("years")
    with pytest.raises(InputError, match="work: not a head, --overwrite replaces nothing else"):
        isoclr.fit(embeddings, labels(), out=work, folds=3, overwrite=True)
    assert (work / "thesis.txt").read_text() == "years"
    (tmp_path / "empty").mkdir()
    isoclr.fit(embeddings, labels(), out=tmp_path / "empty", folds=3, overwrite=True)
    assert isoclr.load_head(tmp_path / "empty").name == "half_life"
