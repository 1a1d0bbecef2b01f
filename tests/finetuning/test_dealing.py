"""Options of dealing that make no sense are refused at once."""

from collections.abc import Callable
from typing import Any

import pytest

from isoclr.errors import InputError
from isoclr.finetuning.dealing import Dealing

MakeDealing = Callable[..., Dealing]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "fold", "folds": 5}, "--folds is for random, homology and chromosome splits"),
        ({"splits": 0}, "--splits 0: expected 1 or more"),
        ({"seeds": 0}, "--seeds 0: expected 1 or more"),
        ({"seed": -1}, "--seed -1: expected 0 or more"),
        ({"train_share": 0.0}, "--train-share 0: expected above 0 and up to 1"),
        ({"train_share": 1.1}, "--train-share 1.1: expected above 0 and up to 1"),
    ],
)
def test_bad_options(dealing: MakeDealing, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        dealing(**options)
    assert message in str(error.value)


def test_folds_are_trained_once_and_random_splits_three_times_unless_said(
    dealing: MakeDealing,
) -> None:
    assert dealing(split="fold", seeds=None).repeats == 1
    assert dealing(folds=5, seeds=None).repeats == 1
    assert dealing(split="homology", seeds=None).repeats == 3
    assert dealing(split="fold", seeds=4).repeats == 4
