"""The encoder: a dilated residual CNN over the six tracks of a mature RNA.

``stem → four stages → mean over real positions``. A stage is a row of residual blocks of one width; its
first block pools by two, so one output position stands for 32 nt. Inside, activations are channels-last
``(b, l, c)`` and zero beyond each row's length: a convolution at the 3' end sees zeros, never padding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from isoclr.models.chunk import Chunk, Extent
from isoclr.models.norm import BatchNorm, recomputing, trimmed
from isoclr.models.stem import Stem

STRIDE = 32
"""Nucleotides that one output position stands for: the stem and each of four stages halve the length."""


@dataclass(frozen=True)
class Architecture:
    """The shape of an encoder.

    Attributes:
        filters: channels of the four stages; the last is the embedding's size.
        blocks: residual blocks in each stage.
        dilations: dilation of each stage's convolutions (in the first block of the stage).
        growing: whether the dilation doubles from block to block within a stage.
    """

    filters: tuple[int, int, int, int]
    blocks: tuple[int, int, int, int]
    dilations: tuple[int, int, int, int]
    growing: bool = False

    def layers(self) -> list[tuple[int, int, int, bool]]:
        """Channels in, channels out, dilation and whether it pools, of every block from 5' to pooling."""
        channels = [self.filters[0], *self.filters]
        layers = []
        for stage, (c_in, c_out) in enumerate(pairwise(channels)):
            for i in range(self.blocks[stage]):
                dilation = self.dilations[stage] * (2**i if self.growing else 1)
                layers.append((c_out if i else c_in, c_out, dilation, i == 0))
        return layers

    @property
    def reach(self) -> int:
        """How many nt to either side can influence an output position, at most; a multiple of 32."""
        nt, stride = 2, 2  # the stem looks one base ahead, then pools
        for _, _, dilation, pools in self.layers():
            nt += 2 * ((dilation + 1) // 2) * stride
            if pools:
                nt += stride
                stride *= 2
        return -(-nt // STRIDE) * STRIDE


class Convolution(nn.Module):
    """1-D convolution of channels-last activations with 'same' padding (the odd one at the 3' end)."""

    def __init__(self, c_in: int, c_out: int, kernel_size: int, dilation: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(c_out, c_in, kernel_size))
        self.bias = nn.Parameter(torch.zeros(c_out))
        self.dilation = dilation
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")

    def forward(self, xs: Sequence[Float[Tensor, "_b _l c"]]) -> list[Float[Tensor, "_b _l d"]]:
        """Convolve every chunk, as images one pixel high: the fastest layout on CPUs and GPUs alike."""
        weight = self.weight.to(xs[0].dtype).unsqueeze(2)
        weight = weight.contiguous(memory_format=torch.channels_last)
        bias = self.bias.to(xs[0].dtype)
        total = (self.weight.shape[2] - 1) * self.dilation
        left, right = total // 2, total - total // 2
        ys = []
        for x in xs:
            image = x.unsqueeze(1).permute(0, 3, 1, 2)  # (b, c, 1, l)
            # as much padding at the 5' end as at the 3' end, so that no padded copy of x is kept, then a crop
            y = F.conv2d(image, weight, bias, padding=(0, right), dilation=(1, self.dilation))
            y = y[..., right - left : right - left + x.shape[1]]
            ys.append(y.permute(0, 2, 3, 1).squeeze(1).contiguous())
        return ys


class Block(nn.Module):
    """``conv → ReLU → BN → ReLU → dropout → conv → ReLU → BN → + shortcut → ReLU (→ max-pool)``."""

    def __init__(
        self, c_in: int, c_out: int, dilation: int, *, pools: bool, kernel_size: int, dropout: float
    ) -> None:
        super().__init__()
        self.conv1 = Convolution(c_in, c_out, kernel_size, dilation)
        self.norm1 = BatchNorm(c_out, dropout=dropout)
        self.conv2 = Convolution(c_out, c_out, kernel_size, dilation)
        self.norm2 = BatchNorm(c_out)
        self.shortcut = Convolution(c_in, c_out, 1) if c_in != c_out else None
        self.shortcut_norm = BatchNorm(c_out) if c_in != c_out else None
        self.pools = pools

    def forward(self, xs: Sequence[Tensor], extents: Sequence[Extent]) -> list[Tensor]:
        """``(b, l, c_in)`` → ``(b, l, c_out)``, or half the length when the block pools."""
        hs = _trim_all(self.conv1(xs), extents, relu=True)
        hs = self.norm1(hs, extents)
        hs = _trim_all(self.conv2(hs), extents, relu=True)
        if self.shortcut is not None and self.shortcut_norm is not None:
            straight = _trim_all(self.shortcut(xs), extents, relu=False)
            xs = self.shortcut_norm(straight, extents, relu=False)
        ys = self.norm2(hs, extents, residuals=xs)
        return [max_pool(y) for y in ys] if self.pools else ys


class DilatedResNet(nn.Module):
    """Codes of RNAs → embeddings.

    Args:
        architecture: widths, depths and dilations.
        tracks: 4, 5 or 6 of the six tracks (:mod:`isoclr.models.stem`).
        dropout: probability inside the blocks, in training only.

    Attributes:
        recompute: in training, keep only the blocks' inputs and compute the rest again in the backward pass:
            a third more time, a third of the memory, the same gradient. Each forward pass must then be followed by
            its backward pass before the next, because the batch statistics are reused.
    """

    kernel_size = 2

    def __init__(
        self, architecture: Architecture, *, tracks: int = 6, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.architecture = architecture
        self.stem = Stem(tracks, architecture.filters[0])
        self.blocks = nn.ModuleList(
            Block(a, b, d, pools=pools, kernel_size=self.kernel_size, dropout=dropout)
            for a, b, d, pools in architecture.layers()
        )
        self.recompute = False

    @property
    def dim(self) -> int:
        """Size of an embedding."""
        return self.architecture.filters[-1]

    def forward(
        self, chunks: Sequence[Chunk], dtype: torch.dtype = torch.float32
    ) -> Float[Tensor, "n d"]:
        """Embed every row of every chunk, in their order, with activations in ``dtype``.

        The result is float32 (float64 for float64 activations). In training every rank must call this the
        same number of times; a rank that has no RNAs passes an empty list.
        """
        device = self.stem.weight.device
        if not chunks:
            return self.forward([Chunk.empty(STRIDE, device)], dtype)[:0]
        ys, extents = self.features(chunks, dtype)
        return torch.cat([mean_pool(y, extent) for y, extent in zip(ys, extents, strict=True)])

    def features(
        self, chunks: Sequence[Chunk], dtype: torch.dtype = torch.float32
    ) -> tuple[list[Float[Tensor, "_b _l d"]], list[Extent]]:
        """Activations before pooling, one position for 32 nt, and how far each row reaches."""
        with torch.autocast(chunks[0].codes.device.type, enabled=False):
            xs = self.stem(chunks, dtype)
            extents = [Extent(chunk.lengths, chunk.codes.device).halved() for chunk in chunks]
            for block in self.blocks:
                xs = self._run(block, xs, extents)
                if block.pools:
                    extents = [extent.halved() for extent in extents]
        return xs, extents

    def _run(self, block: nn.Module, xs: list[Tensor], extents: list[Extent]) -> list[Tensor]:
        if not (self.recompute and torch.is_grad_enabled() and self.training):
            return block(xs, extents)  # type: ignore[no-any-return]

        def run(*tensors: Tensor) -> tuple[Tensor, ...]:
            return tuple(block(tensors, extents))

        contexts = lambda: (torch.enable_grad(), recomputing())  # noqa: E731
        return list(checkpoint(run, *xs, use_reentrant=False, context_fn=contexts))


def _trim_all(xs: Sequence[Tensor], extents: Sequence[Extent], *, relu: bool) -> list[Tensor]:
    return [trimmed(x, extent, relu=relu) for x, extent in zip(xs, extents, strict=True)]


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


def mean_pool(x: Float[Tensor, "b l c"], extent: Extent) -> Float[Tensor, "b c"]:
    """Mean over the real positions of each row; ``x`` is zero beyond them."""
    lengths = extent.lengths.clamp_min(1).to(x.device)
    return x.sum(1, dtype=torch.promote_types(x.dtype, torch.float32)) / lengths[:, None]
