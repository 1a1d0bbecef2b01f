"""What a view loses: positions to the mask, tracks on request, its start to the shift."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isoclr.corpus.codes import CODON_START, EXON_END, NUCLEOTIDE_BITS
from isoclr.views.streams import Stream, generator

Rows = NDArray[np.int64]


class Draws(NamedTuple):
    """The random choices of one batch of n views."""

    shift: int
    """Empty positions before every view."""
    mask_rate: float
    """Probability that a position is masked."""
    keys: Rows
    """(n, 2) int64 in the range of int32: each view's key of :func:`isoclr.views.hashing.words`."""
    keep: Rows | None
    """(n,) the bits of a code that the view keeps; None: all views keep all."""


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How views are made poorer; without arguments they stay as they are.

    Attributes:
        mask: probability that a position is hidden (all six tracks 0.25).
        most_shift: views start 0 to this many positions late, one draw a batch.
        drop_splice: share of the views without their exon ends.
        drop_tracks: share of the views without exon ends and codon starts; the two shares exclude each other and
            are at most 1 together.
    """

    mask: float = 0.0
    most_shift: int = 0
    drop_splice: float = 0.0
    drop_tracks: float = 0.0

    def draw(self, n: int, *, seed: int, epoch: int, step: int) -> Draws:
        """The choices for the n views of a step; those of view i do not depend on n."""
        shift = int(generator(seed, Stream.SHIFT, epoch, step).integers(self.most_shift + 1))
        keys = generator(seed, Stream.MASK, epoch, step).integers(-(2**31), 2**31, (n, 2))
        return Draws(shift, self.mask, keys, self._kept(n, seed, epoch, step))

    def _kept(self, n: int, seed: int, epoch: int, step: int) -> Rows | None:
        if self.drop_splice == self.drop_tracks == 0:
            return None
        drawn = generator(seed, Stream.TRACKS, epoch, step).random(n)
        bare, unspliced = drawn < self.drop_tracks, drawn < self.drop_tracks + self.drop_splice
        everything = NUCLEOTIDE_BITS | CODON_START | EXON_END
        kept: Rows = np.where(
            bare, NUCLEOTIDE_BITS, np.where(unspliced, everything & ~EXON_END, everything)
        ).astype(np.int64)
        return kept
