"""The output directory of an evaluation, as the page reads it."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from isoclr.errors import InputError

PAGE = "report.html"


@dataclass(frozen=True)
class Results:
    """The files of an evaluation."""

    folder: Path  # Holds results/*.csv, results/manifest.json and tables/*.parquet

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """Versions, machine, inputs, tasks and models."""
        path = self.folder / "results" / "manifest.json"
        try:
            manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path}: not readable ({error}), expected the manifest of an evaluation"
            ) from None
        return manifest

    def rows(self, name: str) -> pl.DataFrame:
        """The rows of one CSV file; an empty table when there is none."""
        text = self.text(f"{name}.csv")
        if len(text) < 2:
            return pl.DataFrame()
        return pl.read_csv(text.encode(), infer_schema_length=None)

    def text(self, file: str) -> str:
        """A file of ``results`` as it is; empty when there is none."""
        path = self.folder / "results" / file
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def large(self, name: str) -> pl.DataFrame:
        """One of the larger tables; empty when there is none."""
        path = self.folder / "tables" / f"{name}.parquet"
        return pl.read_parquet(path) if path.is_file() else pl.DataFrame()

    def title(self, task: str) -> str:
        """A task's title; any other name as it is."""
        if task not in self.manifest["tasks"]:
            return task
        title = str(self.manifest["tasks"][task].get("title", task))
        return title[:1].upper() + title[1:]

    def published_as(self, task: str) -> str:
        """The paper's name of a task; ``none`` for other tasks."""
        return str(self.manifest["tasks"].get(task, {}).get("published", "none"))

    @property
    def model(self) -> str:
        """The first model, which the others are compared with."""
        return str(next(iter(self.manifest["models"])))
