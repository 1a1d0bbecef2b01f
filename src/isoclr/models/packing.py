"""Sequence packing: RNAs of any length in rows of bytes, with enough padding between them that no layer mixes two."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from numpy.typing import NDArray
from torch import Tensor

from isoclr.genomics.encoding import PAD, Codes

STRIDE = 32  # nt per output position of an encoder; RNAs begin at multiples of it
SHAPES = 8  # Number of chunk widths up to the widest; kernels are prepared anew for every shape
NARROWEST = 512  # nt; narrower chunks are rounded up to it
WIDEST_GAP = 0.15
"""For RNAs with a row each: the shortest of a chunk is shorter than the longest by at most this fraction."""
OPEN_BINS = 16
"""Bins that an RNA may still go into; more would hardly pack better and take longer to search."""

Rows = NDArray[np.int64]


class PackedBatch(NamedTuple):
    """A chunk: RNAs in rows of one width. Between two RNAs of a row lies at least the encoder's ``gap`` of ``PAD``."""

    codes: UInt8[Tensor, "b l"]
    """Byte codes (:mod:`isoclr.genomics.encoding`), ``PAD`` outside the RNAs; the width is a multiple of the stride."""
    starts: Int64[Tensor, " n"]
    """Start of each RNA, counted through the rows (``row * l + position``): ascending multiples of the stride. On the
    CPU."""
    lengths: Int64[Tensor, " n"]  # nt of each RNA. On the CPU
    numbers: Int64[Tensor, " n"] | None = None
    """Number of each RNA in the whole batch, of all chunks and processes; its dropout masks depend on it. On the CPU.
    None: 0, 1, …"""

    def to(self, device: torch.device | str) -> "PackedBatch":
        """The same chunk with its codes on a device."""
        return self._replace(codes=self.codes.to(device, non_blocking=True))

    @classmethod
    def empty(cls, stride: int, device: torch.device | str = "cpu") -> "PackedBatch":
        """One RNA of length 0: lets a rank without RNAs join every collective operation."""
        codes = torch.full((1, stride), PAD, dtype=torch.uint8, device=device)
        return cls(codes, torch.zeros(1, dtype=torch.int64), torch.zeros(1, dtype=torch.int64))


@dataclass(frozen=True, eq=False)
class Segments:
    """Where the RNAs of a chunk lie at one resolution of the network."""

    starts: NDArray[np.int64]  # First position of each RNA (n,), counted through the rows
    lengths: NDArray[np.int64]  # Number of its positions (n,)
    size: int  # Number of all positions, b * l
    device: torch.device
    numbers: NDArray[np.int64] | None = None  # Number of each RNA in the whole batch (n,); None: 0, 1, …

    @cached_property
    def total(self) -> int:
        """Number of the positions of RNAs."""
        return int(self.lengths.sum())

    @classmethod
    def of(cls, chunk: PackedBatch) -> "Segments":
        """At the resolution of single nucleotides."""
        codes = chunk.codes
        numbers = None if chunk.numbers is None else chunk.numbers.numpy()
        return cls(chunk.starts.numpy(), chunk.lengths.numpy(), codes.numel(), codes.device, numbers)

    @classmethod
    def whole(cls, rows: int, device: torch.device) -> "Segments":
        """One segment without padding: the rows of a matrix as the positions of one RNA."""
        return cls(np.zeros(1, np.int64), np.array([rows]), rows, device)

    def halved(self) -> "Segments":
        """After pooling by two; an odd last position is pooled alone."""
        lengths = (self.lengths + 1) // 2
        return Segments(self.starts // 2, lengths, self.size // 2, self.device, self.numbers)

    @cached_property
    def gaps(self) -> Int64[Tensor, " g"]:
        """The positions of the padding."""
        begins = np.append(0, self.starts + self.lengths)
        counts = np.append(self.starts, self.size) - begins
        before = counts.cumsum() - counts
        positions = np.repeat(begins - before, counts) + np.arange(counts.sum())
        return to_device(positions, self.device)

    @cached_property
    def spans(self) -> NDArray[np.int64]:
        """Positions from each RNA to the next ``(n,)``; the first RNA has the padding before it, too."""
        return np.diff(np.append(self.starts[1:], self.size), prepend=0)

    @cached_property
    def owners(self) -> Int64[Tensor, " size"]:
        """Number of the RNA of every position; padding counts as in :attr:`spans`."""
        return to_device(np.repeat(np.arange(len(self.starts)), self.spans), self.device)

    def windows(self, key: int, rows: int) -> Int64[Tensor, " size"]:
        """Which of ``rows`` random rows each position uses: those of an RNA follow each other from a random one on.

        Where an RNA begins depends on its number and the key alone; after the last row comes the first.
        """
        numbers = np.arange(len(self.starts)) if self.numbers is None else self.numbers
        first = np.random.default_rng(key).integers(rows, size=int(numbers.max()) + 1)
        table = to_device(np.stack([first[numbers] - self.starts, self.spans]), self.device)
        offsets = torch.repeat_interleave(table[0], table[1], output_size=self.size)
        return offsets.add_(torch.arange(self.size, device=self.device)).remainder_(rows)

    def mask_(self, x: Float[Tensor, "b l c"]) -> Float[Tensor, "b l c"]:
        """Set the padding to zero in place."""
        if self.total < self.size:
            x.view(self.size, -1).index_fill_(0, self.gaps, 0)
        return x


def to_device(values: NDArray[np.generic], device: torch.device) -> Tensor:
    """Host values on a device, without waiting for a busy GPU."""
    tensor = torch.from_numpy(values)
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


class PackLayout(NamedTuple):
    """Which RNAs lie where in one chunk."""

    rows: Rows  # Numbers of the RNAs (n,)
    starts: Rows  # Start of each (n,), counted through the chunk's rows; ascending
    shape: tuple[int, int]  # Rows and width of the chunk


@dataclass(frozen=True, kw_only=True)
class PackingConfig:
    """Options of :func:`plan_layouts`."""

    gap: int | None  # nt of padding that the encoder needs between two RNAs; None: one RNA per row
    chunk_nt: int  # Largest number of codes in a chunk
    round_to: int = STRIDE  # Chunk widths are multiples of this


def plan_layouts(lengths: Rows, *, gap: int | None, chunk_nt: int, round_to: int = STRIDE) -> list[PackLayout]:
    """Assign RNAs to chunks of at most ``chunk_nt`` codes (before rounding up); a longer RNA has a chunk alone.

    Args:
        gap: nt of padding between two RNAs (``Architecture.gap``); None: one RNA per row.
        round_to: Chunk widths are multiples of this (itself a multiple of the stride), so that few shapes occur.

    >>> for layout in plan_layouts(np.array([100, 40, 300]), gap=32, chunk_nt=512):
    ...     print(layout.rows, layout.starts, layout.shape)
    [2 0] [  0 352] (1, 480)
    [1] [0] (1, 64)
    """
    lengths = np.asarray(lengths, np.int64)
    if gap is None:
        return _one_per_row(lengths, chunk_nt, round_to)
    spans = [round_up(length, STRIDE) + gap for length in lengths.tolist()]
    return [_end_to_end(rows, spans, gap, round_to) for rows in _first_fit(spans, chunk_nt + gap)]


def bucket_width(lengths: Rows, chunk_nt: int, gap: int | None) -> int:
    """What to round widths to, so that few shapes occur at the cost of little padding.

    Args:
        gap: As in :func:`plan_layouts`; with one RNA per row every row is rounded, so widths are not rounded far.
    """
    if gap is None or int(lengths.sum()) <= chunk_nt:
        return NARROWEST
    return max(round_up(chunk_nt // SHAPES, NARROWEST), NARROWEST)


def pack(
    codes: Sequence[Codes], *, gap: int | None, chunk_nt: int, round_to: int = STRIDE
) -> tuple[list[PackedBatch], list[Rows]]:
    """Chunks of RNAs given as byte codes ``(L,)``, and the numbers of the RNAs in each chunk."""
    lengths = np.fromiter(map(len, codes), np.int64, len(codes))
    layouts = plan_layouts(lengths, gap=gap, chunk_nt=chunk_nt, round_to=round_to)
    return [fill_batch(layout, codes, lengths) for layout in layouts], [lay.rows for lay in layouts]


def fill_batch(layout: PackLayout, codes: Sequence[Codes], lengths: Rows) -> PackedBatch:
    """The chunk of one layout, on the CPU."""
    block = np.full(layout.shape, PAD, np.uint8)
    flat = block.reshape(-1)
    for row, start in zip(layout.rows.tolist(), layout.starts.tolist(), strict=True):
        flat[start : start + len(codes[row])] = codes[row]
    return PackedBatch(
        torch.from_numpy(block),
        torch.from_numpy(layout.starts),
        torch.from_numpy(lengths[layout.rows]),
        torch.from_numpy(layout.rows),
    )


def _first_fit(spans: list[int], capacity: int) -> list[list[int]]:
    """First fit, longest first, among the bins that were opened last."""
    bins: list[list[int]] = []
    open_bins: list[tuple[int, list[int]]] = []  # free nt, RNAs
    for row in sorted(range(len(spans)), key=lambda i: -spans[i]):
        span = spans[row]
        index = next((i for i, (free, _) in enumerate(open_bins) if free >= span), None)
        if index is None:
            members: list[int] = []
            bins.append(members)
            open_bins = [*open_bins, (capacity, members)][-OPEN_BINS:]
            index = len(open_bins) - 1
        free, members = open_bins[index]
        members.append(row)
        open_bins[index] = free - span, members
    return bins


def _end_to_end(rows: list[int], spans: list[int], gap: int, round_to: int) -> PackLayout:
    edges = np.cumsum([0, *(spans[row] for row in rows)], dtype=np.int64)
    width = round_up(max(int(edges[-1]) - gap, STRIDE), round_to)
    return PackLayout(np.array(rows, np.int64), edges[:-1], (1, width))


def _one_per_row(lengths: Rows, chunk_nt: int, round_to: int) -> list[PackLayout]:
    order = np.argsort(-lengths, kind="stable")
    ascending = lengths[order][::-1]
    layouts = []
    start = 0
    while start < len(order):
        longest = int(lengths[order[start]])
        width = round_up(max(longest, STRIDE), round_to)
        long_enough = len(order) - int(np.searchsorted(ascending, (1 - WIDEST_GAP) * longest))
        stop = max(start + 1, min(start + chunk_nt // width, long_enough))
        rows = order[start:stop]
        layouts.append(PackLayout(rows, np.arange(len(rows)) * width, (len(rows), width)))
        start = stop
    return layouts


def round_up(value: int, step: int) -> int:
    """The next multiple of ``step``."""
    return -(-value // step) * step
