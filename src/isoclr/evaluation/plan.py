"""What a benchmark is made of: corpus, models, tasks, and studies with their scale."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from isoclr.probing.linear import Probe
from isoclr.tasks.splits import SplitKind
from isoclr.tasks.task import OntologyTask, Task

StudyName = Literal[
    "main", "low_data", "ontology", "latent", "mutagenesis", "finetuning", "ablations"
]
STUDIES: tuple[StudyName, ...] = (
    "main",
    "low_data",
    "ontology",
    "latent",
    "mutagenesis",
    "finetuning",
    "ablations",
)
"""In the order in which they run: what is cheap and tells most comes first."""

SHARES = (100.0, 50.0, 30.0, 10.0, 3.0, 1.0, 0.5)
"""Percentages of the training labels in the paper's Figure 3b (3 % is ours)."""


@dataclass(frozen=True)
class TrainedModel:
    """An encoder to evaluate.

    Attributes:
        name: what tables call it.
        path: its directory, the name of one that ships, or one of the hub.
    """

    name: str
    path: str


@dataclass(frozen=True)
class ExternalEmbeddings:
    """Embeddings that another model made of the same transcripts.

    Attributes:
        name: what tables call it.
        path: Parquet, npz or h5ad.
    """

    name: str
    path: Path


@dataclass(frozen=True)
class TaskEntry:
    """A task of the benchmark.

    Attributes:
        task: labels, species, RNAs.
        splits: how its samples are dealt to training and test.
        repeats: random, homology-aware or chromosome splits, each of its own seed.
        published: which of the paper's tasks this is, if one.
        chromosomes: annotations or tables that say where the genes lie, for a split by chromosome.
    """

    task: Task
    splits: tuple[SplitKind, ...]
    repeats: int
    published: str | None
    chromosomes: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        """Short, without spaces."""
        return self.task.name


@dataclass(frozen=True)
class Main:
    """Linear probes of embeddings beside simple baselines (the paper's Table 2)."""

    tasks: tuple[str, ...]
    methods: tuple[str, ...]
    probes: tuple[Probe, ...]


@dataclass(frozen=True)
class LowData:
    """The same with few training labels (Figure 3b)."""

    tasks: tuple[str, ...]
    methods: tuple[str, ...]
    shares: tuple[float, ...]
    repeats: int
    tuned_repeats: int
    """Repeats of the methods that train a network, which take longer."""
    options: Mapping[str, Any]
    """Of :func:`isoclr.finetuning.finetune`."""


@dataclass(frozen=True)
class Tuned:
    """Networks trained on the labels (Table 3)."""

    tasks: tuple[str, ...]
    splits: tuple[SplitKind, ...]
    """Of every task; none: the task's own."""
    methods: tuple[str, ...]
    seeds: int
    options: Mapping[str, Any]
    together: tuple[tuple[str, ...], ...] = ()
    """Tasks that one network learns at once, besides the networks of a single task."""


@dataclass(frozen=True)
class Ablation:
    """One pre-training run of Table 4.

    Attributes:
        name: what differs.
        corpus: options of :func:`isoclr.corpus.subset.subset`.
        pretrain: options of :func:`isoclr.pretraining.pretrain.pretrain` that differ from the others'.
    """

    name: str
    corpus: Mapping[str, Any]
    pretrain: Mapping[str, Any]


@dataclass(frozen=True)
class Ablations:
    """Pre-training with parts of the method left out, all for equally many steps (Table 4)."""

    tasks: tuple[str, ...]
    runs: tuple[Ablation, ...]
    pretrain: Mapping[str, Any]


@dataclass(frozen=True)
class Ontology:
    """Gene ontology terms, read by linear probes (Table 5, Figure 5)."""

    tasks: tuple[OntologyTask, ...]
    seeds: int
    supervised: str | None
    """A label's task: the encoder of a network trained on it from scratch stands beside the others."""
    options: Mapping[str, Any]
    """Of that training."""


@dataclass(frozen=True)
class Latent:
    """Maps of the embedding space, and what the nearest neighbours are (Figures 1, 3a, 6)."""

    tasks: tuple[str, ...]
    """Labels to colour by."""
    species: str | None
    ontology: OntologyTask | None
    """Terms to colour by."""
    sample: int
    """RNAs on the map."""
    queries: int
    """RNAs whose neighbours are looked for."""
    supervised: str | None
    """A label's task, as the ontology study's."""
    options: Mapping[str, Any]
    """Of that training."""


@dataclass(frozen=True)
class Mutagenesis:
    """What single bases and planted motifs do to a prediction."""

    tasks: tuple[str, ...]
    rnas: int
    """mRNAs that motifs are planted in."""
    shown: int
    """mRNAs whose every base is mutated."""


@dataclass(frozen=True)
class Plan:
    """A benchmark.

    Attributes:
        path: the plan file.
        corpus: the corpus' directory.
        models: encoders, the one that the others are compared with first.
        foreign: embeddings made elsewhere.
        data: the folder that the paths of tasks start from.
        tasks: by name.
        seed: of everything random.
        threads: of the CPU; None: as many as torch chooses.
        precision: of the embeddings.
    """

    path: Path
    corpus: Path
    models: tuple[TrainedModel, ...]
    foreign: tuple[ExternalEmbeddings, ...]
    data: Path | None
    tasks: Mapping[str, TaskEntry]
    seed: int
    threads: int | None
    precision: Literal["float32", "bf16"]
    main: Main | None
    low_data: LowData | None
    finetuning: Tuned | None
    ablations: Ablations | None
    ontology: Ontology | None
    latent: Latent | None
    mutagenesis: Mutagenesis | None

    @property
    def studies(self) -> tuple[StudyName, ...]:
        """Those that the plan asks for."""
        return tuple(name for name in STUDIES if getattr(self, name) is not None)
