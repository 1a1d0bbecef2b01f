"""The RNAs of a study in chunks, of sizes that suit the machine."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from isoclr.corpus.codes import Codes
from isoclr.models.chunk import Chunk
from isoclr.models.encoder import Precision
from isoclr.models.packing import Layout, fill, lay_out

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Feed:
    """The RNAs of a study, ready to be put into chunks.

    Attributes:
        codes: of every RNA.
        device: where is computed.
        dtype: of activations.
        chunk_nt: most codes in a chunk.
        round_to: chunks are as wide as a multiple of this.
    """

    codes: Sequence[Codes]
    device: torch.device
    dtype: torch.dtype
    chunk_nt: int
    round_to: int

    @property
    def precision(self) -> Precision:
        """The type of activations as an encoder calls it."""
        return "bf16" if self.dtype == torch.bfloat16 else "float32"

    def lengths(self, rows: Rows) -> Rows:
        """``(n,)`` nt of some of the RNAs."""
        return np.array([len(self.codes[row]) for row in rows], np.int64)

    def layouts(self, rows: Rows, gap: int | None) -> list[Layout]:
        """Where these RNAs lie in chunks."""
        lengths = self.lengths(rows)
        return lay_out(lengths, gap=gap, chunk_nt=self.chunk_nt, round_to=self.round_to)

    def chunk(self, layout: Layout, rows: Rows) -> Chunk:
        """One chunk of them, on the device."""
        codes = [self.codes[row] for row in rows]
        return fill(layout, codes, self.lengths(rows)).to(self.device)
