"""The convolution of channels-last activations with an optional ReLU, and the stem, a look-up table.

Activations ``(b, l, c)`` are images one pixel high: the fastest layout on CPUs and GPUs (docs/performance.md). 'Same'
padding is added on both sides equally and the surplus cropped off the result, so the input is not copied.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int32, Int64, UInt8
from torch import Tensor, nn

from isoclr._threads import thread_map
from isoclr.genomics.encoding import NUCLEOTIDE_BITS, NUM_CODES, PAD, TRACKS
from isoclr.models import kernels
from isoclr.models.norm import BatchNorm, sum_over_ranks
from isoclr.models.packing import PackedBatch, Segments
from isoclr.models.pooling import max_pool

KERNEL_SIZE = 2  # Of all convolutions of an encoder but the shortcuts


class Convolution(nn.Module):
    """Convolution with 'same' padding (the odd one at the 3' end)."""

    def __init__(self, c_in: int, c_out: int, kernel_size: int, dilation: int = 1, *, relu: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(c_out, c_in, kernel_size))
        self.bias = nn.Parameter(torch.zeros(c_out))
        self.dilation = dilation
        self.relu = relu
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")

    def forward(
        self, xs: Sequence[Float[Tensor, "_b _l c"]], extents: Sequence[Segments]
    ) -> list[Float[Tensor, "_b _l d"]]:
        """Convolve every chunk; the padding of the results is zero."""
        apply: Any = _Convolve.apply
        return list(apply(extents, self.dilation, self.relu, self.weight, self.bias, *xs))


class _Convolve(torch.autograd.Function):
    """``mask(relu(convolution(x)))`` for all chunks of a batch."""

    @staticmethod
    def forward(
        ctx: Any, extents: Sequence[Segments], dilation: int, relu: bool, weight: Tensor, bias: Tensor, *xs: Tensor
    ) -> tuple[Tensor, ...]:
        kernel, shift = kernel_image(weight, xs[0].dtype), bias.to(xs[0].dtype)

        def run(i: int) -> Tensor:
            return extents[i].mask_(convolve(xs[i], kernel, shift, dilation, relu=relu))

        ys = tuple(thread_map(run, range(len(xs)), weight.device.type))
        ctx.save_for_backward(weight, *xs, *(ys if relu else ()))
        ctx.extents, ctx.dilation, ctx.relu = extents, dilation, relu
        return ys

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        weight, *saved = ctx.saved_tensors
        xs, ys = saved[: len(grads)], saved[len(grads) :]
        # the gradient of a convolution is a convolution with the flipped kernel
        flipped = kernel_image(weight.flip(2).transpose(0, 1), xs[0].dtype)

        def run(i: int) -> tuple[Tensor, Tensor, Tensor]:
            # the output is zero in the padding, where the ReLU's gradient stops
            grad = kernels.relu_gradient(grads[i], ys[i]) if ctx.relu else ctx.extents[i].mask_(grads[i].clone())
            dx = convolve(grad, flipped, None, ctx.dilation, relu=False, backward=True)
            d_weight = weight_gradient(grad, xs[i], weight.shape, ctx.dilation)
            return dx, d_weight, kernels.sum_of_rows(grad.flatten(0, 1))

        dxs, d_weights, d_biases = zip(*thread_map(run, range(len(xs)), weight.device.type), strict=True)
        d_weight, d_bias = sum(d_weights[1:], d_weights[0]), sum(d_biases[1:], d_biases[0])
        return (None, None, None, d_weight, d_bias, *dxs)


def kernel_image(weight: Float[Tensor, "d c k"], dtype: torch.dtype) -> Float[Tensor, "d c 1 k"]:
    """A kernel as :func:`convolve` needs it: channels last, in the activations' type."""
    return weight.to(dtype).unsqueeze(2).contiguous(memory_format=torch.channels_last)


def convolve(
    x: Float[Tensor, "b l c"],
    kernel: Float[Tensor, "d c 1 k"],
    bias: Float[Tensor, " d"] | None,
    dilation: int,
    *,
    relu: bool,
    backward: bool = False,
) -> Float[Tensor, "b l d"]:
    """Convolution with 'same' padding and an optional ReLU; without autograd.

    Args:
        kernel: Weights as :func:`kernel_image` arranges them.
        backward: Put the odd padding at the 5' end, as the gradient of a convolution needs it.
    """
    total = (kernel.shape[3] - 1) * dilation
    left, right = total // 2, total - total // 2
    if _uses_matmul(x):
        return _matmul_convolution(x, kernel, bias, right if backward else left, dilation, relu)
    image = x.unsqueeze(1).permute(0, 3, 1, 2)  # (b, c, 1, l)
    y = _conv2d(image, kernel, bias, right, dilation, relu)
    first = 0 if backward else right - left
    rows = y.permute(0, 2, 3, 1).squeeze(1)[:, first : first + x.shape[1]]
    return rows if rows.is_contiguous() else rows.contiguous()


def _conv2d(image: Tensor, kernel: Tensor, bias: Tensor | None, padding: int, dilation: int, relu: bool) -> Tensor:
    if has_onednn(image.device.type, image.dtype):
        return torch.ops.mkldnn._convolution_pointwise.default(  # type: ignore[no-any-return]
            image, kernel, bias, [0, padding], [1, 1], [1, dilation], 1, "relu" if relu else "none", [], ""
        )
    y = F.conv2d(image, kernel, bias, padding=(0, padding), dilation=(1, dilation))
    return y.relu_() if relu else y


def _uses_matmul(x: Tensor) -> bool:
    """Whether to convolve by matrix products: on GPUs, where a row has millions of positions."""
    return x.is_cuda and len(x) == 1


def _matmul_convolution(x: Tensor, kernel: Tensor, bias: Tensor | None, left: int, dilation: int, relu: bool) -> Tensor:
    """One matrix product per position of the kernel."""
    rows = x[0]
    size = len(rows), len(kernel)
    y = rows.new_zeros(size) if bias is None else bias.expand(size).contiguous()
    for i in range(kernel.shape[3]):
        offset = i * dilation - left
        n = max(len(rows) - abs(offset), 0)
        y[max(-offset, 0) :][:n].addmm_(rows[max(offset, 0) :][:n], kernel[:, :, 0, i].T)
    return (y.relu_() if relu else y).unsqueeze(0)


@cache
def has_onednn(device: str, dtype: torch.dtype) -> bool:
    """Whether oneDNN's convolution with a fused ReLU can be called and works here.

    ``conv2d`` itself chooses a slower one for some shapes.
    """
    if device != "cpu" or dtype not in (torch.float32, torch.bfloat16):
        return False
    image = torch.ones(1, 8, 1, 4, dtype=dtype).to(memory_format=torch.channels_last)
    kernel = -torch.ones(8, 8, 1, 2, dtype=dtype).to(memory_format=torch.channels_last)
    try:
        fused = torch.ops.mkldnn._convolution_pointwise(image, kernel, None, [0, 0], [1, 1], [1, 1], 1, "relu", [], "")
    except (AttributeError, RuntimeError, TypeError):
        return False
    return fused.shape == (1, 8, 1, 3) and not bool(fused.any())


def weight_gradient(
    grad: Float[Tensor, "b l d"], x: Float[Tensor, "b l c"], shape: torch.Size, dilation: int
) -> Float[Tensor, "d c k"]:
    """Gradient of the kernel, in at least float32; for bf16 activations it is rounded to bf16 first."""
    k = shape[2]
    left = (k - 1) * dilation // 2
    if len(x) == 1 and (x.is_cuda or _are_products_faster(x.dtype)):
        taps = [_tap_gradient(grad[0], x[0], i * dilation - left) for i in range(k)]
        return torch.stack(taps, 2).to(kernels.wide(x.dtype))
    right = (k - 1) * dilation - left
    padded = F.pad(grad, (0, 0, right - left, 0))  # the positions that the crop removed
    _, dw, _ = torch.ops.aten.convolution_backward(
        padded.unsqueeze(1).permute(0, 3, 1, 2),
        x.unsqueeze(1).permute(0, 3, 1, 2),
        x.new_empty(shape[0], shape[1], 1, k),
        None,
        [1, 1],
        [0, right],
        [1, dilation],
        False,
        [0, 0],
        1,
        [False, True, False],
    )
    return dw.squeeze(2).to(kernels.wide(x.dtype))  # type: ignore[no-any-return]


@cache
def _are_products_faster(dtype: torch.dtype) -> bool:
    """Than oneDNN's gradient, which is good at float32 with AVX-512 alone (docs/LOG.md has the speeds)."""
    return dtype == torch.bfloat16 or torch.backends.cpu.get_cpu_capability() != "AVX512"


def _tap_gradient(grad: Tensor, x: Tensor, offset: int) -> Float[Tensor, "d c"]:
    """Gradient of one position of the kernel, which reads the activation ``offset`` to the right."""
    n = max(len(x) - abs(offset), 0)
    return grad[max(-offset, 0) :][:n].T @ x[max(offset, 0) :][:n]


class _LookUp(torch.autograd.Function):
    """Rows of a table for every chunk; the backward pass adds up the gradients of all chunks."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, dtype: torch.dtype, *indices: Tensor) -> tuple[Tensor, ...]:
        ctx.save_for_backward(*indices)
        ctx.shape, ctx.dtype = table.shape, table.dtype
        rows = table.to(dtype)
        return tuple(F.embedding(index, rows) for index in indices)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        total = torch.zeros(ctx.shape, dtype=ctx.dtype, device=grads[0].device)
        for index, grad in zip(ctx.saved_tensors, grads, strict=True):
            _add_rows(total, index.flatten(), grad.flatten(0, 1).to(ctx.dtype))
        return (total, None, *(None for _ in grads))


def _add_rows(total: Tensor, index: Tensor, rows: Tensor) -> None:
    """``total[index] += rows``, with repeated indices."""
    if _sorts(rows):  # most indices are equal: on a GPU single additions to one row are slow
        total += torch.ops.aten.embedding_dense_backward(rows, index, len(total), -1, False)
    else:
        total.index_add_(0, index, rows)


def _sorts(rows: Tensor) -> bool:
    return rows.is_cuda


class Stem(nn.Module):
    """The first layer as a look-up table: codes ``(b, l)`` → ``(b, l / 2, channels)``.

    A convolution of width 2, ReLU, batch norm and max-pooling by 2 depend on three neighboring codes only, and 32 codes
    make a table of 32³ rows.
    """

    tracks: Tensor

    def __init__(self, tracks: int, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, tracks, KERNEL_SIZE))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.norm = BatchNorm(channels)
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")
        self.fill_tracks(tracks)

    def fill_tracks(self, tracks: int) -> None:
        """Set the constant table of track values, on the weights' device; it is not saved."""
        table = torch.tensor(TRACKS[:, :tracks], device=self.weight.device)
        self.register_buffer("tracks", table, persistent=False)

    def forward(self, chunks: Sequence[PackedBatch], dtype: torch.dtype) -> list[Tensor]:
        """Activations of every chunk, in ``dtype``."""
        table = self._triples(self._normalized_pairs(chunks)) if self.training else self.table()
        indices = [_triple_index(chunk.codes) for chunk in chunks]
        apply: Any = _LookUp.apply
        return list(apply(table, dtype, *indices))

    def of_tracks(self, xs: Sequence[Float[Tensor, "_b _l t"]], extents: Sequence[Segments]) -> list[Tensor]:
        """The same for values of the tracks, whose padding is zero; differentiable with respect to them."""
        apply: Any = _Convolve.apply
        ys = list(apply(extents, 1, False, self.weight, self.bias, *xs))
        return [max_pool(y) for y in self.norm(ys, extents)]

    def table(self) -> Float[Tensor, "32768 c"]:
        """Output of the layer in evaluation for every three neighboring codes."""
        scale, shift = self.norm.affine()
        return self._triples(self._pairs() * scale + shift)

    @staticmethod
    def look_up(codes: UInt8[Tensor, "b l"], table: Tensor) -> Float[Tensor, "b half c"]:
        """The rows of a table that belong to codes."""
        return F.embedding(_triple_index(codes), table)

    def _pairs(self) -> Float[Tensor, "32 32 c"]:
        """Output of the convolution for every two neighboring codes."""
        first, second = (self.tracks @ self.weight[:, :, i].T for i in range(2))
        return first[:, None] + second[None, :] + self.bias

    def _normalized_pairs(self, chunks: Sequence[PackedBatch]) -> Float[Tensor, "32 32 c"]:
        pairs = self._pairs()
        histogram = sum_over_ranks(_pair_histogram(chunks))
        count = histogram.sum().clamp_min(1)
        share = (histogram / count).to(pairs.dtype)
        mean = torch.einsum("ij,ijc->c", share, pairs)
        var = torch.einsum("ij,ijc->c", share, (pairs - mean) ** 2)
        self.norm.update_running_stats(mean, var, count)
        return (pairs - mean) * torch.rsqrt(var + self.norm.eps) * self.norm.weight + self.norm.bias

    def _triples(self, pairs: Float[Tensor, "32 32 c"]) -> Float[Tensor, "32768 c"]:
        """ReLU, and the larger of two neighboring pairs; a pair that begins in padding is zero."""
        pairs = F.relu(pairs) * _real(pairs.device)[:, None, None]
        return torch.maximum(pairs[:, :, None], pairs[None]).flatten(0, 2)


def _neighbors(codes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Even positions, odd positions, and the even positions after them (padding after the last)."""
    following = F.pad(codes[:, 2::2], (0, 1), value=PAD)
    return codes[:, 0::2].int(), codes[:, 1::2].int(), following.int()


def _triple_index(codes: Tensor) -> Int32[Tensor, "b half"]:
    first, second, third = _neighbors(codes)
    return (first * NUM_CODES + second) * NUM_CODES + third


def _pair_histogram(chunks: Sequence[PackedBatch]) -> Float[Tensor, "32 32"]:
    """How often each pair of neighboring codes occurs whose first is a real base."""
    histogram = torch.zeros(NUM_CODES**2, dtype=torch.float64, device=chunks[0].codes.device)
    for chunk in chunks:
        first, second, third = _neighbors(chunk.codes)
        for pair in (first * NUM_CODES + second, second * NUM_CODES + third):
            histogram += _counts(pair.flatten())
    return histogram.view(NUM_CODES, NUM_CODES) * _real(histogram.device)[:, None]


def _real(device: torch.device) -> Bool[Tensor, "32"]:
    """Which codes are bases, not padding."""
    return (torch.arange(NUM_CODES, device=device) & NUCLEOTIDE_BITS) != PAD


def _counts(pairs: Int32[Tensor, " n"]) -> Int64[Tensor, "1024"]:
    """How often each number below 1,024 occurs; on a GPU ``bincount`` would synchronize."""
    if not pairs.is_cuda:
        return torch.bincount(pairs, minlength=NUM_CODES**2)
    zeros = torch.zeros(NUM_CODES**2, dtype=torch.int64, device=pairs.device)
    return zeros.index_add_(0, pairs, torch.ones_like(pairs, dtype=torch.int64))
