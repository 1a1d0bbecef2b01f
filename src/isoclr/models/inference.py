"""The encoder as it computes embeddings: batch norms folded into the convolutions, a tile at a time.

In evaluation a batch norm is an affine map by channel, but it stands between two ReLUs, where it cannot simply be
moved into the next convolution. With ``u`` a convolution's result, ``s`` scale and ``t`` shift of the norm behind its
ReLU,

    ``s relu(u) + t  =  clamp(s u + t, t, ∞)``  for ``s ≥ 0``,  ``clamp(s u + t, -∞, t)``  else,

so the convolution takes ``s`` and ``t`` into its weights and one clamp by channel is all that is left. Where all
``s ≥ 0``, as after training, the clamp is a ReLU of something shifted, and a convolution may end in a ReLU for nothing:

    ``relu(s relu(u) + t)  =  relu(s u + t - p) + p``  with  ``p = max(t, 0)``,

and the next convolution takes ``p`` into its bias. All of this is exact; float32 results differ from the unfolded
network's by rounding only.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from isoclr.genomics.encoding import PAD, Codes
from isoclr.models.layers import Convolution, Stem, convolve, laid_out, sums_of
from isoclr.models.norm import BatchNorm
from isoclr.models.packing import NARROWEST, STRIDE, PackedBatch, Segments, pack
from isoclr.models.resnet import Block, DilatedResNet


@dataclass(frozen=True)
class _Convolution:
    """A convolution with what is folded into it, and the ReLU it may end in."""

    kernel: Float[Tensor, "d c 1 k"]
    bias: Float[Tensor, " d"]
    dilation: int
    relu: bool = False

    def __call__(self, x: Tensor) -> Tensor:
        return convolve(x, self.kernel, self.bias, self.dilation, relu=self.relu)


@dataclass(frozen=True)
class _Clamp:
    """Bounds by channel; None where no channel has one."""

    low: Tensor | None
    high: Tensor | None

    @classmethod
    def of(cls, norm: BatchNorm, *, relu: bool, dtype: torch.dtype) -> "_Clamp":
        """What is left of the ReLU before a norm, and of the one behind it if there is one."""
        scale, shift = norm.affine()
        infinity = torch.full_like(shift, torch.inf)
        low = torch.where(scale >= 0, shift, -infinity)
        high = torch.where(scale >= 0, infinity, shift)
        if relu:
            low, high = low.clamp_min(0), high.clamp_min(0)
        return cls(_finite(low.to(dtype)), _finite(high.to(dtype)))

    def __call__(self, x: Tensor) -> Tensor:
        if self.low is not None:
            torch.maximum(x, self.low, out=x)
        if self.high is not None:
            torch.minimum(x, self.high, out=x)
        return x


def _finite(bound: Tensor) -> Tensor | None:
    return bound if bool(torch.isfinite(bound).any()) else None


@dataclass(frozen=True)
class _Block:
    """A residual block.

    Attributes:
        floor: what the first convolution's results lack (``p`` above) and the second one's bias makes up for; places
            between RNAs are therefore set to ``-floor`` instead of 0. None: nothing.
        clamp1: behind the first convolution, when it does not end in a ReLU.
        clamp2: behind the second.
    """

    conv1: _Convolution
    floor: Float[Tensor, " c"] | None
    clamp1: _Clamp | None
    conv2: _Convolution
    clamp2: _Clamp | None
    shortcut: _Convolution | None
    pools: bool

    @classmethod
    def of(cls, block: Block, dtype: torch.dtype, *, apart: bool) -> "_Block":
        """Fold a block.

        Args:
            block: of the network.
            dtype: of the activations.
            apart: whether places between RNAs lie at both ends of a row too, where a floor can be put.
        """
        scale1, shift1 = block.norm1.affine()
        scale2, shift2 = block.norm2.affine()
        floor = torch.zeros_like(shift1)
        ends_in_relu = apart and bool((scale1 >= 0).all())
        if ends_in_relu:
            floor = shift1.clamp_min(0)
        conv1 = _folded(block.conv1, scale1, shift1 - floor, dtype, relu=ends_in_relu)
        weight2 = block.conv2.weight * scale2[:, None, None]
        missing = weight2.sum(2) @ floor
        merged = block.shortcut is not None and bool((scale2 >= 0).all())
        shift = missing if merged else missing + shift2
        conv2 = _folded(block.conv2, scale2, shift, dtype, relu=merged)
        shortcut = None
        if block.shortcut is not None and block.shortcut_norm is not None:
            scale, own_shift = block.shortcut_norm.affine()
            added = shift2 if merged else 0
            shortcut = _folded(block.shortcut, scale, own_shift + added, dtype)
        return cls(
            conv1,
            floor.to(dtype) if bool(floor.any()) else None,
            None if ends_in_relu else _Clamp.of(block.norm1, relu=True, dtype=dtype),
            conv2,
            None if merged else _Clamp.of(block.norm2, relu=False, dtype=dtype),
            shortcut,
            block.pools,
        )

    def __call__(self, x: Tensor, extent: Segments) -> tuple[Tensor, Segments]:
        h = self.conv1(x)
        if self.clamp1 is not None:
            self.clamp1(h)
        y = self.conv2(self._apart(h, extent))
        if self.clamp2 is not None:
            self.clamp2(y)
        y += x if self.shortcut is None else self.shortcut(x)
        extent.trim_(y)
        if self.pools:  # before the ReLU, which then has half as much to do
            y, extent = torch.maximum(y[:, 0::2], y[:, 1::2]), extent.halved()
        return y.relu_(), extent

    def _apart(self, h: Tensor, extent: Segments) -> Tensor:
        """Zero between RNAs, which is ``-floor`` here."""
        if self.floor is None:
            return extent.trim_(h)
        h.view(extent.size, -1)[extent.gaps] = -self.floor
        return h


def _folded(
    conv: Convolution, scale: Tensor, shift: Tensor, dtype: torch.dtype, *, relu: bool = False
) -> _Convolution:
    """``scale * convolution + shift``."""
    kernel = laid_out(conv.weight * scale[:, None, None], dtype)
    return _Convolution(kernel, (conv.bias * scale + shift).to(dtype), conv.dilation, relu)


TILE_NT = 65_536
"""nt computed at a time on a CPU thread: activations stay in the caches, and Python's share stays small."""
GPU_TILE_NT = 1 << 22


class FusedResNet:
    """A network's evaluation, with activations in ``dtype``.

    Args:
        network: whose weights are taken over; later changes to them are not seen.
        dtype: of the activations.

    Attributes:
        device: where it computes.
        tile_nt: how many nt it had best be given at a time.
    """

    @torch.no_grad()
    def __init__(self, network: DilatedResNet, dtype: torch.dtype) -> None:
        self.architecture = network.architecture
        self.device = network.stem.weight.device
        self.tile_nt = max(
            TILE_NT if self.device.type == "cpu" else GPU_TILE_NT, 8 * self.architecture.reach
        )
        self._table = network.stem.table().to(dtype)
        blocks = (block for block in network.blocks if isinstance(block, Block))
        self._margin = self.architecture.gap or 0
        self._blocks = [_Block.of(block, dtype, apart=self._margin > 0) for block in blocks]

    @torch.inference_mode()
    def embed(self, chunk: PackedBatch) -> NDArray[np.float32]:
        """Embeddings ``(n, dim)`` of the RNAs of one chunk, in its order."""
        sums = [
            sums_of(x, extent) / torch.from_numpy(extent.lengths[:, None]).to(x.device)
            for x, extent in self._pooled(chunk.to(self.device))
        ]
        embeddings: NDArray[np.float32] = torch.cat(sums, 1).float().cpu().numpy()
        return embeddings

    @torch.inference_mode()
    def embed_long(self, codes: Codes, tile_nt: int) -> NDArray[np.float32]:
        """Embedding ``(dim,)`` of one RNA of any length, in bounded memory.

        The RNA is cut into tiles that see as many of their neighbours' bases as the encoder reaches, and what
        is pooled is summed over tiles: the same embedding as in one piece.
        """
        reach = self.architecture.reach
        tile_nt = max(tile_nt // STRIDE * STRIDE, STRIDE)
        total = torch.zeros(self.architecture.dim, dtype=torch.float64)
        for start in range(0, len(codes), tile_nt):
            end = min(start + tile_nt, len(codes))
            first = max(start - reach, 0)
            tile = _single(codes[first : end + reach])
            means = []
            for x, extent in self._pooled(tile.to(self.device)):
                own = self._positions(start - first, end - first, extent, tile)
                positions = -(-len(codes) // self._stride(extent, tile))
                means.append(sums_of(x, own)[0].double().cpu() / positions)
            total += torch.cat(means)
        embedding: NDArray[np.float32] = total.float().numpy()
        return embedding

    def _pooled(self, chunk: PackedBatch) -> Iterator[tuple[Float[Tensor, "b l _c"], Segments]]:
        """The activations that an embedding is the mean of, and where the RNAs lie in them."""
        codes = F.pad(chunk.codes, (self._margin, self._margin), value=PAD)
        x = Stem.look_up(codes, self._table)
        starts = chunk.starts.numpy() + self._margin
        extent = Segments(starts, chunk.lengths.numpy(), codes.numel(), self.device).halved()
        for i, block in enumerate(self._blocks, 1):
            x, extent = block(x, extent)
            if self.architecture.pooling == "all" or i == len(self._blocks):
                yield x, extent

    def _stride(self, level: Segments, chunk: PackedBatch) -> int:
        """How many nt one position stands for."""
        return (chunk.codes.numel() + 2 * self._margin) // level.size

    def _positions(self, start: int, end: int, level: Segments, chunk: PackedBatch) -> Segments:
        """Where the nucleotides of a chunk from ``start`` to ``end`` lie at one level."""
        stride = self._stride(level, chunk)
        first, last = (start + self._margin) // stride, -(-(end + self._margin) // stride)
        return Segments(np.array([first]), np.array([last - first]), level.size, self.device)


def _single(codes: Codes) -> PackedBatch:
    """A chunk of one RNA."""
    (chunk,), _ = pack([codes], gap=0, chunk_nt=len(codes), round_to=NARROWEST)
    return chunk
