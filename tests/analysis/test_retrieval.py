from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from isoclr.analysis.relations import ISOFORM, ORTHOLOG, PARALOG, GeneRelations
from isoclr.analysis.retrieval import Retrieval, count, neighbours, retrieval
from isoclr.errors import InputError

ALL = np.arange(7)


def test_relatives_and_candidates_are_counted(family: GeneRelations) -> None:
    isoforms = count(family, ALL, ISOFORM, ALL)
    assert isoforms.relatives.tolist() == [1, 1, 0, 1, 1, 0, 0]
    assert isoforms.candidates.tolist() == [6] * 7
    # 1000, 1050, 990, 1000 and 995 nt are of like length
    assert isoforms.of_like_length.tolist() == [4, 4, 0, 4, 0, 4, 4]
    assert isoforms.relatives_of_like_length.tolist() == [1, 1, 0, 0, 0, 0, 0]
    paralogs = count(family, ALL, PARALOG, family.gene)
    assert paralogs.relatives.tolist() == [1, 1, 2, 0, 0, 0, 0]
    assert paralogs.candidates.tolist() == [5, 5, 6, 5, 5, 6, 6]
    assert paralogs.of_like_length.tolist() == [3, 3, 0, 4, 0, 4, 4]
    orthologs = count(family, np.array([3, 0]), ORTHOLOG, family.species)
    assert orthologs.relatives.tolist() == [3, 2]
    assert orthologs.candidates.tolist() == [4, 3]
    assert orthologs.relatives_of_like_length.tolist() == [2, 1]
    assert orthologs.of_like_length.tolist() == [3, 2]


@pytest.mark.parametrize("k", [1, 2, 3])
def test_chance_is_that_of_drawing_without_replacement(family: GeneRelations, k: int) -> None:
    found = count(family, np.array([3]), ORTHOLOG, family.species).chance(k)[0]
    draws = [*combinations(range(4), k)]  # 4 candidates, 3 of them orthologs: 0, 1, 2
    assert found == pytest.approx(np.mean([min(draw) < 3 for draw in draws]))


def test_chance_of_like_length(family: GeneRelations) -> None:
    found = count(family, ALL, ISOFORM, ALL).chance_of_like_length()
    assert found[:2].tolist() == [0.25, 0.25]
    assert np.isnan(found[2]), "nobody is of its length"
    assert found[3] == 0.0


def test_the_whole_study(world: Path, tmp_path: Path) -> None:
    found = neighbours(
        world / "embeddings.parquet",
        corpus=world / "corpus",
        out=tmp_path / "n.csv",
        k=(1, 3),
        plot=tmp_path / "n.png",
    )
    table = pl.read_csv(tmp_path / "n.csv")
    assert table.height == len(found.rows())
    assert set(table["study"]) == {"neighbours", "geometry", "encoded"}
    methods = {"isoclr-s", "k-mers + codons", "random-init encoder"}
    assert set(table["method"]) == methods
    hits = table.filter(metric="found", length="all", k=1, relation="isoform")
    value = dict(hits.select("method", "value").rows())
    assert value["isoclr-s"] > 0.7 > 0.2 > value["k-mers + codons"]
    read = table.filter(study="encoded", property="log2 length", method="isoclr-s")
    assert read["value"].item() > 0.95, "dimension 0 is the length"
    assert (tmp_path / "n.png").read_bytes().startswith(b"\x89PNG")


def test_embeddings_beside(world: Path, tmp_path: Path) -> None:
    second = tmp_path / "again.parquet"
    second.write_bytes((world / "embeddings.parquet").read_bytes())
    found = neighbours(
        world / "embeddings.parquet",
        corpus=world / "corpus",
        out=tmp_path / "n.tsv",
        beside=(second,),
        simple=False,
        k=(1,),
        sample=20,
    )
    assert list(found.retrieval.neighbours) == ["embeddings.parquet", "again.parquet"]
    assert len(found.retrieval.queries) == 20
    first, again = (
        found.retrieval.metrics.filter(method=name).drop("method")
        for name in found.retrieval.neighbours
    )
    assert first.equals(again)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"out": "n.txt"}, "n.txt: unknown format"),
        ({"plot": "n.bmp"}, "written as"),
        ({"threads": 0}, "--threads 0: expected 1"),
        ({"sample": 0}, "--sample 0"),
        ({"k": (0,)}, "--k 0: expected numbers from 1"),
        ({"seed": -1}, "--seed -1: expected 0"),
        ({"corpus": "nowhere"}, "nowhere: not a corpus"),
    ],
)
def test_bad_input(world: Path, tmp_path: Path, options: dict[str, object], message: str) -> None:
    given = {"corpus": world / "corpus", "out": "n.csv", "simple": False, **options}
    given["out"] = tmp_path / str(given["out"])
    with pytest.raises(InputError, match=message):
        neighbours(world / "embeddings.parquet", **given)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def planted(genes: int = 60) -> tuple[GeneRelations, dict[str, np.ndarray]]:
    """Two species; in each, two isoforms of every gene; a gene set is a gene and its ortholog.

    ``perfect`` puts isoforms together and the ortholog next to them, ``length`` knows nothing else.
    """
    rng = np.random.default_rng(0)
    gene = np.repeat(np.arange(2 * genes), 2)
    known = GeneRelations(gene, gene % genes, gene // genes, rng.integers(300, 6_000, 4 * genes))
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
    fewer = GeneRelations(known.gene, alone, known.species, known.length)
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
    one = GeneRelations(known.gene, known.gene, np.zeros_like(known.species), known.length)
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
