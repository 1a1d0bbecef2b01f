import math

import numpy as np
import pytest
import torch

from isoclr.pretraining.validation import MOST_PAIRS, hold_out, measure


def test_only_gene_sets_with_a_true_pair_are_held_out() -> None:
    counts = np.array([1, 2, 1, 3] * 50)
    held = hold_out(counts, 0.1, seed=0)
    assert len(held) == 10
    assert len(set(held)) == 10
    assert (counts[held] >= 2).all()
    np.testing.assert_array_equal(held, hold_out(counts, 0.1, seed=0))
    assert not np.array_equal(held, hold_out(counts, 0.1, seed=1))


@pytest.mark.parametrize(("share", "paired"), [(0.0, 100), (0.01, 100), (0.5, 0)])
def test_nothing_is_held_out_when_it_would_say_nothing(share: float, paired: int) -> None:
    assert len(hold_out(np.full(paired, 2), share, seed=0)) == 0


def test_no_more_is_held_out_than_is_measured_on() -> None:
    assert len(hold_out(np.full(100_000, 2), 0.5, seed=0)) == MOST_PAIRS


def test_perfect_partners() -> None:
    z = torch.eye(4)
    figures = measure(z, 3 * z, torch.ones(4), 0.1)
    assert figures["retrieval"] == 1
    assert figures["alignment"] == pytest.approx(0, abs=1e-6)
    assert figures["uniformity"] == pytest.approx(-4)  # all distances² are 2
    assert figures["loss"] == pytest.approx(2 * math.log(3) - 10, abs=1e-4)
    assert figures["pairs"] == 4


def test_retrieval_counts_both_directions() -> None:
    z1 = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    z2 = torch.tensor([[1.0, 0.1], [1.0, 0.5]])  # the second is nearer to the wrong partner
    # of z1, both find theirs; of z2, both choose z1[0]
    assert measure(z1, z2, torch.ones(2), 0.1)["retrieval"] == 0.75


def test_random_vectors_retrieve_by_chance() -> None:
    rng = torch.Generator().manual_seed(0)
    z1, z2 = (torch.randn(200, 16, generator=rng) for _ in range(2))
    assert measure(z1, z2, torch.ones(200), 0.1)["retrieval"] < 0.03
