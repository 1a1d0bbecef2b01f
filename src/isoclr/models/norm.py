"""Batch normalization over the real positions of a whole contrastive batch.

The statistics of a layer are over every real position of every chunk on every rank, so the result depends neither on
padding nor on how a batch is split into chunks and over ranks. One autograd function does normalization, residual sum,
ReLU and dropout, because these passes over memory limit the speed on a CPU (:mod:`isoclr.models.kernels`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Float, Float64
from torch import Tensor, nn

from isoclr._threads import thread_map
from isoclr.models import compiled, kernels
from isoclr.models.packing import Segments

MOMENTUM = 0.1  # How far the running statistics move towards those of a batch
_recomputing = False


@contextmanager
def recomputing() -> Iterator[None]:
    """While activations are recomputed for the backward pass: reuse the statistics of the first computation."""
    global _recomputing
    _recomputing = True
    try:
        yield
    finally:
        _recomputing = False


def sum_over_ranks(x: Tensor) -> Tensor:
    """Sum of ``x`` over all ranks, in place; ``x`` itself when there is one rank."""
    if dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
        dist.all_reduce(x)
    return x


class _NormAct(torch.autograd.Function):
    """``mask(dropout(relu(batch_norm(x) + residual)))`` for all chunks of a batch.

    The padding of every ``x`` must be zero. The output is zero where ReLU or dropout stop the gradient, so the backward
    pass needs no other mask.
    """

    @staticmethod
    def forward(
        ctx: Any,
        norm: "BatchNorm",
        extents: Sequence[Segments],
        relu: bool,
        weight: Tensor,
        bias: Tensor,
        *tensors: Tensor,
    ) -> tuple[Tensor, ...]:
        xs, residuals = tensors[: len(extents)], tensors[len(extents) :]
        mean, var, count = norm.batch_statistics(xs, extents)
        inv_std = torch.rsqrt(var + norm.eps)
        keep = 1 - norm.dropped / 256
        scale = weight * inv_std / keep
        shift = bias / keep - mean * scale
        dropout = kernels.DropoutPool(len(weight), norm.dropped, xs[0]) if norm.dropped else None
        passes = compiled if norm.compiled else kernels

        def run(i: int) -> Tensor:
            x, extent = xs[i].flatten(0, 1), extents[i]
            residual = residuals[i].flatten(0, 1) if residuals else None
            mask = dropout.mask(extent) if dropout else None
            y = passes.normalize(x, scale, shift, residual, mask, relu=relu)
            return extent.mask_(y.view(xs[i].shape))

        ys = thread_map(run, range(len(xs)), weight.device.type)
        ctx.save_for_backward(weight, mean, inv_std, count, *xs, *(ys if relu else ()))
        ctx.chunks, ctx.relu, ctx.keep, ctx.passes = len(xs), relu, keep, passes
        ctx.has_residuals = bool(residuals)
        return tuple(ys)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        weight, mean, inv_std, count, *saved = ctx.saved_tensors
        xs, ys = saved[: ctx.chunks], saved[ctx.chunks :]
        device = weight.device.type

        def sums_of(i: int) -> tuple[Tensor, Tensor]:
            y = ys[i].flatten(0, 1) if ctx.relu else None
            grad, sums = ctx.passes.gradient_sums(grads[i].flatten(0, 1), y, xs[i].flatten(0, 1))
            return grad.view(xs[i].shape), sums

        grads, parts = zip(*thread_map(sums_of, range(len(xs)), device), strict=True)
        sums = torch.stack(parts).sum(0)
        local = sums.clone()
        sum_g, sum_gx = sum_over_ranks(sums) / ctx.keep
        # d/dx of w * (x - mean) * inv_std, with mean and inv_std functions of every x
        a = weight.double() * inv_std
        k = -a * inv_std**2 * (sum_gx - mean * sum_g) / count
        c = -a * sum_g / count - k * mean
        a = a / ctx.keep

        def run(i: int) -> Tensor:
            x, grad = xs[i].flatten(0, 1), grads[i].flatten(0, 1)
            return ctx.passes.affine_combine(x, k, grad, a, c).view(xs[i].shape)  # type: ignore[no-any-return]

        dxs = thread_map(run, range(len(xs)), device)
        local /= ctx.keep
        d_weight = ((local[1] - mean * local[0]) * inv_std).to(weight.dtype)
        residual_grads = grads if ctx.has_residuals else ()
        d_bias = local[0].to(weight.dtype)
        return (None, None, None, d_weight, d_bias, *dxs, *residual_grads)


class BatchNorm(nn.Module):
    """Batch normalization of channels-last chunks, with the ReLU and dropout that follow it.

    Args:
        dropout: Dropout probability after the ReLU, in steps of 1/256; in training only.
    """

    compiled: bool  # Whether the passes over activations are compiled (isoclr.models.compiled)
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, *, dropout: float = 0.0, eps: float = 0.01) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.dropout, self.eps = dropout, eps
        self.compiled = False
        self._last: tuple[Tensor, Tensor, Tensor] | None = None

    @property
    def dropped(self) -> int:
        """How many of 256 activations are dropped now."""
        return round(256 * self.dropout) if self.training else 0

    def forward(
        self, xs: Sequence[Tensor], extents: Sequence[Segments], *, residuals: Sequence[Tensor] = (), relu: bool = True
    ) -> list[Tensor]:
        """Normalize chunks ``(b, l, c)`` whose padding is zero; the padding of the results is zero."""
        if self.dropout and residuals:
            raise ValueError("dropout of a residual sum would scale it wrongly")
        if self.dropout and not relu:
            raise ValueError("dropout needs the ReLU: the backward pass takes its mask from zeros")
        if self.training:
            apply: Any = _NormAct.apply
            return list(apply(self, extents, relu, self.weight, self.bias, *xs, *residuals))
        scale, shift = self.affine()
        ys = []
        for i, x in enumerate(xs):
            y = kernels.affine(x.flatten(0, 1), scale, shift).view(x.shape)
            if residuals:
                y = y + residuals[i]
            ys.append(mask_padding_(y, extents[i], relu=relu))
        return ys

    def affine(self) -> tuple[Float[Tensor, " c"], Float[Tensor, " c"]]:
        """Scale and shift by the running statistics: the layer in evaluation."""
        scale = self.weight * torch.rsqrt(self.running_var + self.eps)
        return scale, self.bias - self.running_mean * scale

    def batch_statistics(
        self, xs: Sequence[Tensor], extents: Sequence[Segments]
    ) -> tuple[Float64[Tensor, " c"], Float64[Tensor, " c"], Float64[Tensor, ""]]:
        """Mean, variance and number of the real positions of the batch, over all ranks."""
        if _recomputing and self._last is not None:
            return self._last
        channels = len(self.weight)
        parts = thread_map(lambda x: kernels.column_sums(x.flatten(0, 1)), xs, self.weight.device.type)
        real = torch.full_like(parts[0][:1], sum(extent.total for extent in extents))
        sums = torch.cat([torch.stack(parts).sum(0), real])
        sum_over_ranks(sums)
        count = sums[-1].clamp_min(1)
        mean = sums[:channels] / count
        var = (sums[channels:-1] / count - mean**2).clamp_min(0)
        self.update_running_stats(mean, var, count)
        self._last = mean, var, count
        return self._last

    @torch.no_grad()
    def update_running_stats(self, mean: Tensor, var: Tensor, count: Tensor) -> None:
        """Move the running statistics towards those of a batch, with the unbiased variance."""
        unbiased = var * (count / (count - 1).clamp_min(1))
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), MOMENTUM)
        self.running_var.lerp_(unbiased.to(self.running_var.dtype), MOMENTUM)


class _MaskPadding(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, extent: Segments, relu: bool) -> Tensor:
        ctx.mark_dirty(x)
        extent.mask_(x.relu_() if relu else x)
        ctx.extent, ctx.relu = extent, relu
        if relu:
            ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        if ctx.relu:  # padding is zero, where threshold_backward stops
            (y,) = ctx.saved_tensors
            return kernels.relu_gradient(grad, y), None, None
        return ctx.extent.mask_(grad.clone()), None, None


def mask_padding_(x: Tensor, extent: Segments, *, relu: bool) -> Tensor:
    """Apply an optional ReLU and set the padding to zero, in place."""
    apply: Any = _MaskPadding.apply
    result: Tensor = apply(x, extent, relu)
    return result
