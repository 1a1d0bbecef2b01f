"""Ragged batches: RNAs laid out in rows of bytes, where each of them lies, and how to keep them apart."""

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


class PackedBatch(NamedTuple):
    """RNAs laid out in rows of one width (:mod:`isoclr.models.packing`).

    Between two RNAs of a row lies at least the encoder's ``gap`` of ``PAD``, so that no convolution sees both.

    Attributes:
        codes: one byte a nucleotide (:mod:`isoclr.genomics.encoding`), ``PAD`` where no RNA is; the width is a multiple
            of the encoder's stride.
        starts: where each RNA begins, counted through the rows (``row * l + position``), ascending; multiples of
            the stride. Kept on the CPU, whatever device the codes are on.
        lengths: nt of each RNA; on the CPU too.
    """

    codes: UInt8[Tensor, "b l"]
    starts: Int64[Tensor, " n"]
    lengths: Int64[Tensor, " n"]

    def to(self, device: torch.device | str) -> "PackedBatch":
        """The same chunk with its codes on a device."""
        return PackedBatch(self.codes.to(device, non_blocking=True), self.starts, self.lengths)

    @classmethod
    def empty(cls, stride: int, device: torch.device | str = "cpu") -> "PackedBatch":
        """One RNA of length 0: what a rank without RNAs computes so that it joins every collective."""
        codes = torch.full((1, stride), PAD, dtype=torch.uint8, device=device)
        return cls(codes, torch.zeros(1, dtype=torch.int64), torch.zeros(1, dtype=torch.int64))


class Segments:
    """Where the RNAs of a chunk lie at one resolution, and how to zero what lies between them.

    Args:
        starts: ``(n,)`` first position of each RNA, counted through the rows.
        lengths: ``(n,)`` number of its positions.
        size: number of all positions, ``b * l``.
        device: where the activations are.
    """

    def __init__(
        self, starts: NDArray[np.int64], lengths: NDArray[np.int64], size: int, device: torch.device
    ) -> None:
        self.starts, self.lengths, self.size = starts, lengths, size
        self.total = int(lengths.sum())
        self.device = device

    @classmethod
    def of(cls, chunk: PackedBatch) -> "Segments":
        """At the resolution of single nucleotides."""
        codes = chunk.codes
        return cls(chunk.starts.numpy(), chunk.lengths.numpy(), codes.numel(), codes.device)

    @classmethod
    def whole(cls, rows: int, device: torch.device) -> "Segments":
        """One piece without gaps: the rows of a matrix as the positions of one RNA."""
        return cls(np.zeros(1, np.int64), np.array([rows]), rows, device)

    def halved(self) -> "Segments":
        """After pooling by two; a last odd position keeps a place of its own."""
        return Segments(self.starts // 2, (self.lengths + 1) // 2, self.size // 2, self.device)

    @cached_property
    def gaps(self) -> Int64[Tensor, " g"]:
        """The positions that belong to no RNA."""
        begins = np.append(0, self.starts + self.lengths)
        counts = np.append(self.starts, self.size) - begins
        before = counts.cumsum() - counts
        places = np.repeat(begins - before, counts) + np.arange(counts.sum())
        return to_device(places, self.device)

    @cached_property
    def owners(self) -> Int64[Tensor, " size"]:
        """For every position the RNA it belongs to; positions between RNAs are given to some neighbour."""
        ends = np.append(self.starts[1:], self.size)
        first = np.zeros_like(self.starts)
        first[1:] = self.starts[1:]
        owners = np.repeat(np.arange(len(self.starts)), ends - first)
        return to_device(owners, self.device)

    def trim_(self, x: Float[Tensor, "b l c"]) -> Float[Tensor, "b l c"]:
        """Zero in place every position of ``x`` that belongs to no RNA."""
        if self.total < self.size:
            x.view(self.size, -1).index_fill_(0, self.gaps, 0)
        return x


def to_device(values: NDArray[np.generic], device: torch.device) -> Tensor:
    """Host values on a device, without waiting for a GPU that is at work."""
    tensor = torch.from_numpy(values)
    return (
        tensor.pin_memory().to(device, non_blocking=True)
        if device.type == "cuda"
        else tensor.to(device)
    )


STRIDE = 32
"""RNAs begin at multiples of this: nucleotides that one output position of an encoder stands for."""
SHAPES = 8
"""Widths, up to the widest, that chunks are rounded to: the processor's code is made anew for every shape."""
NARROWEST = 512
"""nt; narrower chunks are rounded up to it."""
WIDEST_GAP = 0.15
"""Of RNAs that have a row each: a chunk ends before one that is shorter than its longest by more than this share."""

Rows = NDArray[np.int64]


class PackLayout(NamedTuple):
    """Where some of the RNAs lie in one chunk."""

    rows: Rows
    """``(n,)`` which RNAs these are."""
    starts: Rows
    """``(n,)`` where each begins, counted through the chunk's rows; ascending."""
    shape: tuple[int, int]
    """Rows and width of the chunk."""


def plan_layouts(
    lengths: Rows, *, gap: int | None, chunk_nt: int, round_to: int = STRIDE
) -> list[PackLayout]:
    """Cut RNAs into chunks of at most ``chunk_nt`` codes (before rounding up) and say where each lies.

    An RNA longer than ``chunk_nt`` has a chunk alone.

    Args:
        lengths: ``(n,)`` nt.
        gap: nt of padding needed between two RNAs (``Architecture.gap``); None: every RNA has a row of its own.
        chunk_nt: most codes in a chunk, padding included.
        round_to: chunks are as wide as a multiple of this (itself one of the stride), so that few shapes occur.

    Returns:
        The chunks; every RNA is in one of them.

    >>> for layout in lay_out(np.array([100, 40, 300]), gap=32, chunk_nt=512):
    ...     print(layout.rows, layout.starts, layout.shape)
    [2 0] [  0 352] (1, 480)
    [1] [0] (1, 64)
    """
    lengths = np.asarray(lengths, np.int64)
    if gap is None:
        return _a_row_each(lengths, chunk_nt, round_to)
    room = [round_up(length, STRIDE) + gap for length in lengths.tolist()]
    return [_end_to_end(rows, room, gap, round_to) for rows in _bins(room, chunk_nt + gap)]


def bucket_width(lengths: Rows, chunk_nt: int, gap: int | None) -> int:
    """What to round widths to so that only a few shapes occur, at a cost of little padding.

    Args:
        lengths: ``(n,)`` nt of the RNAs to lay out.
        chunk_nt: most codes in a chunk.
        gap: as in :func:`lay_out`; every row is rounded up, so that rows of one RNA each must not be rounded far.
    """
    if gap is None or int(lengths.sum()) <= chunk_nt:
        return NARROWEST
    return max(round_up(chunk_nt // SHAPES, NARROWEST), NARROWEST)


def pack(
    codes: Sequence[Codes], *, gap: int | None, chunk_nt: int, round_to: int = STRIDE
) -> tuple[list[PackedBatch], list[Rows]]:
    """Chunks of RNAs given as byte codes ``(L,)``, and for each chunk which RNAs lie in it."""
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
    )


def _bins(room: list[int], capacity: int) -> list[list[int]]:
    """First fit, longest first, among the few bins that were opened last."""
    bins: list[list[int]] = []
    open_bins: list[tuple[int, list[int]]] = []  # room left, RNAs
    for row in sorted(range(len(room)), key=lambda i: -room[i]):
        need = room[row]
        place = next((i for i, (left, _) in enumerate(open_bins) if left >= need), None)
        if place is None:
            members: list[int] = []
            bins.append(members)
            open_bins = [*open_bins, (capacity, members)][-_OPEN:]
            place = len(open_bins) - 1
        left, members = open_bins[place]
        members.append(row)
        open_bins[place] = left - need, members
    return bins


_OPEN = 16
"""Bins that an RNA may still go into; more would pack hardly better and take longer to search."""


def _end_to_end(rows: list[int], room: list[int], gap: int, round_to: int) -> PackLayout:
    places = np.cumsum([0, *(room[row] for row in rows)], dtype=np.int64)
    width = round_up(max(int(places[-1]) - gap, STRIDE), round_to)
    return PackLayout(np.array(rows, np.int64), places[:-1], (1, width))


def _a_row_each(lengths: Rows, chunk_nt: int, round_to: int) -> list[PackLayout]:
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
    """Rounded up to a multiple."""
    return -(-value // step) * step


@dataclass(frozen=True, kw_only=True)
class PackingConfig:
    """How views are put into chunks (:func:`isoclr.models.packing.plan_layouts`)."""

    gap: int | None
    """nt of padding that the encoder needs between two RNAs; None: every RNA has a row of its own."""
    chunk_nt: int
    """Most codes in a chunk."""
    round_to: int = STRIDE
    """Chunks are as wide as a multiple of this."""
