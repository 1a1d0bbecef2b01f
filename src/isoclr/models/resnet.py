"""The encoder's network, a dilated residual network, and the heads that pre-training puts on it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated

import numpy as np
import torch
from jaxtyping import Float, Integer
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from isoclr._config import Meta
from isoclr.errors import InputError
from isoclr.models.layers import KERNEL_SIZE, Convolution, Stem
from isoclr.models.norm import BatchNorm, recomputing
from isoclr.models.packing import STRIDE, PackedBatch, Segments, round_up, to_device
from isoclr.models.pooling import ALIASES, ReadOut, max_pool, pool

LONGEST_GAP = 512  # nt; where more padding between two RNAs would be needed, each has a row of its own

Size = Annotated[int, Meta(ge=1, le=65_536)]
Depth = Annotated[int, Meta(ge=1, le=1_000)]


@dataclass(frozen=True)
class Architecture:
    """The shape of an encoder: four stages of residual blocks, and the read-out."""

    filters: tuple[Size, Size, Size, Size]  # Channels of each stage
    blocks: tuple[Depth, Depth, Depth, Depth]  # Residual blocks of each stage
    dilations: tuple[Size, Size, Size, Size]  # Dilation of the convolutions of each stage
    growing: bool = False  # Whether the dilation doubles from block to block within a stage
    pooling: str = "last"  # Name of the read-out (isoclr.models.pooling.Pooling)

    def __post_init__(self) -> None:
        ReadOut.parse(self.pooling)
        object.__setattr__(self, "pooling", ALIASES.get(self.pooling, self.pooling))

    @property
    def readout(self) -> ReadOut:
        """How activations become an embedding."""
        return ReadOut.parse(self.pooling)

    @property
    def dim(self) -> int:
        """Size of an embedding."""
        channels = sum(c_out for i, (_, c_out, _, _) in enumerate(self.layers()) if self.reads(i))
        return channels * self.readout.values_per_channel

    @property
    def last_dim(self) -> int:
        """How many columns of an embedding, the last ones, are read off the last block."""
        return self.filters[-1] * self.readout.values_per_channel

    def reads(self, block: int) -> bool:
        """Whether the embedding has columns of a block, numbered from 0."""
        return self.readout.blocks == "all" or block == sum(self.blocks) - 1

    def layers(self) -> list[tuple[int, int, int, bool]]:
        """Channels in, channels out, dilation and whether it max-pools, of every block."""
        channels = [self.filters[0], *self.filters]
        layers = []
        for stage, (c_in, c_out) in enumerate(pairwise(channels)):
            for i in range(self.blocks[stage]):
                dilation = self.dilations[stage] * (2**i if self.growing else 1)
                layers.append((c_out if i else c_in, c_out, dilation, i == 0))
        return layers

    @property
    def receptive_field(self) -> tuple[int, int]:
        """First and last nt, exactly, that can influence the first position of the last block.

        That position stands for nt 0 to 31, the next for nt 32 to 63 with a field 32 nt further on. Padding never has
        an influence.

        >>> Architecture((64, 128, 128, 256), (2, 2, 2, 2), (1, 2, 4, 8)).receptive_field
        (-504, 548)
        """
        first = last = 0
        for _, _, dilation, pools in reversed(self.layers()):
            if pools:
                first, last = 2 * first, 2 * last + 1
            left = dilation // 2
            first, last = first - 2 * left, last + 2 * (dilation - left)
        return 2 * first, 2 * last + 2  # the stem pools, after it has looked one base ahead

    @property
    def reach(self) -> int:
        """How many nt to either side can influence an output position, at most; a multiple of 32."""
        nt, stride = 2, 2  # the stem looks one base ahead, then pools
        for _, _, dilation, pools in self.layers():
            nt += 2 * ((dilation + 1) // 2) * stride
            if pools:
                nt += stride
                stride *= 2
        return round_up(nt, STRIDE)

    @property
    def gap(self) -> int | None:
        """nt of padding between two RNAs of a row that keep every convolution from seeing both; None: too many."""
        nt, stride = 0, 2
        for _, _, dilation, pools in self.layers():
            nt = max(nt, (dilation + 1) // 2 * stride)
            stride *= 2 if pools else 1
        nt = round_up(nt, STRIDE)
        return nt if nt <= LONGEST_GAP else None


class Block(nn.Module):
    """``conv → ReLU → BN → ReLU → dropout → conv → ReLU → BN → + shortcut → ReLU (→ max-pool)``."""

    def __init__(self, c_in: int, c_out: int, dilation: int, *, pools: bool, dropout: float) -> None:
        super().__init__()
        self.conv1 = Convolution(c_in, c_out, KERNEL_SIZE, dilation, relu=True)
        self.norm1 = BatchNorm(c_out, dropout=dropout)
        self.conv2 = Convolution(c_out, c_out, KERNEL_SIZE, dilation, relu=True)
        self.norm2 = BatchNorm(c_out)
        self.shortcut = Convolution(c_in, c_out, 1) if c_in != c_out else None
        self.shortcut_norm = BatchNorm(c_out) if c_in != c_out else None
        self.pools = pools

    def forward(self, xs: Sequence[Tensor], extents: Sequence[Segments]) -> list[Tensor]:
        """``(b, l, c_in)`` → ``(b, l, c_out)``, or half the length when the block pools."""
        hs = self.norm1(self.conv1(xs, extents), extents)
        hs = self.conv2(hs, extents)
        if self.shortcut is not None and self.shortcut_norm is not None:
            xs = self.shortcut_norm(self.shortcut(xs, extents), extents, relu=False)
        ys = self.norm2(hs, extents, residuals=xs)
        return [max_pool(y) for y in ys] if self.pools else ys


class DilatedResNet(nn.Module):
    """RNAs, packed or padded → embeddings: an ordinary module for any training loop.

    Args:
        architecture: Widths, depths, dilations and read-out.
        tracks: How many of the six tracks it reads: 4, 5 or 6.
        dropout: Dropout probability inside the blocks, in training only.
    """

    recompute: bool
    """Activation checkpointing: in training, keep only the blocks' inputs and compute the rest again in the backward
    pass, in a third more time and a third of the memory, with the same gradient. Each forward pass must then be
    followed by its backward pass before the next, because the batch statistics are reused."""

    def __init__(self, architecture: Architecture, *, tracks: int = 6, dropout: float = 0.1) -> None:
        super().__init__()
        self.architecture = architecture
        self.stem = Stem(tracks, architecture.filters[0])
        self.blocks = nn.ModuleList(
            Block(a, b, d, pools=pools, dropout=dropout) for a, b, d, pools in architecture.layers()
        )
        self.recompute = False

    @property
    def dim(self) -> int:
        """Size of an embedding."""
        return self.architecture.dim

    @property
    def compiled(self) -> bool:
        """Whether training compiles its element-wise passes; the results differ by rounding only."""
        return all(norm.compiled for norm in self._norms())

    @compiled.setter
    def compiled(self, value: bool) -> None:
        for norm in self._norms():
            norm.compiled = value

    def _norms(self) -> Iterator[BatchNorm]:
        """Batch norms of the blocks; that of the stem is folded into a table."""
        return (module for module in self.blocks.modules() if isinstance(module, BatchNorm))

    def forward(
        self,
        rnas: Sequence[PackedBatch] | Float[Tensor, "n t l"],
        dtype: torch.dtype = torch.float32,
        *,
        lengths: Integer[Tensor, " n"] | None = None,
    ) -> Float[Tensor, "n d"]:
        """Embed RNAs, in their order, with activations in ``dtype``.

        The result is float32 (float64 for float64 activations).

        Args:
            rnas: Padded tracks ``(n, t, l)`` in the order of :data:`isoclr.genomics.encoding.TRACKS`, one RNA per row
                from its 5' end, differentiable; or packed chunks. In training every rank must call this the same number
                of times; a rank that has no RNAs passes an empty list.
            dtype: Type of the activations.
            lengths: ``(n,)`` nt of the RNAs in padded tracks; None: all ``l``. What lies behind is not read.

        Raises:
            InputError: Another number of tracks, or a length outside of 1 to ``l``.

        The embeddings of padded tracks and of packed chunks differ by rounding only:

        >>> import numpy as np
        >>> from isoclr.genomics.encoding import nucleotides, tracks
        >>> from isoclr.models.encoder import create
        >>> model = create("isoclr-s", seed=0)
        >>> codes = [nucleotides("AUGGCUUGA" * 9), nucleotides("GGGACGU" * 5)]
        >>> x = torch.zeros(2, 6, 81)
        >>> for row, one in zip(x, codes):
        ...     row[:, : len(one)] = torch.from_numpy(tracks(one))
        >>> embeddings = model.network(x, lengths=torch.tensor([81, 35]))
        >>> np.allclose(embeddings.detach(), model.embed_codes(codes), atol=1e-5)
        True
        """
        device = self.stem.weight.device
        if isinstance(rnas, Tensor):
            levels = self._levels_of_tracks(rnas, lengths, dtype)
        elif not rnas:
            return self.forward([PackedBatch.empty(STRIDE, device)], dtype)[:0]
        else:
            levels = self.levels(rnas, dtype)
        readout = self.architecture.readout
        columns = []
        for block, (xs, extents) in enumerate(levels):
            if self.architecture.reads(block):
                pooled = [pool(x, extent, readout) for x, extent in zip(xs, extents, strict=True)]
                columns.append(torch.cat(pooled))
        return torch.cat(columns, 1)

    def levels(
        self, chunks: Sequence[PackedBatch], dtype: torch.dtype = torch.float32
    ) -> Iterator[tuple[list[Float[Tensor, "_b _l _d"]], list[Segments]]]:
        """Activations after every block, for every chunk, and where the RNAs lie in them.

        A position of the last block stands for 32 nt.
        """
        with torch.autocast(chunks[0].codes.device.type, enabled=False):
            xs = self.stem(chunks, dtype)
        yield from self._levels(xs, [Segments.of(chunk).halved() for chunk in chunks])

    def _levels_of_tracks(
        self, x: Tensor, lengths: Tensor | None, dtype: torch.dtype
    ) -> Iterator[tuple[list[Tensor], list[Segments]]]:
        """:meth:`levels` of padded tracks ``(n, t, l)``: one chunk, one RNA per row."""
        n, channels, longest = x.shape
        if channels != self.stem.weight.shape[1]:
            raise InputError(f"{channels} tracks, expected {self.stem.weight.shape[1]}")
        nt = np.full(n, longest) if lengths is None else lengths.cpu().numpy().astype(np.int64)
        if nt.min() < 1 or nt.max() > longest:
            raise InputError(f"lengths of {nt.min()} to {nt.max()} nt, expected 1 to {longest}")
        width = round_up(longest, STRIDE)
        real = torch.arange(longest, device=x.device) < to_device(nt, x.device)[:, None]
        rows = torch.where(real[:, None], x.to(dtype), 0)
        rows = nn.functional.pad(rows, (0, width - longest)).transpose(1, 2).contiguous()
        extent = Segments(np.arange(n) * width, nt, n * width, x.device)
        with torch.autocast(x.device.type, enabled=False):
            xs = self.stem.of_tracks([rows], [extent])
        yield from self._levels(xs, [extent.halved()])

    def _levels(self, xs: list[Tensor], extents: list[Segments]) -> Iterator[tuple[list[Tensor], list[Segments]]]:
        for block in self.blocks:
            with torch.autocast(xs[0].device.type, enabled=False):
                xs = self._run(block, xs, extents)
            if block.pools:
                extents = [extent.halved() for extent in extents]
            yield xs, extents

    def _run(self, block: nn.Module, xs: list[Tensor], extents: list[Segments]) -> list[Tensor]:
        if not (self.recompute and torch.is_grad_enabled() and self.training):
            return block(xs, extents)  # type: ignore[no-any-return]

        def run(*tensors: Tensor) -> tuple[Tensor, ...]:
            return tuple(block(tensors, extents))

        return list(checkpoint(run, *xs, use_reentrant=False, context_fn=lambda: (torch.enable_grad(), recomputing())))


class ProjectionHead(nn.Module):
    """``Linear → BN → ReLU`` twice, then ``Linear`` without bias.

    Both views of a batch are projected in one call, so batch statistics are over both views of all ranks.
    """

    def __init__(self, dim: int, hidden: int = 2048, out: int = 512) -> None:
        super().__init__()
        self.hidden = nn.ModuleList([nn.Linear(dim, hidden), nn.Linear(hidden, hidden)])
        self.norms = nn.ModuleList([BatchNorm(hidden), BatchNorm(hidden)])
        self.last = nn.Linear(hidden, out, bias=False)
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                nn.init.kaiming_normal_(parameter, nonlinearity="relu")
            elif name.startswith("hidden"):
                nn.init.zeros_(parameter)

    def forward(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n k"]:
        """Project embeddings; a rank without rows still joins the statistics."""
        for linear, norm in zip(self.hidden, self.norms, strict=True):
            rows = linear(x).unsqueeze(0)  # (1, n, hidden): rows as the positions of one RNA
            (rows,) = norm([rows], [Segments.whole(len(x), rows.device)])
            x = rows[0]
        projected: Tensor = self.last(x)
        return projected


class AuxiliaryHead(nn.Module):
    """Predicts sequence features from an embedding by ``BN → Linear``, so what it reads a linear probe can read too.

    Args:
        scale: Standard deviation of every feature ``(f,)``; 0 where it does not vary.
    """

    mean: Tensor
    scale: Tensor
    weights: Tensor

    def __init__(
        self, dim: int, mean: Float[Tensor, " f"], scale: Float[Tensor, " f"], weights: Float[Tensor, " f"]
    ) -> None:
        super().__init__()
        self.norm = BatchNorm(dim, eps=1e-5)  # the mean over a long RNA hardly varies
        self.linear = nn.Linear(dim, len(mean))
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        self.register_buffer("weights", weights)

    def forward(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n f"]:
        """Standardized features; a rank without rows still joins the statistics."""
        (rows,) = self.norm([x.unsqueeze(0)], [Segments.whole(len(x), x.device)], relu=False)
        features: Tensor = self.linear(rows[0])
        return features
