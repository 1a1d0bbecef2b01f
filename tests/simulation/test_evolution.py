"""Descent: coding sequences drift, UTRs drift faster, motifs stay."""

import numpy as np
import pytest

from isoclr.simulation import ancestors, evolution, genetic_code, motifs
from isoclr.simulation.ancestors import Kind, Template
from isoclr.simulation.sizes import SIZES


def founders(count: int) -> list[Template]:
    return [ancestors.coding(np.random.default_rng(i), SIZES["small"]) for i in range(count)]


def descend(gene: Template, distance: float, seed: int = 0) -> Template:
    return evolution.evolve(gene, distance, np.random.default_rng(seed))


def test_at_distance_zero_nothing_changes() -> None:
    for gene in founders(5):
        now = descend(gene, 0.0)
        assert now.bases.tolist() == gene.bases.tolist()
        assert now.cds == gene.cds


@pytest.mark.parametrize("distance", [0.1, 0.5, 2.0])
def test_a_reading_frame_stays_open(distance: float) -> None:
    for seed, gene in enumerate(founders(40)):
        now = descend(gene, distance, seed)
        assert now.cds is not None
        codons = genetic_code.codons_of(now.bases[slice(*now.cds)])
        assert codons[0] == genetic_code.START
        assert codons[-1] in genetic_code.STOPS
        assert not np.isin(codons[:-1], genetic_code.STOPS).any()
        assert len(now.bases) == len(now.block) == len(now.kept)


def test_cassettes_keep_the_frame() -> None:
    for seed, gene in enumerate(founders(40)):
        now = descend(gene, 1.0, seed)
        assert now.cds is not None
        lengths = np.bincount(now.block)
        assert len(lengths) == len(now.kinds)
        for block, kind in enumerate(now.kinds):
            inside = now.cds[0] < np.argmax(now.block == block) < now.cds[1]
            assert not (kind is Kind.CASSETTE and inside) or lengths[block] % 3 == 0


def test_proteins_change_less_than_codons_and_utrs_more() -> None:
    same = {"utr": [], "codon": [], "amino": []}  # type: dict[str, list[float]]
    for gene in founders(30):
        now = evolution._substitute(gene, 0.1, np.random.default_rng(1))
        assert gene.cds is not None
        utr3 = slice(gene.cds[1], None)
        free = ~gene.kept[utr3]
        same["utr"].append((gene.bases[utr3] == now.bases[utr3])[free].mean())
        before, after = (genetic_code.codons_of(g.bases[slice(*gene.cds)]) for g in (gene, now))
        same["codon"].append((before == after).mean())
        same["amino"].append((genetic_code._AMINO[before] == genetic_code._AMINO[after]).mean())
    assert 0.74 < np.mean(same["utr"]) < 0.82
    assert 0.70 < np.mean(same["codon"]) < 0.90
    assert np.mean(same["amino"]) > 0.95


def test_selection_keeps_motifs() -> None:
    before, after = np.zeros(3), np.zeros(3)
    for seed, gene in enumerate(founders(80)):
        now = descend(gene, 0.2, seed)
        for total, one in ((before, gene), (after, now)):
            assert one.cds is not None
            total += motifs.count(one.bases[one.cds[1] :])
    assert (after > 0.7 * before).all()


def test_insertions_and_deletions_keep_blocks_apart() -> None:
    for seed, gene in enumerate(founders(20)):
        now = descend(gene, 2.0, seed)
        assert (np.diff(now.block) >= 0).all()
        assert np.bincount(now.block).min() >= 1
