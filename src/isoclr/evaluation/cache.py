"""The unit of work that is never done twice: one result, named by all that decides it."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from isoclr._console import info, quiet
from isoclr._io import atomic_path, sha256
from isoclr._version import __version__
from isoclr.corpus.corpus import Corpus, open_corpus
from isoclr.embedding.embeddings import Embeddings
from isoclr.embedding.io import parquet_files, read_embeddings
from isoclr.errors import InputError
from isoclr.evaluation.plan import ExternalEmbeddings, Plan, TaskEntry, TrainedModel
from isoclr.models.encoder import Encoder
from isoclr.models.load import load
from isoclr.tasks._legacy import (
    Prepared,
    RnaSource,
    identity,
    of_corpus,
    of_task,
    prepare,
    restricts,
)
from isoclr.tasks.splits import SplitKind

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
class CachedResult:
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


IN_MEMORY = 3
"""Embedding files kept in memory; of a whole corpus each takes a few hundred MB."""


class Context:
    """One plan at work.

    Args:
        plan: what to do.
        out: the benchmark's directory.
    """

    def __init__(self, plan: Plan, out: Path) -> None:
        self.plan = plan
        self.out = out
        self._encoders: dict[str, Encoder] = {}
        self._digests: dict[Path, str] = {}
        self._rnas: dict[str, RnaSource] = {}
        self._prepared: dict[tuple[str, str, int], Prepared] = {}
        self.read = lru_cache(maxsize=IN_MEMORY)(read_embeddings)

    @cached_property
    def corpus(self) -> Corpus:
        """The corpus, opened."""
        return open_corpus(self.plan.corpus)

    @cached_property
    def identity(self) -> str:
        """Names the corpus by its content."""
        return identity(self.corpus)

    def encoder(self, model: TrainedModel) -> Encoder:
        """A model, loaded once."""
        if model.name not in self._encoders:
            self._encoders[model.name] = load(model.path)
        return self._encoders[model.name]

    def facts(self, model: TrainedModel) -> dict[str, Any]:
        """What decides a model's embeddings."""
        encoder = self.encoder(model)
        return {
            "model": encoder.name,
            "tracks": encoder.tracks,
            "pooling": encoder.network.architecture.pooling,
            "sha256": encoder.sha256,
        }

    def digest(self, path: Path) -> str:
        """SHA-256 of an input file, read once; of a directory of shards, those of all of them."""
        if path not in self._digests:
            if not path.exists():
                raise InputError(f"{path}: no such file, which {self.plan.path} needs")
            files = parquet_files(path) if path.is_dir() else [path]
            self._digests[path] = " ".join(sha256(file) for file in files)
        return self._digests[path]

    def rnas(self, asked: TaskEntry | None = None) -> RnaSource:
        """The corpus' RNAs, or those that a task brings along."""
        task = None if asked is None or asked.task.construct is None else asked.task
        name = "" if task is None else task.name
        if name not in self._rnas:
            if task is None:
                self._rnas[name] = of_corpus(self.corpus)
            else:
                digest = f"{self.digest(task.table)} {self.digest(task.source)}"
                self._rnas[name] = of_task(task, digest)
        return self._rnas[name]

    def samples(self, asked: TaskEntry, split: SplitKind, repeats: int) -> Prepared:
        """A task's samples, dealt to training and test; made once."""
        key = (asked.name, split, repeats)
        if key not in self._prepared:
            self._prepared[key] = prepare(
                asked.task,
                self.rnas(asked),
                split=split,
                repeats=repeats,
                seed=self.plan.seed,
                shared=None if asked.task.construct else self._known_to_all,
                chromosomes=asked.chromosomes,
            )
        return self._prepared[key]

    def restricted(self, asked: TaskEntry) -> bool:
        """Whether a task has fewer samples, or others, because of the embeddings made elsewhere."""
        if asked.task.construct is not None:
            return False
        return restricts(asked.task, self.rnas(asked), self._known_to_all)

    def sample_inputs(self, asked: TaskEntry, split: SplitKind, repeats: int) -> dict[str, Any]:
        """What decides a task's samples and how they are dealt."""
        task = asked.task
        inputs = {
            "task": task.name,
            "labels": self.digest(task.table),
            "task_file": self.digest(task.source),
            "split": split,
            "repeats": repeats,
            "seed": self.plan.seed,
            "corpus": self.identity,
            "shared_with": sorted(self.digest(other.path) for other in self.plan.foreign),
        }
        if split == "chromosome" and asked.chromosomes:
            inputs["chromosomes"] = [self.digest(path) for path in asked.chromosomes]
        return inputs

    def foreign(self, name: str) -> ExternalEmbeddings:
        """The embeddings of that name."""
        return next(one for one in self.plan.foreign if one.name == name)

    def foreign_embeddings(self, one: ExternalEmbeddings) -> Embeddings:
        """What another model made."""
        return self.read(one.path)

    @cached_property
    def _known_to_all(self) -> set[str] | None:
        """Transcripts that every foreign model has embedded; None when there is no foreign model."""
        sets = [set(self.read(one.path).table["transcript_id"]) for one in self.plan.foreign]
        return set.intersection(*sets) if sets else None


def _exists(path: Path) -> bool:
    return path.exists()


@dataclass(frozen=True)
class Artifact:
    """A file or directory that can be made when it is needed.

    Attributes:
        folder: where the benchmark keeps its kind.
        title: what it is, for the person who waits.
        inputs: everything that decides its content.
        make: writes it to a path, under that name only when whole (or so that it can be resumed).
        suffix: of its name.
        whole: whether it is there and complete.
    """

    folder: Path
    title: str
    inputs: Mapping[str, Any]
    make: Callable[[Path], object]
    suffix: str = ""
    whole: Callable[[Path], bool] = _exists

    @property
    def key(self) -> str:
        """Its content's name, known before it is made."""
        return name_of(self.folder.name, self.inputs)

    def path(self) -> Path:
        """Its path; it is made first when it is not there."""
        path = self.folder / f"{self.key}{self.suffix}"
        if not self.whole(path):
            info(f"  {self.title}")
            path.parent.mkdir(parents=True, exist_ok=True)
            with quiet():
                self.make(path)
        return path


FOLDER = "cells"


@dataclass(frozen=True)
class Stored:
    """A result read back.

    Attributes:
        path: its file.
        title: what it is.
        inputs: what decided it.
        rows: tidy rows.
        details: more, see :class:`isoclr.evaluation.cache.Outcome`.
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

    def has(self, cell: CachedResult) -> bool:
        """Whether the result is there."""
        return self._path(cell).is_file()

    def write(self, cell: CachedResult, outcome: Outcome, seconds: float) -> None:
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

    def read(self, cell: CachedResult) -> Stored:
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

    def _path(self, cell: CachedResult) -> Path:
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
