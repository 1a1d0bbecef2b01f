from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from isoclr.analysis.relations import ISOFORM, ORTHOLOG, PARALOG, GeneRelations
from isoclr.analysis.retrieval import Retrieval, count_candidates, evaluate_retrieval, retrieval
from isoclr.cli import main
from isoclr.errors import InputError

ALL = np.arange(7)


def test_candidate_counts(family: GeneRelations) -> None:
    isoforms = count_candidates(family, ALL, ISOFORM, ALL)
    assert isoforms.relatives.tolist() == [1, 1, 0, 1, 1, 0, 0]
    assert isoforms.candidates.tolist() == [6] * 7
    # 1000, 1050, 990, 1000 and 995 nt are of similar length
    assert isoforms.matched_candidates.tolist() == [4, 4, 0, 4, 0, 4, 4]
    assert isoforms.matched_relatives.tolist() == [1, 1, 0, 0, 0, 0, 0]
    paralogs = count_candidates(family, ALL, PARALOG, family.gene)
    assert paralogs.relatives.tolist() == [1, 1, 2, 0, 0, 0, 0]
    assert paralogs.candidates.tolist() == [5, 5, 6, 5, 5, 6, 6]
    assert paralogs.matched_candidates.tolist() == [3, 3, 0, 4, 0, 4, 4]
    orthologs = count_candidates(family, np.array([3, 0]), ORTHOLOG, family.species)
    assert orthologs.relatives.tolist() == [3, 2]
    assert orthologs.candidates.tolist() == [4, 3]
    assert orthologs.matched_relatives.tolist() == [2, 1]
    assert orthologs.matched_candidates.tolist() == [3, 2]


@pytest.mark.parametrize("k", [1, 2, 3])
def test_chance_without_replacement(family: GeneRelations, k: int) -> None:
    result = count_candidates(family, np.array([3]), ORTHOLOG, family.species).chance(k)[0]
    draws = [*combinations(range(4), k)]  # 4 candidates, 3 of them orthologs: 0, 1, 2
    assert result == pytest.approx(np.mean([min(draw) < 3 for draw in draws]))


def test_length_matched_chance(family: GeneRelations) -> None:
    result = count_candidates(family, ALL, ISOFORM, ALL).length_matched_chance()
    assert result[:2].tolist() == [0.25, 0.25]
    assert np.isnan(result[2]), "nobody is of its length"
    assert result[3] == 0.0


def test_retrieval_command(world: Path, tmp_path: Path, few_channels: None) -> None:
    result = retrieval(
        (world / "embeddings.parquet",),
        corpus=world / "corpus",
        out=tmp_path / "n.csv",
        baselines=True,
        k=(1, 3),
        plot=tmp_path / "n.png",
    )
    table = pl.read_csv(tmp_path / "n.csv")
    assert table.height == len(result.rows())
    assert set(table["study"]) == {"retrieval", "geometry", "properties"}
    methods = {"isoclr-s", "k-mers + codons", "random-init encoder", "sequence features"}
    assert set(table["method"]) == methods
    hits = table.filter(metric="hit rate", length="all", k=1, relation="isoform")
    value = dict(hits.select("method", "value").rows())
    assert value["isoclr-s"] > 0.7 > 0.2 > value["k-mers + codons"]
    read = table.filter(study="properties", property="log2 length", method="isoclr-s")
    assert read["value"].item() > 0.95, "dimension 0 is the length"
    assert (tmp_path / "n.png").read_bytes().startswith(b"\x89PNG")


def test_several_embeddings(world: Path, tmp_path: Path) -> None:
    second = tmp_path / "again.parquet"
    second.write_bytes((world / "embeddings.parquet").read_bytes())
    result = retrieval(
        (world / "embeddings.parquet", second), corpus=world / "corpus", out=tmp_path / "n.tsv", k=(1,), sample=20
    )
    assert list(result.neighbors) == ["embeddings.parquet", "again.parquet"]
    assert len(result.queries) == 20
    first, again = (result.metrics.filter(method=name).drop("method") for name in result.neighbors)
    assert first.equals(again)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"out": "n.txt"}, "n.txt: unknown format"),
        ({"plot": "n.bmp"}, "written as"),
        ({"threads": 0}, "--threads 0: expected 1"),
        ({"k": (0,)}, "--k 0: expected numbers from 1"),
        ({"corpus": "nowhere"}, "nowhere: not a corpus"),
    ],
)
def test_bad_input(world: Path, tmp_path: Path, options: dict[str, object], message: str) -> None:
    given = {"corpus": world / "corpus", "out": "n.csv", **options}
    given["out"] = tmp_path / str(given["out"])
    with pytest.raises(InputError, match=message):
        retrieval((world / "embeddings.parquet",), **given)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def simulated(genes: int = 60) -> tuple[GeneRelations, dict[str, np.ndarray]]:
    """Two species; in each, two isoforms of every gene; a gene set is a gene and its ortholog.

    ``perfect`` puts isoforms together and the ortholog next to them, ``length`` encodes nothing else.
    """
    rng = np.random.default_rng(0)
    gene = np.repeat(np.arange(2 * genes), 2)
    relations = GeneRelations(gene, gene % genes, gene // genes, rng.integers(300, 6_000, 4 * genes))
    sets, own = rng.normal(size=(genes, 20)), rng.normal(size=(2 * genes, 20))
    perfect = sets[gene % genes] + 0.3 * own[gene] + 0.01 * rng.normal(size=(4 * genes, 20))
    length = np.column_stack([np.cos(relations.length / 500), np.sin(relations.length / 500)])
    return relations, {"perfect": perfect, "length": length}


@pytest.fixture(scope="module")
def result() -> Retrieval:
    relations, methods = simulated()
    return evaluate_retrieval(methods, relations, k=(1, 3))


def value(result: Retrieval, **keys: object) -> float:
    chosen = {"length": "all", "k": 1, **keys}
    rows = [row for row in result.rows() if all(row[key] == chosen[key] for key in chosen)]
    assert len(rows) == 1, keys
    return float(rows[0]["value"] or 0.0)


def test_perfect_embedding(result: Retrieval) -> None:
    for scope, relation in (
        ("all RNAs", "isoform"),
        ("RNAs of other genes", "ortholog"),
        ("RNAs of other species", "ortholog"),
    ):
        keys = {"method": "perfect", "scope": scope, "relation": relation}
        assert value(result, **keys, metric="hit rate") == 1.0
        assert value(result, **keys, metric="share") == 1.0
    assert value(result, method="perfect", scope="all RNAs", relation="unrelated", metric="share") == 0
    ortholog = {"method": "perfect", "scope": "all RNAs", "relation": "ortholog"}
    assert value(result, **ortholog, metric="hit rate") == 0.0, "the isoform is nearer"
    assert value(result, **ortholog, metric="hit rate", k=3) == 1.0


def test_length_alone_is_at_length_matched_chance(result: Retrieval) -> None:
    keys = {"method": "length", "scope": "all RNAs", "relation": "isoform"}
    assert value(result, **keys, metric="hit rate") < 0.1
    assert value(result, **keys, metric="chance") == pytest.approx(1 / 239)
    assert value(result, **keys, metric="length-matched chance") < 0.1
    assert value(result, method="length", scope="all RNAs", relation="any", metric="length ratio") < 1.1


def test_shares_add_up(result: Retrieval) -> None:
    table = result.metrics.filter(metric="share", length="all")
    sums = table.group_by("method", "scope").agg(pl.col("value").sum())
    assert sums["value"].to_numpy() == pytest.approx(1.0)


def test_length_bins_divide_the_queries(result: Retrieval) -> None:
    table = result.metrics.filter(metric="share", scope="all RNAs", relation="isoform", method="perfect")
    assert table.filter(pl.col("length") != "all")["n"].sum() == table.filter(length="all")["n"].item()
    assert set(table["length"]) == {
        *("all", "0 to 499 nt", "500 to 999 nt", "1,000 to 1,999 nt"),
        *("2,000 to 3,999 nt", "4,000 nt or more"),
    }


def test_genes_without_ortholog_do_not_count() -> None:
    relations, methods = simulated(20)
    alone = relations.gene_set.copy()
    alone[:2] = 99  # the isoforms of the first gene, in a set of their own
    fewer = GeneRelations(relations.gene, alone, relations.species, relations.length)
    rows = evaluate_retrieval(methods, fewer, k=(1,)).metrics.filter(
        metric="hit rate", scope="RNAs of other species", method="perfect", length="all"
    )
    assert rows["n"].item() == 80 - 4


def test_sample_and_seed() -> None:
    relations, methods = simulated()
    first, again, other = (evaluate_retrieval(methods, relations, k=(1,), sample=30, seed=seed) for seed in (1, 1, 2))
    assert len(first.queries) == 30
    assert first.rows() == again.rows()
    assert first.queries.tolist() != other.queries.tolist()
    whole = evaluate_retrieval(methods, relations, k=(1,), sample=10_000)
    assert whole.queries.tolist() == [*range(240)]
    same = whole.neighbors["length"]["all RNAs"].rows[first.queries]
    assert (first.neighbors["length"]["all RNAs"].rows == same).all()


def test_one_species() -> None:
    relations, methods = simulated(20)
    one = GeneRelations(relations.gene, relations.gene, np.zeros_like(relations.species), relations.length)
    scopes = evaluate_retrieval(methods, one, k=(1,)).metrics["scope"].unique().to_list()
    assert sorted(scopes) == ["RNAs of other genes", "all RNAs"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": ()}, "--k nothing: expected"),
        ({"k": (0, 5)}, "--k 0 5: expected numbers from 1"),
        ({"sample": 0}, "--sample 0: expected 1"),
        ({"seed": -1}, "--seed -1: expected 0"),
        ({"k": (300,)}, "--k 300: some RNA has only 239 candidates"),
    ],
)
def test_bad_options(options: dict[str, object], message: str) -> None:
    relations, methods = simulated()
    with pytest.raises(InputError, match=message):
        evaluate_retrieval(methods, relations, **options)  # type: ignore[arg-type]


def test_features_of_other_rnas() -> None:
    relations, _ = simulated()
    with pytest.raises(InputError, match="x: features of 3 RNAs, expected 240"):
        evaluate_retrieval({"x": np.ones((3, 2))}, relations)


def test_whitening_removes_a_shared_direction() -> None:
    """Relatives differ along a direction of large variance in many features; whitening counts it once."""
    relations, features = simulated()
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(len(relations), 1)) @ rng.normal(size=(1, 20)) * 10
    noisy = {"noisy": features["perfect"] + noise}
    keys = {"method": "noisy", "scope": "all RNAs", "relation": "isoform", "metric": "hit rate"}
    plain = value(evaluate_retrieval(noisy, relations, k=(1,)), **keys)
    white = value(evaluate_retrieval(noisy, relations, k=(1,), whiten=True), **keys)
    assert plain < 0.5 < 0.7 < white


def test_command(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["retrieval", str(world / "embeddings.parquet"), "--corpus", str(world / "corpus")]
    words += ["-o", str(tmp_path / "n.csv"), "--k", "1"]
    assert main([*words, "--sample", "20", "--whiten"]) == 0
    shown = capsys.readouterr()
    for text in ("isoform", "hit rate", "uniformity", "log2 length"):
        assert text in shown.out
    assert "warning: only 20 RNAs have a relative of kind isoform" in shown.err
    assert main(words) == 2
    assert "exists already" in capsys.readouterr().err
