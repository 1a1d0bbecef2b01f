"""What makes the weights what they are (the recipe), as against where and for how long a run goes on."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from isoclr.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The options that two halves of one run must share; a resumed run compares them with its checkpoint's.

    The fields are the options of :func:`isoclr.pretraining.pretrain` of the same names, with the same defaults.
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
