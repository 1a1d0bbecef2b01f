"""The encoder as it computes embeddings: batch norms folded into the convolutions, a tile at a time.

In evaluation a batch norm is an affine map by channel, but it stands between two ReLUs, where it cannot simply be
moved into the next convolution. With ``u`` a convolution's result, ``s`` scale and ``t`` shift of the norm behind its
ReLU,

    ``s relu(u) + t  =  clamp(s u + t, t, ∞)``  for ``s ≥ 0``,  ``clamp(s u + t, -∞, t)``  else,

so the convolution takes ``s`` and ``t`` into its weights and one clamp by channel is all that is left. This is
exact; float32 results differ from the unfolded network's by rounding only.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from isoclr.corpus.codes import Codes
from isoclr.models.chunk import Chunk, Extent
from isoclr.models.convolution import Convolution, convolve, laid_out
from isoclr.models.norm import BatchNorm
from isoclr.models.packing import STRIDE, fill, lay_out
from isoclr.models.pooling import sums_of
from isoclr.models.resnet import Block, DilatedResNet
from isoclr.models.stem import Stem


@dataclass(frozen=True)
class _Convolution:
    """A convolution and the batch norm behind it."""

    kernel: Float[Tensor, "d c 1 k"]
    bias: Float[Tensor, " d"]
    dilation: int

    @classmethod
    def of(cls, conv: Convolution, norm: BatchNorm, dtype: torch.dtype) -> "_Convolution":
        scale, shift = norm.affine()
        kernel = laid_out(conv.weight * scale[:, None, None], dtype)
        return cls(kernel, (conv.bias * scale + shift).to(dtype), conv.dilation)

    def __call__(self, x: Tensor) -> Tensor:
        return convolve(x, self.kernel, self.bias, self.dilation, relu=False)


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
    conv1: _Convolution
    clamp1: _Clamp
    conv2: _Convolution
    clamp2: _Clamp
    shortcut: _Convolution | None
    pools: bool

    @classmethod
    def of(cls, block: Block, dtype: torch.dtype) -> "_Block":
        shortcut = None
        if block.shortcut is not None and block.shortcut_norm is not None:
            shortcut = _Convolution.of(block.shortcut, block.shortcut_norm, dtype)
        return cls(
            _Convolution.of(block.conv1, block.norm1, dtype),
            _Clamp.of(block.norm1, relu=True, dtype=dtype),
            _Convolution.of(block.conv2, block.norm2, dtype),
            _Clamp.of(block.norm2, relu=False, dtype=dtype),
            shortcut,
            block.pools,
        )

    def __call__(self, x: Tensor, extent: Extent) -> tuple[Tensor, Extent]:
        h = extent.trim_(self.clamp1(self.conv1(x)))
        y = self.clamp2(self.conv2(h)).add_(x if self.shortcut is None else self.shortcut(x))
        extent.trim_(y)
        if self.pools:  # before the ReLU, which then has half as much to do
            y, extent = torch.maximum(y[:, 0::2], y[:, 1::2]), extent.halved()
        return y.relu_(), extent


TILE_NT = 32_768
"""nt computed at a time on a CPU thread: activations stay in the caches, and Python's share stays small."""
GPU_TILE_NT = 1 << 22


class FoldedResNet:
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
        self._blocks = [_Block.of(block, dtype) for block in blocks]

    @torch.inference_mode()
    def embed(self, chunk: Chunk) -> NDArray[np.float32]:
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
                stride = tile.codes.numel() // extent.size
                own = np.array([(start - first) // stride]), np.array([-(-(end - start) // stride)])
                sums = sums_of(x, Extent(*own, extent.size, self.device))[0]
                means.append(sums.double().cpu() / -(-len(codes) // stride))
            total += torch.cat(means)
        embedding: NDArray[np.float32] = total.float().numpy()
        return embedding

    def _pooled(self, chunk: Chunk) -> Iterator[tuple[Float[Tensor, "b l _c"], Extent]]:
        """The activations that an embedding is the mean of, and where the RNAs lie in them."""
        x = Stem.look_up(chunk.codes, self._table)
        extent = Extent.of(chunk).halved()
        for i, block in enumerate(self._blocks, 1):
            x, extent = block(x, extent)
            if self.architecture.pooling == "all" or i == len(self._blocks):
                yield x, extent


def _single(codes: Codes) -> Chunk:
    """A chunk of one RNA."""
    lengths = np.array([len(codes)], np.int64)
    (layout,) = lay_out(lengths, gap=0, chunk_nt=len(codes))
    return fill(layout, [codes], lengths)
