"""How long a run lasts, and the learning rate on the way."""

import math
from dataclasses import dataclass
from typing import Literal

from isoclr.errors import InputError

Unit = Literal["steps", "epochs", "minutes"]

PAPER_EPOCHS = 1000


@dataclass(frozen=True)
class Plan:
    """The length of a run in steps, epochs or minutes of training.

    A plan in steps or epochs makes every step reproducible. One in minutes lets the learning rate follow the
    clock, so that two runs of the same length in minutes differ as the machine's load does.
    """

    unit: Unit
    amount: float

    def share(self, step: int, seconds: float, steps_per_epoch: int) -> float:
        """How much of the plan is done: 0 at the start, 1 or more at the end."""
        if self.unit == "minutes":
            return seconds / (60 * self.amount)
        return step / self.total_steps(steps_per_epoch)

    def total_steps(self, steps_per_epoch: int) -> int:
        """The number of steps of a plan in steps or epochs."""
        return int(self.amount) * (steps_per_epoch if self.unit == "epochs" else 1)

    def __str__(self) -> str:
        return f"{self.amount:g} {self.unit}"


def choose_plan(
    steps: int | None, epochs: int | None, minutes: float | None, saved: Plan | None = None
) -> Plan:
    """The plan that the options ask for; without any, the checkpoint's, or else the paper's 1000 epochs.

    Raises:
        InputError: several lengths were given, or one that is not above zero.

    >>> choose_plan(200, None, None)
    Plan(unit='steps', amount=200)
    """
    options: tuple[tuple[Unit, float | None], ...] = (
        ("steps", steps),
        ("epochs", epochs),
        ("minutes", minutes),
    )
    given = [Plan(unit, amount) for unit, amount in options if amount is not None]
    if len(given) > 1:
        found = " and ".join(f"--{plan.unit} {plan.amount:g}" for plan in given)
        raise InputError(f"{found} were given, expected one of --steps, --epochs and --minutes")
    plan = given[0] if given else saved or Plan("epochs", PAPER_EPOCHS)
    if plan.amount <= 0:
        raise InputError(f"--{plan.unit} is {plan.amount:g}, expected more than 0")
    return plan


def learning_rate(step: int, share: float, *, peak: float, warmup_steps: int) -> float:
    """Linear warm-up over the first steps, times a cosine from 1 to 0 over the whole plan.

    Args:
        step: steps done before this one.
        share: how much of the plan is done, 0 to 1.
        peak: the highest learning rate.
        warmup_steps: the step that first has its full share of ``peak``.

    >>> [round(learning_rate(s, s / 4, peak=1.0, warmup_steps=2), 3) for s in range(5)]
    [0.5, 0.854, 0.5, 0.146, 0.0]
    """
    warmup = min(1.0, (step + 1) / warmup_steps) if warmup_steps else 1.0
    return peak * warmup * (1 + math.cos(math.pi * min(1.0, share))) / 2
