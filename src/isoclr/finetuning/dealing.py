"""How RNAs are dealt to training, validation and test parts, and how often."""

from dataclasses import dataclass

from isoclr.errors import InputError
from isoclr.tasks.splits import SplitKind

DEFAULT_SEEDS = 3
"""Random splits; a cross-validation trains every fold once."""


@dataclass(frozen=True, kw_only=True)
class Dealing:
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
