from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from isoclr.corpus import Corpus
from isoclr.embedding import Embeddings, read_embeddings
from isoclr.errors import InputError
from isoclr.probing.study import plan
from isoclr.tasks import read_labels


def changed(embeddings: Embeddings, **columns: pl.Expr) -> Embeddings:
    table = embeddings.table.with_columns(**columns)
    return Embeddings(table, embeddings.matrix, embeddings.meta)


def test_without_a_corpus_genes_stay_together(
    embeddings: Path, labels: Callable[..., Path]
) -> None:
    read = read_embeddings(embeddings)
    study = plan(read_labels(labels()), read, None, split="random", sequences=False)
    assert len(study.samples) == study.counts["samples"] == study.counts["groups"] == 60
    assert study.codes is None
    assert study.counts["RNAs for which another of their gene stands"] == 60


def test_homology_groups_are_fewer_than_genes(
    embeddings: Path, labels: Callable[..., Path], corpus: Corpus
) -> None:
    read = read_embeddings(embeddings)
    study = plan(read_labels(labels()), read, corpus, split="homology", sequences=False)
    assert study.counts["groups"] == 25 + 10
    assert study.counts["genes that the corpus does not know"] == 0


def test_the_sequences_are_those_of_the_samples(
    embeddings: Path, labels: Callable[..., Path], corpus: Corpus
) -> None:
    read = read_embeddings(embeddings)
    study = plan(read_labels(labels()), read, corpus, split="random", sequences=True)
    assert study.codes is not None
    names = study.samples.table["transcript_id"]
    for name, codes in zip(names, study.codes, strict=True):
        assert codes.tolist() == corpus.codes_of(corpus.find(name)).tolist()


def test_rnas_without_their_sequence_are_left_out_and_counted(
    embeddings: Path, labels: Callable[..., Path], corpus: Corpus
) -> None:
    first = pl.int_range(pl.len()) < 4  # two genes
    longer = changed(
        read_embeddings(embeddings),
        length=pl.when(first).then(pl.col("length") + 9).otherwise("length"),
    )
    study = plan(read_labels(labels()), longer, corpus, split="random", sequences=True)
    assert study.counts["labelled RNAs whose sequence the corpus has not"] == 2
    assert len(study.samples) == len(study.groups) == 58
    none = changed(read_embeddings(embeddings), length=pl.col("length") + 9)
    with pytest.raises(InputError, match="has the sequence of none of the 60 labelled RNAs"):
        plan(read_labels(labels()), none, corpus, split="random", sequences=True)
