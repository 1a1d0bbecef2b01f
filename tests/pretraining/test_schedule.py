import pytest

from isoclr.errors import InputError
from isoclr.pretraining.schedule import Plan, choose_plan, learning_rate


def test_warmup_rises_linearly_to_the_peak() -> None:
    rates = [learning_rate(s, 0.0, peak=0.01, warmup_steps=10) for s in range(12)]
    assert rates == pytest.approx([0.001 * min(s + 1, 10) for s in range(12)])


def test_cosine_falls_from_the_peak_to_zero() -> None:
    rates = [
        learning_rate(100, share, peak=1.0, warmup_steps=10) for share in (0, 1 / 3, 0.5, 1, 2)
    ]
    assert rates == pytest.approx([1, 0.75, 0.5, 0, 0], abs=1e-12)


def test_no_warmup() -> None:
    assert learning_rate(0, 0.0, peak=0.5, warmup_steps=0) == 0.5


def test_a_plan_in_each_unit() -> None:
    assert Plan("steps", 200).share(50, 1e9, 7) == 0.25
    assert Plan("epochs", 4).share(14, 1e9, 7) == 0.5
    assert Plan("minutes", 2).share(10**9, 30, 7) == 0.25


def test_the_plan_asked_for_wins_over_the_checkpoints() -> None:
    saved = Plan("steps", 5)
    assert choose_plan(None, 3, None, saved) == Plan("epochs", 3)
    assert choose_plan(None, None, None, saved) == saved
    assert choose_plan(None, None, None) == Plan("epochs", 1000)


def test_two_lengths_are_one_too_many() -> None:
    with pytest.raises(InputError, match=r"--steps 5 and --minutes 1\.5 were given, expected one"):
        choose_plan(5, None, 1.5)


@pytest.mark.parametrize("steps", [0, -3])
def test_a_length_must_be_above_zero(steps: int) -> None:
    with pytest.raises(InputError, match=f"--steps is {steps}, expected more than 0"):
        choose_plan(steps, None, None)
