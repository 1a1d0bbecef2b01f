"""What the page shows: the output directory of an evaluation, and the published numbers of the paper."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from isoclr.errors import InputError

PAGE = "report.html"
COLORINGS = "map_colorings.json"
"""File of ``tables``: for every coloring, numbers or classes, and whether a logarithmic scale suits them."""


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
            raise InputError(f"{path}: not readable ({error}), expected the manifest of an evaluation") from None
        return manifest

    def rows(self, name: str, **where: str) -> pl.DataFrame:
        """The rows of one CSV file with these values in columns; an empty table when there is no file."""
        text = self.text(f"{name}.csv")
        if len(text) < 2:
            return pl.DataFrame()
        rows = pl.read_csv(text.encode(), infer_schema_length=None)
        return rows.filter(**where) if where else rows

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


# --- Published numbers (Fradkin et al. 2023, arXiv:2310.08738), shown for orientation ---


class Published(NamedTuple):
    """Pearson's R and mean squared error of z-scored labels; ``spread`` is the ± of R over runs, where given."""

    r: float
    mse: float
    spread: float | None = None


HUMAN, MOUSE = "half-life human", "half-life mouse"

LINEAR_PROBE: dict[str, dict[str, Published]] = {
    "IsoCLR-S": {HUMAN: Published(0.6476, 0.5860), MOUSE: Published(0.6565, 0.5843)},
    "IsoCLR-M": {HUMAN: Published(0.6647, 0.5623), MOUSE: Published(0.6633, 0.5750)},
    "IsoCLR-L": {HUMAN: Published(0.6564, 0.5736), MOUSE: Published(0.6568, 0.5845)},
    "DNABERT-2": {HUMAN: Published(0.4375, 0.8417), MOUSE: Published(0.3781, 0.8304)},
    "NT-500m-1000g": {HUMAN: Published(0.2463, 1.0280), MOUSE: Published(0.2953, 0.9826)},
    "NT-500m-human-ref": {HUMAN: Published(0.4093, 0.8954), MOUSE: Published(0.4006, 0.8489)},
    "NT-2.5b-1000g": {HUMAN: Published(0.4099, 0.8914), MOUSE: Published(0.3745, 0.8549)},
    "NT-2.5b-multi-species": {HUMAN: Published(0.4752, 0.8862), MOUSE: Published(0.4426, 0.8807)},
    "HyenaDNA-32k": {HUMAN: Published(0.4532, 0.8273), MOUSE: Published(0.4449, 0.7728)},
    "HyenaDNA-160k": {HUMAN: Published(0.4595, 0.8053), MOUSE: Published(0.4589, 0.7876)},
    "HyenaDNA-450k": {HUMAN: Published(0.4462, 0.7996), MOUSE: Published(0.4602, 0.7989)},
    "RNA-FM": {HUMAN: Published(0.4729, 0.7849), MOUSE: Published(0.4384, 0.8305)},
}
"""Table 2: linear regression on frozen embeddings, one random 70/15/15 split."""

FINE_TUNED: dict[str, dict[str, Published]] = {
    "IsoCLR-S": {HUMAN: Published(0.76, 0.44, 0.008), MOUSE: Published(0.70, 0.53, 0.01)},
    "IsoCLR-M": {HUMAN: Published(0.74, 0.48, 0.007), MOUSE: Published(0.69, 0.56, 0.02)},
    "HyenaDNA-tiny": {HUMAN: Published(0.47, 0.79, 0.009), MOUSE: Published(0.48, 0.79, 0.02)},
    "HyenaDNA-small": {HUMAN: Published(0.46, 0.78, 0.005), MOUSE: Published(0.48, 0.78, 0.008)},
    "Supervised-S": {HUMAN: Published(0.71, 0.50, 0.008), MOUSE: Published(0.66, 0.59, 0.003)},
    "Supervised-M": {HUMAN: Published(0.63, 0.53, 0.03), MOUSE: Published(0.69, 0.64, 0.02)},
    "Saluki": {HUMAN: Published(0.76, 0.44, 0.01), MOUSE: Published(0.70, 0.55, 0.03)},
}
"""Table 3: networks trained on the labels."""

PUBLISHED = {"main": LINEAR_PROBE, "finetuning": FINE_TUNED}  # By study

CORPUS: list[tuple[int, int, int, float, float]] = [
    (10, 228_800, 926_628, 4.0, 0.29),
    (2, 65_600, 286_390, 4.36, 0.41),
    (1, 42_800, 222_492, 5.19, 0.51),
]
"""Table 1: species, gene sets, transcripts, transcripts a gene set, share of gene sets with two or more."""
