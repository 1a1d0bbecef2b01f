from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoclr.errors import InputError
from isoclr.tasks.splits import Split, SplitConfig, group_folds, named_folds, random_split


def assert_whole(split: Split, groups: np.ndarray) -> None:
    """Every sample is in one part, and every group too."""
    parts = [split.train, split.valid, split.test]
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(groups)))
    names = [set(groups[part]) for part in parts]
    assert not names[0] & names[1]
    assert not names[0] & names[2]
    assert not names[1] & names[2]


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=150, max_size=300), st.integers(0, 1000))
def test_a_group_is_never_on_two_sides(numbers: list[int], seed: int) -> None:
    groups = np.array([f"set{n}" for n in [*numbers, *range(61)]])
    assert_whole(random_split(groups, seed), groups)
    for split in group_folds(groups, 5, seed):
        assert_whole(split, groups)
        assert abs(len(split.test) - len(groups) / 5) <= np.bincount([*numbers, *range(61)]).max()


def test_shares_are_those_of_the_paper() -> None:
    groups = np.array([f"g{i}" for i in range(10_000)])
    split = random_split(groups, 3)
    assert [len(split.train), len(split.valid), len(split.test)] == [7000, 1500, 1500]


def test_a_seed_names_one_split() -> None:
    groups = np.array([f"g{i}" for i in range(100)])
    one, same, other = (random_split(groups, seed).test.tolist() for seed in (1, 1, 2))
    assert one == same
    assert one != other
    folds = [[s.test.tolist() for s in group_folds(groups, 4, seed)] for seed in (1, 1, 2)]
    assert folds[0] == folds[1]
    assert folds[0] != folds[2]


def test_every_sample_is_tested_once_in_cross_validation() -> None:
    splits = named_folds(["10", "2", "2", "10", "1"])
    assert [split.name for split in splits] == ["fold 1", "fold 2", "fold 10"]
    assert [split.test.tolist() for split in splits] == [[4], [1, 2], [0, 3]]
    assert [split.train.tolist() for split in splits] == [[0, 1, 2, 3], [0, 3, 4], [1, 2, 4]]
    assert all(len(split.valid) == 0 for split in splits)


def test_too_few_groups_are_refused() -> None:
    with pytest.raises(InputError, match="2 genes, gene sets or chromosomes are too few"):
        random_split(["a", "b", "b"], 0)
    with pytest.raises(InputError, match="2 genes, gene sets or chromosomes are too few for 3 folds"):
        group_folds(["a", "b", "b"], 3, 0)
    with pytest.raises(InputError, match="all samples are in fold '1'"):
        named_folds(["1", "1"])


def test_split_config_makes_splits() -> None:
    genes = np.array([f"G{i}" for i in range(30)])
    config = SplitConfig(split="fold")
    splits = config.make_splits(genes, [str(i % 3) for i in range(30)])
    assert [split.name for split in splits] == ["fold 0", "fold 1", "fold 2"]
    assert config.describe() == "the label file's own folds"
    assert config.cross_validation
    config = SplitConfig(splits=3, seed=7)
    assert [split.name for split in config.make_splits(genes)] == ["seed 7", "seed 8", "seed 9"]
    assert config.describe() == "random 70/15/15 × 3 by whole genes"
    assert not config.cross_validation
    config = SplitConfig(folds=5)
    assert len(config.make_splits(genes)) == 5
    assert config.describe() == "5-fold cross-validation by whole genes"


def test_split_config_takes_the_default_of_a_task() -> None:
    assert SplitConfig().resolve().split == "random"
    assert SplitConfig().resolve("fold").split == "fold"
    assert SplitConfig(split="homology").resolve("fold").split == "homology"
    with pytest.raises(InputError, match="--folds"):
        SplitConfig(folds=3).resolve("fold")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "fold", "folds": 3}, "--folds"),
        ({"split": "random", "chromosomes": (Path("x"),)}, "--chromosomes"),
        ({"splits": 0}, "--splits is 0"),
        ({"folds": 1}, "--folds is 1"),
        ({"seed": -1}, "--seed is -1"),
        ({"split": "species"}, "--split is 'species'"),
    ],
)
def test_split_config_checks_itself(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SplitConfig(**options)
