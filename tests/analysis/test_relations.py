from pathlib import Path

import numpy as np
import polars as pl
import pytest

import isoclr
from isoclr.analysis.relations import (
    ISOFORM,
    ORTHOLOG,
    PARALOG,
    UNRELATED,
    GeneRelations,
    add_species,
    gene_relations,
    intersect_rnas,
)
from isoclr.embedding.embeddings import Embeddings
from isoclr.embedding.io import read_embeddings
from isoclr.errors import InputError


def test_relation(family: GeneRelations) -> None:
    relations = family.relation(np.zeros(7, np.int64), np.arange(7))
    assert relations.tolist() == [*(ISOFORM, ISOFORM, PARALOG, ORTHOLOG, ORTHOLOG), *(UNRELATED, UNRELATED)]
    across = family.relation(np.array([[2], [5]]), np.array([[0, 6], [5, 6]]))
    assert across.tolist() == [[PARALOG, UNRELATED], [ISOFORM, UNRELATED]]


def test_pairs(family: GeneRelations) -> None:
    pairs = family.pairs
    relations = set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    assert relations == {(a, b) for a in range(5) for b in range(5) if a != b}
    assert len(pairs.first) == 20
    assert (pairs.relation == family.relation(pairs.first, pairs.second)).all()
    assert np.bincount(pairs.relation, minlength=3).tolist() == [4, 4, 12]


def test_gene_sets_from_the_corpus(world: Path) -> None:
    embeddings = read_embeddings(world / "embeddings.parquet")
    relations = gene_relations(embeddings.table, isoclr.open_corpus(world / "corpus"))
    assert [len(np.unique(x)) for x in (relations.gene, relations.gene_set, relations.species)] == [80, 40, 2]
    assert np.bincount(relations.pairs.relation).tolist() == [160, 0, 320]
    alone = gene_relations(embeddings.table)
    assert (alone.gene_set == alone.gene).all()


def table(*genes: str, species: str = "human") -> pl.DataFrame:
    names = [f"t{i}" for i in range(len(genes))]
    frame = pl.DataFrame({"transcript_id": names, "gene_id": genes, "length": [9] * len(genes)})
    return frame.with_columns(species=pl.lit(species))


class FakeCorpus:
    """The part of a corpus that relations use."""

    path = Path("fake")

    def __init__(self, symbols: list[str], sets: list[str]) -> None:
        frame = table(*symbols)
        self.transcripts = frame.with_columns(gene_symbol=pl.Series(symbols), gene_set=pl.Series(sets))


def test_haplotype_copies_are_one_gene() -> None:
    genes = table("ENSG00000204351", "ENSG00000223493", "ENSG00000223493.2", "X", "Y")
    fake = FakeCorpus(["SKIC2", "", "SKIC2", "SKIC3", "SKIC2"], ["a", "a", "a", "a", "b"])
    relations = gene_relations(genes, fake)  # type: ignore[arg-type]
    assert relations.gene[0] == relations.gene[1] == relations.gene[2]
    assert len(np.unique(relations.gene)) == 3, "another symbol or another gene set is another gene"


def test_rnas_missing_from_the_corpus() -> None:
    genes = pl.concat([table("a", "b"), table("c").with_columns(transcript_id=pl.lit("t9"))])
    relations = gene_relations(genes, FakeCorpus(["A", "B"], ["s", "s"]))  # type: ignore[arg-type]
    assert relations.gene_set[0] == relations.gene_set[1] != relations.gene_set[2]
    with pytest.raises(InputError, match="has none of the 1 embedded RNAs"):
        gene_relations(table("a", species="cow"), FakeCorpus(["A"], ["s"]))  # type: ignore[arg-type]


def test_intersection(world: Path) -> None:
    first = read_embeddings(world / "embeddings.parquet")
    order = np.random.default_rng(0).permutation(len(first))[:100]
    second = Embeddings(first.table[order], first.matrix[order] * 2, first.meta)
    rnas, rows = intersect_rnas([first, second], isoclr.open_corpus(world / "corpus"))
    assert (len(rnas), rnas.missing) == (100, 60)
    assert (second.matrix[rows[1]] == 2 * first.matrix[rows[0]]).all()
    names = first.table["transcript_id"][rows[0]].to_list()
    assert rnas.table["transcript_id"].to_list() == names
    assert [len(rnas.codes(i)) for i in range(100)] == rnas.table["length"].to_list()


def test_no_common_rna(world: Path) -> None:
    first = read_embeddings(world / "embeddings.parquet")
    longer = first.table.with_columns(pl.col("length") + 1)
    with pytest.raises(InputError, match=r"has no embedded RNA .*'human', h0.0x"):
        intersect_rnas([Embeddings(longer, first.matrix, first.meta)], isoclr.open_corpus(world / "corpus"))


def test_empty_species(world: Path) -> None:
    opened, corpus = (read_embeddings(world / "embeddings.parquet"), isoclr.open_corpus(world / "corpus"))
    empty = opened.table.with_columns(species=pl.lit(""))
    assert add_species(empty, corpus).equals(opened.table)
    rnas, _ = intersect_rnas([Embeddings(empty, opened.matrix, opened.meta)], corpus)
    assert rnas.table.equals(opened.table)
    longer = Embeddings(empty.with_columns(pl.col("length") + 1), opened.matrix, opened.meta)
    with pytest.raises(InputError, match="embed again with --species, such as human"):
        intersect_rnas([longer], corpus)
