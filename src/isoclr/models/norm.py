"""Batch normalisation over the real positions of a whole contrastive batch.

The statistics of a layer are taken over every real position of every chunk on every rank, so neither padding
nor the way a batch is cut into chunks or dealt to ranks changes what is computed. One autograd function
does normalisation, residual sum, ReLU and dropout, because on a CPU these passes over memory, not the
convolutions, are what an encoder waits for.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Float, Float64
from torch import Tensor, nn

from isoclr.models.chunk import Extent

_recomputing = False


@contextmanager
def recomputing() -> Iterator[None]:
    """While a block's activations are computed again for the backward pass: reuse its statistics."""
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


def _column_sums(x: Float[Tensor, "n c"]) -> Float64[Tensor, " c"]:
    """Sums over rows; as a matrix product, ten times faster on a CPU than ``sum(0)``."""
    return (torch.ones(1, len(x), dtype=x.dtype, device=x.device) @ x)[0].double()


def _wide(x: Tensor) -> Tensor:
    """At least float32: sums of half-precision activations are taken in it."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _rows(x: Tensor) -> Float[Tensor, "n c"]:
    return _wide(x.reshape(-1, x.shape[-1]))


class _NormAct(torch.autograd.Function):
    """``trim(dropout(relu(batch_norm(x) + residual)))`` for all chunks of a batch.

    Padding positions of every ``x`` must be zero. A position that ReLU or dropout silenced is zero in the
    result, so the result alone tells the backward pass where the gradient flows.
    """

    @staticmethod
    def forward(
        ctx: Any,
        norm: "BatchNorm",
        extents: Sequence[Extent],
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
        ys = []
        for i, x in enumerate(xs):
            y = torch.addcmul(shift.to(x.dtype), x, scale.to(x.dtype))
            if residuals:
                y += residuals[i]
            if relu:
                y.relu_()
            if norm.dropped:
                y.mul_(_kept(y, norm.dropped))
            ys.append(extents[i].trim_(y))
        ctx.save_for_backward(weight, mean, inv_std, *xs, *(ys if relu else ()))
        ctx.chunks, ctx.relu, ctx.keep, ctx.count = len(xs), relu, keep, count
        ctx.has_residuals = bool(residuals)
        return tuple(ys)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        weight, mean, inv_std, *saved = ctx.saved_tensors
        xs, ys = saved[: ctx.chunks], saved[ctx.chunks :]
        if ctx.relu:
            grads = tuple(
                torch.ops.aten.threshold_backward(g, y, 0) for g, y in zip(grads, ys, strict=True)
            )
        sums = torch.zeros(2, len(weight), dtype=torch.float64, device=weight.device)
        for g, x in zip(grads, xs, strict=True):
            g_rows = _rows(g)
            sums[0] += _column_sums(g_rows)
            sums[1] += _column_sums(g_rows * _rows(x))
        local = sums.clone()
        sum_g, sum_gx = sum_over_ranks(sums) / ctx.keep
        # d/dx of w * (x - mean) * inv_std, with mean and inv_std functions of every x
        a = weight.double() * inv_std
        k = -a * inv_std**2 * (sum_gx - mean * sum_g) / ctx.count
        c = -a * sum_g / ctx.count - k * mean
        dxs = [_combination(x, k, g, a / ctx.keep, c) for g, x in zip(grads, xs, strict=True)]
        local /= ctx.keep
        d_weight = ((local[1] - mean * local[0]) * inv_std).to(weight.dtype)
        residual_grads = grads if ctx.has_residuals else ()
        d_bias = local[0].to(weight.dtype)
        return (None, None, None, d_weight, d_bias, *dxs, *residual_grads)


def _combination(x: Tensor, k: Tensor, g: Tensor, a: Tensor, c: Tensor) -> Tensor:
    """``k x + a g + c`` by channel, in the precision of ``x``, computed in at least float32."""
    wide_x, wide_g = _wide(x), _wide(g)
    k, a, c = (v.to(wide_x.dtype) for v in (k, a, c))
    return torch.addcmul(c, wide_x, k).addcmul_(wide_g, a).to(x.dtype)


def _kept(like: Tensor, dropped: int) -> Tensor:
    """1 where an activation stays, 0 where it is one of the ``dropped`` of 256, in the tensor's own type.

    Random bytes are drawn eight at a time and compared straight into a floating-point tensor: on a CPU a
    mask of booleans takes ten times as long to make and to apply.
    """
    words = torch.empty((like.numel() + 7) // 8, dtype=torch.int64, device=like.device)
    drawn = words.random_(-(2**63), None).view(torch.uint8)[: like.numel()].view(like.shape)
    return torch.ge(drawn, dropped, out=torch.empty_like(like))


class BatchNorm(nn.Module):
    """Batch normalisation of channels-last chunks, with the ReLU and dropout that follow it.

    Args:
        channels: number of channels.
        dropout: probability of dropping an activation after the ReLU, in steps of 1/256; on in training only.
        momentum: weight of the newest batch in the running statistics (torch's sense).
        eps: added to the variance.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(
        self, channels: int, *, dropout: float = 0.0, momentum: float = 0.1, eps: float = 0.01
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.dropout, self.momentum, self.eps = dropout, momentum, eps
        self._last: tuple[Tensor, Tensor, float] | None = None

    @property
    def dropped(self) -> int:
        """How many of 256 activations are dropped now."""
        return round(256 * self.dropout) if self.training else 0

    def forward(
        self,
        xs: Sequence[Tensor],
        extents: Sequence[Extent],
        *,
        residuals: Sequence[Tensor] = (),
        relu: bool = True,
    ) -> list[Tensor]:
        """Normalise chunks ``(b, l, c)`` whose padding is zero; the padding of the results is zero."""
        if residuals and self.dropout:
            raise ValueError("a residual sum cannot be dropped out: its scale would be wrong")
        if self.training:
            apply: Any = _NormAct.apply
            return list(apply(self, extents, relu, self.weight, self.bias, *xs, *residuals))
        scale, shift = self.affine()
        ys = []
        for i, x in enumerate(xs):
            y = torch.addcmul(shift.to(x.dtype), x, scale.to(x.dtype))
            if residuals:
                y = y + residuals[i]
            ys.append(trimmed(y, extents[i], relu=relu))
        return ys

    def affine(self) -> tuple[Float[Tensor, " c"], Float[Tensor, " c"]]:
        """Scale and shift of the running statistics: what the layer does in evaluation."""
        scale = self.weight * torch.rsqrt(self.running_var + self.eps)
        return scale, self.bias - self.running_mean * scale

    def batch_statistics(
        self, xs: Sequence[Tensor], extents: Sequence[Extent]
    ) -> tuple[Float64[Tensor, " c"], Float64[Tensor, " c"], float]:
        """Mean, variance and number of the real positions of the batch, over all ranks."""
        if _recomputing and self._last is not None:
            return self._last
        channels = len(self.weight)
        sums = torch.zeros(2 * channels + 1, dtype=torch.float64, device=self.weight.device)
        for x in xs:
            rows = _rows(x)
            sums[:channels] += _column_sums(rows)
            sums[channels:-1] += _column_sums(rows * rows)
        sums[-1] = sum(extent.total for extent in extents)
        sum_over_ranks(sums)
        count = max(float(sums[-1]), 1.0)
        mean = sums[:channels] / count
        var = (sums[channels:-1] / count - mean**2).clamp_min(0)
        self.track(mean, var, count)
        self._last = mean, var, count
        return self._last

    @torch.no_grad()
    def track(self, mean: Tensor, var: Tensor, count: float) -> None:
        """Move the running statistics towards a batch's, its variance made unbiased."""
        unbiased = var * (count / max(count - 1, 1))
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
        self.running_var.lerp_(unbiased.to(self.running_var.dtype), self.momentum)


class _Trim(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, extent: Extent, relu: bool) -> Tensor:
        ctx.mark_dirty(x)
        extent.trim_(x.relu_() if relu else x)
        ctx.extent, ctx.relu = extent, relu
        if relu:
            ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        if ctx.relu:  # what was trimmed is zero, and threshold_backward stops there
            (y,) = ctx.saved_tensors
            return torch.ops.aten.threshold_backward(grad, y, 0), None, None
        return ctx.extent.trim_(grad.clone()), None, None


def trimmed(x: Tensor, extent: Extent, *, relu: bool) -> Tensor:
    """``x`` itself after an optional ReLU, zero beyond each row's length; changes ``x`` in place."""
    apply: Any = _Trim.apply
    result: Tensor = apply(x, extent, relu)
    return result
