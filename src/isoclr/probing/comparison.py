"""The embedding and the baselines it is shown beside, all of the same RNAs."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from isoclr.baselines import (
    Embedder,
    KmersAndCodons,
    Length,
    RandomInit,
    SequenceFeatures,
)
from isoclr.corpus.codes import Codes
from isoclr.embedding import Embeddings
from isoclr.embedding.bar import nucleotides_bar
from isoclr.probing.evaluation import Method
from isoclr.probing.fitting import Model
from isoclr.probing.study import Study


def methods(
    study: Study, embeddings: Embeddings, model: Model, seed: int, *, trees: bool = False
) -> list[Method]:
    """The embedding; then, when the study has sequences, the baselines.

    These are a random-init encoder of the same architecture (when the embedding is one of ours), k-mers and codons,
    length alone, features of the RNA's structure, and k-mers and features beside the embedding. The random-init encoder
    is read by the same probe as the embedding. The others always get a penalty, because k-mers are many and correlated.

    Args:
        study: the samples.
        embeddings: their vectors, and what made them.
        model: the probe of the embedding.
        seed: of the random weights.
        trees: gradient-boosted trees on the features, and on the k-mers and features, too.
    """
    embedding = embeddings.matrix[study.samples.rows]
    first = Method("embedding", embedding, model)
    if study.codes is None:
        return [first]
    penalised: Model = "logistic" if model == "logistic" else "ridge"
    kmers = _features(KmersAndCodons(), study.codes)
    structure = _features(SequenceFeatures(), study.codes)
    simple = np.hstack([kmers, structure])
    found = [
        first,
        *_untrained(study.codes, embeddings, model, seed),
        Method(KmersAndCodons.name, kmers, penalised),
        Method(Length.name, _features(Length(), study.codes), penalised),
        Method(SequenceFeatures.name, structure, penalised),
        Method("k-mers + features", simple, penalised),
        Method("embedding + k-mers", np.hstack([embedding, kmers]), penalised),
        Method("embedding + k-mers + features", np.hstack([embedding, simple]), penalised),
    ]
    if trees:
        found.append(Method("trees on features", structure, "trees"))
        found.append(Method("trees on k-mers + features", simple, "trees"))
    return found


def _untrained(
    rnas: Sequence[Codes], embeddings: Embeddings, model: Model, seed: int
) -> list[Method]:
    """The random-init encoder of an embedding of ours; nothing for one made elsewhere."""
    from isoclr.models.registry import MODELS

    made_by = embeddings.meta
    if made_by["model"] not in MODELS:
        return []
    pooling: Literal["last", "all"] = "all" if made_by["pooling"] == "all" else "last"
    untrained = RandomInit(made_by["model"], int(made_by["n_tracks"]), seed, pooling)
    return [Method(RandomInit.name, _features(untrained, rnas), model)]


def _features(embedder: Embedder, rnas: Sequence[Codes]) -> NDArray[np.float32]:
    total = sum(len(codes) for codes in rnas)
    with nucleotides_bar() as bar:
        task = bar.add_task(embedder.name, total=total)
        return embedder.embed(rnas, progress=lambda done: bar.advance(task, done))
