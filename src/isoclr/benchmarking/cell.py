"""The unit of work that is never done twice: one result, named by all that decides it."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from isoclr._version import __version__

if TYPE_CHECKING:
    import polars as pl

Row = dict[str, str | int | float | None]
"""One number with what it is of: columns of a tidy table."""


def name_of(kind: str, inputs: Mapping[str, Any]) -> str:
    """32 hex digits that name inputs by their content: other inputs, another name.

    >>> name_of("main", {"seed": 0}) == name_of("main", {"seed": 0})
    True
    >>> name_of("main", {"seed": 0}) == name_of("main", {"seed": 1})
    False
    """
    whole = {"kind": kind, "isoclr": __version__, "inputs": inputs}
    text = json.dumps(whole, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Outcome:
    """What a cell found.

    Attributes:
        rows: tidy rows.
        details: more that JSON can hold: results split by split, what was left out.
        tables: larger things by name: predictions, coordinates.
    """

    rows: Sequence[Row]
    details: Mapping[str, Any] = field(default_factory=dict)
    tables: "Mapping[str, pl.DataFrame]" = field(default_factory=dict)


@dataclass(frozen=True)
class Cell:
    """One result to be had.

    Attributes:
        study: which study it is of.
        title: what it is, for the person who waits.
        inputs: everything that decides the result: options, and files and weights by their SHA-256.
        compute: does the work.
    """

    study: str
    title: str
    inputs: Mapping[str, Any]
    compute: Callable[[], Outcome]

    @property
    def key(self) -> str:
        """Name of the result."""
        return name_of(self.study, self.inputs)
