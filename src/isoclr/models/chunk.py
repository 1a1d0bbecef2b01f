"""Ragged batches: RNAs laid out in rows of bytes, where each of them lies, and how to keep them apart."""

from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from numpy.typing import NDArray
from torch import Tensor

from isoclr.corpus.codes import PAD


class Chunk(NamedTuple):
    """RNAs laid out in rows of one width (:mod:`isoclr.models.packing`).

    Between two RNAs of a row lies at least the encoder's ``gap`` of ``PAD``, so that no convolution sees both.

    Attributes:
        codes: one byte a nucleotide (:mod:`isoclr.corpus.codes`), ``PAD`` where no RNA is; the width is a multiple
            of the encoder's stride.
        starts: where each RNA begins, counted through the rows (``row * l + position``), ascending; multiples of
            the stride. Kept on the CPU, whatever device the codes are on.
        lengths: nt of each RNA; on the CPU too.
    """

    codes: UInt8[Tensor, "b l"]
    starts: Int64[Tensor, " n"]
    lengths: Int64[Tensor, " n"]

    def to(self, device: torch.device | str) -> "Chunk":
        """The same chunk with its codes on a device."""
        return Chunk(self.codes.to(device, non_blocking=True), self.starts, self.lengths)

    @classmethod
    def empty(cls, stride: int, device: torch.device | str = "cpu") -> "Chunk":
        """One RNA of length 0: what a rank without RNAs computes so that it joins every collective."""
        codes = torch.full((1, stride), PAD, dtype=torch.uint8, device=device)
        return cls(codes, torch.zeros(1, dtype=torch.int64), torch.zeros(1, dtype=torch.int64))


class Extent:
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
    def of(cls, chunk: Chunk) -> "Extent":
        """At the resolution of single nucleotides."""
        codes = chunk.codes
        return cls(chunk.starts.numpy(), chunk.lengths.numpy(), codes.numel(), codes.device)

    @classmethod
    def whole(cls, rows: int, device: torch.device) -> "Extent":
        """One piece without gaps: the rows of a matrix as the positions of one RNA."""
        return cls(np.zeros(1, np.int64), np.array([rows]), rows, device)

    def halved(self) -> "Extent":
        """After pooling by two; a last odd position keeps a place of its own."""
        return Extent(self.starts // 2, (self.lengths + 1) // 2, self.size // 2, self.device)

    @cached_property
    def gaps(self) -> Int64[Tensor, " g"]:
        """The positions that belong to no RNA."""
        begins = np.append(0, self.starts + self.lengths)
        counts = np.append(self.starts, self.size) - begins
        before = counts.cumsum() - counts
        places = np.repeat(begins - before, counts) + np.arange(counts.sum())
        return sent(places, self.device)

    @cached_property
    def owners(self) -> Int64[Tensor, " size"]:
        """For every position the RNA it belongs to; positions between RNAs are given to some neighbour."""
        ends = np.append(self.starts[1:], self.size)
        first = np.zeros_like(self.starts)
        first[1:] = self.starts[1:]
        owners = np.repeat(np.arange(len(self.starts)), ends - first)
        return sent(owners, self.device)

    def trim_(self, x: Float[Tensor, "b l c"]) -> Float[Tensor, "b l c"]:
        """Zero in place every position of ``x`` that belongs to no RNA."""
        if self.total < self.size:
            x.view(self.size, -1).index_fill_(0, self.gaps, 0)
        return x


def sent(values: NDArray[np.generic], device: torch.device) -> Tensor:
    """Host values on a device, without waiting for a GPU that is at work."""
    tensor = torch.from_numpy(values)
    return (
        tensor.pin_memory().to(device, non_blocking=True)
        if device.type == "cuda"
        else tensor.to(device)
    )
