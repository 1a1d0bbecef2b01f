"""A fine-tuned model in memory."""

from typing import Any

import numpy as np
import pytest
import torch

from isoclr.errors import InputError
from isoclr.finetuning.feeding import Feed
from isoclr.finetuning.head import Head, SalukiHead
from isoclr.finetuning.predictor import Predictor
from isoclr.models.resnet import Architecture, DilatedResNet
from isoclr.models.saluki import Saluki


def made(**changes: Any) -> Predictor:
    torch.manual_seed(0)
    network = DilatedResNet(Architecture((8, 8, 8, 16), (1, 1, 1, 1), (1, 2, 4, 8)))
    facts: dict[str, Any] = {
        "name": "tiny",
        "network": network,
        "head": Head(16, 1, hidden=6, dropout=0.9),
        "tasks": ("half-life",),
        "mean": np.array([3.0]),
        "deviation": np.array([2.0]),
        "tracks": 6,
        "facts": {},
    }
    return Predictor(**{**facts, **changes})


def test_an_untrained_head_predicts_the_mean(feed: Feed) -> None:
    assert np.array_equal(made().predict_codes(feed.codes[:4]), np.full((4, 1), 3.0))


@pytest.mark.parametrize("kind", ["tiny", "saluki"])
def test_an_rna_is_predicted_the_same_alone(feed: Feed, kind: str) -> None:
    predictor = made(network=Saluki(), head=SalukiHead(64, 1)) if kind == "saluki" else made()
    for parameter in predictor.head.parameters():
        torch.nn.init.normal_(parameter)
    codes = list(feed.codes[:6])
    seen: list[int] = []
    together = predictor.predict_codes(codes, progress=seen.append)
    alone = np.vstack([predictor.predict_codes([one]) for one in codes])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-4)
    assert np.ptp(together) > 0
    assert sum(seen) == sum(map(len, codes))
    assert predictor.predict_codes([]).shape == (0, 1)


def test_what_cannot_be_predicted_is_refused(feed: Feed) -> None:
    with pytest.raises(InputError, match="sequence 2 is empty"):
        made().predict_codes([feed.codes[0], feed.codes[0][:0]])
    with pytest.raises(InputError, match="precision is 'half'"):
        made().predict_codes(feed.codes[:1], precision="half")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="is no IsoCLR encoder"):
        _ = made(network=Saluki(), head=SalukiHead(64, 1)).encoder
