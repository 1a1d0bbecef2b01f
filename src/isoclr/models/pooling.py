"""Pooling: the larger of two neighbouring positions, and the mean over an RNA."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from isoclr.models.chunk import Extent, sent
from isoclr.models.kernels import wide


class _MaxPool(torch.autograd.Function):
    """The larger of each two neighbours; autograd's own backward of ``maximum`` is twenty times slower."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        first, second = x[:, 0::2], x[:, 1::2]
        pooled = torch.maximum(first, second)
        if x.requires_grad:
            ctx.save_for_backward(torch.ge(first, second, out=torch.empty_like(pooled)))
        return pooled

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (is_first,) = ctx.saved_tensors
        b, half, c = grad.shape
        dx = grad.new_empty(b, half, 2, c)
        torch.mul(grad, is_first, out=dx[:, :, 0])
        torch.sub(grad, dx[:, :, 0], out=dx[:, :, 1])
        return dx.view(b, 2 * half, c)


def max_pool(x: Float[Tensor, "b l c"]) -> Float[Tensor, "b half c"]:
    """The larger of each two neighbouring positions; of two equal ones the gradient goes to the first."""
    apply: Any = _MaxPool.apply
    pooled: Tensor = apply(x)
    return pooled


class _MeanPool(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, extent: Extent) -> Tensor:
        ctx.extent, ctx.shape, ctx.dtype = extent, x.shape, x.dtype
        return sums_of(x, extent) / _lengths(extent, x)[:, None]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        share = (grad / _lengths(ctx.extent, grad)[:, None]).to(ctx.dtype)
        dx = share.index_select(0, ctx.extent.owners).view(ctx.shape)
        return ctx.extent.trim_(dx), None


def mean_pool(x: Float[Tensor, "b l c"], extent: Extent) -> Float[Tensor, "n c"]:
    """Mean over the positions of each RNA, in at least float32; ``x`` is zero between them."""
    apply: Any = _MeanPool.apply
    pooled: Tensor = apply(x, extent)
    return pooled


def sums_of(x: Float[Tensor, "b l c"], extent: Extent) -> Float[Tensor, "n c"]:
    """Sum over the positions of each RNA, in at least float32; without autograd."""
    rows, dtype = x.flatten(0, 1), wide(x.dtype)
    if len(extent.starts) == 1:
        start, n = int(extent.starts[0]), int(extent.lengths[0])
        return rows[start : start + n].sum(0, dtype=dtype, keepdim=True)
    if _in_one_go(x):
        # one kernel; a segment ends where the next begins, and what lies between is zero
        spans = np.diff(np.append(extent.starts, extent.size)).astype(np.int64)
        spans[0] += extent.starts[0]
        lengths = sent(spans, x.device)
        return torch.segment_reduce(rows.to(dtype), "sum", lengths=lengths, unsafe=True)
    pieces = zip(extent.starts.tolist(), extent.lengths.tolist(), strict=True)
    return torch.stack([rows[start : start + n].sum(0, dtype=dtype) for start, n in pieces])


def _in_one_go(x: Tensor) -> bool:
    return x.is_cuda


def _lengths(extent: Extent, like: Tensor) -> Tensor:
    return sent(np.maximum(extent.lengths, 1), like.device).to(wide(like.dtype))
