"""The methods that probe frozen features, and the files behind them: models, corpora, runs and embeddings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isoclr.baselines.features import (
    Embedder,
    KmersAndCodons,
    Length,
    SequenceFeatures,
    StrongFeatures,
    embed_with_progress,
)
from isoclr.corpus.subset import subset
from isoclr.embedding.embed import embed
from isoclr.embedding.embeddings import Embeddings
from isoclr.errors import InputError
from isoclr.evaluation.cache import Artifact
from isoclr.evaluation.context import Context, Dataset
from isoclr.evaluation.plan import CorpusOptions, ExternalEmbeddings, FeatureKind, ModelEntry, TaskEntry
from isoclr.models.encoder import CONFIG, create
from isoclr.pretraining.config import Budget, PretrainConfig, PretrainRuntime
from isoclr.pretraining.pretrain import CHECKPOINT, pretrain
from isoclr.probing.linear import Probe, ProbeKind
from isoclr.tasks.task import Task

Features = NDArray[np.float32]
MakesPath = Callable[[], Path | str]
RANDOM_INIT = "random-init encoder"


# --- Files ---


def untrained(context: Context, like: ModelEntry) -> Artifact:
    """A randomly initialized encoder of a model's architecture."""
    inputs = {k: v for k, v in context.model_inputs(like).items() if k != "sha256"}
    inputs["seed"] = context.plan.seed
    options = {name: inputs[name] for name in ("tracks", "pooling", "seed")}
    return Artifact(
        context.out / "models",
        f"an untrained {inputs['model']}",
        inputs,
        lambda path: create(inputs["model"], **options).save(path),
        marker=CONFIG,
    )


def embeddings(context: Context, model: ModelEntry, entry: TaskEntry | None = None) -> Artifact:
    """Embeddings by a model of the corpus, or of a task's reporter constructs."""
    inputs = context.model_inputs(model)
    return _embeddings(context, model.name, lambda: model.path, inputs, entry)


def untrained_embeddings(context: Context, like: ModelEntry, entry: TaskEntry | None = None) -> Artifact:
    """The same by a randomly initialized encoder of the model's architecture."""
    model = untrained(context, like)
    return _embeddings(context, model.title, model.path, {"untrained": model.key}, entry)


def run_embeddings(context: Context, run: Artifact, corpus: Artifact) -> Artifact:
    """Embeddings of a part of the corpus by the encoder of a pre-training run."""
    title, inputs = f"embedding by the model of {run.title}", {"run": run.key, "corpus": corpus.key}
    return _embedded(context, title, inputs, run.path, corpus.path)


def network_embeddings(context: Context, network: Artifact, name: str) -> Artifact:
    """Embeddings of the corpus by the encoder of a network that was trained on labels."""
    return _embeddings(context, name, lambda: network.path() / "encoder", {"network": network.key})


def corpus_part(context: Context, options: CorpusOptions, title: str) -> Artifact:
    """The corpus with fewer species or isoforms, or without homology."""
    return Artifact(
        context.out / "corpora",
        title,
        {"corpus": context.corpus_identity, **asdict(options)},
        lambda path: subset(context.plan.corpus, out=path, **asdict(options)),
        marker="corpus.json",
    )


def corpus_of_transcripts(context: Context, names: list[str], title: str) -> Artifact:
    """The part of the corpus with some transcripts."""

    def make(path: Path) -> None:
        file = path.with_suffix(".txt")
        file.write_text("\n".join(names) + "\n", encoding="utf-8")
        subset(context.plan.corpus, out=path, transcripts=file)

    inputs = {"corpus": context.corpus_identity, "names": names}
    return Artifact(context.out / "corpora", title, inputs, make, marker="corpus.json")


def pretraining(
    context: Context, corpus: Artifact | None, config: PretrainConfig, steps: int, runtime: PretrainRuntime, title: str
) -> Artifact:
    """A pre-training run on the corpus or a part of it; a stopped run is continued."""

    def make(path: Path) -> None:
        run = pretrain(
            context.plan.corpus if corpus is None else corpus.path(),
            out=path,
            config=config,
            budget=Budget(steps=steps),
            runtime=replace(runtime, threads=runtime.threads or context.plan.threads),
            resume=True,
        )
        if run.stopped_by:
            raise KeyboardInterrupt
        (path / CHECKPOINT).unlink(missing_ok=True)  # 80 MB that only a stopped run needs

    identity = context.corpus_identity if corpus is None else corpus.key
    inputs = {"corpus": identity, "steps": steps, **config.flat()}
    return Artifact(context.out / "runs", title, inputs, make, marker=CONFIG, resumable=True)


def _embeddings(
    context: Context, name: str, model: MakesPath, inputs: Mapping[str, Any], entry: TaskEntry | None = None
) -> Artifact:
    source = context.source(entry)
    constructs = None if source.corpus is not None or entry is None else entry.task
    title = f"embedding {'the corpus' if constructs is None else constructs.name} by {name}"
    inputs = {**inputs, "rnas": source.identity}
    return _embedded(context, title, inputs, model, lambda: context.plan.corpus, constructs)


def _embedded(
    context: Context,
    title: str,
    inputs: Mapping[str, Any],
    model: MakesPath,
    corpus: MakesPath,
    constructs: Task | None = None,
) -> Artifact:
    """A file of embeddings of a corpus or of reporter constructs, in the plan's precision."""
    plan = context.plan

    def make(path: Path) -> None:
        fasta = path.with_suffix(".fa")
        if constructs is not None:
            constructs.write_fasta(fasta)
        rnas = corpus() if constructs is None else fasta
        embed((rnas,), model=str(model()), out=path, precision=plan.precision, threads=plan.threads)
        fasta.unlink(missing_ok=True)

    return Artifact(context.out / "embeddings", title, {**inputs, "precision": plan.precision}, make, ".parquet")


# --- Methods ---


class Mixture(NamedTuple):
    """Simple features side by side, alone or with an embedding."""

    parts: tuple[str, ...]
    probe: ProbeKind
    name: str  # Name in tables; {} stands for the model


MIXTURES: Mapping[str, Mixture] = {
    "k-mers": Mixture(("k-mers",), "ridge", KmersAndCodons.name),
    "length": Mixture(("length",), "ridge", Length.name),
    "features": Mixture(("features",), "ridge", SequenceFeatures.name),
    "k-mers+features": Mixture(("k-mers", "features"), "ridge", "k-mers + features"),
    "trees": Mixture(("features",), "trees", "trees on features"),
    "trees+k-mers": Mixture(("k-mers", "features"), "trees", "trees on k-mers + features"),
    "embedding+k-mers": Mixture(("embedding", "k-mers"), "ridge", "{} + k-mers"),
    "embedding+k-mers+features": Mixture(("embedding", "k-mers", "features"), "ridge", "{} + k-mers + features"),
    "strong": Mixture(("strong",), "grouped", StrongFeatures.name),
    "embedding+strong": Mixture(("embedding", "strong"), "grouped", f"{{}} + {StrongFeatures.name}"),
}
_EMBEDDERS: Mapping[str, Callable[[], Embedder]] = {
    "k-mers": KmersAndCodons,
    "length": Length,
    "features": SequenceFeatures,
    "strong": StrongFeatures,
}


@dataclass(frozen=True)
class FrozenMethod:
    """Frozen features and the probe that reads them."""

    name: str  # Name in tables
    probe: ProbeKind
    inputs: Mapping[str, Any]  # What decides the features, apart from the samples
    features: Callable[[Dataset], Features]  # Features (n, d) of a dataset
    blocks: tuple[int, ...] = ()  # Widths of the last blocks of features, for a probe with a penalty for each


def frozen_methods(
    context: Context, entry: TaskEntry, kinds: Sequence[FeatureKind], probes: Sequence[Probe]
) -> list[FrozenMethod]:
    """The methods of a task, every model's embedding first.

    Args:
        probes: Probes of embeddings; simple features are many and correlated and always get a penalty.
    """

    def embedded(probe: Probe) -> list[FrozenMethod]:
        models = context.plan.models
        return [_of_artifact(context, one.name, probe, embeddings(context, one, entry)) for one in models]

    methods: list[FrozenMethod] = []
    for probe in probes:
        for kind in kinds:
            if kind == "embedding":
                methods += embedded(probe)
            elif kind == "random-init":
                untrained = untrained_embeddings(context, context.plan.models[0], entry)
                methods.append(_of_artifact(context, RANDOM_INIT, probe, untrained))
            elif probe == probes[0]:
                mixture = MIXTURES[kind]
                with_embedding = embedded(probe) if "embedding" in mixture.parts else [None]
                methods += [_mixed(mixture, one) for one in with_embedding]
        if "embedding" in kinds and entry.task.construct is None:
            methods += [_external(context, one, probe) for one in context.plan.external]
    return methods


def _of_artifact(context: Context, name: str, probe: ProbeKind, artifact: Artifact) -> FrozenMethod:
    """The samples' rows of embeddings of all RNAs, which are made when first needed."""

    def features(dataset: Dataset) -> Features:
        read, expected = context.read(artifact.path()), dataset.source.table.height
        if len(read) != expected:
            raise InputError(
                f"{artifact.path()}: {len(read):,} embeddings, expected {expected:,}; remove it to make it again"
            )
        return read.matrix[dataset.rnas.rows]

    return FrozenMethod(name, probe, {"embedding": artifact.key}, features)


def _mixed(mixture: Mixture, embedding: FrozenMethod | None) -> FrozenMethod:
    """Simple features side by side, after an embedding if there is one."""
    simple = [_EMBEDDERS[part]() for part in mixture.parts if part in _EMBEDDERS]

    def features(dataset: Dataset) -> Features:
        first = [] if embedding is None else [embedding.features(dataset)]
        return np.hstack([*first, *(computed(one, dataset) for one in simple)])

    name = mixture.name.format(embedding and embedding.name)
    inputs = {"parts": list(mixture.parts)} | (dict(embedding.inputs) if embedding else {})
    blocks = StrongFeatures().blocks if "strong" in mixture.parts else ()
    return FrozenMethod(name, mixture.probe, inputs, features, blocks)


def _external(context: Context, one: ExternalEmbeddings, probe: ProbeKind) -> FrozenMethod:
    def features(dataset: Dataset) -> Features:
        return features_by(("transcript_id",), context.read(one.path), dataset)

    return FrozenMethod(one.name, probe, {"embedding": context.digest(one.path)}, features)


def features_by(keys: Sequence[str], embedded: Embeddings, dataset: Dataset) -> Features:
    """The samples' embeddings, joined by these columns."""
    rows = {names: row for row, names in enumerate(embedded.table.select(keys).iter_rows())}
    return embedded.matrix[[rows[names] for names in dataset.rnas.table.select(keys).iter_rows()]]


KEPT = 6  # Computed features kept in memory
_computed: dict[tuple[str, str, bytes], Features] = {}


def computed(embedder: Embedder, dataset: Dataset) -> Features:
    """Features of a dataset computed from its sequences, kept for other splits of the same samples."""
    key = (embedder.name, dataset.source.identity, dataset.rnas.rows.tobytes())
    if key not in _computed:
        features = embed_with_progress(embedder, dataset.rnas.sequences)
        while len(_computed) >= KEPT:
            _computed.pop(next(iter(_computed)))
        _computed[key] = features
    return _computed[key]
