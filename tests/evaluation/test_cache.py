from pathlib import Path

import numpy as np
import polars as pl
import pytest

from isoclr.evaluation.cache import Artifact, CachedResult, Outcome, Store, content_name


def test_names_depend_on_every_input() -> None:
    first = content_name("main", {"a": 1, "b": [1, 2]})
    assert content_name("main", {"b": [1, 2], "a": 1}) == first
    others = [
        content_name("low_data", {"a": 1, "b": [1, 2]}),
        content_name("main", {"a": 2, "b": [1, 2]}),
        content_name("main", {"a": 1, "b": [2, 1]}),
        content_name("main", {"a": 1}),
    ]
    assert len({first, *others}) == 5


def test_titles_are_no_input() -> None:
    results = [CachedResult("main", title, {"a": 1}, lambda: Outcome([])) for title in "xy"]
    assert results[0].key == results[1].key


def test_artifacts_are_calls_once(tmp_path: Path) -> None:
    calls: list[Path] = []

    def make(path: Path) -> None:
        calls.append(path)
        path.write_text("x")

    artifact = Artifact(tmp_path / "models", "a model", {"seed": 1}, make, ".txt")
    key = artifact.key
    assert artifact.path() == artifact.path() == tmp_path / "models" / f"{key}.txt"
    assert len(calls) == 1
    other = Artifact(tmp_path / "models", "a model", {"seed": 2}, make, ".txt")
    assert other.path() != artifact.path()


def test_incomplete_directories_are_resumed_or_calls_again(tmp_path: Path) -> None:
    def make(path: Path) -> None:
        path.mkdir(exist_ok=True)
        left.append(sorted(one.name for one in path.iterdir()))
        (path / "weights").touch()
        if len(left) % 2 == 0:
            (path / "done").touch()

    for resumable, second in ((True, ["weights"]), (False, [])):
        left: list[list[str]] = []
        artifact = Artifact(tmp_path / "runs", "a run", {"r": resumable}, make, marker="done", resumable=resumable)
        for _ in range(3):
            artifact.path()
        assert left == [[], second]


def result(**inputs: object) -> CachedResult:
    return CachedResult("main", "a title", inputs, lambda: Outcome([]))


def test_results_are_read_back(tmp_path: Path) -> None:
    store = Store(tmp_path)
    rows = [{"metric": "pearson", "value": np.float32(0.5)}, {"metric": "mse", "value": float("nan")}]
    table = pl.DataFrame({"x": [1.0, 2.0]})
    store.write(result(seed=1), Outcome(rows, {"n": np.int64(3)}, {"map": table}), 1.5)  # type: ignore[arg-type]
    stored = store.read(result(seed=1))
    assert stored.rows == [{"metric": "pearson", "value": 0.5}, {"metric": "mse", "value": None}]
    assert stored.details == {"n": 3}
    assert stored.table("map").equals(table)
    assert stored.seconds == 1.5
    assert store.has(result(seed=1))
    assert not store.has(result(seed=2))


def test_results_whose_tables_fail_are_missing(tmp_path: Path) -> None:
    store = Store(tmp_path)

    unwritable = pl.DataFrame({"x": pl.Series([object()], dtype=pl.Object)})
    with pytest.raises(pl.exceptions.ComputeError):
        store.write(result(), Outcome([], {}, {"map": unwritable}), 0.0)
    assert not store.has(result())
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
