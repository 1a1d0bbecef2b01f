"""Ragged batches: RNAs of like length padded together, and where each of them ends."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Int64, UInt8
from torch import Tensor

from isoclr.corpus.codes import PAD


class Chunk(NamedTuple):
    """A few RNAs of like length, padded to the longest.

    Attributes:
        codes: one byte a nucleotide (:mod:`isoclr.corpus.codes`), ``PAD`` beyond each row's length.
        lengths: nt of each row; kept on the CPU, whatever device the codes are on.
    """

    codes: UInt8[Tensor, "b l"]
    lengths: Int64[Tensor, " b"]

    def to(self, device: torch.device | str) -> "Chunk":
        """The same chunk with its codes on a device."""
        return Chunk(self.codes.to(device, non_blocking=True), self.lengths)

    @classmethod
    def empty(cls, stride: int, device: torch.device | str = "cpu") -> "Chunk":
        """One row of length 0: what a rank without RNAs computes so that it joins every collective."""
        codes = torch.full((1, stride), PAD, dtype=torch.uint8, device=device)
        return cls(codes, torch.zeros(1, dtype=torch.int64))


class Extent:
    """How far each row of a chunk reaches at one resolution, and how to zero what lies beyond."""

    def __init__(self, lengths: Int64[Tensor, " b"], device: torch.device) -> None:
        self.lengths = lengths
        self.total = int(lengths.sum())
        self._device = device
        self._shortest = int(lengths.min())
        self._tail: Bool[Tensor, "b t 1"] | None = None

    def halved(self) -> "Extent":
        """The extent after pooling by two; a last odd position keeps a place of its own."""
        return Extent((self.lengths + 1) // 2, self._device)

    def trim_(self, x: Tensor) -> Tensor:
        """Zero in place every position of ``x (b, l, c)`` beyond its row's length.

        Only the columns past the shortest row are touched: rows of a chunk are of like length.
        """
        if self._shortest < x.shape[1]:
            if self._tail is None:
                columns = torch.arange(self._shortest, x.shape[1])
                tail = columns[None, :, None] >= self.lengths[:, None, None]
                self._tail = tail.to(self._device)
            x[:, self._shortest :].masked_fill_(self._tail, 0)
        return x
