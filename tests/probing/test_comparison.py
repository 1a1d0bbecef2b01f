from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from isoclr.corpus import Corpus
from isoclr.embedding import Embeddings, read_embeddings
from isoclr.models import create
from isoclr.probing.comparison import methods
from isoclr.probing.study import plan
from isoclr.tasks import read_labels


def test_all_methods_see_the_same_rnas_in_the_same_order(
    embeddings: Path, labels: Callable[..., Path], corpus: Corpus
) -> None:
    read = read_embeddings(embeddings)
    study = plan(read_labels(labels()), read, corpus, split="random", sequences=True)
    found = {method.name: method for method in methods(study, read, "linear", seed=3)}
    assert list(found) == [
        "embedding",
        "random-init encoder",
        "k-mers + codons",
        "length alone",
        "sequence features",
        "k-mers + features",
        "embedding + k-mers",
        "embedding + k-mers + features",
    ]
    assert [method.model for method in found.values()] == ["linear"] * 2 + ["ridge"] * 6
    assert study.codes is not None
    assert (found["embedding"].features == read.matrix[study.samples.rows]).all()
    assert found["length alone"].features[:, 0] == pytest.approx(
        np.log2([len(codes) for codes in study.codes])
    )
    alone = create("isoclr-s", seed=3).embed_codes(study.codes[5:6])
    assert found["random-init encoder"].features[5] == pytest.approx(alone[0], rel=1e-5, abs=1e-5)
    both = found["embedding + k-mers"].features
    assert (both[:, :4] == found["embedding"].features).all()
    assert (both[:, 4:] == found["k-mers + codons"].features).all()
    simple = found["k-mers + features"].features
    assert (simple[:, -16:] == found["sequence features"].features).all()
    assert (found["embedding + k-mers + features"].features[:, 4:] == simple).all()


def test_trees_read_the_same_features_when_asked_for(
    embeddings: Path, labels: Callable[..., Path], corpus: Corpus
) -> None:
    read = read_embeddings(embeddings)
    study = plan(read_labels(labels()), read, corpus, split="random", sequences=True)
    *others, small, large = methods(study, read, "logistic", seed=0, trees=True)
    assert {method.model for method in others} == {"logistic"}
    assert (small.name, small.model) == ("trees on features", "trees")
    assert (large.name, large.model) == ("trees on k-mers + features", "trees")
    named = {method.name: method.features for method in others}
    assert (small.features == named["sequence features"]).all()
    assert (large.features == named["k-mers + features"]).all()


def test_an_embedding_made_elsewhere_has_no_untrained_encoder(
    embeddings: Path, labels: Callable[..., Path], corpus: Corpus
) -> None:
    told = read_embeddings(embeddings)
    read = Embeddings(told.table, told.matrix, {**told.meta, "model": "orthrus"})
    study = plan(read_labels(labels()), read, corpus, split="random", sequences=True)
    names = [method.name for method in methods(study, read, "ridge", seed=0)]
    assert names[:2] == ["embedding", "k-mers + codons"]
    assert "random-init encoder" not in names


def test_without_sequences_there_is_the_embedding_only(
    embeddings: Path, labels: Callable[..., Path]
) -> None:
    read = read_embeddings(embeddings)
    study = plan(read_labels(labels()), read, None, split="random", sequences=False)
    assert [method.name for method in methods(study, read, "ridge", seed=0)] == ["embedding"]
