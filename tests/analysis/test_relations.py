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
    baselines,
    features_of,
    gene_relations,
    intersect_rnas,
)
from isoclr.embedding.embeddings import Embeddings
from isoclr.embedding.io import read_embeddings
from isoclr.errors import InputError


def test_what_rnas_are_to_each_other(family: GeneRelations) -> None:
    found = family.relation(np.zeros(7, np.int64), np.arange(7))
    assert found.tolist() == [
        *(ISOFORM, ISOFORM, PARALOG, ORTHOLOG, ORTHOLOG),
        *(UNRELATED, UNRELATED),
    ]
    across = family.relation(np.array([[2], [5]]), np.array([[0, 6], [5, 6]]))
    assert across.tolist() == [[PARALOG, UNRELATED], [ISOFORM, UNRELATED]]


def test_all_pairs_of_relatives(family: GeneRelations) -> None:
    pairs = family.pairs
    found = set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    assert found == {(a, b) for a in range(5) for b in range(5) if a != b}
    assert len(pairs.first) == 20
    assert (pairs.relation == family.relation(pairs.first, pairs.second)).all()
    assert np.bincount(pairs.relation, minlength=3).tolist() == [4, 4, 12]


def test_gene_sets_come_from_the_corpus(world: Path) -> None:
    embeddings = read_embeddings(world / "embeddings.parquet")
    found = gene_relations(embeddings.table, isoclr.open_corpus(world / "corpus"))
    assert found.unknown == 0
    assert [len(np.unique(x)) for x in (found.gene, found.gene_set, found.species)] == [80, 40, 2]
    assert np.bincount(found.pairs.relation).tolist() == [160, 0, 320]
    alone = gene_relations(embeddings.table)
    assert (alone.gene_set == alone.gene).all()


def table(*genes: str, species: str = "human") -> pl.DataFrame:
    names = [f"t{i}" for i in range(len(genes))]
    frame = pl.DataFrame({"transcript_id": names, "gene_id": genes, "length": [9] * len(genes)})
    return frame.with_columns(species=pl.lit(species))


class Known:
    """A corpus, as far as this room looks at it."""

    path = Path("known")

    def __init__(self, symbols: list[str], sets: list[str]) -> None:
        frame = table(*symbols)
        self.transcripts = frame.with_columns(
            gene_symbol=pl.Series(symbols), gene_set=pl.Series(sets)
        )


def test_a_gene_on_another_haplotype_is_no_paralog() -> None:
    genes = table("ENSG00000204351", "ENSG00000223493", "ENSG00000223493.2", "X", "Y")
    known = Known(["SKIC2", "", "SKIC2", "SKIC3", "SKIC2"], ["a", "a", "a", "a", "b"])
    found = gene_relations(genes, known)  # type: ignore[arg-type]
    assert found.gene[0] == found.gene[1] == found.gene[2]
    assert len(np.unique(found.gene)) == 3, "another symbol or another gene set is another gene"


def test_rnas_that_the_corpus_has_not() -> None:
    genes = pl.concat([table("a", "b"), table("c").with_columns(transcript_id=pl.lit("t9"))])
    found = gene_relations(genes, Known(["A", "B"], ["s", "s"]))  # type: ignore[arg-type]
    assert found.unknown == 1
    assert found.gene_set[0] == found.gene_set[1] != found.gene_set[2]
    with pytest.raises(InputError, match="has none of the 1 embedded RNAs"):
        gene_relations(table("a", species="cow"), Known(["A"], ["s"]))  # type: ignore[arg-type]


def test_rows_follow_each_other(world: Path) -> None:
    first = read_embeddings(world / "embeddings.parquet")
    order = np.random.default_rng(0).permutation(len(first))[:100]
    second = Embeddings(first.table[order], first.matrix[order] * 2, first.meta)
    rnas, rows = intersect_rnas([first, second], isoclr.open_corpus(world / "corpus"))
    assert (len(rnas), rnas.missing) == (100, 60)
    assert (second.matrix[rows[1]] == 2 * first.matrix[rows[0]]).all()
    names = first.table["transcript_id"][rows[0]].to_list()
    assert rnas.table["transcript_id"].to_list() == names
    assert [len(rnas.codes(i)) for i in range(100)] == rnas.table["length"].to_list()


def test_features_are_of_the_same_rnas(world: Path) -> None:
    embeddings = read_embeddings(world / "embeddings.parquet")
    corpus = isoclr.open_corpus(world / "corpus")
    some = Embeddings(embeddings.table[5:8], embeddings.matrix[5:8], embeddings.meta)
    rnas, _ = intersect_rnas([some], corpus)
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
        intersect_rnas(
            [Embeddings(longer, first.matrix, first.meta)], isoclr.open_corpus(world / "corpus")
        )
