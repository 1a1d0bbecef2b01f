"""A training's result on disk."""

from pathlib import Path

import polars as pl
import pytest

from isoclr.errors import InputError
from isoclr.finetuning.outcomes import PREDICTIONS, Outcome, read, write

METRICS = {"half_life": {"pearson": 0.5, "spearman": 0.4, "mse": 0.8, "n": 7}}
OUTCOME = Outcome("fold-1.0", "fold 1", 0, 60, 20, 20, 5, 3, 0.5, 60.0, METRICS, [{"epoch": 1}])
TABLE = pl.DataFrame(
    [["fold 1", 0, "half_life", "T1", "G1", "human", "g", 0.5, 0.25]],
    schema=PREDICTIONS,
    orient="row",
)


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    assert read(tmp_path, "fold-1.0") is None
    write(tmp_path, OUTCOME, TABLE)
    found = read(tmp_path, "fold-1.0")
    assert found is not None
    assert found[0] == OUTCOME
    assert found[1].equals(TABLE)


def test_a_damaged_one_is_refused(tmp_path: Path) -> None:
    write(tmp_path, OUTCOME, TABLE)
    (tmp_path / "fold-1.0.json").write_text("{}")
    with pytest.raises(InputError, match="not a result of fine-tuning"):
        read(tmp_path, "fold-1.0")
    write(tmp_path, OUTCOME, TABLE)
    (tmp_path / "fold-1.0.parquet").unlink()
    with pytest.raises(InputError, match="not a result of fine-tuning"):
        read(tmp_path, "fold-1.0")
