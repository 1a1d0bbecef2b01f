"""The embedding and the baselines it is shown beside, all of the same RNAs."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from isoclr.baselines import Embedder, KmersAndCodons, Length, RandomInit
from isoclr.corpus.codes import Codes
from isoclr.embedding import Embeddings
from isoclr.embedding.bar import nucleotides_bar
from isoclr.probing.evaluation import Method
from isoclr.probing.fitting import Model
from isoclr.probing.study import Study


def methods(study: Study, embeddings: Embeddings, model: Model, seed: int) -> list[Method]:
    """The embedding; then, when the study has sequences, the baselines.

    These are a random-init encoder of the same architecture, k-mers and codons, length alone, and the k-mers beside
    the embedding. The random-init encoder is read by the same probe as the embedding. The k-mers are many and
    correlated, so they always get a penalty, and with them whatever they stand beside.

    Args:
        study: the samples.
        embeddings: their vectors, and what made them.
        model: the probe of the embedding.
        seed: of the random weights.
    """
    embedding = embeddings.matrix[study.samples.rows]
    first = Method("embedding", embedding, model)
    if study.codes is None:
        return [first]
    penalised: Model = "logistic" if model == "logistic" else "ridge"
    made_by = embeddings.meta
    pooling: Literal["last", "all"] = "all" if made_by["pooling"] == "all" else "last"
    untrained = RandomInit(made_by["model"], int(made_by["n_tracks"]), seed, pooling)
    kmers = _features(KmersAndCodons(), study.codes)
    both = np.hstack([embedding, kmers])
    return [
        first,
        Method(RandomInit.name, _features(untrained, study.codes), model),
        Method(KmersAndCodons.name, kmers, penalised),
        Method(Length.name, _features(Length(), study.codes), penalised),
        Method("embedding + k-mers", both, penalised),
    ]


def _features(embedder: Embedder, rnas: Sequence[Codes]) -> NDArray[np.float32]:
    total = sum(len(codes) for codes in rnas)
    with nucleotides_bar() as bar:
        task = bar.add_task(embedder.name, total=total)
        return embedder.embed(rnas, progress=lambda done: bar.advance(task, done))
