import numpy as np
import pytest

from isoclr.analysis.geometry import PROPERTIES, alignment_uniformity, probe_properties, properties
from isoclr.analysis.relations import GeneRelations
from isoclr.errors import InputError
from isoclr.genomics.encoding import NUCLEOTIDE_BITS, Codes, encode


def rnas(n: int = 200) -> tuple[list[Codes], GeneRelations]:
    rng = np.random.default_rng(0)
    results = []
    for _ in range(n):
        length, share = int(rng.integers(60, 300)), rng.uniform(0.2, 0.8)
        p = [(1 - share) / 2, share / 2, share / 2, (1 - share) / 2]
        bases = rng.choice(4, length, p=p).astype(np.uint8)
        results.append(encode(bases, np.array([20, length - 20]), (5, 5 + 3 * int(rng.integers(3, 15)))))
    lengths = np.array([len(codes) for codes in results])
    return results, GeneRelations(np.arange(n), np.arange(n), np.zeros(n, np.int64), lengths)


def test_probe_reads_encoded_properties() -> None:
    codes, relations = rnas()
    values = np.array([properties(one) for one in codes])
    rng = np.random.default_rng(1)
    features = {
        "encoded": values[:, [0, 1]] @ rng.normal(size=(2, 6)) + 1e-3 * rng.normal(size=(200, 6)),
        "nothing": rng.normal(size=(200, 6)),
    }
    results = probe_properties(features, relations, codes.__getitem__)
    r2 = {(row["method"], row["property"]): row for row in results}
    assert r2["encoded", "log2 length"]["value"] == pytest.approx(1.0, abs=0.01)
    assert r2["encoded", "G+C content"]["value"] == pytest.approx(1.0, abs=0.01)
    assert float(r2["nothing", "log2 length"]["value"] or 0) < 0.05
    assert r2["encoded", "log2 length"]["n"] == 200
    assert ("encoded", "log2 number of exons") not in r2, "all have two"
    assert ("encoded", "log2 length of 5' UTR") not in r2, "all have 5 nt"


def test_a_property_is_read_from_the_rnas_that_have_it() -> None:
    codes, relations = rnas()
    codes = [one & np.uint8(NUCLEOTIDE_BITS) if i % 4 == 0 else one for i, one in enumerate(codes)]  # non-coding
    values = np.array([properties(one) for one in codes])
    rng = np.random.default_rng(1)
    mixed = np.nan_to_num(values[:, :3]) @ rng.normal(size=(3, 6)) + 1e-3 * rng.normal(size=(200, 6))
    r2 = {row["property"]: row for row in probe_properties({"encoded": mixed}, relations, codes.__getitem__)}
    assert (r2["share of CDS"]["n"], r2["log2 length"]["n"]) == (150, 200)
    assert r2["share of CDS"]["value"] == pytest.approx(1.0, abs=0.01)
    assert r2["log2 length"]["value"] == pytest.approx(1.0, abs=0.01)


def test_unknown_properties_are_nan() -> None:
    bare = dict(zip(PROPERTIES, properties(np.array([0, 1, 2, 4], np.uint8)), strict=True))
    assert bare["log2 length"] == 2.0
    assert bare["G+C content"] == pytest.approx(2 / 3)
    assert np.isnan([bare[name] for name in PROPERTIES[2:]]).all()


def test_one_rna_per_gene_and_sample() -> None:
    codes, relations = rnas()
    twice = GeneRelations(relations.gene // 2, relations.gene_set // 2, relations.species, relations.length)
    features = {"x": np.random.default_rng(0).normal(size=(200, 2))}
    assert {row["n"] for row in probe_properties(features, twice, codes.__getitem__)} == {100}
    fewer = probe_properties(features, twice, codes.__getitem__, sample=40)
    assert {row["n"] for row in fewer} == {40}
    assert fewer == probe_properties(features, twice, codes.__getitem__, sample=40)


def test_too_few_gene_sets() -> None:
    codes, relations = rnas(4)
    with pytest.raises(InputError):
        probe_properties({"x": np.ones((4, 1))}, relations, codes.__getitem__)


def world(n: int = 600) -> tuple[GeneRelations, np.ndarray]:
    gene = np.repeat(np.arange(n // 2), 2)
    length = np.random.default_rng(0).integers(300, 5_000, n)
    return GeneRelations(gene, gene, np.zeros(n, np.int64), length), gene


def value(rows: list[dict[str, str | int | float | None]], relation: str, metric: str) -> float:
    (results,) = [row for row in rows if row["relation"] == relation and row["metric"] == metric]
    return float(results["value"] or 0.0)


def test_random_directions() -> None:
    relations, _ = world()
    features = np.random.default_rng(0).normal(size=(len(relations), 300))
    rows = alignment_uniformity({"random": features}, relations)
    assert value(rows, "isoform", "alignment") == pytest.approx(2.0, abs=0.03)
    assert value(rows, "unrelated", "alignment") == pytest.approx(2.0, abs=0.03)
    assert value(rows, "unrelated", "uniformity") == pytest.approx(-4.0, abs=0.05)


def test_identical_isoforms() -> None:
    relations, gene = world()
    features = np.random.default_rng(0).normal(size=(300, 50))[gene]
    rows = alignment_uniformity({"x": features}, relations)
    assert value(rows, "isoform", "alignment") == pytest.approx(0.0, abs=1e-6)
    assert value(rows, "unrelated", "alignment") == pytest.approx(2.0, abs=0.1)


def test_uniformity_of_two_points() -> None:
    relations, gene = world()
    features = np.where(gene % 2 == 0, 1.0, -1.0)[:, None] * [1.0, 1.0]
    rows = alignment_uniformity({"x": features}, relations)
    # half of the pairs (149.5 of 299) share a spot, the others lie 2 apart
    share = (2 * 150 * 149 / 2) / (300 * 299 / 2)
    expected = np.log(share + (1 - share) * np.exp(-8.0))
    assert value(rows, "unrelated", "uniformity") == pytest.approx(expected, abs=1e-6)


def test_length_matched_pairs() -> None:
    relations, _ = world()
    turn = np.log2(relations.length) * 2
    rows = alignment_uniformity({"x": np.column_stack([np.cos(turn), np.sin(turn)])}, relations)
    similar = value(rows, "unrelated, length-matched", "alignment")
    assert similar < 0.1 < value(rows, "unrelated", "alignment")


def test_seed() -> None:
    relations, _ = world()
    features = {"x": np.random.default_rng(0).normal(size=(600, 4))}
    first, again, other = (alignment_uniformity(features, relations, seed=seed) for seed in (0, 0, 1))
    assert first == again != other


def test_one_pair_per_gene_set_and_relation() -> None:
    """Ten gene sets, each with two isoforms of two genes in each of two species."""
    rng, gene = np.random.default_rng(0), np.repeat(np.arange(40), 2)
    relations = GeneRelations(gene, gene % 10, gene // 20, rng.integers(300, 5_000, 80))
    rows = alignment_uniformity({"x": rng.normal(size=(80, 5))}, relations)
    counts = {row["relation"]: row["n"] for row in rows if row["metric"] == "alignment"}
    assert (counts["isoform"], counts["paralog"], counts["ortholog"]) == (40, 10, 10)
