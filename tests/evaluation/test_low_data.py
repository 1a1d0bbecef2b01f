from typing import Any

import numpy as np
import pytest

from isoclr.evaluation.studies.low_data import subsample
from isoclr.tasks.splits import Split


def split() -> Split:
    train = np.arange(0, 400, 2)
    return Split("seed 0", train, np.array([1]), np.array([3, 5]))


def test_subsets_are_uniform_and_leave_the_test_part_whole() -> None:
    whole = split()
    small = subsample(whole, 10, seed=0)
    assert len(small.train) == 20
    assert set(small.train) <= set(whole.train)
    assert (small.test == whole.test).all()
    counts = np.zeros(400)
    for seed in range(300):
        counts[subsample(whole, 10, seed).train] += 1
    drawn = counts[::2]
    assert abs(drawn.mean() - 30) < 1e-9
    assert drawn.max() < 60  # 30 ± 5.2: none is drawn far more often than the others
    assert drawn.min() > 8


def test_smaller_subsets_are_part_of_larger_ones() -> None:
    small, large = (set(subsample(split(), percent, seed=4).train) for percent in (3, 30))
    assert small < large
    assert set(subsample(split(), 100, seed=4).train) == set(split().train)


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [('["fold"]', "random"), ('["random", "chromosome"]', "chromosome"), ('["chromosome", "homology"]', "homology")],
)
def test_strictest_split(world: Any, kinds: str, expected: str) -> None:
    assert world.context(split=kinds).plan.tasks["gc"].strictest_split == expected
