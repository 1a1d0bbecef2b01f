"""The encoder for inference: batch norms fused into the convolutions, long RNAs computed in tiles.

In evaluation a batch norm is an affine map by channel, but it stands between two ReLUs, where it cannot simply be
moved into the next convolution. With ``u`` the output of a convolution, ``s`` scale and ``t`` shift of the norm after
its ReLU,

    ``s relu(u) + t  =  clamp(s u + t, t, ∞)``  for ``s ≥ 0``,  ``clamp(s u + t, -∞, t)``  otherwise,

so ``s`` and ``t`` go into the convolution's weights, and one clamp by channel is left. Where all ``s ≥ 0``, as after
training, the clamp is a shifted ReLU, which a convolution can end in at no cost:

    ``relu(s relu(u) + t)  =  relu(s u + t - p) + p``  with  ``p = max(t, 0)``,

and ``p`` goes into the bias of the next convolution. All of this is exact; float32 results differ from the unfused
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
from isoclr.models.layers import Convolution, Stem, convolve, kernel_image
from isoclr.models.norm import BatchNorm
from isoclr.models.packing import NARROWEST, STRIDE, PackedBatch, Segments, pack
from isoclr.models.pooling import pool, power_sums
from isoclr.models.resnet import Block, DilatedResNet


@dataclass(frozen=True)
class _FusedConvolution:
    """A convolution with the batch norm after it, and the ReLU it may end in."""

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
        """What is left of the ReLU before a norm, and of a ReLU after it if there is one."""
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
class _FusedBlock:
    """A residual block."""

    conv1: _FusedConvolution
    floor: Float[Tensor, " c"] | None
    """``p`` above: subtracted from the first convolution's output and added in the second one's bias. Positions
    between RNAs are therefore set to ``-floor`` instead of 0. None: zero."""
    clamp1: _Clamp | None  # After the first convolution, if it does not end in a ReLU
    conv2: _FusedConvolution
    clamp2: _Clamp | None  # After the second convolution
    shortcut: _FusedConvolution | None
    pools: bool

    @classmethod
    def of(cls, block: Block, dtype: torch.dtype, *, has_margin: bool) -> "_FusedBlock":
        """Fuse a block.

        Args:
            has_margin: Whether both ends of a row are padding too, which a floor needs.
        """
        scale1, shift1 = block.norm1.affine()
        scale2, shift2 = block.norm2.affine()
        floor = torch.zeros_like(shift1)
        ends_in_relu = has_margin and bool((scale1 >= 0).all())
        if ends_in_relu:
            floor = shift1.clamp_min(0)
        conv1 = _fuse(block.conv1, scale1, shift1 - floor, dtype, relu=ends_in_relu)
        weight2 = block.conv2.weight * scale2[:, None, None]
        missing = weight2.sum(2) @ floor
        merged = block.shortcut is not None and bool((scale2 >= 0).all())
        shift = missing if merged else missing + shift2
        conv2 = _fuse(block.conv2, scale2, shift, dtype, relu=merged)
        shortcut = None
        if block.shortcut is not None and block.shortcut_norm is not None:
            scale, own_shift = block.shortcut_norm.affine()
            added = shift2 if merged else 0
            shortcut = _fuse(block.shortcut, scale, own_shift + added, dtype)
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
        y = self.conv2(self._mask_padding(h, extent))
        if self.clamp2 is not None:
            self.clamp2(y)
        y += x if self.shortcut is None else self.shortcut(x)
        extent.mask_(y)
        if self.pools:  # before the ReLU, which then has half as much to do
            y, extent = torch.maximum(y[:, 0::2], y[:, 1::2]), extent.halved()
        return y.relu_(), extent

    def _mask_padding(self, h: Tensor, extent: Segments) -> Tensor:
        """Zero between RNAs, which is ``-floor`` here; in place."""
        if self.floor is None:
            return extent.mask_(h)
        h.view(extent.size, -1)[extent.gaps] = -self.floor
        return h


def _fuse(
    conv: Convolution, scale: Tensor, shift: Tensor, dtype: torch.dtype, *, relu: bool = False
) -> _FusedConvolution:
    """A convolution that gives ``scale * conv(x) + shift``."""
    kernel = kernel_image(conv.weight * scale[:, None, None], dtype)
    return _FusedConvolution(kernel, (conv.bias * scale + shift).to(dtype), conv.dilation, relu)


TILE_NT = 65_536
"""nt computed at a time on a CPU thread: activations stay in the caches, and Python's overhead stays small."""
GPU_TILE_NT = 1 << 22


class FusedResNet:
    """A network for inference; later changes to the network's weights have no effect."""

    device: torch.device
    tile_nt: int  # nt that are best computed at a time

    @torch.no_grad()
    def __init__(self, network: DilatedResNet, dtype: torch.dtype) -> None:
        self.architecture = network.architecture
        self._readout = network.architecture.readout
        self.device = network.stem.weight.device
        self.tile_nt = max(TILE_NT if self.device.type == "cpu" else GPU_TILE_NT, 8 * self.architecture.reach)
        self._table = network.stem.table().to(dtype)
        blocks = (block for block in network.blocks if isinstance(block, Block))
        self._margin = self.architecture.gap or 0
        self._blocks = [_FusedBlock.of(block, dtype, has_margin=self._margin > 0) for block in blocks]

    @torch.inference_mode()
    def embed(self, chunk: PackedBatch) -> NDArray[np.float32]:
        """Embeddings ``(n, dim)`` of the RNAs of one chunk, in its order."""
        columns = [pool(x, extent, self._readout) for x, extent in self._levels(chunk.to(self.device))]
        embeddings: NDArray[np.float32] = torch.cat(columns, 1).float().cpu().numpy()
        return embeddings

    @torch.inference_mode()
    def embed_long(self, codes: Codes, tile_nt: int) -> NDArray[np.float32]:
        """Embedding ``(dim,)`` of one RNA of any length, in bounded memory.

        Tiles overlap by the encoder's receptive field, and power sums over positions add up over tiles: the embedding
        is the same as in one piece.
        """
        totals: dict[int, Tensor] = {}
        for level, x, own, stride in self._tiles(codes, tile_nt):
            share = power_sums(x, own, self._readout).cpu() / -(-len(codes) // stride)
            totals[level] = totals.get(level, 0) + share
        columns = []
        for mean, *squares in totals.values():  # of x and, where needed, of x²
            var = (squares[0] - mean * mean).clamp_min(0)[None] if squares else None
            columns.append(self._readout.combine(mean[None], var)[0])
        embedding: NDArray[np.float32] = torch.cat(columns).float().numpy()
        return embedding

    @torch.inference_mode()
    def positions(self, codes: Codes, tile_nt: int) -> list[tuple[int, NDArray[np.float32]]]:
        """Activations that the embedding of one RNA is read off, block by block, in the same tiles.

        Returns:
            For every block that is read, the nt per position and the activations ``(positions, channels)``.
        """
        parts: dict[int, tuple[int, list[NDArray[np.float32]]]] = {}
        for level, x, own, stride in self._tiles(codes, tile_nt):
            first = int(own.starts[0])
            rows = x.flatten(0, 1)[first : first + own.total]
            parts.setdefault(level, (stride, []))[1].append(rows.float().cpu().numpy())
        return [(stride, np.concatenate(rows)) for stride, rows in parts.values()]

    def _tiles(self, codes: Codes, tile_nt: int) -> Iterator[tuple[int, Tensor, Segments, int]]:
        """Tile by tile and level by level: the level, its activations, the tile's own positions, nt per position."""
        reach = self.architecture.reach
        tile_nt = max(tile_nt // STRIDE * STRIDE, STRIDE)
        for start in range(0, len(codes), tile_nt):
            end = min(start + tile_nt, len(codes))
            first = max(start - reach, 0)
            (tile,), _ = pack([codes[first : end + reach]], gap=0, chunk_nt=len(codes), round_to=NARROWEST)
            offset = self._margin - first  # From a position in the RNA to that in the padded tile
            for level, (x, extent) in enumerate(self._levels(tile.to(self.device))):
                stride = (tile.codes.numel() + 2 * self._margin) // extent.size
                low, high = (start + offset) // stride, -(-(end + offset) // stride)
                own = Segments(np.array([low]), np.array([high - low]), extent.size, self.device)
                yield level, x, own, stride

    def _levels(self, chunk: PackedBatch) -> Iterator[tuple[Float[Tensor, "b l _c"], Segments]]:
        """The activations that the embedding is read off, and where the RNAs lie in them."""
        codes = F.pad(chunk.codes, (self._margin, self._margin), value=PAD)
        x = Stem.look_up(codes, self._table)
        starts = chunk.starts.numpy() + self._margin
        extent = Segments(starts, chunk.lengths.numpy(), codes.numel(), self.device).halved()
        for i, block in enumerate(self._blocks):
            x, extent = block(x, extent)
            if self.architecture.reads(i):
                yield x, extent
