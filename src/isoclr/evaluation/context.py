"""What the studies of one evaluation share: corpus, models, embeddings and datasets, each read once."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

from isoclr._io import sha256
from isoclr.corpus.corpus import Corpus, open_corpus
from isoclr.embedding.io import parquet_files, read_embeddings
from isoclr.errors import InputError
from isoclr.evaluation.plan import ModelEntry, Plan, TaskEntry
from isoclr.models.encoder import Encoder
from isoclr.models.load import load
from isoclr.tasks.dataset import LabelledRnas, LabelSpec, join_rnas, label_rnas
from isoclr.tasks.metrics import CLASSES, QUANTITY, Metric
from isoclr.tasks.rnas import RnaSource, rnas_of_corpus, rnas_of_task
from isoclr.tasks.splits import Split, SplitConfig

IN_MEMORY = 3  # Embedding files kept in memory; those of a whole corpus take a few hundred MB each


@dataclass(frozen=True)
class Dataset:
    """The samples and splits that all methods of a task share."""

    entry: TaskEntry
    config: SplitConfig
    source: RnaSource  # All RNAs that samples can be
    rnas: LabelledRnas
    splits: list[Split]  # Training and test parts
    metrics: Mapping[str, Metric]  # Metrics to report, the main one first


class Context:
    """A plan at work."""

    def __init__(self, plan: Plan, out: Path) -> None:
        self.plan = plan
        self.out = out
        self._sources: dict[str, RnaSource] = {}
        self._datasets: dict[tuple[str, SplitConfig], Dataset] = {}
        self.read = lru_cache(maxsize=IN_MEMORY)(read_embeddings)
        self.load = cache(load)
        self.digest = cache(self._digest)

    @cached_property
    def corpus(self) -> Corpus:
        """The corpus, opened."""
        return open_corpus(self.plan.corpus)

    @cached_property
    def corpus_identity(self) -> str:
        """Checksums of the corpus."""
        return self.corpus.checksums()

    def encoder(self, model: ModelEntry) -> Encoder:
        """A model, loaded once."""
        return self.load(model.path)

    def model_inputs(self, model: ModelEntry) -> dict[str, Any]:
        """What decides a model's embeddings."""
        encoder = self.encoder(model)
        return {
            "model": encoder.name,
            "tracks": encoder.tracks,
            "pooling": encoder.network.architecture.pooling,
            "sha256": encoder.sha256,
        }

    def _digest(self, path: Path) -> str:
        """SHA-256 of an input file; of a directory of shards, those of all of them."""
        if not path.exists():
            raise InputError(f"{path}: not found, but {self.plan.path} needs it")
        return " ".join(sha256(file) for file in (parquet_files(path) if path.is_dir() else [path]))

    def source(self, entry: TaskEntry | None = None) -> RnaSource:
        """The RNAs of the corpus, or the constructs of a reporter assay."""
        task = None if entry is None or entry.task.construct is None else entry.task
        name = "" if task is None else task.name
        if name not in self._sources:
            if task is None:
                self._sources[name] = rnas_of_corpus(self.corpus)
            else:
                identity = f"{self.digest(task.table)} {self.digest(task.source)}"
                self._sources[name] = rnas_of_task(task, identity)
        return self._sources[name]

    def dataset(self, entry: TaskEntry, config: SplitConfig) -> Dataset:
        """A task's samples and splits, made once."""
        key = (entry.name, config)
        if key not in self._datasets:
            spec, source = _spec(entry), self.source(entry)
            if config.kind == "homology" and source.corpus is None:
                raise InputError(f"{entry.task.source}: reporter constructs have no homologs; expected another split")
            among = None if spec.reporter else self._common_transcripts
            rnas = label_rnas([spec], [source], config, among=among)
            metrics = CLASSES if spec.labels.binary else QUANTITY
            self._datasets[key] = Dataset(entry, config, source, rnas, rnas.split(config), metrics)
        return self._datasets[key]

    def dataset_inputs(self, entry: TaskEntry, config: SplitConfig) -> dict[str, Any]:
        """What decides a task's samples and splits."""
        task = entry.task
        inputs: dict[str, Any] = {
            "task": task.name,
            "labels": self.digest(task.table),
            "task_file": self.digest(task.source),
            "split": config.kind,
            "splits": config.splits,
            "seed": config.seed,
            "corpus": self.corpus_identity,
            "shared_with": sorted(self.digest(other.path) for other in self.plan.external),
        }
        if config.chromosomes:
            inputs["chromosomes"] = [self.digest(path) for path in config.chromosomes]
        return inputs

    def is_restricted(self, entry: TaskEntry) -> bool:
        """Whether a task loses or changes samples because external embeddings lack some RNAs."""
        if entry.task.construct is not None or self._common_transcripts is None:
            return False
        spec, source = _spec(entry), self.source(entry)
        some, every = (
            join_rnas(spec, source, among)[0].table["transcript_id"] for among in (self._common_transcripts, None)
        )
        return not some.equals(every)

    @cached_property
    def _common_transcripts(self) -> set[str] | None:
        """Transcripts that all external embeddings have; None without external embeddings."""
        sets = [set(self.read(one.path).table["transcript_id"]) for one in self.plan.external]
        return set.intersection(*sets) if sets else None


def _spec(entry: TaskEntry) -> LabelSpec:
    task = entry.task
    return LabelSpec(task.labels(), task.name, task.species, task.rnas, task)
