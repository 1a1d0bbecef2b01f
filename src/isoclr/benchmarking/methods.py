"""The methods that read frozen features: what they are called, what decides them, and how the features are had."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isoclr.baselines import Embedder, KmersAndCodons, Length, SequenceFeatures
from isoclr.benchmarking import products
from isoclr.benchmarking.bench import Bench
from isoclr.benchmarking.plan import Asked, Foreign, TrainedModel
from isoclr.benchmarking.prepared import Prepared
from isoclr.benchmarking.product import Product
from isoclr.embedding.bar import nucleotides_bar
from isoclr.errors import InputError
from isoclr.probing.fitting import Model as Probe
from isoclr.probing.fitting import Reader

Features = NDArray[np.float32]
RANDOM_INIT = "random-init encoder"


class Mixture(NamedTuple):
    """Simple features, alone or beside an embedding: their parts, what reads them, and what tables call them."""

    parts: tuple[str, ...]
    reader: Reader
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
    probe: Reader
    inputs: Mapping[str, Any]
    features: Callable[[Prepared], Features]


def frozen_methods(
    bench: Bench, asked: Asked, kinds: tuple[str, ...], probes: tuple[Probe, ...]
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


def _of_kind(bench: Bench, asked: Asked, kind: str, probe: Probe, *, first: bool) -> list[Frozen]:
    models = bench.plan.models
    if kind == "embedding":
        return [_embedding(bench, asked, model, probe) for model in models]
    if kind == "random-init":
        product = products.untrained_embeddings(bench, models[0], asked)
        rows = _rows(bench, product)
        return [Frozen(RANDOM_INIT, probe, {"embedding": product.key}, rows)]
    if not first:
        return []
    mixture = MIXTURES[kind]
    if "embedding" not in mixture.parts:
        return [_mixed(mixture, mixture.name, None)]
    ours = [_embedding(bench, asked, model, probe) for model in models]
    return [_mixed(mixture, mixture.name.format(one.name), one) for one in ours]


def _embedding(bench: Bench, asked: Asked, model: TrainedModel, probe: Probe) -> Frozen:
    product = products.embeddings(bench, model, asked)
    return Frozen(model.name, probe, {"embedding": product.key}, _rows(bench, product))


def _mixed(mixture: Mixture, name: str, embedding: Frozen | None) -> Frozen:
    """Simple features side by side, behind an embedding where there is one."""
    simple = [_EMBEDDERS[part]() for part in mixture.parts if part in _EMBEDDERS]

    def features(prepared: Prepared) -> Features:
        found = [] if embedding is None else [embedding.features(prepared)]
        return np.hstack([*found, *(computed(one, prepared) for one in simple)])

    inputs = {"parts": list(mixture.parts)} | (dict(embedding.inputs) if embedding else {})
    return Frozen(name, mixture.reader, inputs, features)


def _foreign(bench: Bench, one: Foreign, probe: Probe) -> Frozen:
    def features(prepared: Prepared) -> Features:
        read = bench.foreign_embeddings(one)
        places = {name: row for row, name in enumerate(read.table["transcript_id"])}
        names = prepared.samples.table["transcript_id"]
        return read.matrix[[places[name] for name in names]]

    return Frozen(one.name, probe, {"embedding": bench.digest(one.path)}, features)


def _rows(bench: Bench, product: Product) -> Callable[[Prepared], Features]:
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
        with nucleotides_bar() as bar:
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
