"""What makes the weights what they are (the recipe), as against where and for how long a run goes on."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal

from isoclr.errors import InputError


@dataclass(frozen=True, kw_only=True)
class PretrainConfig:
    """The options that two halves of one run must share; a resumed run compares them with its checkpoint's.

    The fields are the options of :func:`~isoclr.pretraining.pretrain.pretrain` of the same names and defaults.
    """

    model: str = "isoclr-s"
    tracks: int = 6
    pooling: str = "last"
    project: str = "embedding"
    init: str = ""
    """SHA-256 of the weights that the run starts from; empty: random ones."""
    seed: int = 0
    batch_size: int = 1024
    learning_rate: float = 0.01
    weight_decay: float = 1e-6
    warmup_steps: int = 10
    clip: float = 1.0
    temperature: float = 0.1
    composition: float = 0.0
    weight_offset: float = 0.4
    min_transcripts: int = 1
    mask: float = 0.15
    shift: int = 3
    drop_splice: float = 0.0
    drop_tracks: float = 0.0
    dropout: float = 0.1
    held_out: float = 0.05
    precision: str = "auto"

    def __post_init__(self) -> None:
        """Refuse values that no run can use.

        Raises:
            InputError: naming the option, its value and what is possible.
        """
        for name, lowest, highest in _RANGES:
            value = getattr(self, name)
            if not lowest <= value <= highest:
                wanted = f"at least {lowest}" if highest == _ANY else f"{lowest} to {highest}"
                raise InputError(f"{_option(name)} is {value}, expected {wanted}")
        if self.project not in ("embedding", "last"):
            raise InputError(f"--project is {self.project!r}, expected embedding or last")
        if self.drop_splice + self.drop_tracks > 1:
            raise InputError(
                f"--drop-splice {self.drop_splice} and --drop-tracks {self.drop_tracks} are more than 1 together: "
                "a view loses its exon ends, or both tracks, or nothing"
            )

    def as_dict(self) -> dict[str, Any]:
        """The options by name, as they are written to a checkpoint."""
        return dataclasses.asdict(self)

    def require_same(self, saved: dict[str, Any], source: str) -> None:
        """Compare with the recipe of a checkpoint.

        Raises:
            InputError: naming every option that differs, its value in the checkpoint and the one given.
        """
        mine = self.as_dict()
        differing = [
            f"{_option(name)} {saved.get(name)} (given: {mine.get(name)})"
            for name in sorted(mine.keys() | saved.keys())
            if mine.get(name) != saved.get(name)
        ]
        if differing:
            raise InputError(
                f"{source}: cannot be resumed with other options; it was made with {', '.join(differing)}"
            )


_ANY = float("inf")
_SMALLEST = 1e-9
_RANGES: tuple[tuple[str, float, float], ...] = (
    ("tracks", 4, 6),
    ("seed", 0, 2**32 - 1),
    ("batch_size", 1, _ANY),
    ("learning_rate", 0, _ANY),
    ("weight_decay", 0, _ANY),
    ("warmup_steps", 0, _ANY),
    ("clip", _SMALLEST, _ANY),
    ("temperature", _SMALLEST, _ANY),
    ("composition", 0, _ANY),
    ("mask", 0, 1),
    ("shift", 0, 31),
    ("drop_splice", 0, 1),
    ("drop_tracks", 0, 1),
    ("dropout", 0, 0.99),
    ("held_out", 0, 0.9),
    ("weight_offset", _SMALLEST, _ANY),
    ("min_transcripts", 1, _ANY),
)


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


Unit = Literal["steps", "epochs", "minutes"]

PAPER_EPOCHS = 1000


@dataclass(frozen=True)
class Budget:
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


def choose_budget(
    steps: int | None, epochs: int | None, minutes: float | None, saved: Budget | None = None
) -> Budget:
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
    given = [Budget(unit, amount) for unit, amount in options if amount is not None]
    if len(given) > 1:
        found = " and ".join(f"--{plan.unit} {plan.amount:g}" for plan in given)
        raise InputError(f"{found} were given, expected one of --steps, --epochs and --minutes")
    plan = given[0] if given else saved or Budget("epochs", PAPER_EPOCHS)
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
