import numpy as np
import pytest

from isoclr.analysis.geometry import PROPERTIES, alignment_uniformity, probe_properties, properties
from isoclr.analysis.relations import GeneRelations
from isoclr.errors import InputError
from isoclr.genomics.encoding import Codes, encode


def rnas(n: int = 200) -> tuple[list[Codes], GeneRelations]:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(n):
        length, share = int(rng.integers(60, 300)), rng.uniform(0.2, 0.8)
        p = [(1 - share) / 2, share / 2, share / 2, (1 - share) / 2]
        bases = rng.choice(4, length, p=p).astype(np.uint8)
        found.append(
            encode(bases, np.array([20, length - 20]), (5, 5 + 3 * int(rng.integers(3, 15))))
        )
    lengths = np.array([len(codes) for codes in found])
    return found, GeneRelations(np.arange(n), np.arange(n), np.zeros(n, np.int64), lengths)


def test_what_is_written_in_the_features_is_read() -> None:
    codes, known = rnas()
    values = np.array([properties(one) for one in codes])
    rng = np.random.default_rng(1)
    features = {
        "knows": values[:, [0, 1]] @ rng.normal(size=(2, 6)) + 1e-3 * rng.normal(size=(200, 6)),
        "nothing": rng.normal(size=(200, 6)),
    }
    found = probe_properties(features, known, codes.__getitem__)
    r2 = {(row["method"], row["property"]): row for row in found.rows()}
    assert r2["knows", "log2 length"]["value"] == pytest.approx(1.0, abs=0.01)
    assert r2["knows", "G+C content"]["value"] == pytest.approx(1.0, abs=0.01)
    assert float(r2["nothing", "log2 length"]["value"] or 0) < 0.05
    assert r2["knows", "log2 length"]["n"] == 200
    assert ("knows", "log2 number of exons") not in r2, "all have two"
    assert ("knows", "log2 length of 5' UTR") not in r2, "all have 5 nt"


def test_an_rna_lacks_what_it_has_not() -> None:
    bare = dict(zip(PROPERTIES, properties(np.array([0, 1, 2, 4], np.uint8)), strict=True))
    assert bare["log2 length"] == 2.0
    assert bare["G+C content"] == pytest.approx(2 / 3)
    assert np.isnan([bare[name] for name in PROPERTIES[2:]]).all()


def test_a_gene_counts_once_and_the_sample_is_drawn() -> None:
    codes, known = rnas()
    twice = GeneRelations(known.gene // 2, known.gene_set // 2, known.species, known.length)
    features = {"x": np.random.default_rng(0).normal(size=(200, 2))}
    assert {row["n"] for row in probe_properties(features, twice, codes.__getitem__).rows()} == {
        100
    }
    fewer = probe_properties(features, twice, codes.__getitem__, sample=40)
    assert {row["n"] for row in fewer.rows()} == {40}
    assert fewer.rows() == probe_properties(features, twice, codes.__getitem__, sample=40).rows()


def test_too_few_gene_sets() -> None:
    codes, known = rnas(4)
    with pytest.raises(InputError):
        probe_properties({"x": np.ones((4, 1))}, known, codes.__getitem__)


def world(n: int = 600) -> tuple[GeneRelations, np.ndarray]:
    gene = np.repeat(np.arange(n // 2), 2)
    length = np.random.default_rng(0).integers(300, 5_000, n)
    return GeneRelations(gene, gene, np.zeros(n, np.int64), length), gene


def value(rows: list[dict[str, str | int | float | None]], relation: str, metric: str) -> float:
    (found,) = [row for row in rows if row["relation"] == relation and row["metric"] == metric]
    return float(found["value"] or 0.0)


def test_random_directions() -> None:
    known, _ = world()
    features = np.random.default_rng(0).normal(size=(len(known), 300))
    rows = alignment_uniformity({"random": features}, known).rows()
    assert value(rows, "isoform", "alignment") == pytest.approx(2.0, abs=0.03)
    assert value(rows, "unrelated", "alignment") == pytest.approx(2.0, abs=0.03)
    assert value(rows, "unrelated", "uniformity") == pytest.approx(-4.0, abs=0.05)


def test_isoforms_on_one_spot() -> None:
    known, gene = world()
    features = np.random.default_rng(0).normal(size=(300, 50))[gene]
    rows = alignment_uniformity({"x": features}, known).rows()
    assert value(rows, "isoform", "alignment") == pytest.approx(0.0, abs=1e-6)
    assert value(rows, "unrelated", "alignment") == pytest.approx(2.0, abs=0.1)


def test_two_spots_have_a_uniformity_that_can_be_computed() -> None:
    known, gene = world()
    features = np.where(gene % 2 == 0, 1.0, -1.0)[:, None] * [1.0, 1.0]
    rows = alignment_uniformity({"x": features}, known).rows()
    # half of the pairs (149.5 of 299) share a spot, the others lie 2 apart
    share = (2 * 150 * 149 / 2) / (300 * 299 / 2)
    wanted = np.log(share + (1 - share) * np.exp(-8.0))
    assert value(rows, "unrelated", "uniformity") == pytest.approx(wanted, abs=1e-6)


def test_an_embedding_of_length_brings_those_of_like_length_together() -> None:
    known, _ = world()
    turn = np.log2(known.length) * 2
    rows = alignment_uniformity({"x": np.column_stack([np.cos(turn), np.sin(turn)])}, known).rows()
    like = value(rows, "unrelated, of like length", "alignment")
    assert like < 0.1 < value(rows, "unrelated", "alignment")


def test_it_is_drawn_by_the_seed() -> None:
    known, _ = world()
    features = {"x": np.random.default_rng(0).normal(size=(600, 4))}
    first, again, other = (
        alignment_uniformity(features, known, seed=seed).rows() for seed in (0, 0, 1)
    )
    assert first == again != other


def test_a_gene_set_gives_one_pair_of_each_relation() -> None:
    """Ten gene sets, each with two isoforms of two genes in each of two species."""
    rng, gene = np.random.default_rng(0), np.repeat(np.arange(40), 2)
    known = GeneRelations(gene, gene % 10, gene // 20, rng.integers(300, 5_000, 80))
    rows = alignment_uniformity({"x": rng.normal(size=(80, 5))}, known).rows()
    counts = {row["relation"]: row["n"] for row in rows if row["metric"] == "alignment"}
    assert (counts["isoform"], counts["paralog"], counts["ortholog"]) == (40, 10, 10)
