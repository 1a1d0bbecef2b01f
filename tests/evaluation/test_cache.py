from pathlib import Path

import numpy as np
import polars as pl
import pytest

from isoclr.evaluation.cache import Artifact, CachedResult, Outcome, Store, name_of


def test_a_name_depends_on_every_input_and_on_nothing_else() -> None:
    first = name_of("main", {"a": 1, "b": [1, 2]})
    assert name_of("main", {"b": [1, 2], "a": 1}) == first
    others = [
        name_of("low_data", {"a": 1, "b": [1, 2]}),
        name_of("main", {"a": 2, "b": [1, 2]}),
        name_of("main", {"a": 1, "b": [2, 1]}),
        name_of("main", {"a": 1}),
    ]
    assert len({first, *others}) == 5


def test_the_title_is_no_input() -> None:
    cells = [CachedResult("main", title, {"a": 1}, lambda: Outcome([])) for title in "xy"]
    assert cells[0].key == cells[1].key


def test_a_product_is_made_once_and_named_before_it_is_made(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(path: Path) -> None:
        made.append(path)
        path.write_text("x")

    product = Artifact(tmp_path / "models", "a model", {"seed": 1}, make, ".txt")
    key = product.key
    assert product.path() == product.path() == tmp_path / "models" / f"{key}.txt"
    assert len(made) == 1
    other = Artifact(tmp_path / "models", "a model", {"seed": 2}, make, ".txt")
    assert other.path() != product.path()


def test_what_is_not_whole_is_gone_on_with(tmp_path: Path) -> None:
    calls: list[int] = []

    def make(path: Path) -> None:
        path.mkdir(exist_ok=True)
        calls.append(1)
        if len(calls) == 2:
            (path / "done").touch()

    product = Artifact(
        tmp_path / "runs", "a run", {}, make, whole=lambda path: (path / "done").is_file()
    )
    product.path()
    product.path()
    product.path()
    assert len(calls) == 2


def cell(**inputs: object) -> CachedResult:
    return CachedResult("main", "a title", inputs, lambda: Outcome([]))


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    store = Store(tmp_path)
    rows = [
        {"metric": "pearson", "value": np.float32(0.5)},
        {"metric": "mse", "value": float("nan")},
    ]
    table = pl.DataFrame({"x": [1.0, 2.0]})
    store.write(cell(seed=1), Outcome(rows, {"n": np.int64(3)}, {"map": table}), 1.5)  # type: ignore[arg-type]
    found = store.read(cell(seed=1))
    assert found.rows == [{"metric": "pearson", "value": 0.5}, {"metric": "mse", "value": None}]
    assert found.details == {"n": 3}
    assert found.table("map").equals(table)
    assert (found.seconds, found.title, found.inputs) == (1.5, "a title", {"seed": 1})
    assert store.has(cell(seed=1))
    assert not store.has(cell(seed=2))


def test_a_result_whose_tables_fail_is_not_there(tmp_path: Path) -> None:
    store = Store(tmp_path)

    unwritable = pl.DataFrame({"x": pl.Series([object()], dtype=pl.Object)})
    with pytest.raises(pl.exceptions.ComputeError):
        store.write(cell(), Outcome([], {}, {"map": unwritable}), 0.0)
    assert not store.has(cell())
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
