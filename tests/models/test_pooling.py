"""Pooling: values, gradients, and the way that GPUs take."""

import numpy as np
import pytest
import torch

from isoclr.models import pooling
from isoclr.models.chunk import Extent
from isoclr.models.pooling import max_pool, mean_pool


def extent() -> Extent:
    """Three RNAs in one row; the first does not begin at once."""
    return Extent(np.array([2, 8, 14]), np.array([5, 4, 1]), 16, torch.device("cpu"))


@pytest.mark.parametrize("in_one_go", [False, True])
def test_the_mean_is_over_the_own_positions(
    in_one_go: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pooling, "_in_one_go", lambda _: in_one_go)
    x = extent().trim_(torch.randn(1, 16, 3, dtype=torch.float64)).requires_grad_()
    found = mean_pool(x, extent())
    wanted = torch.stack([x[0, 2:7].mean(0), x[0, 8:12].mean(0), x[0, 14]])
    torch.testing.assert_close(found, wanted)
    probe = torch.randn_like(wanted)
    torch.testing.assert_close(
        torch.autograd.grad((found * probe).sum(), x)[0],
        torch.autograd.grad((wanted * probe).sum(), x)[0],
    )


def test_the_larger_of_two_neighbours_gets_the_gradient() -> None:
    x = torch.tensor([[[1.0, 4.0], [2.0, 3.0], [5.0, 0.0], [5.0, -1.0]]], requires_grad=True)
    y = max_pool(x)
    assert y.tolist() == [[[2.0, 4.0], [5.0, 0.0]]]
    (dx,) = torch.autograd.grad(y.sum(), x)
    assert dx.tolist() == [[[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]]
