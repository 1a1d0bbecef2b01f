"""The plan of an evaluation: corpus, models, tasks and studies, read from a TOML file."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from isoclr._config import Meta, read_toml
from isoclr._io import expand_user
from isoclr.corpus.subset import Grouping, Isoforms
from isoclr.errors import InputError
from isoclr.finetuning.config import FinetuneConfig
from isoclr.models.encoder import Precision
from isoclr.pretraining.config import PretrainConfig, PretrainRuntime
from isoclr.tasks.splits import SplitConfig, SplitKind
from isoclr.tasks.task import OntologyTask, Task, read_label_task, read_ontology_task

StudyName = Literal["main", "low_data", "ontology", "latent", "mutagenesis", "finetuning", "ablations"]
STUDIES: tuple[StudyName, ...] = get_args(StudyName)
"""In the order in which they run: cheap and informative ones first."""
FeatureKind = Literal[
    "embedding",
    "random-init",
    "k-mers",
    "length",
    "features",
    "k-mers+features",
    "trees",
    "trees+k-mers",
    "embedding+k-mers",
    "embedding+k-mers+features",
    "strong",
    "embedding+strong",
]
"""Frozen features that a probe reads."""
FEATURE_KINDS: tuple[FeatureKind, ...] = get_args(FeatureKind)
NetworkKind = Literal["fine-tuned", "last-stage", "supervised", "saluki"]  # Networks that are trained on labels
NETWORK_KINDS: tuple[NetworkKind, ...] = get_args(NetworkKind)
PUBLISHED = {"half-life-human": "half-life human", "half-life-mouse": "half-life mouse"}
"""Tasks whose labels are the paper's; its mean ribosome load is of other RNAs than ours."""

Count = Annotated[int, Meta(ge=1)]
Percentage = Annotated[float, Meta(gt=0, le=100)]


@dataclass(frozen=True, kw_only=True)
class ModelEntry:
    """An encoder to evaluate."""

    name: str
    path: str  # Directory of the model, or name of one that ships or is on the hub


@dataclass(frozen=True, kw_only=True)
class ExternalEmbeddings:
    """Embeddings of the same transcripts by another model."""

    name: str
    path: Path  # Parquet, npz or h5ad


@dataclass(frozen=True, kw_only=True)
class TaskEntry:
    """A task of the evaluation and how it is split."""

    task: Task
    split: tuple[SplitKind, ...]  # Kinds of splits
    splits: int  # Number of random, homology or chromosome splits
    published: str  # The paper's name of the task; none for other tasks
    chromosomes: tuple[Path, ...] = ()
    """Annotations or tables with the genes' chromosomes, for a split by chromosome."""

    @property
    def name(self) -> str:
        """Name of the task, without spaces."""
        return self.task.name

    def split_config(self, kind: SplitKind, seed: int, splits: int | None = None) -> SplitConfig:
        """The options of one kind of split; by default with the entry's own number of splits."""
        chromosomes = self.chromosomes if kind == "chromosome" else ()
        return SplitConfig(split=kind, splits=splits or self.splits, seed=seed, chromosomes=chromosomes)

    @property
    def strictest_split(self) -> SplitKind:
        """The strictest of its 70/15/15 splits: by gene set, else by chromosome, else by gene."""
        strict: tuple[SplitKind, ...] = ("homology", "chromosome")
        return next((kind for kind in strict if kind in self.split), "random")


@dataclass(frozen=True, kw_only=True)
class Main:
    """Linear probes of embeddings and of simple baselines (the paper's Table 2)."""

    tasks: tuple[str, ...] = ()  # Tasks; by default all
    methods: tuple[FeatureKind, ...] = FEATURE_KINDS  # Features
    probes: tuple[Literal["linear", "ridge"], ...] = ("ridge",)  # Probes of embeddings


@dataclass(frozen=True, kw_only=True)
class LowData:
    """Linear probes and networks with few training labels (Figure 3b)."""

    tasks: tuple[str, ...] = ()  # Tasks; by default all
    methods: tuple[FeatureKind | NetworkKind, ...] = ("embedding", "random-init", "k-mers")  # Features and networks
    percentages: tuple[Percentage, ...] = (100, 50, 30, 10, 3, 1, 0.5)
    """Percentages of the training labels (3 % is not in the paper)."""
    splits: Count = 10  # Splits, each with its own subset of the training labels
    network_splits: Count = 1  # Splits of the networks, which take longer
    finetune: FinetuneConfig = field(default_factory=FinetuneConfig)
    """Options of the networks' training, as of ``isoclr finetune``."""


@dataclass(frozen=True, kw_only=True)
class FineTuning:
    """Networks trained on the labels (Table 3)."""

    tasks: tuple[str, ...] = ()  # Tasks; by default all
    split: tuple[SplitKind, ...] = ()  # Kinds of splits of every task; by default the task's own
    methods: tuple[NetworkKind, ...] = ("fine-tuned", "supervised")
    splits: Count = 1  # Number of splits; in a cross-validation, trainings per fold
    finetune: FinetuneConfig = field(default_factory=FinetuneConfig)
    """Options of the training, as of ``isoclr finetune``."""
    multitask: tuple[tuple[str, ...], ...] = ()  # Groups of tasks that one network learns together


@dataclass(frozen=True, kw_only=True)
class CorpusOptions:
    """A part of the corpus, see :func:`isoclr.corpus.subset.subset`."""

    species: tuple[str, ...] = ()  # Species; by default all
    grouping: Grouping = "gene-sets"  # Pairs from gene sets, or from genes alone
    isoforms: Isoforms = "all"  # All isoforms, or one per gene


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """One pre-training run of Table 4."""

    name: str  # The difference from the whole method, as tables name it
    corpus: CorpusOptions = CorpusOptions()  # The RNAs and gene sets of the run
    pretrain: Mapping[str, Any] = field(default_factory=dict)  # Options that differ from the other runs'


@dataclass(frozen=True, kw_only=True)
class Ablations:
    """Pre-training with parts of the method left out, all for the same number of steps (Table 4)."""

    steps: Count  # Steps of every run
    run: tuple[Ablation, ...]  # The runs; the first is the whole method
    seeds: Count = 1  # Trainings of every run, with the plan's seed and those after it
    tasks: tuple[str, ...] = ()  # Tasks; by default all
    pretrain: PretrainConfig = field(default_factory=PretrainConfig)  # Options of all runs
    runtime: PretrainRuntime = field(default_factory=PretrainRuntime)  # How the runs are computed

    def config(self, run: Ablation, seed: int) -> PretrainConfig:
        """All options of a training of a run."""
        for name in run.pretrain:
            if name not in self.pretrain.flat() or name in ("batch_size", "init", "seed"):
                raise InputError(f"ablations.run {run.name!r}: pretrain.{name} is no option of a single run")
        return replace(self.pretrain, **{"seed": seed, **run.pretrain})


@dataclass(frozen=True, kw_only=True)
class Ontology:
    """Linear probes of Gene Ontology terms (Table 5, Figure 5)."""

    tasks: tuple[str, ...] = ("gene-ontology-human",)
    splits: Count = 5
    supervised: str | None = None  # Compare with the encoder of a network trained from scratch on this task
    finetune: FinetuneConfig = field(default_factory=FinetuneConfig)  # Options of that training


@dataclass(frozen=True, kw_only=True)
class Latent:
    """Maps of the embedding space, and its nearest neighbors (Figures 1, 3a, 6)."""

    tasks: tuple[str, ...] = ()  # Labels to color by; by default all
    species: str | None = None  # Species of the map; by default all
    ontology: str | None = None  # Gene Ontology task whose terms color the map
    sample: Annotated[int, Meta(ge=100)] = 5_000  # RNAs of the map
    queries: Count = 5_000  # RNAs whose neighbors are evaluated
    supervised: str | None = None  # Compare with the encoder of a network trained from scratch on this task
    finetune: FinetuneConfig = field(default_factory=FinetuneConfig)  # Options of that training


@dataclass(frozen=True, kw_only=True)
class Mutagenesis:
    """Effects of point mutations and of inserted motifs on a prediction."""

    tasks: tuple[str, ...] = ()  # Tasks; by default all but reporter assays
    sample: Count = 200  # mRNAs into which motifs are inserted
    scans: Annotated[int, Meta(ge=0)] = 1  # mRNAs whose every base is mutated


@dataclass(frozen=True, kw_only=True)
class Plan:
    """An evaluation."""

    path: Path
    corpus: Path
    data: Path | None  # Folder of the tasks' files
    seed: int  # Random seed of everything
    threads: int | None  # Number of CPU threads; None: PyTorch's choice
    precision: Precision  # Precision of the embeddings
    models: tuple[ModelEntry, ...]  # Encoders; the others are compared with the first
    external: tuple[ExternalEmbeddings, ...]  # Embeddings by other models
    tasks: Mapping[str, TaskEntry]  # Tasks by name
    ontologies: Mapping[str, OntologyTask]  # Gene Ontology tasks by the name that studies use
    studies: Mapping[StudyName, Any]  # The options of each study, in the order in which they run


@dataclass(frozen=True, kw_only=True)
class _Task:
    """``[[task]]`` of a plan file."""

    task: str
    split: tuple[SplitKind, ...] = ()
    splits: Count = 10
    published: str | None = None
    chromosomes: tuple[Path, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _File:
    """A plan file."""

    corpus: Path
    model: tuple[ModelEntry, ...]
    data: Path | None = None
    seed: Annotated[int, Meta(ge=0)] = 0
    threads: Count | None = None
    precision: Precision = "float32"
    embeddings: tuple[ExternalEmbeddings, ...] = ()
    task: tuple[_Task, ...] = ()
    main: Main | None = None
    low_data: LowData | None = None
    ontology: Ontology | None = None
    latent: Latent | None = None
    mutagenesis: Mutagenesis | None = None
    finetuning: FineTuning | None = None
    ablations: Ablations | None = None


def read_plan(path: Path) -> Plan:
    """Read a plan.

    Args:
        path: TOML file; paths in it are relative to it, and ``${NAME}`` in a path is an environment variable.
    """
    path = Path(path)
    file = read_toml(path, _File, what="the plan of an evaluation")
    try:
        return _resolve(path, file)
    except InputError as error:
        raise InputError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None


def _resolve(path: Path, file: _File) -> Plan:
    """The plan with its paths resolved and its names checked."""
    if not file.model:
        raise InputError("no [[model]], expected an encoder to evaluate")
    folder = path.parent
    data = None if file.data is None else _existing(folder, file.data, "data")
    entries = [_task(folder, entry, data) for entry in file.task]
    _refuse_repeats("[[task]]", [entry.name for entry in entries])
    _refuse_repeats(
        "[[model]] and [[embeddings]]", [*(one.name for one in file.model), *(one.name for one in file.embeddings)]
    )
    tasks = {entry.name: entry for entry in entries}
    studies: dict[StudyName, Any] = {
        name: _study(name, study, tasks) for name in STUDIES if (study := getattr(file, name)) is not None
    }
    if not studies:
        raise InputError(f"no study, expected one or more of {', '.join(STUDIES)}")
    return Plan(
        path=path,
        corpus=_existing(folder, file.corpus, "corpus"),
        data=data,
        seed=file.seed,
        threads=file.threads,
        precision=file.precision,
        models=tuple(replace(model, path=str(_own(folder, model.path))) for model in file.model),
        external=tuple(replace(one, path=_existing(folder, one.path, "embeddings.path")) for one in file.embeddings),
        tasks=tasks,
        ontologies=_ontologies(folder, studies, data),
        studies=studies,
    )


def _task(folder: Path, entry: _Task, data: Path | None) -> TaskEntry:
    task = read_label_task(_own(folder, entry.task, Path.is_file), data)
    return TaskEntry(
        task=task,
        split=entry.split or (task.split,),
        splits=entry.splits,
        published=entry.published or PUBLISHED.get(task.name, "none"),
        chromosomes=tuple(_existing(folder, one, "task.chromosomes") for one in entry.chromosomes),
    )


def _study(name: str, study: Any, tasks: Mapping[str, TaskEntry]) -> Any:
    """A study with its tasks, all if it names none."""
    if name != "ontology" and not study.tasks:
        own = (n for n, one in tasks.items() if not (name == "mutagenesis" and one.task.construct))
        study = replace(study, tasks=tuple(own))
    supervised = getattr(study, "supervised", None)
    multitask = getattr(study, "multitask", ())
    for task in (*(study.tasks if name != "ontology" else ()), *chain(*multitask), *filter(None, [supervised])):
        if task not in tasks:
            raise InputError(f"{name}: {task!r} is no task of the plan: {', '.join(tasks)}")
    for group in multitask:
        if len(group) < 2 or len(set(group)) < len(group):
            raise InputError(f"{name}.multitask: {list(group)}, expected two or more different tasks")
    config, default = getattr(study, "finetune", FinetuneConfig()), FinetuneConfig()
    for option in ("model", "scratch", "train", "train_fraction", "repeats", "max_splits"):
        if getattr(config, option) != getattr(default, option):
            raise InputError(f"{name}.finetune.{option}: is decided by the study")
    if config != default and hasattr(study, "supervised") and not supervised:
        raise InputError(f"{name}.finetune: needs {name}.supervised, the task to train on")
    if isinstance(study, Ablations):
        _refuse_repeats("[[ablations.run]]", [run.name for run in study.run])
        for run in study.run:
            study.config(run, 0)
    return study


def _ontologies(folder: Path, studies: Mapping[StudyName, Any], data: Path | None) -> dict[str, OntologyTask]:
    """The Gene Ontology tasks of all studies."""
    names = studies["ontology"].tasks if "ontology" in studies else ()
    tasks = {name: read_ontology_task(_own(folder, name, Path.is_file), data) for name in names}
    latent: Latent | None = studies.get("latent")
    if latent is not None and latent.ontology is not None:
        task = tasks[latent.ontology] = read_ontology_task(_own(folder, latent.ontology, Path.is_file), data)
        if latent.species not in (None, task.species):
            raise InputError(
                f"latent.ontology: {latent.ontology!r} is of {task.species}, expected terms of {latent.species}"
            )
    return tasks


def _refuse_repeats(table: str, names: Sequence[str]) -> None:
    """Tables could not distinguish two entries of one name."""
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{table}: the name {name!r} is given twice, expected different names")


def _existing(folder: Path, path: Path, key: str) -> Path:
    resolved = folder / Path(_expand(str(path))).expanduser()
    if not resolved.exists():
        raise InputError(f"{key}: {resolved} does not exist")
    return resolved


def _own(folder: Path, text: str, is_there: Callable[[Path], bool] = Path.exists) -> Path | str:
    """A path relative to the plan where there is one, else a name."""
    name = _expand(text)
    local = folder / expand_user(name)
    return local if is_there(local) else name


def _expand(text: str) -> str:
    """A text with the values of its environment variables ``${NAME}``."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise InputError(f"{text}: the environment variable {match[1]} is not set")
        return os.environ[match[1]]

    return re.sub(r"\$\{(\w+)\}", value, text)
