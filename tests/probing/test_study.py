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


def test_isoforms_that_the_label_file_puts_in_two_folds_are_counted(
    embeddings: Path, tmp_path: Path
) -> None:
    read = read_embeddings(embeddings)
    path = tmp_path / "by_transcript.tsv"
    folds = ["2", *["1", "1"] * 59, "1"]  # of the first gene's two isoforms one is in fold 2
    read.table.select("transcript_id", x=pl.col("length"), fold=pl.Series(folds)).write_csv(
        path, separator="\t"
    )
    study = plan(read_labels(path), read, None, split="fold", sequences=False)
    assert study.counts["genes with RNAs in several of the label file's folds"] == 1
