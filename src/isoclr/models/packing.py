"""Packing: RNAs of all lengths into few rows of bytes with little padding.

An encoder whose convolutions reach a short way needs only a short gap of padding between two RNAs, so RNAs are
put end to end in one long row, whatever their lengths. Where a convolution reaches far (IsoCLR-L) such gaps would
be most of the row; there every RNA has a row of its own, beside others of like length.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from isoclr.corpus.codes import PAD, Codes
from isoclr.models.chunk import Chunk

STRIDE = 32
"""RNAs begin at multiples of this: nucleotides that one output position of an encoder stands for."""
SHAPES = 8
"""Widths, up to the widest, that chunks are rounded to: the processor's code is made anew for every shape."""
NARROWEST = 512
"""nt; narrower chunks are rounded up to it."""
WIDEST_GAP = 0.15
"""Of RNAs that have a row each: a chunk ends before one that is shorter than its longest by more than this share."""

Rows = NDArray[np.int64]


class Layout(NamedTuple):
    """Where some of the RNAs lie in one chunk."""

    rows: Rows
    """``(n,)`` which RNAs these are."""
    starts: Rows
    """``(n,)`` where each begins, counted through the chunk's rows; ascending."""
    shape: tuple[int, int]
    """Rows and width of the chunk."""


def lay_out(
    lengths: Rows, *, gap: int | None, chunk_nt: int, round_to: int = STRIDE
) -> list[Layout]:
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
    room = [up(length, STRIDE) + gap for length in lengths.tolist()]
    return [_end_to_end(rows, room, gap, round_to) for rows in _bins(room, chunk_nt + gap)]


def few_shapes(lengths: Rows, chunk_nt: int, gap: int | None) -> int:
    """What to round widths to so that only a few shapes occur, at a cost of little padding.

    Args:
        lengths: ``(n,)`` nt of the RNAs to lay out.
        chunk_nt: most codes in a chunk.
        gap: as in :func:`lay_out`; every row is rounded up, so that rows of one RNA each must not be rounded far.
    """
    if gap is None or int(lengths.sum()) <= chunk_nt:
        return NARROWEST
    return max(up(chunk_nt // SHAPES, NARROWEST), NARROWEST)


def pack(
    codes: Sequence[Codes], *, gap: int | None, chunk_nt: int, round_to: int = STRIDE
) -> tuple[list[Chunk], list[Rows]]:
    """Chunks of RNAs given as byte codes ``(L,)``, and for each chunk which RNAs lie in it."""
    lengths = np.fromiter(map(len, codes), np.int64, len(codes))
    layouts = lay_out(lengths, gap=gap, chunk_nt=chunk_nt, round_to=round_to)
    return [fill(layout, codes, lengths) for layout in layouts], [lay.rows for lay in layouts]


def fill(layout: Layout, codes: Sequence[Codes], lengths: Rows) -> Chunk:
    """The chunk of one layout, on the CPU."""
    block = np.full(layout.shape, PAD, np.uint8)
    flat = block.reshape(-1)
    for row, start in zip(layout.rows.tolist(), layout.starts.tolist(), strict=True):
        flat[start : start + len(codes[row])] = codes[row]
    return Chunk(
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


def _end_to_end(rows: list[int], room: list[int], gap: int, round_to: int) -> Layout:
    places = np.cumsum([0, *(room[row] for row in rows)], dtype=np.int64)
    width = up(max(int(places[-1]) - gap, STRIDE), round_to)
    return Layout(np.array(rows, np.int64), places[:-1], (1, width))


def _a_row_each(lengths: Rows, chunk_nt: int, round_to: int) -> list[Layout]:
    order = np.argsort(-lengths, kind="stable")
    ascending = lengths[order][::-1]
    layouts = []
    start = 0
    while start < len(order):
        longest = int(lengths[order[start]])
        width = up(max(longest, STRIDE), round_to)
        long_enough = len(order) - int(np.searchsorted(ascending, (1 - WIDEST_GAP) * longest))
        stop = max(start + 1, min(start + chunk_nt // width, long_enough))
        rows = order[start:stop]
        layouts.append(Layout(rows, np.arange(len(rows)) * width, (len(rows), width)))
        start = stop
    return layouts


def up(value: int, step: int) -> int:
    """Rounded up to a multiple."""
    return -(-value // step) * step
