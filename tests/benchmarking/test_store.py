from pathlib import Path

import numpy as np
import polars as pl
import pytest

from isoclr.benchmarking.cell import Cell, Outcome
from isoclr.benchmarking.store import Store


def cell(**inputs: object) -> Cell:
    return Cell("main", "a title", inputs, lambda: Outcome([]))


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
