"""The head that a study leaves; how it predicts is in test_finetune.py."""

import numpy as np
import pytest
import torch

from isoclr.finetuning.head import dense_layers, detector_folds
from isoclr.finetuning.models import Head
from isoclr.probing.network import NetworkRegressor


@pytest.mark.parametrize("label", [0, 1])
def test_dense_layers_predict_as_the_trained_ones_do(label: int) -> None:
    torch.manual_seed(0)
    head = Head(12, 2, hidden=6, dropout=0.9)
    for name, tensor in head.state_dict().items():
        if tensor.is_floating_point():
            tensor.uniform_(0.3, 2) if "var" in name else tensor.normal_()
    features = torch.randn(50, 12)
    with torch.inference_mode():
        expected = head.eval()(features)[:, label].numpy() * 3.0 + 10.0
    network = NetworkRegressor(dense_layers(head, label, 10.0, 3.0), np.ones(1))
    assert np.ptp(expected) > 1
    np.testing.assert_allclose(network.value(features.numpy()), expected, rtol=1e-5, atol=1e-5)


def test_an_untrained_head_predicts_the_mean() -> None:
    layers = dense_layers(Head(5, 1, hidden=4, dropout=0.0).eval(), 0, 7.0, 2.0)
    assert np.array_equal(NetworkRegressor(layers, np.ones(1)).value(np.ones((3, 5))), [7.0, 7.0, 7.0])


@pytest.mark.parametrize(
    ("groups", "folds"),
    [
        (["c", "a", "b", "a"], [2, 0, 1, 0]),
        (list("abcdefg"), [0, 1, 2, 3, 4, 0, 1]),
        (["9"] * 7, [0, 1, 2, 3, 4, 0, 1]),  # one chromosome: no fold may hold all RNAs
        (["9", "9"], [0, 1]),
    ],
)
def test_folds_of_the_detector_leave_rnas_to_fit_on(groups: list[str], folds: list[int]) -> None:
    assert detector_folds(np.array(groups)).tolist() == folds
