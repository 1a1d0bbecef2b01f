"""Where the exons of many transcripts lie in their transcripts, and with them every base."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

POSITION_BITS = 40  # (transcript, position) as one sortable integer


@dataclass(frozen=True)
class Layout:
    """Exons sorted by transcript and position, and where each one lies in its transcript.

    Attributes:
        tx, start, end: one entry an exon.
        minus: whether the exon is on the minus strand.
        before: nt of the transcript that lie 5' of the exon.
        length: nt of every transcript, by its number.
    """

    tx: Ints
    start: Ints
    end: Ints
    minus: Bools
    before: Ints
    length: Ints

    def position(self, tx: Ints, base: Ints) -> Ints:
        """Transcript coordinate of a genomic base; -1 where no exon of the transcript holds it."""
        if not len(self.tx):
            return np.full(len(tx), -1, np.int64)
        keys = (self.tx << POSITION_BITS) | self.start
        exon = np.searchsorted(keys, (tx << POSITION_BITS) | base, side="right") - 1
        inside = (exon >= 0) & (self.tx[exon] == tx) & (base < self.end[exon])
        offset = np.where(self.minus[exon], self.end[exon] - 1 - base, base - self.start[exon])
        return np.where(inside, self.before[exon] + offset, -1)


def lay_out(exons: pl.DataFrame, transcripts: int) -> Layout:
    """Where each exon lies in its transcript; ``exons`` sorted by transcript and position, none overlapping."""
    tx, start, end = (exons[c].to_numpy().astype(np.int64) for c in ("tx", "start", "end"))
    size = end - start
    length = np.bincount(tx, size, transcripts).astype(np.int64)
    ends = np.cumsum(size)
    first = np.searchsorted(tx, tx, side="left")  # the transcript's first exon on the genome
    upstream = ends - size - (ends - size)[first]
    minus = (exons["strand"] == "-").to_numpy()
    before = np.where(minus, length[tx] - upstream - size, upstream)
    return Layout(tx, start, end, minus, before, length)
