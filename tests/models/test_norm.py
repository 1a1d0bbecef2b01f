"""Batch normalisation over chunks: values and gradients in comparison with torch's own, in one piece."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from isoclr.models.norm import BatchNorm
from isoclr.models.packing import Segments


def extent_of(lengths: list[int], width: int) -> Segments:
    """A row each, of one width."""
    starts = np.arange(len(lengths)) * width
    return Segments(starts, np.array(lengths), len(lengths) * width, torch.device("cpu"))


def ragged(lengths: list[list[int]], channels: int) -> tuple[list[torch.Tensor], list[Segments]]:
    generator = torch.Generator().manual_seed(0)
    xs, extents = [], []
    for rows in lengths:
        width = max(rows) + 2
        extent = extent_of(rows, width)
        x = torch.randn(len(rows), width, channels, generator=generator) * 3 + 1
        xs.append(extent.mask_(x))
        extents.append(extent)
    return xs, extents


def real(xs: list[torch.Tensor], extents: list[Segments]) -> torch.Tensor:
    """All real positions ``(positions, channels)`` in a row."""
    return torch.cat(
        [
            x.flatten(0, 1)[start : start + n]
            for x, e in zip(xs, extents, strict=True)
            for start, n in zip(e.starts.tolist(), e.lengths.tolist(), strict=True)
        ]
    )


@pytest.mark.parametrize("with_residuals", [False, True])
@pytest.mark.parametrize("relu", [False, True])
def test_equals_torch_on_the_real_positions(relu: bool, with_residuals: bool) -> None:
    xs, extents = ragged([[3, 5, 4], [7], [1, 2]], 8)
    residuals = [torch.randn_like(x) for x in xs] if with_residuals else []
    norm = BatchNorm(8).train()
    torch.nn.init.uniform_(norm.weight, 0.5, 2)
    torch.nn.init.normal_(norm.bias)
    leaves = [x.clone().requires_grad_() for x in xs]
    ys = norm(leaves, extents, residuals=residuals, relu=relu)
    for y, extent in zip(ys, extents, strict=True):
        assert torch.equal(extent.mask_(y.detach().clone()), y), "padding must stay zero"
    got = real(ys, extents)

    flat = real(xs, extents).requires_grad_()
    mean, var = torch.zeros(8), torch.ones(8)
    expected = F.batch_norm(flat, mean, var, norm.weight, norm.bias, True, 0.1, 0.01)
    if with_residuals:
        expected = expected + real(residuals, extents)
    if relu:
        expected = expected.relu()
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(norm.running_mean, mean)
    torch.testing.assert_close(norm.running_var, var)

    probe = torch.randn_like(got)
    params = [norm.weight, norm.bias]
    *dxs, dw, db = torch.autograd.grad((got * probe).sum(), [*leaves, *params])
    dflat, dw2, db2 = torch.autograd.grad((expected * probe).sum(), [flat, *params])
    torch.testing.assert_close(real(list(dxs), extents), dflat, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(dw, dw2, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(db, db2, rtol=1e-4, atol=1e-5)


def test_dropout_drops_its_share_and_keeps_the_mean() -> None:
    norm = BatchNorm(16, dropout=0.25).train()
    norm.bias.data.fill_(5.0)  # so that the ReLU silences nothing
    x = torch.randn(4, 1000, 16)
    extent = extent_of([1000] * 4, 1000)
    (y,) = norm([x], [extent])
    assert float((y == 0).float().mean()) == pytest.approx(0.25, abs=0.01)
    assert float(y.detach().mean()) == pytest.approx(5.0, rel=0.02)


def test_evaluation_uses_the_running_statistics() -> None:
    norm = BatchNorm(2).eval()
    norm.running_mean.copy_(torch.tensor([1.0, -1.0]))
    norm.running_var.copy_(torch.tensor([3.99, 0.99]))
    x = torch.tensor([[[3.0, 0.0], [1.0, 2.0]]])
    (y,) = norm([x.clone()], [extent_of([2], 2)], relu=False)
    torch.testing.assert_close(y, torch.tensor([[[1.0, 1.0], [0.0, 3.0]]]))


def test_dropout_without_a_relu_is_refused() -> None:
    with pytest.raises(ValueError, match="needs the ReLU"):
        BatchNorm(2, dropout=0.1).train()([torch.randn(1, 4, 2)], [extent_of([4], 4)], relu=False)


def test_dropout_of_a_residual_sum_is_refused() -> None:
    x = torch.randn(1, 4, 2)
    extent = extent_of([4], 4)
    with pytest.raises(ValueError, match="residual sum"):
        BatchNorm(2, dropout=0.1).train()([x], [extent], residuals=[x])
