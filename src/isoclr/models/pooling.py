"""Pooling: max-pooling of neighboring positions, and the read-out that makes one vector of an RNA's activations."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from isoclr.errors import InputError
from isoclr.models import kernels
from isoclr.models.kernels import wide
from isoclr.models.packing import Segments, to_device

Pooling = Literal["last", "all", "last-sqrt", "all-sqrt", "last-std", "all-std", "last-std-sqrt", "all-std-sqrt"]
"""Names of read-outs: which blocks, whether with standard deviations, whether with square roots."""
ALIASES = {"moments": "all-std-sqrt"}  # Names that configs of earlier versions may hold
EPSILON = 1e-3
"""Added to a mean, and its square to a variance, before the root: keeps the gradient of a silent channel finite."""


@dataclass(frozen=True)
class ReadOut:
    """How the activations of an RNA's positions become its embedding; columns block by block."""

    blocks: Literal["last", "all"] = "last"  # Read the last residual block, or all of them (multi-scale)
    statistics: Literal["mean", "mean+std"] = "mean"
    """Statistics of every channel over the positions: the mean, or all means and then all standard deviations."""
    transform: Literal["none", "sqrt"] = "none"
    """Square roots make the skewed distributions of activations more symmetric."""

    @classmethod
    def parse(cls, name: str) -> "ReadOut":
        """The read-out of a name (:data:`Pooling`).

        >>> ReadOut.parse("all-std-sqrt")
        ReadOut(blocks='all', statistics='mean+std', transform='sqrt')
        """
        name = ALIASES.get(name, name)
        if name not in get_args(Pooling):
            raise InputError(f"pooling is {name!r}, expected one of {', '.join(get_args(Pooling))}")
        blocks, *options = name.split("-")
        return cls(
            "all" if blocks == "all" else "last",
            "mean+std" if "std" in options else "mean",
            "sqrt" if "sqrt" in options else "none",
        )

    @property
    def values_per_channel(self) -> int:
        """How many columns of an embedding a channel gives."""
        return 2 if self.statistics == "mean+std" else 1

    @property
    def is_mean(self) -> bool:
        """Whether an embedding is linear in the activations: means only."""
        return self == ReadOut(blocks=self.blocks)

    def combine(self, mean: Float[Tensor, "n c"], var: Float[Tensor, "n c"] | None) -> Float[Tensor, "n k"]:
        """Columns of an embedding from means and, where needed, biased variances; differentiable."""
        columns = [mean if self.transform == "none" else (mean + EPSILON).sqrt()]
        if self.statistics == "mean+std" and var is not None:
            std = (var + EPSILON**2).sqrt()
            columns.append(std if self.transform == "none" else std.sqrt())
        return torch.cat(columns, 1) if len(columns) > 1 else columns[0]


def pool(x: Float[Tensor, "b l c"], extent: Segments, readout: ReadOut) -> Float[Tensor, "n k"]:
    """One block's columns of the embeddings of a chunk's RNAs, in at least float32.

    Args:
        x: Activations; zero between the RNAs and, if square roots are taken, nowhere negative.
    """
    if readout.statistics == "mean":
        mean: Tensor = _Mean.apply(x, extent)  # type: ignore[no-untyped-call]
        return readout.combine(mean, None)
    return readout.combine(*_Moments.apply(x, extent))  # type: ignore[no-untyped-call]


class _Mean(torch.autograd.Function):
    """Mean of every channel over the positions of each RNA."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, extent: Segments) -> Tensor:
        ctx.extent, ctx.shape, ctx.dtype = extent, x.shape, x.dtype
        return sums_of(x, extent) / _lengths(extent, x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        share = (grad / _lengths(ctx.extent, grad)).to(ctx.dtype)
        dx = share.index_select(0, ctx.extent.owners).view(ctx.shape)
        return ctx.extent.mask_(dx), None


class _Moments(torch.autograd.Function):
    """Mean and biased variance of every channel over the positions of each RNA."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, extent: Segments) -> tuple[Tensor, Tensor]:
        mean, var = moments_of(x, extent)
        ctx.extent = extent
        ctx.save_for_backward(x, mean)
        return mean, var

    @staticmethod
    def backward(ctx: Any, grad_mean: Tensor, grad_var: Tensor) -> tuple[Tensor, None]:
        x, mean = ctx.saved_tensors
        extent: Segments = ctx.extent
        lengths = _lengths(extent, mean)
        # the derivative of the variance is 2 (x - mean) / n
        slope = 2 * grad_var / lengths
        offset = grad_mean / lengths - slope * mean
        rows = x.flatten(0, 1)
        if _in_one_go(x):
            owners = extent.owners
            dx = rows * slope.index_select(0, owners) + offset.index_select(0, owners)
            return extent.mask_(dx.to(x.dtype).view(x.shape)), None
        dx = torch.empty_like(rows)
        for i, piece in enumerate(_pieces(extent)):
            if len(rows[piece]):
                dx[piece] = kernels.affine(rows[piece], slope[i], offset[i])
        return extent.mask_(dx.view(x.shape)), None


def moments_of(x: Float[Tensor, "b l c"], extent: Segments) -> tuple[Float[Tensor, "n c"], Float[Tensor, "n c"]]:
    """Mean and biased variance over the positions of each RNA, in at least float32; without autograd."""
    rows, dtype = x.flatten(0, 1), wide(x.dtype)
    if _in_one_go(x):
        lengths = _lengths(extent, x)
        mean = sums_of(x, extent) / lengths
        squares = sums_of(x.to(dtype).square(), extent) / lengths
        return mean, (squares - mean * mean).clamp_min(0)
    zeros = torch.zeros(x.shape[-1], dtype=dtype)
    means, variances = [], []
    for piece in _pieces(extent):
        own = rows[piece]
        if not len(own):  # a rank without RNAs
            mean, var = zeros, zeros
        elif x.dtype == torch.bfloat16:
            mean, var = torch.batch_norm_update_stats(own, zeros.clone(), torch.ones_like(zeros), 0.0)
        else:
            mean = kernels.sum_of_rows(own) / len(own)
            var = kernels.sum_of_rows((own - mean).square()) / len(own)
        means.append(mean)
        variances.append(var)
    return torch.stack(means), torch.stack(variances).clamp_min(0)


def power_sums(x: Float[Tensor, "b l c"], extent: Segments, readout: ReadOut) -> Float64[Tensor, "p c"]:
    """Sums of ``x``, and of ``x²`` where a read-out needs it, over one RNA's positions; they add up over tiles."""
    if readout.statistics == "mean":
        return sums_of(x, extent).double()
    mean, var = (moment.double() for moment in moments_of(x, extent))
    return torch.cat([mean, var + mean * mean]) * extent.total


def sums_of(x: Float[Tensor, "b l c"], extent: Segments) -> Float[Tensor, "n c"]:
    """Sum over the positions of each RNA, in at least float32; without autograd."""
    rows, dtype = x.flatten(0, 1), wide(x.dtype)
    if len(extent.starts) == 1:
        (piece,) = _pieces(extent)
        return rows[piece].sum(0, dtype=dtype, keepdim=True)
    if _in_one_go(x):
        # one kernel; a segment ends where the next begins, and what lies between is zero
        lengths = to_device(extent.spans, x.device)
        return torch.segment_reduce(rows.to(dtype), "sum", lengths=lengths, unsafe=True)
    return torch.stack([rows[piece].sum(0, dtype=dtype) for piece in _pieces(extent)])


def _in_one_go(x: Tensor) -> bool:
    """Whether one kernel for all RNAs is faster than one for each."""
    return x.is_cuda


def _pieces(extent: Segments) -> list[slice]:
    """The positions of each RNA."""
    spans = zip(extent.starts.tolist(), extent.lengths.tolist(), strict=True)
    return [slice(start, start + n) for start, n in spans]


def _lengths(extent: Segments, like: Tensor) -> Float[Tensor, "n 1"]:
    lengths = to_device(np.maximum(extent.lengths, 1), like.device)
    return lengths.to(wide(like.dtype))[:, None]


class _MaxPool(torch.autograd.Function):
    """The larger of each two neighbors; autograd's own backward of ``maximum`` is twenty times slower."""

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
    """The larger of each two neighboring positions; for equal ones the gradient goes to the first."""
    apply: Any = _MaxPool.apply
    pooled: Tensor = apply(x)
    return pooled
