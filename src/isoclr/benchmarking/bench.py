"""What all studies of one benchmark share: models, the samples of every task, and products, each made once."""

from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from isoclr.benchmarking.plan import Asked, Foreign, Plan, TrainedModel
from isoclr.benchmarking.prepared import Prepared, prepare, restricts
from isoclr.corpus import Corpus, open_corpus
from isoclr.embedding import Embeddings, read_embeddings
from isoclr.embedding.reading import parquet_files
from isoclr.errors import InputError
from isoclr.files import sha256
from isoclr.models import Encoder, load
from isoclr.tasks.rnas import Rnas, identity, of_corpus, of_task
from isoclr.tasks.splits import SplitKind

IN_MEMORY = 3
"""Embedding files kept in memory; of a whole corpus each takes a few hundred MB."""


class Bench:
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
        self._rnas: dict[str, Rnas] = {}
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

    def rnas(self, asked: Asked | None = None) -> Rnas:
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

    def samples(self, asked: Asked, split: SplitKind, repeats: int) -> Prepared:
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

    def restricted(self, asked: Asked) -> bool:
        """Whether a task has fewer samples, or others, because of the embeddings made elsewhere."""
        if asked.task.construct is not None:
            return False
        return restricts(asked.task, self.rnas(asked), self._known_to_all)

    def sample_inputs(self, asked: Asked, split: SplitKind, repeats: int) -> dict[str, Any]:
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

    def foreign(self, name: str) -> Foreign:
        """The embeddings of that name."""
        return next(one for one in self.plan.foreign if one.name == name)

    def foreign_embeddings(self, one: Foreign) -> Embeddings:
        """What another model made."""
        return self.read(one.path)

    @cached_property
    def _known_to_all(self) -> set[str] | None:
        """Transcripts that every foreign model has embedded; None when there is no foreign model."""
        sets = [set(self.read(one.path).table["transcript_id"]) for one in self.plan.foreign]
        return set.intersection(*sets) if sets else None
