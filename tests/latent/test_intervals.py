import numpy as np
import pytest

from isoclr.latent.intervals import mean_intervals


def test_means_and_their_intervals() -> None:
    rng = np.random.default_rng(0)
    values = np.column_stack([rng.normal(2.0, 1.0, 400), np.full(400, 5.0)])
    found = mean_intervals(values, np.arange(400))
    mean, low, high = found[0]
    assert mean == pytest.approx(values[:, 0].mean())
    assert (high - low) / 2 == pytest.approx(1.96 / 20, rel=0.15)
    assert found[1].tolist() == [5.0, 5.0, 5.0]


def test_isoforms_of_one_gene_set_count_once() -> None:
    values = np.repeat(np.random.default_rng(0).normal(size=40), 10)[:, None]
    groups = np.repeat(np.arange(40), 10)
    whole, single = mean_intervals(values, groups)[0], mean_intervals(values, np.arange(400))[0]
    assert (whole[2] - whole[1]) > 2.5 * (single[2] - single[1])


def test_a_sample_that_does_not_count() -> None:
    values = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, np.nan]])
    found = mean_intervals(values, np.array([4, 9, 9]))
    assert found[0, 0] == 2.0
    assert found[0, 1:].tolist() == [1.0, 3.0]
    assert np.isnan(found[1]).all()


def test_the_same_seed_the_same_interval() -> None:
    values = np.random.default_rng(0).normal(size=(30, 1))
    first, again, other = (mean_intervals(values, np.arange(30), seed=s) for s in (1, 1, 2))
    assert (first == again).all()
    assert (first[0, 1:] != other[0, 1:]).any()
