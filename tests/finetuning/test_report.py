import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from isoclr._report import Table
from isoclr.errors import InputError
from isoclr.finetuning.report import PREDICTIONS_SCHEMA, FinetuneReport, TrialResult
from isoclr.tasks.leakage import Leakage, LeakageReport
from isoclr.tasks.metrics import over_folds, over_seeds, pearson


def result(split: str, seed: int, pearson: float) -> TrialResult:
    metrics = {"pearson": pearson, "spearman": 0.1, "mse": 0.9, "n": 20}
    return TrialResult(f"{split}.{seed}", split, seed, 60, 20, 20, 5, 3, 0.5, 60.0, {"half_life": metrics}, [])


LEAKS = LeakageReport(16, 0.9, "whole RNA", [Leakage("fold 1", 20, 3, None, 2, 20)])


def report(*results: TrialResult, cross_validation: bool = True) -> FinetuneReport:
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
        train="full",
        tasks=("half_life",),
        split="folds",
        cross_validation=cross_validation,
        train_fraction=0.1,
        counts={"samples": 100},
        results=results,
        predictions=predictions,
        provenance={},
        leaks=LEAKS,
    )


def test_repeats_of_folds_are_averaged() -> None:
    found = report(result("fold 1", 0, 0.4), result("fold 1", 1, 0.6), result("fold 2", 0, 0.7)).summary("half_life")[
        "pearson"
    ]
    assert found == over_folds([0.5, 0.7])


def test_interval_of_random_splits() -> None:
    """As those of the whole training part, of which the 60 are a tenth."""
    found = report(result("seed 0", 0, 0.4), result("seed 1", 1, 0.6), cross_validation=False)
    assert found.summary("half_life")["pearson"] == over_seeds([0.4, 0.6], 600, 20)


def test_interval_of_a_single_training() -> None:
    one = report(result("fold 1", 0, 0.4)).summary("half_life")["pearson"]
    assert one.low < one.mean < one.high


def test_interval_of_repeats_of_a_single_fold() -> None:
    two = report(result("fold 1", 0, 0.4), result("fold 1", 1, 0.6))
    first = two.predictions
    worse = first.with_columns(pl.col("predicted").shuffle(1), seed=pl.lit(1, pl.Int64))
    found = replace(two, predictions=pl.concat([first, worse])).summary("half_life")["pearson"]
    single = [pearson(t["true"].to_numpy(), t["predicted"].to_numpy()) for t in (first, worse)]
    assert found.mean == pytest.approx(np.mean(single))
    assert found.low < found.mean < found.high


def test_leaks_are_in_the_json(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    report(result("fold 1", 0, 0.4)).save(path)
    assert json.loads(path.read_text())["leaks"]["splits"][0]["gene"] == 3


def test_rows() -> None:
    rows = report(result("fold 1", 0, 0.4), result("fold 2", 0, float("nan"))).rows()
    assert len(rows) == 9
    assert len({tuple(row) for row in rows}) == 1  # the same columns in every row
    first, mean = rows[0], rows[6]
    assert (first["split"], first["seed"], first["metric"], first["value"]) == ("fold 1", 0, "pearson", 0.4)
    assert (mean["split"], mean["n"], mean["value"]) == ("all", 40, None)
    assert rows[7]["low"] == pytest.approx(0.1)


def test_a_stopped_study_has_no_rows() -> None:
    stopped = replace(report(), stopped_by=15)
    assert stopped.rows() == []
    assert stopped.exit_code == 143


def test_printed_tables(capsys: pytest.CaptureFixture[str]) -> None:
    done = report(result("fold 1", 0, 0.5), result("fold 2", 0, 0.5))
    metrics, leaks = done.tables()
    assert isinstance(metrics, Table)
    assert metrics.title == "fine-tuned isoclr-s: 100 RNAs, folds, 0.1 of the training labels"
    assert metrics.rows[0][:2] == ["half_life", "0.500 [0.500, 0.500]"]
    assert "15.0%" in str(leaks.rows)
    done.print()
    assert "half_life" in capsys.readouterr().out
    replace(done, stopped_by=15).print()
    assert "stopped after 2 trainings" in capsys.readouterr().err


PREDICTIONS = pl.DataFrame(
    [["fold 1", 0, "half_life", "T1", "G1", "ABC1", "human", "g", 0.5, 0.25]], schema=PREDICTIONS_SCHEMA, orient="row"
)


def test_result_round_trip(tmp_path: Path) -> None:
    saved = result("fold 1", 0, float("nan"))
    assert TrialResult.load(tmp_path, saved.trial) is None
    saved.save(tmp_path, PREDICTIONS)
    loaded = TrialResult.load(tmp_path, saved.trial)
    assert loaded is not None
    assert str(loaded[0]) == str(saved)
    assert loaded[1].equals(PREDICTIONS)


def test_damaged_result(tmp_path: Path) -> None:
    saved = result("fold 1", 0, 0.5)
    saved.save(tmp_path, PREDICTIONS)
    (tmp_path / f"{saved.trial}.json").write_text("{}")
    with pytest.raises(InputError, match="is no result of fine-tuning"):
        TrialResult.load(tmp_path, saved.trial)
    saved.save(tmp_path, PREDICTIONS)
    (tmp_path / f"{saved.trial}.parquet").unlink()
    with pytest.raises(InputError, match="is no result of fine-tuning"):
        TrialResult.load(tmp_path, saved.trial)
