"""The methods that read frozen features: what they are called, what decides them, and how the features are had."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isoclr.baselines.features import Embedder, KmersAndCodons, Length, SequenceFeatures
from isoclr.embedding.embed import embed, nt_progress
from isoclr.errors import InputError
from isoclr.evaluation.cache import Artifact, Context
from isoclr.evaluation.plan import ExternalEmbeddings, TaskEntry, TrainedModel
from isoclr.models.encoder import WEIGHTS, create
from isoclr.pretraining.config import PretrainConfig
from isoclr.probing.linear import Probe
from isoclr.probing.linear import ProbeKind
from isoclr.tasks._legacy import Prepared
from isoclr.tasks.task import Task


def write_for_embedding(task: Task, path: Path) -> Path:
    """A reporter assay's RNAs as a FASTA beside ``path``."""
    fasta = path.with_suffix(".fa")
    task.write_fasta(fasta)
    return fasta


ON_THE_MACHINE = {"threads", "device", "corpus_on", "chunk_nt", "recompute", "compile"} | {
    "checkpoint_minutes", "checkpoint_steps", "validate_every", "log_every", "tensorboard"
}  # fmt: skip
"""Options of a pre-training run that do not decide what it learns."""


def untrained(bench: Context, like: TrainedModel) -> Artifact:
    """A random-init encoder of a model's architecture."""
    facts = {key: value for key, value in bench.facts(like).items() if key != "sha256"}
    pooling: Literal["last", "all"] = "all" if facts["pooling"] == "all" else "last"
    seed = bench.plan.seed
    return Artifact(
        bench.out / "models",
        f"an untrained {facts['model']}",
        {**facts, "seed": seed},
        lambda path: create(
            facts["model"], tracks=facts["tracks"], seed=seed, pooling=pooling
        ).save(path),
    )


def embeddings(bench: Context, model: TrainedModel, asked: TaskEntry | None = None) -> Artifact:
    """Embeddings by a model of the whole corpus, or of the RNAs that a task brings along."""
    return _embeddings(bench, model.name, model.path, bench.facts(model), asked)


def untrained_embeddings(
    bench: Context, like: TrainedModel, asked: TaskEntry | None = None
) -> Artifact:
    """The same by a random-init encoder of the model's architecture."""
    product = untrained(bench, like)
    return _embeddings(bench, product.title, product, {"untrained": product.key}, asked)


def run_embeddings(bench: Context, run: Artifact, corpus: Artifact) -> Artifact:
    """Embeddings of a derived corpus by the encoder of a run of this benchmark."""
    return _embedded(
        bench,
        f"embedding by the model of {run.title}",
        {"run": run.key, "corpus": corpus.key},
        lambda path: _embed(bench, corpus.path(), run.path(), path),
    )


def tuned_embeddings(bench: Context, network: Artifact, name: str) -> Artifact:
    """Embeddings of the whole corpus by the encoder of a network that was trained on labels."""
    return _embedded(
        bench,
        f"embedding the corpus by {name}",
        {"tuned": network.key, "rnas": bench.identity},
        lambda path: _embed(bench, bench.plan.corpus, network.path() / "encoder", path),
    )


def derived_corpus(bench: Context, options: Mapping[str, Any], title: str) -> Artifact:
    """The corpus with fewer species or isoforms, or without homology."""
    from isoclr.corpus.subset import subset

    return Artifact(
        bench.out / "corpora",
        title,
        {"corpus": bench.identity, **options},
        lambda path: subset(bench.plan.corpus, out=path, **options),
    )


def named_corpus(bench: Context, names: list[str], title: str) -> Artifact:
    """The part of the corpus that some transcripts make up."""
    from isoclr.corpus.subset import subset

    def make(path: Path) -> None:
        listed = path.with_suffix(".txt")
        listed.write_text("\n".join(names) + "\n", encoding="utf-8")
        subset(bench.plan.corpus, out=path, transcripts=listed)

    return Artifact(bench.out / "corpora", title, {"corpus": bench.identity, "names": names}, make)


def pretraining(
    bench: Context, corpus: Artifact | None, options: Mapping[str, Any], title: str
) -> Artifact:
    """A pre-training run on the corpus or a derived one; stopped, it goes on where it was."""
    from isoclr.pretraining.pretrain import CHECKPOINT, pretrain

    given = {"seed": bench.plan.seed, **options}
    recipe = {"steps": None, "epochs": None, "minutes": None, **PretrainConfig().as_dict(), **given}

    def make(path: Path) -> None:
        where = bench.plan.corpus if corpus is None else corpus.path()
        ended = pretrain(where, out=path, resume=True, threads=bench.plan.threads, **given)
        if ended.stopped_by:
            raise KeyboardInterrupt
        (path / CHECKPOINT).unlink(missing_ok=True)  # 80 MB that only a stopped run needs

    return Artifact(
        bench.out / "runs",
        title,
        {
            "corpus": bench.identity if corpus is None else corpus.key,
            **{name: value for name, value in recipe.items() if name not in ON_THE_MACHINE},
        },
        make,
        whole=lambda path: (path / WEIGHTS).is_file(),
    )


def _embeddings(
    bench: Context,
    name: str,
    model: str | Artifact,
    facts: Mapping[str, Any],
    asked: TaskEntry | None,
) -> Artifact:
    rnas = bench.rnas(asked)

    def make(path: Path) -> None:
        weights = model.path() if isinstance(model, Artifact) else model
        if rnas.corpus is not None or asked is None:
            return _embed(bench, bench.plan.corpus, weights, path)
        fasta = write_for_embedding(asked.task, path)
        _embed(bench, fasta, weights, path)
        return fasta.unlink()

    what = "the corpus" if rnas.corpus is not None or asked is None else asked.name
    return _embedded(bench, f"embedding {what} by {name}", {**facts, "rnas": rnas.identity}, make)


def _embedded(
    bench: Context, title: str, facts: Mapping[str, Any], make: Callable[[Path], None]
) -> Artifact:
    """A file of embeddings, in the plan's precision."""
    inputs = {**facts, "precision": bench.plan.precision}
    return Artifact(bench.out / "embeddings", title, inputs, make, ".parquet")


def _embed(bench: Context, inputs: Path, model: str | Path, out: Path) -> None:
    embed(
        (inputs,),
        model=str(model),
        out=out,
        precision=bench.plan.precision,
        threads=bench.plan.threads,
    )


Features = NDArray[np.float32]
RANDOM_INIT = "random-init encoder"


class Mixture(NamedTuple):
    """Simple features, alone or beside an embedding: their parts, what reads them, and what tables call them."""

    parts: tuple[str, ...]
    reader: ProbeKind
    name: str


MIXTURES = {
    "k-mers": Mixture(("k-mers",), "ridge", KmersAndCodons.name),
    "length": Mixture(("length",), "ridge", Length.name),
    "features": Mixture(("features",), "ridge", SequenceFeatures.name),
    "k-mers+features": Mixture(("k-mers", "features"), "ridge", "k-mers + features"),
    "trees": Mixture(("features",), "trees", "trees on features"),
    "trees+k-mers": Mixture(("k-mers", "features"), "trees", "trees on k-mers + features"),
    "embedding+k-mers": Mixture(("embedding", "k-mers"), "ridge", "{} + k-mers"),
    "embedding+k-mers+features": Mixture(
        ("embedding", "k-mers", "features"), "ridge", "{} + k-mers + features"
    ),
}
KINDS = ("embedding", "random-init", *MIXTURES)
"""Methods as plans name them."""


@dataclass(frozen=True)
class Frozen:
    """Features that do not change in training, and the model that reads them.

    Attributes:
        name: what tables call them.
        probe: the model.
        inputs: what decides the features, beside the samples.
        features: ``(n, d)`` of a task's samples.
    """

    name: str
    probe: ProbeKind
    inputs: Mapping[str, Any]
    features: Callable[[Prepared], Features]


def frozen_methods(
    bench: Context, asked: TaskEntry, kinds: tuple[str, ...], probes: tuple[Probe, ...]
) -> list[Frozen]:
    """The methods of a task: every model's embedding first, then what it is shown beside.

    Args:
        bench: the benchmark.
        asked: the task.
        kinds: which methods, of :data:`KINDS`.
        probes: the models that read embeddings; simple features are many and correlated, and always get a penalty.
    """
    methods: list[Frozen] = []
    for probe in probes:
        for kind in kinds:
            methods += _of_kind(bench, asked, kind, probe, first=probe == probes[0])
        if "embedding" in kinds and asked.task.construct is None:
            methods += [_foreign(bench, one, probe) for one in bench.plan.foreign]
    return methods


def _of_kind(
    bench: Context, asked: TaskEntry, kind: str, probe: Probe, *, first: bool
) -> list[Frozen]:
    models = bench.plan.models
    if kind == "embedding":
        return [_embedding(bench, asked, model, probe) for model in models]
    if kind == "random-init":
        product = untrained_embeddings(bench, models[0], asked)
        rows = _rows(bench, product)
        return [Frozen(RANDOM_INIT, probe, {"embedding": product.key}, rows)]
    if not first:
        return []
    mixture = MIXTURES[kind]
    if "embedding" not in mixture.parts:
        return [_mixed(mixture, mixture.name, None)]
    ours = [_embedding(bench, asked, model, probe) for model in models]
    return [_mixed(mixture, mixture.name.format(one.name), one) for one in ours]


def _embedding(bench: Context, asked: TaskEntry, model: TrainedModel, probe: Probe) -> Frozen:
    product = embeddings(bench, model, asked)
    return Frozen(model.name, probe, {"embedding": product.key}, _rows(bench, product))


def _mixed(mixture: Mixture, name: str, embedding: Frozen | None) -> Frozen:
    """Simple features side by side, behind an embedding where there is one."""
    simple = [_EMBEDDERS[part]() for part in mixture.parts if part in _EMBEDDERS]

    def features(prepared: Prepared) -> Features:
        found = [] if embedding is None else [embedding.features(prepared)]
        return np.hstack([*found, *(computed(one, prepared) for one in simple)])

    inputs = {"parts": list(mixture.parts)} | (dict(embedding.inputs) if embedding else {})
    return Frozen(name, mixture.reader, inputs, features)


def _foreign(bench: Context, one: ExternalEmbeddings, probe: Probe) -> Frozen:
    def features(prepared: Prepared) -> Features:
        read = bench.foreign_embeddings(one)
        places = {name: row for row, name in enumerate(read.table["transcript_id"])}
        names = prepared.samples.table["transcript_id"]
        return read.matrix[[places[name] for name in names]]

    return Frozen(one.name, probe, {"embedding": bench.digest(one.path)}, features)


def _rows(bench: Context, product: Artifact) -> Callable[[Prepared], Features]:
    """The samples' rows of an embedding of all RNAs, which is made when first needed."""

    def features(prepared: Prepared) -> Features:
        read = bench.read(product.path())
        if len(read) != prepared.rnas.table.height:
            raise InputError(
                f"{product.path()}: {len(read):,} embeddings, expected {prepared.rnas.table.height:,}; "
                "remove it to make it again"
            )
        return read.matrix[prepared.samples.rows]

    return features


def computed(embedder: Embedder, prepared: Prepared) -> Features:
    """Features of a task's samples, computed from their sequences; kept for the next split of the same samples."""
    key = (embedder.name, prepared.rnas.identity, prepared.samples.rows.tobytes())
    if key not in _computed:
        codes = prepared.codes
        with nt_progress() as bar:
            task = bar.add_task(embedder.name, total=sum(map(len, codes)))
            found = embedder.embed(codes, progress=lambda done: bar.advance(task, done))
        while len(_computed) >= KEPT:
            _computed.pop(next(iter(_computed)))
        _computed[key] = found
    return _computed[key]


KEPT = 6
_computed: dict[tuple[str, str, bytes], Features] = {}
_EMBEDDERS: dict[str, Callable[[], Embedder]] = {
    "k-mers": KmersAndCodons,
    "length": Length,
    "features": SequenceFeatures,
}
