"""What an evaluation keeps: results and files, each under a name made of everything that decides it."""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl

from isoclr._config import read_json
from isoclr._console import info, quiet
from isoclr._io import write_table
from isoclr._report import Row, write_json
from isoclr._version import __version__
from isoclr.errors import InputError


def content_name(kind: str, inputs: Mapping[str, Any]) -> str:
    """32 hex digits that name inputs by their content: other inputs give another name.

    >>> content_name("main", {"seed": 0}) == content_name("main", {"seed": 0})
    True
    >>> content_name("main", {"seed": 0}) == content_name("main", {"seed": 1})
    False
    """
    whole = {"kind": kind, "isoclr": __version__, "inputs": inputs}
    text = json.dumps(whole, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Artifact:
    """A file or directory that is made when it is first needed, such as embeddings or a trained network."""

    folder: Path  # Directory of its kind
    title: str  # What it is, for progress messages
    inputs: Mapping[str, Any]  # Everything that decides its content
    make: Callable[[Path], object]  # Writes it to a path
    suffix: str = ""
    marker: str = ""  # The file of a directory that is written last: without it, the directory is incomplete
    resumable: bool = False  # Whether making it continues from an incomplete directory; otherwise that is removed first

    @property
    def key(self) -> str:
        """Name of its content, known before it is made."""
        return content_name(self.folder.name, self.inputs)

    def path(self) -> Path:
        """Its path; it is made first if it is missing or incomplete."""
        path = self.folder / f"{self.key}{self.suffix}"
        if not (path / self.marker).exists():
            info(f"  {self.title}")
            if path.is_dir() and not self.resumable:
                shutil.rmtree(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            with quiet():
                self.make(path)
        return path


@dataclass(frozen=True)
class Outcome:
    """The content of a result."""

    rows: Sequence[Row]  # Tidy rows
    details: Mapping[str, Any] = field(default_factory=dict)
    """Anything else that JSON can hold, such as metrics by split."""
    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    """Larger tables by name: predictions, coordinates."""


@dataclass(frozen=True)
class CachedResult:
    """One result of a study, computed once."""

    study: str  # Name of the study
    title: str  # What it is, for progress messages
    inputs: Mapping[str, Any]  # Everything that decides the result: options, and files and weights by their SHA-256
    compute: Callable[[], Outcome]

    @property
    def key(self) -> str:
        """Name of its content, known before it is computed."""
        return content_name(self.study, self.inputs)


@dataclass(frozen=True)
class _File:
    """What is read of the JSON file of a result."""

    rows: list[dict[str, Any]]
    details: dict[str, Any]
    seconds: float


@dataclass(frozen=True)
class StoredResult:
    """A result read from the cache."""

    path: Path  # Its JSON file
    rows: list[Row]  # Tidy rows
    details: Mapping[str, Any]  # See Outcome
    seconds: float  # How long it took

    def table(self, name: str) -> pl.DataFrame:
        """One of its larger tables."""
        return pl.read_parquet(self.path.with_suffix(f".{name}.parquet"))


class Store:
    """The results in an evaluation's directory."""

    def __init__(self, out: Path) -> None:
        self.folder = out / "cache"

    def has(self, result: CachedResult) -> bool:
        """Whether the result is there."""
        return self._path(result).is_file()

    def write(self, result: CachedResult, outcome: Outcome, seconds: float) -> None:
        """Keep a result: its tables first, then the JSON file, whose presence shows that all is there."""
        path = self._path(result)
        for name, table in outcome.tables.items():
            write_table(table, path.with_suffix(f".{name}.parquet"))
        content = {
            "study": result.study,
            "title": result.title,
            "isoclr": __version__,
            "inputs": result.inputs,
            "seconds": round(seconds, 3),
            "rows": outcome.rows,
            "details": outcome.details,
            "tables": sorted(outcome.tables),
        }
        write_json(path, msgspec.to_builtins(content, enc_hook=np.generic.item, str_keys=True))

    def read(self, result: CachedResult) -> StoredResult:
        """A result that is there."""
        path = self._path(result)
        try:
            file = read_json(path, _File, what="a result of an evaluation")
        except InputError as error:
            raise InputError(f"{error}; remove the file to compute it again") from None
        return StoredResult(path, file.rows, file.details, file.seconds)

    def _path(self, result: CachedResult) -> Path:
        return self.folder / result.study / f"{result.key}.json"
