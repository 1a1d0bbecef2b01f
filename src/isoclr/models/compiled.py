"""Passes of :mod:`isoclr.models.kernels`, each as one kernel that torch compiles for the device.

On a GPU every pass reads and writes all activations of a batch, so that three passes made one are three times as fast.
Compiling takes a minute once and needs a compiler, which a GPU build of torch brings and a CPU build does not.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

from isoclr.models.kernels import wide


def normalise(
    x: Tensor,
    scale: Tensor,
    shift: Tensor,
    residual: Tensor | None,
    mask: Tensor | None,
    *,
    relu: bool,
) -> Tensor:
    """See :func:`isoclr.models.kernels.normalise`."""
    dtype = wide(x.dtype)
    y: Tensor = _compiled(_normalise)(x, scale.to(dtype), shift.to(dtype), residual, mask, relu)
    return y


def gradient_sums(grad: Tensor, y: Tensor | None, x: Tensor) -> tuple[Tensor, Tensor]:
    """See :func:`isoclr.models.kernels.gradient_sums`."""
    grad, sums = _compiled(_gradient_sums)(grad, y, x)
    return grad, sums.double()


def affine_combine(x: Tensor, k: Tensor, grad: Tensor, a: Tensor, c: Tensor) -> Tensor:
    """See :func:`isoclr.models.kernels.affine_combine`."""
    dtype = wide(x.dtype)
    y: Tensor = _compiled(_combination)(x, k.to(dtype), grad, a.to(dtype), c.to(dtype))
    return y


@cache
def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    return torch.compile(function, dynamic=True)


def _normalise(
    x: Tensor,
    scale: Tensor,
    shift: Tensor,
    residual: Tensor | None,
    mask: Tensor | None,
    relu: bool,
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


def _combination(x: Tensor, k: Tensor, grad: Tensor, a: Tensor, c: Tensor) -> Tensor:
    return (x.to(k.dtype) * k + grad.to(k.dtype) * a + c).to(x.dtype)
