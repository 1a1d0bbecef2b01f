"""Corpora in memory, and views made the plain way, one by one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from isoclr.corpus.codes import Codes
from isoclr.views import Resident


@dataclass
class Corpus:
    """What views need of a corpus; every transcript is a gene set of its own."""

    codes: Codes
    index: NDArray[np.void]

    @property
    def members(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        n = len(self.index)
        return np.arange(n), np.arange(n + 1)


def corpus_of(lengths: Sequence[int], seed: int = 0) -> Corpus:
    """Transcripts of random codes with all kinds of track bits."""
    rng = np.random.default_rng(seed)
    index = np.zeros(len(lengths), [("offset", "i8"), ("length", "i4")])
    index["length"] = lengths
    index["offset"] = np.cumsum(lengths) - lengths
    nucleotides = rng.integers(0, 5, sum(lengths))
    tracks = rng.choice([0, 8, 16, 24], sum(lengths), p=[0.6, 0.25, 0.1, 0.05])
    return Corpus((nucleotides | tracks).astype(np.uint8), index)


@pytest.fixture(scope="session")
def make_resident() -> Callable[..., Resident]:
    """Makes a corpus of transcripts of given lengths, on the CPU."""

    def make(lengths: Sequence[int], seed: int = 0) -> Resident:
        return Resident(corpus_of(lengths, seed))

    return make
