"""The results that are there: one JSON file a cell, whole or absent."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from isoclr._version import __version__
from isoclr.benchmarking.cell import Cell, Outcome, Row
from isoclr.errors import InputError
from isoclr.files import atomic_path

FOLDER = "cells"


@dataclass(frozen=True)
class Stored:
    """A result read back.

    Attributes:
        path: its file.
        title: what it is.
        inputs: what decided it.
        rows: tidy rows.
        details: more, see :class:`isoclr.benchmarking.cell.Outcome`.
        seconds: how long it took.
    """

    path: Path
    title: str
    inputs: Mapping[str, Any]
    rows: list[Row]
    details: Mapping[str, Any]
    seconds: float

    def table(self, name: str) -> pl.DataFrame:
        """One of the larger things that came with it."""
        return pl.read_parquet(self.path.with_suffix(f".{name}.parquet"))


class Store:
    """Results of one benchmark's directory.

    Args:
        out: the benchmark's directory.
    """

    def __init__(self, out: Path) -> None:
        self.folder = out / FOLDER

    def has(self, cell: Cell) -> bool:
        """Whether the result is there."""
        return self._path(cell).is_file()

    def write(self, cell: Cell, outcome: Outcome, seconds: float) -> None:
        """Keep a result: its tables first, the JSON file, whose presence says that all is there, last."""
        path = self._path(cell)
        for name, table in outcome.tables.items():
            with atomic_path(path.with_suffix(f".{name}.parquet")) as partial:
                table.write_parquet(partial, compression="zstd")
        text = json.dumps(
            {
                "study": cell.study,
                "title": cell.title,
                "isoclr": __version__,
                "inputs": cell.inputs,
                "seconds": round(seconds, 3),
                "rows": _finite(outcome.rows),
                "details": _finite(outcome.details),
                "tables": sorted(outcome.tables),
            },
            indent=1,
            ensure_ascii=False,
            allow_nan=False,
        )
        with atomic_path(path) as partial:
            partial.write_text(text + "\n", encoding="utf-8")

    def read(self, cell: Cell) -> Stored:
        """A result that is there.

        Raises:
            InputError: the file was damaged.
        """
        path = self._path(cell)
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            kept = (found[key] for key in ("title", "inputs", "rows", "details", "seconds"))
            return Stored(path, *kept)
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path}: damaged ({error}), expected a benchmark's result; remove it to compute it again"
            ) from None

    def _path(self, cell: Cell) -> Path:
        return self.folder / cell.study / f"{cell.key}.json"


def _finite(value: Any) -> Any:
    """The same as JSON can hold it: numbers of numpy as numbers, null for what is no number."""
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
