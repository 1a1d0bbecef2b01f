"""Means, intervals and tidy rows over trainings."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from isoclr.finetuning.report import FinetuneReport
from isoclr.finetuning.trials import TrialResult
from isoclr.tasks.leakage import Leakage, LeakageReport
from isoclr.tasks.metrics import over_folds, over_seeds, pearson


def outcome(split: str, seed: int, pearson: float) -> TrialResult:
    metrics = {"pearson": pearson, "spearman": 0.1, "mse": 0.9, "n": 20}
    return TrialResult(
        f"{split}.{seed}", split, seed, 60, 20, 20, 5, 3, 0.5, 60.0, {"half_life": metrics}, []
    )


def report(*outcomes: TrialResult, folds: bool = True) -> FinetuneReport:
    rng = np.random.default_rng(0)
    true = rng.normal(size=20)
    predictions = pl.DataFrame(
        {
            "split": ["fold 1"] * 20,
            "seed": [0] * 20,
            "task": ["half_life"] * 20,
            "group": [f"g{i // 2}" for i in range(20)],
            "true": true,
            "predicted": true + rng.normal(size=20),
        }
    )
    return FinetuneReport(
        out=Path("out"),
        method="fine-tuned isoclr-s",
        model="isoclr-s",
        tune="full",
        tasks=("half_life",),
        split="folds",
        folds=folds,
        share=0.1,
        counts={"RNAs": 100},
        outcomes=outcomes,
        predictions=predictions,
        provenance={},
    )


def test_folds_are_averaged_over_their_seeds_first() -> None:
    found = report(
        outcome("fold 1", 0, 0.4), outcome("fold 1", 1, 0.6), outcome("fold 2", 0, 0.7)
    ).summary("half_life")["pearson"]
    assert found == over_folds([0.5, 0.7])


def test_random_splits_allow_for_their_overlap() -> None:
    """As those of the whole training part, of which the 60 are a tenth."""
    found = report(outcome("seed 0", 0, 0.4), outcome("seed 1", 1, 0.6), folds=False)
    assert found.summary("half_life")["pearson"] == over_seeds([0.4, 0.6], 600, 20)


def test_a_single_training_gets_a_bootstrap_over_groups() -> None:
    one = report(outcome("fold 1", 0, 0.4)).summary("half_life")["pearson"]
    assert one.low < one.mean < one.high


def test_seeds_of_a_single_fold_are_averaged_and_get_a_bootstrap_too() -> None:
    two = report(outcome("fold 1", 0, 0.4), outcome("fold 1", 1, 0.6))
    first = two.predictions
    worse = first.with_columns(pl.col("predicted").shuffle(1), seed=pl.lit(1, pl.Int64))
    found = replace(two, predictions=pl.concat([first, worse])).summary("half_life")["pearson"]
    single = [pearson(t["true"].to_numpy(), t["predicted"].to_numpy()) for t in (first, worse)]
    assert found.mean == pytest.approx(np.mean(single))
    assert found.low < found.mean < found.high


def test_leaks_are_in_the_json(tmp_path: Path) -> None:
    done, path = report(outcome("fold 1", 0, 0.4)), tmp_path / "report.json"
    done.save(path)
    assert json.loads(path.read_text())["leaks"] is None
    leaks = LeakageReport(16, 0.9, "whole RNA", [Leakage("fold 1", 20, 3, None, 2, 20)])
    replace(done, leaks=leaks).save(path)
    assert json.loads(path.read_text())["leaks"]["splits"][0]["gene"] == 3


def test_rows_are_one_number_each() -> None:
    rows = report(outcome("fold 1", 0, 0.4), outcome("fold 2", 0, float("nan"))).rows()
    assert len(rows) == 9
    assert len({tuple(row) for row in rows}) == 1  # the same columns in every row
    first, mean = rows[0], rows[6]
    assert (first["split"], first["seed"], first["metric"], first["value"]) == (
        "fold 1",
        0,
        "pearson",
        0.4,
    )
    assert (mean["split"], mean["n"], mean["value"]) == ("all", 40, None)
    assert rows[7]["low"] == pytest.approx(0.1)


def test_what_was_stopped_early_has_no_rows_of_means() -> None:
    stopped = replace(report(), stopped_by=15)
    assert stopped.rows() == []
    assert stopped.table() == []
