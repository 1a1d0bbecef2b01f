"""The CDS of many transcripts, from pieces on the genome to one interval in each transcript."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import polars as pl

from isoclr.annotations.layout import POSITION_BITS, Bools, Ints, Layout
from isoclr.annotations.table import Models, count


@dataclass(frozen=True)
class Pieces:
    """Pieces of CDS in transcript coordinates, 0-based half-open, sorted by transcript and position."""

    tx: Ints
    low: Ints
    high: Ints
    phase: Ints
    stop: Bools

    def __getitem__(self, which: Ints | Bools) -> "Pieces":
        return Pieces(
            self.tx[which], self.low[which], self.high[which], self.phase[which], self.stop[which]
        )

    def gaps(self) -> Ints:
        """Bases between each piece and those before it in its transcript (negative: overlap; 0 for the first)."""
        reached = np.maximum.accumulate((self.tx << POSITION_BITS) + self.high)
        previous = np.concatenate([[-1], reached[:-1]])
        same = np.diff(self.tx, prepend=-1) == 0
        return np.where(same, (self.tx << POSITION_BITS) + self.low - previous, 0)


def coding_table(layout: Layout, models: Models, dropped: Counter[str]) -> pl.DataFrame:
    """``tx, cds_start, cds_end`` of the transcripts that have a CDS, in transcript coordinates.

    Dropped and counted: ``cds_outside_exons``, ``cds_with_gap`` (it leaves out part of an exon or a whole one)
    and ``cds_without_codon`` (no whole codon). ``cds_frameshift`` is counted but kept, from first to last base:
    the pieces of a programmed frameshift leave out or repeat one or two bases.
    """
    bad = np.zeros(len(layout.length), np.bool_)
    pieces = _within_exons(layout, models, bad, dropped)
    _mark(bad, pieces.tx[pieces.gaps() > 2], "cds_with_gap", dropped)
    _count_frameshifts(pieces[~bad[pieces.tx]], dropped)
    first = np.flatnonzero(np.diff(pieces.tx, prepend=-1))
    tx = pieces.tx[first]
    start = pieces.low[first] + pieces.phase[first]
    end = np.maximum.reduceat(pieces.high, first) if len(first) else start
    _mark(bad, tx[end - start < 3], "cds_without_codon", dropped)
    good = ~bad[tx]
    return pl.DataFrame({"tx": tx[good], "cds_start": start[good], "cds_end": end[good]})


def _within_exons(layout: Layout, models: Models, bad: Bools, dropped: Counter[str]) -> Pieces:
    """The pieces of the transcripts whose CDS lies within the exons; the others are marked as bad."""
    tx, start, end, phase = (
        models.coding[name].to_numpy().astype(np.int64) for name in ("tx", "start", "end", "phase")
    )
    ends = np.stack([layout.position(tx, start), layout.position(tx, end - 1)])
    low, high = ends.min(0), ends.max(0) + 1
    known = layout.length[tx] > 0  # the others were dropped with their exons
    outside = (low < 0) | (not models.spans) & (high - low != end - start)
    _mark(bad, tx[known & outside], "cds_outside_exons", dropped)
    pieces = Pieces(tx, low, high, phase, models.coding["stop"].to_numpy())
    order = np.lexsort((pieces.stop, low, tx))
    return pieces[order[(known & ~bad[tx])[order]]]


def _count_frameshifts(pieces: Pieces, dropped: Counter[str]) -> None:
    coding = pieces[~pieces.stop]
    slip = np.abs(coding.gaps())
    shifted = np.unique(coding.tx[(slip > 0) & (slip <= 2)])
    count(dropped, "cds_frameshift", len(shifted))


def _mark(bad: Bools, tx: Ints, reason: str, dropped: Counter[str]) -> None:
    """Mark transcripts as bad and count those that were not yet."""
    new = np.unique(tx[~bad[tx]])
    count(dropped, reason, len(new))
    bad[new] = True
