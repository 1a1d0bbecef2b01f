from pathlib import Path
from typing import Any

import pytest

from isoclr.evaluation.cache import StoredResult
from isoclr.evaluation.output import _command, differences, machine, mean_over_splits
from isoclr.tasks.metrics import over_seeds, paired


def test_commands_have_no_absolute_paths() -> None:
    command = _command(["evaluate", "runs/plan.toml", "--out", "/somewhere/else/out"])
    assert command == "isoclr evaluate runs/plan.toml --out out"


def test_a_machine_has_a_processor() -> None:
    facts = machine()
    assert facts["cores"] >= 1
    assert facts["cpu"]


def result(method: str, values: list[float | None], split: str = "fold", model: str = "ridge") -> StoredResult:
    row: Any = {"study": "main", "task": "t", "split": split, "method": method, "model": model}
    row |= {"metric": "pearson", "value": 0.0}
    by_split = [{"split": str(i), "train": 80, "test": 20, "pearson": v} for i, v in enumerate(values)]
    return StoredResult(Path("x"), [row], {"by_split": by_split}, 0.0)


def test_differences() -> None:
    found = differences([result("a", [0.5, 0.6, 0.7]), result("b", [0.4, 0.5, 0.5]), result("c", [0.9], "random")])
    (row,) = found
    expected = paired([0.1, 0.1, 0.2], 80, 20)
    assert (row["method"], row["against"]) == ("a", "b")
    assert [row[k] for k in ("value", "low", "high", "p")] == pytest.approx(
        [expected.mean, expected.low, expected.high, expected.p]
    )


def test_splits_without_a_value() -> None:
    (row,) = differences([result("a", [0.5, None, 0.7]), result("b", [0.4, 0.5, 0.5])])
    assert row["n"] == 2
    assert row["value"] == pytest.approx(0.15)


def test_means_over_splits() -> None:
    content: Any = {"study": "low_data", "task": "t", "split": "random", "method": "a", "model": "ridge"}
    rows = [
        {**content, "share": share, "metric": "pearson", "value": value, "train": 70 * share / 100, "n": 15, "seed": i}
        for share in (1.0, 10.0)
        for i, value in enumerate([0.1, 0.2, 0.4])
    ]
    found = mean_over_splits(rows)
    assert [row["share"] for row in found] == [1.0, 10.0]
    expected = over_seeds([0.1, 0.2, 0.4], 70, 15)
    assert found[0]["value"] == pytest.approx(expected.mean)
    for row in found:  # whatever the share, the splits overlap alike
        assert row["high"] == pytest.approx(expected.high)
    assert mean_over_splits([]) == []


def test_differences_of_the_same_probe() -> None:
    found = differences(
        [
            result("a", [0.5, 0.6, 0.7]),
            result("b", [0.4, 0.5, 0.5]),
            result("a", [0.3, 0.3, 0.4], model="linear"),
            result("b", [0.2, 0.2, 0.2], model="linear"),
            result("c", [0.1, 0.1, 0.1], model="trees"),
        ]
    )
    named = [(row["method"], row["model"], row["against"], row["against_model"]) for row in found]
    assert named == [("a", "ridge", "b", "ridge"), ("a", "linear", "b", "linear"), ("a", "ridge", "c", "trees")]
    assert found[1]["value"] == pytest.approx(0.4 / 3)
