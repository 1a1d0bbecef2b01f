"""Small transcripts on a chromosome, and plain Python versions of what the package computes."""

from collections.abc import Callable

import numpy as np
import pytest

from isoclr.genomics.encoding import nucleotides
from isoclr.genomics.genome import splice
from isoclr.variants.edits import Rna
from isoclr.variants.placement import Transcript

MakeTranscript = Callable[..., Transcript]


def make(
    chromosome: str,
    exons: list[tuple[int, int]],
    *,
    minus: bool = False,
    cds: tuple[int, int] | None = None,
    name: str = "T1",
) -> Transcript:
    """A transcript of a chromosome from its exons (start, end), in any order."""
    ordered = sorted(exons, reverse=minus)
    starts = np.array([start for start, _ in ordered])
    lengths = np.array([end - start for start, end in ordered])
    bases = splice(nucleotides(chromosome), starts, lengths, np.full(len(starts), minus))
    return Transcript(name, "G1", "GENE", "chr1", minus, starts, Rna(bases, lengths, cds))


@pytest.fixture
def transcript() -> MakeTranscript:
    """Makes a transcript, see :func:`make`."""
    return make
