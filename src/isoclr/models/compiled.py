"""Passes of :mod:`isoclr.models.kernels`, each compiled by torch into one kernel for the device.

On a GPU every pass reads and writes all activations of a batch, so fusing three passes makes them three times as fast.
Compiling takes a minute once and needs a compiler, which comes with GPU builds of torch but not with CPU builds.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

from isoclr.models.kernels import wide


def normalize(
    x: Tensor, scale: Tensor, shift: Tensor, residual: Tensor | None, mask: Tensor | None, *, relu: bool
) -> Tensor:
    """See :func:`isoclr.models.kernels.normalize`."""
    dtype = wide(x.dtype)
    y: Tensor = _compiled(_normalize)(x, scale.to(dtype), shift.to(dtype), residual, mask, relu)
    return y


def gradient_sums(grad: Tensor, y: Tensor | None, x: Tensor) -> tuple[Tensor, Tensor]:
    """See :func:`isoclr.models.kernels.gradient_sums`."""
    grad, sums = _compiled(_gradient_sums)(grad, y, x)
    return grad, sums.double()


def affine_combine(x: Tensor, k: Tensor, grad: Tensor, a: Tensor, c: Tensor) -> Tensor:
    """See :func:`isoclr.models.kernels.affine_combine`."""
    dtype = wide(x.dtype)
    y: Tensor = _compiled(_affine_combine)(x, k.to(dtype), grad, a.to(dtype), c.to(dtype))
    return y


@cache
def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    return torch.compile(function, dynamic=True)


def _normalize(
    x: Tensor, scale: Tensor, shift: Tensor, residual: Tensor | None, mask: Tensor | None, relu: bool
) -> Tensor:
    y = x.to(scale.dtype) * scale + shift
    if residual is not None:
        y = y + residual
    if relu:
        y = y.relu()
    if mask is not None:
        y = y * mask
    return y.to(x.dtype)


def _gradient_sums(grad: Tensor, y: Tensor | None, x: Tensor) -> tuple[Tensor, Tensor]:
    if y is not None:
        grad = torch.where(y > 0, grad, 0)
    g = grad.to(wide(x.dtype))
    return grad, torch.stack([g.sum(0), (g * x).sum(0)])


def _affine_combine(x: Tensor, k: Tensor, grad: Tensor, a: Tensor, c: Tensor) -> Tensor:
    return (x.to(k.dtype) * k + grad.to(k.dtype) * a + c).to(x.dtype)
