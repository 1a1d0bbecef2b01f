from pathlib import Path

import numpy as np
import polars as pl
import pytest

import isoclr
from isoclr.embedding import Embeddings, read_embeddings
from isoclr.errors import InputError
from isoclr.latent.methods import baselines, features_of, shared


def test_rows_follow_each_other(world: Path) -> None:
    first = read_embeddings(world / "embeddings.parquet")
    order = np.random.default_rng(0).permutation(len(first))[:100]
    second = Embeddings(first.table[order], first.matrix[order] * 2, first.meta)
    rnas, rows = shared([first, second], isoclr.open_corpus(world / "corpus"))
    assert (len(rnas), rnas.missing) == (100, 60)
    assert (second.matrix[rows[1]] == 2 * first.matrix[rows[0]]).all()
    names = first.table["transcript_id"][rows[0]].to_list()
    assert rnas.table["transcript_id"].to_list() == names
    assert [len(rnas.codes(i)) for i in range(100)] == rnas.table["length"].to_list()


def test_features_are_of_the_same_rnas(world: Path) -> None:
    embeddings = read_embeddings(world / "embeddings.parquet")
    corpus = isoclr.open_corpus(world / "corpus")
    some = Embeddings(embeddings.table[5:8], embeddings.matrix[5:8], embeddings.meta)
    rnas, _ = shared([some], corpus)
    kmers, random = baselines(embeddings)
    names = embeddings.table["transcript_id"][5:8]
    wanted = kmers.embed([corpus.codes_of(corpus.find(name)) for name in names])
    assert (features_of(kmers, rnas) == wanted).all()
    assert features_of(random, rnas).shape == (3, 256)
    assert random.name == "random-init encoder"


def test_another_groups_model_has_no_random_twin(world: Path) -> None:
    first = read_embeddings(world / "embeddings.parquet")
    foreign = Embeddings(first.table, first.matrix, {**first.meta, "model": "other"})
    assert [one.name for one in baselines(foreign)] == ["k-mers + codons"]


def test_another_corpus(world: Path) -> None:
    first = read_embeddings(world / "embeddings.parquet")
    longer = first.table.with_columns(pl.col("length") + 1)
    with pytest.raises(
        InputError, match=r"no RNA with the species, name and length .*h0.0x of 'human'"
    ):
        shared([Embeddings(longer, first.matrix, first.meta)], isoclr.open_corpus(world / "corpus"))
