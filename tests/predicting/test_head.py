from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from isoclr.embedding import Embeddings
from isoclr.errors import InputError
from isoclr.predicting import Head, fit


@pytest.fixture
def head(embeddings: Path, labels: Callable[..., Path], tmp_path: Path) -> Head:
    return fit(embeddings, labels(), out=tmp_path / "head", rnas="coding", folds=4).head


@pytest.fixture
def two(embeddings: Path, labels: Callable[..., Path], tmp_path: Path, world: Embeddings) -> Head:
    table = labels(stable=(world.matrix[:, 0] > 0).astype(int))
    return fit(
        embeddings, table, out=tmp_path / "two", target=("half_life", "stable"), folds=3
    ).head


def test_a_quantity_has_an_interval_around_it(head: Head, world: Embeddings) -> None:
    found = head.predict(world.matrix)
    assert found.value.shape == found.lower.shape == found.upper.shape == (120,)
    assert (found.lower <= found.value).all()
    assert (found.value <= found.upper).all()
    wider = head.predict(world.matrix, coverage=0.95)
    assert (wider.upper - wider.lower).mean() > (found.upper - found.lower).mean()
    assert np.array_equal(found.lower, head.predict(world.matrix, coverage=0.9).lower)


def test_a_class_has_a_probability(two: Head, world: Embeddings) -> None:
    found = two.predict(world.matrix, target="stable")
    assert ((found.value > 0.5) == (world.matrix[:, 0] > 0)).mean() > 0.9
    assert ((found.value >= 0) & (found.value <= 1)).all()
    assert np.isnan(found.lower).all()
    assert np.isnan(found.upper).all()


def test_what_is_unlike_the_training_rnas(head: Head, world: Embeddings) -> None:
    few = world.matrix[:6].copy()
    few[0] += 1000
    lengths = np.array([600, 499, 1201, 600, 600, 600])  # training RNAs: 500 to 1,200 nt
    coding = np.array([True, True, True, False, True, True])
    assert head.predict(few).extrapolating.tolist() == [True] + [False] * 5
    found = head.predict(few, lengths=lengths, coding=coding).extrapolating
    assert found.tolist() == [True, True, True, True, False, False]
    assert head.predict(few, lengths=np.full(6, 500)).extrapolating.sum() == 1


def test_a_head_of_all_rnas_asks_for_no_coding_sequence(two: Head, world: Embeddings) -> None:
    found = two.predict(world.matrix, target="stable", coding=np.zeros(120, np.bool_))
    assert not found.extrapolating.any()


def test_bad_requests_end_in_one_line(head: Head, two: Head, world: Embeddings) -> None:
    with pytest.raises(InputError, match=r"\(3, 5\): head 'half_life' expects \(n, 6\)"):
        head.predict(np.zeros((3, 5)))
    with pytest.raises(InputError, match="embedding 2 is not finite"):
        head.predict(np.array([[0.0] * 6, [np.nan] * 6]))
    with pytest.raises(InputError, match=r"coverage 1: expected more than 0 and at most 0\.9917"):
        head.predict(world.matrix, coverage=1.0)
    with pytest.raises(InputError, match="predicts half_life, stable; choose one of them"):
        two.predict(world.matrix)
    with pytest.raises(InputError, match="target 'x': head 'half_life' predicts half_life"):
        head.predict(world.matrix, target="x")


def test_it_says_what_it_is(head: Head) -> None:
    assert repr(head) == "Head('half_life': half_life; species human, isoclr-s)"
    assert head.dim == 6


def test_a_head_of_annotated_rnas_asks_for_an_annotated_coding_sequence(
    head: Head, world: Embeddings
) -> None:
    annotated = np.arange(120) % 2 == 0
    coding = np.ones(120, np.bool_)
    ours = replace(head, rnas="annotated")
    found = ours.predict(world.matrix, coding=coding, annotated=annotated).extrapolating
    assert found[~annotated].all()
    assert not found[annotated].any()
    assert not head.predict(world.matrix, coding=coding, annotated=annotated).extrapolating.any()
