import numpy as np
import pytest

from isoclr.latent.kinship import Relatives
from isoclr.latent.spread import geometry


def world(n: int = 600) -> tuple[Relatives, np.ndarray]:
    gene = np.repeat(np.arange(n // 2), 2)
    length = np.random.default_rng(0).integers(300, 5_000, n)
    return Relatives(gene, gene, np.zeros(n, np.int64), length), gene


def value(rows: list[dict[str, str | int | float | None]], relation: str, metric: str) -> float:
    (found,) = [row for row in rows if row["relation"] == relation and row["metric"] == metric]
    return float(found["value"] or 0.0)


def test_random_directions() -> None:
    known, _ = world()
    features = np.random.default_rng(0).normal(size=(len(known), 300))
    rows = geometry({"random": features}, known).rows()
    assert value(rows, "isoform", "alignment") == pytest.approx(2.0, abs=0.03)
    assert value(rows, "unrelated", "alignment") == pytest.approx(2.0, abs=0.03)
    assert value(rows, "unrelated", "uniformity") == pytest.approx(-4.0, abs=0.05)


def test_isoforms_on_one_spot() -> None:
    known, gene = world()
    features = np.random.default_rng(0).normal(size=(300, 50))[gene]
    rows = geometry({"x": features}, known).rows()
    assert value(rows, "isoform", "alignment") == pytest.approx(0.0, abs=1e-6)
    assert value(rows, "unrelated", "alignment") == pytest.approx(2.0, abs=0.1)


def test_two_spots_have_a_uniformity_that_can_be_computed() -> None:
    known, gene = world()
    features = np.where(gene % 2 == 0, 1.0, -1.0)[:, None] * [1.0, 1.0]
    rows = geometry({"x": features}, known).rows()
    # half of the pairs (149.5 of 299) share a spot, the others lie 2 apart
    share = (2 * 150 * 149 / 2) / (300 * 299 / 2)
    wanted = np.log(share + (1 - share) * np.exp(-8.0))
    assert value(rows, "unrelated", "uniformity") == pytest.approx(wanted, abs=1e-6)


def test_an_embedding_of_length_brings_those_of_like_length_together() -> None:
    known, _ = world()
    turn = np.log2(known.length) * 2
    rows = geometry({"x": np.column_stack([np.cos(turn), np.sin(turn)])}, known).rows()
    like = value(rows, "unrelated, of like length", "alignment")
    assert like < 0.1 < value(rows, "unrelated", "alignment")


def test_it_is_drawn_by_the_seed() -> None:
    known, _ = world()
    features = {"x": np.random.default_rng(0).normal(size=(600, 4))}
    first, again, other = (geometry(features, known, seed=seed).rows() for seed in (0, 0, 1))
    assert first == again != other


def test_a_gene_set_gives_one_pair_of_each_relation() -> None:
    """Ten gene sets, each with two isoforms of two genes in each of two species."""
    rng, gene = np.random.default_rng(0), np.repeat(np.arange(40), 2)
    known = Relatives(gene, gene % 10, gene // 20, rng.integers(300, 5_000, 80))
    rows = geometry({"x": rng.normal(size=(80, 5))}, known).rows()
    counts = {row["relation"]: row["n"] for row in rows if row["metric"] == "alignment"}
    assert (counts["isoform"], counts["paralog"], counts["ortholog"]) == (40, 10, 10)
