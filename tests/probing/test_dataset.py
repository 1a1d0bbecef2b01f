from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from isoclr.corpus.corpus import Corpus
from isoclr.embedding.embeddings import Embeddings
from isoclr.embedding.io import read_embeddings
from isoclr.errors import InputError
from isoclr.genomics.encoding import letters
from isoclr.tasks.dataset import build_dataset
from isoclr.tasks.labels import read_labels
from isoclr.tasks.splits import Split, random_split
from isoclr.tasks.task import read_label_task


def changed(embeddings: Embeddings, **columns: pl.Expr) -> Embeddings:
    table = embeddings.table.with_columns(**columns)
    return Embeddings(table, embeddings.matrix, embeddings.meta)


def test_without_a_corpus_genes_stay_together(
    embeddings_probing: Path, labels_probing: Callable[..., Path]
) -> None:
    read = read_embeddings(embeddings_probing)
    study = build_dataset(
        read_labels(labels_probing()), read, None, split="random", sequences=False
    )
    assert len(study.samples) == study.counts["samples"] == study.counts["groups"] == 60
    assert study.codes is None
    assert study.counts["RNAs for which another of their gene stands"] == 60


def test_homology_groups_are_fewer_than_genes(
    embeddings_probing: Path, labels_probing: Callable[..., Path], corpus_probing: Corpus
) -> None:
    read = read_embeddings(embeddings_probing)
    study = build_dataset(
        read_labels(labels_probing()), read, corpus_probing, split="homology", sequences=False
    )
    assert study.counts["groups"] == 25 + 10
    assert study.counts["genes that the corpus does not know"] == 0


def test_the_sequences_are_those_of_the_samples(
    embeddings_probing: Path, labels_probing: Callable[..., Path], corpus_probing: Corpus
) -> None:
    read = read_embeddings(embeddings_probing)
    study = build_dataset(
        read_labels(labels_probing()), read, corpus_probing, split="random", sequences=True
    )
    assert study.codes is not None
    names = study.samples.table["transcript_id"]
    for name, codes in zip(names, study.codes, strict=True):
        assert codes.tolist() == corpus_probing.codes_of(corpus_probing.find(name)).tolist()


def test_rnas_without_their_sequence_are_left_out_and_counted(
    embeddings_probing: Path, labels_probing: Callable[..., Path], corpus_probing: Corpus
) -> None:
    first = pl.int_range(pl.len()) < 4  # two genes
    longer = changed(
        read_embeddings(embeddings_probing),
        length=pl.when(first).then(pl.col("length") + 9).otherwise("length"),
    )
    study = build_dataset(
        read_labels(labels_probing()), longer, corpus_probing, split="random", sequences=True
    )
    assert study.counts["labelled RNAs whose sequence the corpus has not"] == 2
    assert len(study.samples) == len(study.groups) == 58
    none = changed(read_embeddings(embeddings_probing), length=pl.col("length") + 9)
    with pytest.raises(InputError, match="has the sequence of none of the 60 labelled RNAs"):
        build_dataset(
            read_labels(labels_probing()), none, corpus_probing, split="random", sequences=True
        )


def test_isoforms_that_the_label_file_puts_in_two_folds_are_counted(
    embeddings_probing: Path, tmp_path: Path
) -> None:
    read = read_embeddings(embeddings_probing)
    path = tmp_path / "by_transcript.tsv"
    folds = ["2", *["1", "1"] * 59, "1"]  # of the first gene's two isoforms one is in fold 2
    read.table.select("transcript_id", x=pl.col("length"), fold=pl.Series(folds)).write_csv(
        path, separator="\t"
    )
    study = build_dataset(read_labels(path), read, None, split="fold", sequences=False)
    assert study.counts["genes with RNAs in several of the label file's folds"] == 1


def test_a_corpus_lets_the_audit_know_gene_sets_and_sequences(
    embeddings_probing: Path, labels_probing: Callable[..., Path], corpus_probing: Corpus
) -> None:
    read = read_embeddings(embeddings_probing)
    table = read_labels(labels_probing())
    known = build_dataset(table, read, corpus_probing, split="random", sequences=False)
    assert known.codes is None
    (leaks,) = known.leaks([random_split(known.groups, 0)]).splits
    assert (leaks.gene, leaks.with_sequence) == (0, leaks.test)
    assert leaks.gene_set is not None
    assert leaks.gene_set > 0  # of each pair of homologous genes the split is free to part
    safe = build_dataset(table, read, corpus_probing, split="homology", sequences=False)
    assert safe.leaks([random_split(safe.groups, 0)]).splits[0].gene_set == 0
    alone = build_dataset(table, read, None, split="random", sequences=False)
    (leaks,) = alone.leaks([random_split(alone.groups, 0)]).splits
    assert (leaks.gene, leaks.gene_set, leaks.kmers) == (0, None, None)


def test_a_corpus_without_homologs_knows_sequences_but_no_gene_sets(
    embeddings_probing: Path, labels_probing: Callable[..., Path], corpus_probing: Corpus
) -> None:
    corpus_probing.meta["homology"] = None
    study = build_dataset(
        read_labels(labels_probing()),
        read_embeddings(embeddings_probing),
        corpus_probing,
        split="random",
        sequences=False,
    )
    assert study.gene_sets is None
    assert study.compared is not None


def test_chromosomes_are_groups_and_the_unknown_are_left_out(
    embeddings_probing: Path, labels_probing: Callable[..., Path], tmp_path: Path
) -> None:
    names = [None, *[str(i % 6) for i in range(59)]]
    read = read_embeddings(embeddings_probing)
    study = build_dataset(
        read_labels(labels_probing(chromosome=names)),
        read,
        None,
        split="chromosome",
        sequences=False,
    )
    assert len(study.samples) == len(study.groups) == 59
    assert set(study.groups) == {f"human|{i}" for i in range(6)}
    assert study.counts["labelled RNAs whose chromosome is not known"] == 1
    assert (study.counts["samples"], study.counts["groups"]) == (59, 6)
    path = tmp_path / "where.tsv"
    read.table.select("gene_id", chromosome=pl.lit("chr9")).unique().write_csv(path, separator="\t")
    study = build_dataset(
        read_labels(labels_probing()),
        read,
        None,
        split="chromosome",
        sequences=False,
        chromosomes=[path],
    )
    assert set(study.groups) == {"human|9"}


def test_a_construct_has_its_sequences_from_its_task_and_is_compared_by_its_inserts(
    tmp_path: Path,
) -> None:
    # a reporter so long that any two constructs share most of their sequence
    codons = np.random.default_rng(0).choice(["GCT", "GGA", "CTC", "AAG", "GAC"], 300)
    cds = "ATG" + "".join(codons) + "TAA"
    (tmp_path / "t.toml").write_text(
        'name = "t"\ntitle = "t"\n[labels]\nfile = "t.tsv"\nlabel = "y"\n[construct]\n'
        'insert = "utr"\nbefore = ""\nafter = ""\n'
        f'cds = "{cds}"\n'
    )
    inserts = ["ACGTACGTACGTACGTACGT"] * 2 + ["TTGCATTGCAACCGGTATCA"]
    rows = "".join(f"{insert}\t{i}\n" for i, insert in enumerate(inserts))
    (tmp_path / "t.tsv").write_text("utr\ty\n" + rows)
    task = read_label_task(tmp_path / "t.toml")
    names = list(task.sequences())
    table = pl.DataFrame({"transcript_id": names, "gene_id": names}).with_columns(
        species=pl.lit(""),
        length=pl.lit(20 + len(cds)),
        cds_length=pl.lit(len(cds)),
        cds_source=pl.lit("annotated"),
    )
    read = Embeddings(table, np.zeros((3, 2), np.float32), {"model": "x"})
    study = build_dataset(task.labels(), read, None, split="random", sequences=True, task=task)
    assert study.codes is not None
    assert [letters(codes) for codes in study.codes] == [insert + cds for insert in inserts]
    nobody = np.empty(0, np.int64)
    found = study.leaks([Split("x", np.array([0]), nobody, np.array([1, 2]))])
    assert found.compared == "insert of the construct"
    assert (found.splits[0].gene, found.splits[0].kmers) == (0, 1)
