"""What the person at the terminal sees."""

import pytest

from isoclr.finetuning.checkpoint import State
from isoclr.finetuning.display import Display
from isoclr.finetuning.outcomes import Outcome


def test_a_finished_training_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = {"half_life": {"pearson": 0.512, "spearman": 0.4, "mse": 0.8, "n": 20}}
    outcome = Outcome("fold-1.0", "fold 1", 2, 60, 20, 20, 9, 3, 0.55, 60.0, metrics, [])
    with Display() as display:
        display.stage("fold 1, epoch 1", 1000)(250)
        display.step(500, 0.5, State("fold-1.0", best_epoch=1, best=0.3))
        display.epoch(State("fold-1.0", 1, 1, 0.3, 99.0, [{"seconds": 99.0, "valid_pearson": 0.3}]))
        display.done(outcome)
    told = capsys.readouterr().err
    assert "fold 1, seed 2: R 0.512 on 20 test RNAs, validation R 0.550 in epoch 3 of 9" in told
    assert "epoch 1: validation R 0.300" in told
