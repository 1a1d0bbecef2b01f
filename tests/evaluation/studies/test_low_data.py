from typing import Any

import numpy as np
import pytest

from isoclr.evaluation.networks import split_of
from isoclr.evaluation.studies.low_data import thinned
from isoclr.tasks.splits import Split


def split() -> Split:
    train = np.arange(0, 400, 2)
    return Split("seed 0", train, np.array([1]), np.array([3, 5]))


def test_a_share_is_uniform_and_leaves_the_test_part_whole() -> None:
    whole = split()
    thin = thinned(whole, 10, seed=0)
    assert len(thin.train) == 20
    assert set(thin.train) <= set(whole.train)
    assert (thin.test == whole.test).all()
    counts = np.zeros(400)
    for seed in range(300):
        counts[thinned(whole, 10, seed).train] += 1
    drawn = counts[::2]
    assert abs(drawn.mean() - 30) < 1e-9
    assert drawn.max() < 60  # 30 ± 5.2: none is drawn far more often than the others
    assert drawn.min() > 8


def test_of_one_seed_a_smaller_share_is_part_of_a_larger_one() -> None:
    small, large = (set(thinned(split(), share, seed=4).train) for share in (3, 30))
    assert small < large
    assert set(thinned(split(), 100, seed=4).train) == set(split().train)


@pytest.mark.parametrize(
    ("splits", "expected"),
    [
        ('["fold"]', "random"),
        ('["random", "chromosome"]', "chromosome"),
        ('["chromosome", "homology"]', "homology"),
    ],
)
def test_the_strictest_split_of_the_task_is_taken(world: Any, splits: str, expected: str) -> None:
    assert split_of(world.bench(splits=splits).plan.tasks["gc"]) == expected
