import numpy as np
import polars as pl
import pytest

from isoclr.errors import InputError
from isoclr.latent.kinship import Relatives
from isoclr.latent.retrieving import Retrieval, retrieval


def planted(genes: int = 60) -> tuple[Relatives, dict[str, np.ndarray]]:
    """Two species; in each, two isoforms of every gene; a gene set is a gene and its ortholog.

    ``perfect`` puts isoforms together and the ortholog next to them, ``length`` knows nothing else.
    """
    rng = np.random.default_rng(0)
    gene = np.repeat(np.arange(2 * genes), 2)
    known = Relatives(gene, gene % genes, gene // genes, rng.integers(300, 6_000, 4 * genes))
    sets, own = rng.normal(size=(genes, 20)), rng.normal(size=(2 * genes, 20))
    perfect = sets[gene % genes] + 0.3 * own[gene] + 0.01 * rng.normal(size=(4 * genes, 20))
    length = np.column_stack([np.cos(known.length / 500), np.sin(known.length / 500)])
    return known, {"perfect": perfect, "length": length}


@pytest.fixture(scope="module")
def found() -> Retrieval:
    known, methods = planted()
    return retrieval(methods, known, k=(1, 3))


def value(found: Retrieval, **keys: object) -> float:
    chosen = {"length": "all", "k": 1, **keys}
    rows = [row for row in found.rows() if all(row[key] == chosen[key] for key in chosen)]
    assert len(rows) == 1, keys
    return float(rows[0]["value"] or 0.0)


def test_a_perfect_embedding_finds_all(found: Retrieval) -> None:
    for scope, relation in (
        ("all RNAs", "isoform"),
        ("RNAs of other genes", "ortholog"),
        ("RNAs of other species", "ortholog"),
    ):
        keys = {"method": "perfect", "scope": scope, "relation": relation}
        assert value(found, **keys, metric="found") == 1.0
        assert value(found, **keys, metric="share") == 1.0
    assert (
        value(found, method="perfect", scope="all RNAs", relation="unrelated", metric="share") == 0
    )
    ortholog = {"method": "perfect", "scope": "all RNAs", "relation": "ortholog"}
    assert value(found, **ortholog, metric="found") == 0.0, "the isoform is nearer"
    assert value(found, **ortholog, metric="found", k=3) == 1.0


def test_length_alone_is_at_chance_of_like_length(found: Retrieval) -> None:
    keys = {"method": "length", "scope": "all RNAs", "relation": "isoform"}
    assert value(found, **keys, metric="found") < 0.1
    assert value(found, **keys, metric="chance") == pytest.approx(1 / 239)
    assert value(found, **keys, metric="chance of like length") < 0.1
    assert (
        value(found, method="length", scope="all RNAs", relation="any", metric="length ratio") < 1.1
    )


def test_the_shares_of_a_scope_add_up(found: Retrieval) -> None:
    table = found.metrics.filter(metric="share", length="all")
    sums = table.group_by("method", "scope").agg(pl.col("value").sum())
    assert sums["value"].to_numpy() == pytest.approx(1.0)


def test_length_bins_divide_the_queries(found: Retrieval) -> None:
    table = found.metrics.filter(
        metric="share", scope="all RNAs", relation="isoform", method="perfect"
    )
    assert (
        table.filter(pl.col("length") != "all")["n"].sum() == table.filter(length="all")["n"].item()
    )
    assert set(table["length"]) == {
        *("all", "0 to 499 nt", "500 to 999 nt", "1,000 to 1,999 nt"),
        *("2,000 to 3,999 nt", "4,000 nt or more"),
    }


def test_a_gene_without_an_ortholog_does_not_count() -> None:
    known, methods = planted(20)
    alone = known.gene_set.copy()
    alone[:2] = 99  # the isoforms of the first gene, in a set of their own
    fewer = Relatives(known.gene, alone, known.species, known.length)
    rows = retrieval(methods, fewer, k=(1,)).metrics.filter(
        metric="found", scope="RNAs of other species", method="perfect", length="all"
    )
    assert rows["n"].item() == 80 - 4


def test_a_sample_is_drawn_by_the_seed() -> None:
    known, methods = planted()
    first, again, other = (
        retrieval(methods, known, k=(1,), sample=30, seed=seed) for seed in (1, 1, 2)
    )
    assert len(first.queries) == 30
    assert first.rows() == again.rows()
    assert first.queries.tolist() != other.queries.tolist()
    whole = retrieval(methods, known, k=(1,), sample=10_000)
    assert whole.queries.tolist() == [*range(240)]
    same = whole.neighbours["length"]["all RNAs"].rows[first.queries]
    assert (first.neighbours["length"]["all RNAs"].rows == same).all()


def test_one_species_has_no_other() -> None:
    known, methods = planted(20)
    one = Relatives(known.gene, known.gene, np.zeros_like(known.species), known.length)
    scopes = retrieval(methods, one, k=(1,)).metrics["scope"].unique().to_list()
    assert sorted(scopes) == ["RNAs of other genes", "all RNAs"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": ()}, "--k nothing: expected"),
        ({"k": (0, 5)}, "--k 0 5: expected numbers from 1"),
        ({"sample": 0}, "--sample 0: expected 1"),
        ({"seed": -1}, "--seed -1: expected 0"),
        ({"k": (300,)}, "300 nearest neighbours are wanted among all RNAs"),
    ],
)
def test_bad_options(options: dict[str, object], message: str) -> None:
    known, methods = planted()
    with pytest.raises(InputError, match=message):
        retrieval(methods, known, **options)  # type: ignore[arg-type]


def test_features_of_other_rnas() -> None:
    known, _ = planted()
    with pytest.raises(InputError, match="x: features of 3 RNAs, expected 240"):
        retrieval({"x": np.ones((3, 2))}, known)
