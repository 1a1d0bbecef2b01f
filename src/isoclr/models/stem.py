"""The first layer: convolution, batch norm, ReLU and pooling by two, as one table look-up.

A base is one of 32 codes and the first convolution sees two neighbouring bases, so it has 1,024 possible
results, and the pooled output, which sees three neighbouring bases, 32,768. Computing these tables and
looking bases up in them gives exactly what the convolution gives, without ever holding an activation at
the full length of the RNA. Batch statistics come from a histogram of the pairs.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int32, Int64, UInt8
from torch import Tensor, nn

from isoclr.corpus.codes import NUCLEOTIDE_BITS, NUM_CODES, PAD, TRACKS
from isoclr.models.chunk import Chunk
from isoclr.models.norm import BatchNorm, sum_over_ranks


class _LookUp(torch.autograd.Function):
    """Rows of a table for every chunk; the backward pass adds all chunks into one table."""

    @staticmethod
    def forward(
        ctx: Any, table: Tensor, dtype: torch.dtype, *indices: Tensor
    ) -> tuple[Tensor, ...]:
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
    """Add each row to the one of ``total`` that its index names."""
    if _sorts(rows):  # a few rows get nearly all: a GPU that adds them one by one waits for itself
        total += torch.ops.aten.embedding_dense_backward(rows, index, len(total), -1, False)
    else:
        total.index_add_(0, index, rows)


def _sorts(rows: Tensor) -> bool:
    return rows.is_cuda


class Stem(nn.Module):
    """``(b, l)`` codes → ``(b, l / 2, channels)``.

    Args:
        tracks: 4 (nucleotides), 5 (and codon starts) or 6 (and exon ends).
        channels: number of filters.
    """

    tracks: Tensor
    kernel_size = 2

    def __init__(self, tracks: int, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, tracks, self.kernel_size))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.norm = BatchNorm(channels)
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")
        self.fill_tracks(tracks)

    def fill_tracks(self, tracks: int) -> None:
        """The table of track values, on the weights' device: a constant, never saved."""
        table = torch.tensor(TRACKS[:, :tracks], device=self.weight.device)
        self.register_buffer("tracks", table, persistent=False)

    def forward(self, chunks: Sequence[Chunk], dtype: torch.dtype) -> list[Tensor]:
        """Pooled activations of every chunk, in ``dtype``."""
        table = self._triples(self._normalised(chunks)) if self.training else self.table()
        indices = [_triple_index(chunk.codes) for chunk in chunks]
        apply: Any = _LookUp.apply
        return list(apply(table, dtype, *indices))

    def table(self) -> Float[Tensor, "32768 c"]:
        """What the layer gives in evaluation for every three neighbouring codes."""
        scale, shift = self.norm.affine()
        return self._triples(self._pairs() * scale + shift)

    @staticmethod
    def look_up(codes: UInt8[Tensor, "b l"], table: Tensor) -> Float[Tensor, "b half c"]:
        """The rows of a table for codes."""
        return F.embedding(_triple_index(codes), table)

    def _pairs(self) -> Float[Tensor, "32 32 c"]:
        """The convolution's result for every pair of neighbouring codes."""
        first, second = (self.tracks @ self.weight[:, :, i].T for i in range(2))
        return first[:, None] + second[None, :] + self.bias

    def _normalised(self, chunks: Sequence[Chunk]) -> Float[Tensor, "32 32 c"]:
        pairs = self._pairs()
        histogram = sum_over_ranks(_pair_histogram(chunks))
        count = histogram.sum().clamp_min(1)
        share = (histogram / count).to(pairs.dtype)
        mean = torch.einsum("ij,ijc->c", share, pairs)
        var = torch.einsum("ij,ijc->c", share, (pairs - mean) ** 2)
        self.norm.track(mean, var, count)
        return (pairs - mean) * torch.rsqrt(var + self.norm.eps) * self.norm.weight + self.norm.bias

    def _triples(self, pairs: Float[Tensor, "32 32 c"]) -> Float[Tensor, "32768 c"]:
        """ReLU and the larger of two neighbouring pairs; a pair that begins in padding is zero."""
        pairs = F.relu(pairs) * _real(pairs.device)[:, None, None]
        return torch.maximum(pairs[:, :, None], pairs[None]).flatten(0, 2)


def _neighbours(codes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Even positions, odd positions, and the even positions after them (padding after the last)."""
    following = F.pad(codes[:, 2::2], (0, 1), value=PAD)
    return codes[:, 0::2].int(), codes[:, 1::2].int(), following.int()


def _triple_index(codes: Tensor) -> Int32[Tensor, "b half"]:
    first, second, third = _neighbours(codes)
    return (first * NUM_CODES + second) * NUM_CODES + third


def _pair_histogram(chunks: Sequence[Chunk]) -> Float[Tensor, "32 32"]:
    """How often each pair of neighbouring codes occurs, the first of the two being a real base."""
    histogram = torch.zeros(NUM_CODES**2, dtype=torch.float64, device=chunks[0].codes.device)
    for chunk in chunks:
        first, second, third = _neighbours(chunk.codes)
        for pair in (first * NUM_CODES + second, second * NUM_CODES + third):
            histogram += _counts(pair.flatten())
    return histogram.view(NUM_CODES, NUM_CODES) * _real(histogram.device)[:, None]


def _real(device: torch.device) -> Bool[Tensor, "32"]:
    """Which codes stand for a base, not for padding."""
    return (torch.arange(NUM_CODES, device=device) & NUCLEOTIDE_BITS) != PAD


def _counts(pairs: Int32[Tensor, " n"]) -> Int64[Tensor, "1024"]:
    """How often each number below 1,024 occurs; ``bincount`` would wait for a GPU."""
    if not pairs.is_cuda:
        return torch.bincount(pairs, minlength=NUM_CODES**2)
    zeros = torch.zeros(NUM_CODES**2, dtype=torch.int64, device=pairs.device)
    return zeros.index_add_(0, pairs, torch.ones_like(pairs, dtype=torch.int64))
