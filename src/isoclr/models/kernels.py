"""Element-wise passes and reductions over activations, which limit the speed of an encoder on a CPU.

Each was measured against its alternatives (docs/performance.md). Activations are rows ``(n, c)`` in float64, float32 or
bf16; sums are in at least float32.
"""

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from isoclr.models.packing import Segments

Rows = Float[Tensor, "n c"]
Channels = Float[Tensor, " c"]
Sums = Float64[Tensor, " c"]

_POOL = 1 << 20  # Values of the random rows that dropout masks are cut from


def affine(x: Rows, scale: Tensor, shift: Tensor) -> Rows:
    """``scale * x + shift`` by channel: torch's batch norm is twice as fast at it as ``addcmul``."""
    scale, shift = scale.to(wide(x.dtype)), shift.to(wide(x.dtype))
    return torch.batch_norm(x, scale, shift, torch.zeros_like(scale), torch.ones_like(scale), False, 0.0, 0.0, False)


def column_sums(x: Rows) -> Float64[Tensor, " two_c"]:
    """Sums of all channels, followed by the sums of their squares."""
    if not len(x):  # a rank without RNAs
        return torch.zeros(2 * x.shape[1], dtype=torch.float64, device=x.device)
    if _adds_in_blocks(x):
        return torch.cat([sum_of_rows(x), sum_of_rows(x * x)]).double()
    none = torch.zeros(x.shape[1], dtype=wide(x.dtype), device=x.device)
    mean, var = torch.batch_norm_update_stats(x, none, torch.ones_like(none), 0.0)
    mean, var = mean.double(), var.double()
    return torch.cat([mean, var + mean * mean]) * len(x)


def _adds_in_blocks(x: Tensor) -> bool:
    """Whether to sum as a matrix product: batch norm sums row by row, which is too coarse for float32 activations."""
    return not x.is_cuda and x.dtype != torch.bfloat16


def sum_of_rows(x: Rows) -> Float[Tensor, " c"]:
    """Sum over rows, in at least float32; the matrix product is ten times as fast on a CPU as ``sum(0)``."""
    if not _adds_in_blocks(x):
        return x.sum(0, dtype=wide(x.dtype))
    return (torch.ones(1, len(x), dtype=x.dtype, device=x.device) @ x)[0]


def normalize(x: Rows, scale: Tensor, shift: Tensor, residual: Rows | None, mask: Rows | None, *, relu: bool) -> Rows:
    """``mask * relu(scale * x + shift + residual)``."""
    y = affine(x, scale, shift)
    if residual is not None:
        y += residual
    if relu:
        y.relu_()
    if mask is not None:
        y *= mask
    return y


def gradient_sums(grad: Rows, y: Rows | None, x: Rows) -> tuple[Rows, Float64[Tensor, "2 c"]]:
    """The gradient through a ReLU, and the sums of it and of it times ``x`` over rows.

    Args:
        y: Output of the ReLU; None if there is none.
    """
    grad = grad if y is None else relu_gradient(grad, y)
    if not len(x):
        return grad, torch.zeros(2, x.shape[1], dtype=torch.float64, device=x.device)
    if _adds_in_blocks(x):
        return grad, torch.stack([sum_of_rows(grad), sum_of_rows(grad * x)]).double()
    ones = torch.ones(x.shape[1], dtype=wide(x.dtype), device=x.device)
    zeros = torch.zeros_like(ones)
    if x.is_cuda:
        _, _, sum_gx, sum_g = torch.ops.aten.batch_norm_backward_reduce(grad, x, zeros, ones, ones, False, True, True)
    else:
        _, sum_gx, sum_g = torch.ops.aten.native_batch_norm_backward(
            grad, x, ones, zeros, ones, zeros, ones, True, 0.0, [False, True, True]
        )
    return grad, torch.stack([sum_g, sum_gx]).double()


def affine_combine(x: Rows, k: Tensor, grad: Rows, a: Tensor, c: Tensor) -> Rows:
    """``k x + a grad + c`` by channel."""
    return affine(x, k, c).addcmul_(grad, a.to(x.dtype))


def relu_gradient(grad: Float[Tensor, "*n c"], y: Float[Tensor, "*n c"]) -> Float[Tensor, "*n c"]:
    """``grad`` where the ReLU's output ``y`` is positive."""
    return torch.ops.aten.threshold_backward(grad, y, 0)  # type: ignore[no-any-return]


def wide(dtype: torch.dtype) -> torch.dtype:
    """At least float32: the type of sums and statistics."""
    return torch.promote_types(dtype, torch.float32)


class DropoutPool:
    """Dropout masks of one layer: 0 for dropped activations, 1 for the others.

    The mask of an RNA is a window of random rows that all RNAs share. Where it begins depends on the RNA's number in
    the batch, so the mask depends neither on the chunk nor on the process that computes the RNA, provided that
    PyTorch's generators had the same state. Each activation is dropped with the same probability, and only far ones
    may be dropped together. Drawing a number for every activation would take ten times as long.

    Args:
        dropped: How many of 256 activations are dropped.
        like: Tensor of the masks' type and device.
    """

    def __init__(self, channels: int, dropped: int, like: Tensor) -> None:
        self.key = int(torch.randint(2**62, ()))
        count = max(_POOL // channels, 1)
        # eight random bytes at a time, compared into a floating-point tensor: a boolean mask takes ten times as long
        words = torch.empty((count * channels + 7) // 8, dtype=torch.int64, device=like.device)
        drawn = words.random_(-(2**63), None).view(torch.uint8)[: count * channels]
        self.rows = torch.ge(drawn, dropped, out=like.new_empty(len(drawn))).view(count, channels)

    def mask(self, extent: Segments) -> Rows:
        """The mask of one chunk."""
        return self.rows.index_select(0, extent.windows(self.key, len(self.rows)))
