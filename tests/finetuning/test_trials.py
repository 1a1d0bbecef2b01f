"""What the person at the terminal sees."""

from pathlib import Path

import polars as pl
import pytest

from isoclr.errors import InputError
from isoclr.finetuning.trainer import TrainerState
from isoclr.finetuning.trials import PREDICTIONS, TrialDisplay, TrialResult, read, write


def test_a_finished_training_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = {"half_life": {"pearson": 0.512, "spearman": 0.4, "mse": 0.8, "n": 20}}
    outcome = TrialResult("fold-1.0", "fold 1", 2, 60, 20, 20, 9, 3, 0.55, 60.0, metrics, [])
    with TrialDisplay() as display:
        display.stage("fold 1, epoch 1", 1000)(250)
        display.step(500, 0.5, TrainerState("fold-1.0", best_epoch=1, best=0.3))
        display.epoch(
            TrainerState("fold-1.0", 1, 1, 0.3, 99.0, [{"seconds": 99.0, "valid_pearson": 0.3}])
        )
        display.done(outcome)
    told = capsys.readouterr().err
    assert "fold 1, seed 2: R 0.512 on 20 test RNAs, validation R 0.550 in epoch 3 of 9" in told
    assert "epoch 1: validation R 0.300" in told


METRICS = {"half_life": {"pearson": 0.5, "spearman": 0.4, "mse": 0.8, "n": 7}}
OUTCOME = TrialResult("fold-1.0", "fold 1", 0, 60, 20, 20, 5, 3, 0.5, 60.0, METRICS, [{"epoch": 1}])
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
