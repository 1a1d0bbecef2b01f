"""How a network is trained on labels: the published rules, and what a user changes of them."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from isoclr.errors import InputError
from isoclr.tasks.splits import SplitKind


@dataclass(frozen=True, kw_only=True)
class FinetuneConfig:
    """The numbers of supervised training; the fields are options of :func:`isoclr.finetuning.finetune`."""

    learning_rate: float
    """Of new weights, in the first epoch."""
    encoder_learning_rate: float
    """Of weights that pre-training gave."""
    decay: float
    """Factor on the learning rates after every epoch."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Of Adam."""
    l2: float
    """Times the sum of the squares of new weights, added to the loss; biases and norms are left alone."""
    clip: float = 0.5
    """Largest norm of the gradient."""
    batch_size: int
    dropout: float = 0.3
    hidden: int = 256
    """Width of the new layers behind an encoder."""
    epochs: int
    min_epochs: int = 0
    """Epochs before which training is not stopped early."""
    patience: int
    """Epochs without a better validation R after which training stops."""
    shift: int = 0
    """Every RNA starts 0 to this many nt late, drawn anew each time."""

    def __post_init__(self) -> None:
        """Refuse values that no training can use.

        Raises:
            InputError: naming the option, its value and what is possible.
        """
        for name, (lowest, highest) in _RANGES.items():
            value = getattr(self, name)
            if not lowest <= value <= highest:
                option = "--" + name.replace("_", "-")
                wanted = f"{lowest:g} to {highest:g}" if highest < _ANY else f"at least {lowest:g}"
                raise InputError(f"{option} is {value:g}, expected {wanted}")

    def changed(self, **options: Any) -> "FinetuneConfig":
        """The same rules with the options that are not None.

        >>> ISOCLR.changed(epochs=3, patience=None).epochs
        3
        """
        given = {name: value for name, value in options.items() if value is not None}
        return dataclasses.replace(self, **given)


_ANY = 1e9
_RANGES: dict[str, tuple[float, float]] = {
    "learning_rate": (0, _ANY),
    "encoder_learning_rate": (0, _ANY),
    "decay": (0, 1),
    "l2": (0, _ANY),
    "clip": (1e-12, _ANY),
    "batch_size": (2, _ANY),
    "dropout": (0, 0.99),
    "hidden": (1, 65_536),
    "epochs": (1, _ANY),
    "patience": (1, _ANY),
}

ISOCLR = FinetuneConfig(
    learning_rate=0.01,
    encoder_learning_rate=0.001,
    decay=0.95,
    l2=1e-5,
    batch_size=128,
    epochs=50,
    patience=8,
)
"""Fine-tuning as the paper's appendix A.5; batch, dropout and clip as its code.

Ours: a lower learning rate of pre-trained weights, the width of the new layers, and when to stop.
"""

SALUKI = FinetuneConfig(
    learning_rate=1e-4,
    encoder_learning_rate=1e-4,
    decay=1.0,
    betas=(0.9, 0.998),
    l2=1e-3,
    batch_size=64,
    epochs=250,
    min_epochs=100,
    patience=25,
    shift=3,
)
"""The rules of Saluki's released configuration."""


def rules_of(model: str, *, scratch: bool) -> FinetuneConfig:
    """The rules to start from.

    Args:
        model: ``saluki``, or anything else for an IsoCLR encoder.
        scratch: whether the encoder's weights are random too, and then learn as fast as the rest.
    """
    if model == "saluki":
        return SALUKI
    same = ISOCLR.learning_rate if scratch else None
    return ISOCLR.changed(encoder_learning_rate=same)


DEFAULT_SEEDS = 3
"""Random splits; a cross-validation trains every fold once."""


@dataclass(frozen=True, kw_only=True)
class SplitConfig:
    """How RNAs are dealt to trainings; the fields are options of :func:`isoclr.finetuning.finetune`."""

    split: SplitKind
    folds: int | None
    splits: int | None
    seeds: int | None
    seed: int
    train_share: float

    def __post_init__(self) -> None:
        """Refuse at once what could only fail later.

        Raises:
            InputError: naming the option.
        """
        if self.split == "fold" and self.folds is not None:
            raise InputError(
                "--folds is for random, homology and chromosome splits; --split fold takes the tables' own"
            )
        for name in ("splits", "seeds"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"--{name} {value}: expected 1 or more")
        if self.seed < 0:
            raise InputError(f"--seed {self.seed}: expected 0 or more")
        if not 0 < self.train_share <= 1:
            raise InputError(f"--train-share {self.train_share:g}: expected above 0 and up to 1")

    @property
    def in_folds(self) -> bool:
        """Whether every RNA is tested once."""
        return self.split == "fold" or self.folds is not None

    @property
    def repeats(self) -> int:
        """Number of random splits, or trainings of a fold."""
        return self.seeds or (1 if self.in_folds else DEFAULT_SEEDS)
