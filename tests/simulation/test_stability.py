"""Half-lives follow from their causes, up to the ceiling."""

import numpy as np
import pytest

from isoclr.simulation import World, stability
from isoclr.simulation.stability import Causes


def genes(count: int) -> list[Causes]:
    rng = np.random.default_rng(0)
    return [
        Causes(rng.normal(), rng.normal(), tuple(int(n) for n in rng.poisson(2, 3)))
        for _ in range(count)
    ]


def test_noise_bounds_what_can_be_predicted() -> None:
    true, measured = stability.half_lives(genes(20_000), np.random.default_rng(1))
    assert np.corrcoef(true, measured)[0, 1] ** 2 == pytest.approx(stability.CEILING, abs=0.01)
    assert measured.mean() == pytest.approx(0, abs=1e-9)
    assert measured.std() == pytest.approx(1)


def test_each_cause_has_its_sign() -> None:
    known = genes(5000)
    true, _ = stability.half_lives(known, np.random.default_rng(1))
    table = np.array([[g.optimality, g.junctions, *g.motifs] for g in known])
    signs = [np.sign(np.corrcoef(column, true)[0, 1]) for column in table.T]
    assert signs == [1, 1, -1, -1, 1]


def test_a_cause_that_does_not_vary_has_no_effect() -> None:
    same = [Causes(0.5, 3.0, (1, 1, 1))] * 4
    true, measured = stability.half_lives(same, np.random.default_rng(0))
    assert true.tolist() == [0, 0, 0, 0]
    assert np.isfinite(measured).all()


def test_length_alone_says_little(world: World) -> None:
    table = world.truth().filter("principal").join(world.gene_truth(), on="gene_id")
    correlation = np.corrcoef(np.log(table["length"]), table["half_life"])[0, 1]
    assert abs(correlation) < 0.2
