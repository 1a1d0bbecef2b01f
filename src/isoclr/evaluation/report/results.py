"""What a benchmark left in its directory, as the page reads it."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from isoclr.errors import InputError


@dataclass(frozen=True)
class Results:
    """The directory of a benchmark.

    Attributes:
        folder: it holds ``results/*.csv``, ``results/manifest.json`` and ``tables/*.parquet``.
    """

    folder: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """Versions, machine, inputs, tasks, models.

        Raises:
            InputError: it is not there.
        """
        path = self.folder / "results" / "manifest.json"
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path}: not readable ({error}), expected a benchmark's manifest"
            ) from None
        return found

    def rows(self, name: str) -> pl.DataFrame:
        """The tidy rows of one CSV file; an empty table when there is none."""
        path = self.folder / "results" / f"{name}.csv"
        if not path.is_file() or path.stat().st_size < 2:
            return pl.DataFrame()
        return pl.read_csv(path, infer_schema_length=None)

    def text(self, name: str) -> str:
        """A CSV file as it is."""
        path = self.folder / "results" / f"{name}.csv"
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def large(self, name: str) -> pl.DataFrame:
        """One of the larger tables; empty when there is none."""
        path = self.folder / "tables" / f"{name}.parquet"
        return pl.read_parquet(path) if path.is_file() else pl.DataFrame()

    def title(self, task: str) -> str:
        """A task's name for people."""
        found = self.manifest["tasks"].get(task, {})
        title = str(found.get("title", task))
        return title[:1].upper() + title[1:]

    def published_as(self, task: str) -> str:
        """Which of the paper's tasks a task is; ``none`` when it is none of them."""
        return str(self.manifest["tasks"].get(task, {}).get("published", "none"))

    @property
    def model(self) -> str:
        """The model that all others are compared with."""
        return str(next(iter(self.manifest["models"])))
