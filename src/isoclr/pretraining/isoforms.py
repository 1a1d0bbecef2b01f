"""In-silico isoforms: a second transcript for the gene sets that have one only (not in the paper)."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from isoclr.genomics.encoding import CODON_START, EXON_END, Codes
from isoclr.models.packing import Rows
from isoclr.pretraining.augmentations import CorpusLike
from isoclr.training.rng import RngStream, keyed_rng

SHORTEST_UTR = 20  # nt of a UTR that has an alternative end
UTR_KEPT = 0.3  # Fraction of a UTR that is kept at least
NONCODING_KEPT = 0.8  # Fraction of a non-coding RNA that each of its two ends leaves at least
SKIPPED = 0.5  # Fraction of the isoforms without one of the exons that can be skipped


@dataclass(frozen=True)
class WithIsoforms:
    """A corpus and in-silico isoforms of some of its transcripts, in memory (:class:`CorpusLike`)."""

    codes: Codes
    index: NDArray[np.void]  # The corpus' transcripts, then the isoforms
    members: tuple[Rows, Rows]


def with_isoforms(corpus: CorpusLike, seed: int) -> WithIsoforms:
    """Add an isoform of its transcript to every gene set that has one transcript.

    A gene set stays as it is if its transcript has nothing to change, such as a CDS without UTRs and exons.
    """
    order, starts = corpus.members
    counts = np.diff(starts)
    rng = keyed_rng(seed, RngStream.ISOFORMS)
    gene_sets, isoforms = [], []
    for gene_set in np.flatnonzero(counts == 1):
        offset, length = (int(corpus.index[name][order[starts[gene_set]]]) for name in ("offset", "length"))
        isoform = make_isoform(corpus.codes[offset : offset + length], rng)
        if isoform is not None:
            gene_sets.append(gene_set)
            isoforms.append(isoform)
    lengths = np.array([len(isoform) for isoform in isoforms], np.int64)
    index = np.zeros(len(corpus.index) + len(isoforms), [("offset", np.int64), ("length", np.int64)])
    index["offset"] = np.append(corpus.index["offset"], len(corpus.codes) + np.cumsum(lengths) - lengths)
    index["length"] = np.append(corpus.index["length"], lengths)
    owners = np.concatenate([np.repeat(np.arange(len(counts)), counts), np.array(gene_sets, np.int64)])
    transcripts = np.concatenate([order, len(corpus.index) + np.arange(len(isoforms))])
    return WithIsoforms(
        np.concatenate([corpus.codes, *isoforms]),
        index,
        (
            transcripts[np.argsort(owners, kind="stable")],
            np.append(0, np.cumsum(np.bincount(owners, minlength=len(counts)))),
        ),
    )


def make_isoform(codes: Codes, rng: np.random.Generator) -> Codes | None:
    """An isoform of an RNA: other UTR ends, and in half of the cases one exon fewer; None if nothing can change.

    The CDS stays in frame and keeps its start and stop codon: an exon within it is skipped only if its length is a
    multiple of three. A non-coding RNA loses up to a fifth at either end.
    """
    n, codons = len(codes), np.flatnonzero(codes & CODON_START)
    begin, end = (int(codons[0]), int(codons[-1]) + 3) if len(codons) else (n, n)
    kept = np.ones(n, bool)
    exons = _skippable(codes, begin, end)
    if exons and rng.random() < SKIPPED:
        start, stop = exons[rng.integers(len(exons))]
        kept[start:stop] = False
    first, last = rng.random(2)  # fractions of the longest cuts at either end
    if len(codons):
        cuts = [(1 - UTR_KEPT) * utr if utr >= SHORTEST_UTR else 0 for utr in (begin, n - end)]
    else:
        cuts = [(1 - NONCODING_KEPT) * n] * 2
    kept[: int(first * cuts[0])] = False
    kept[n - int(last * cuts[1]) :] = False
    if kept.all():
        return None
    isoform = codes[kept]
    isoform[-1] |= codes[-1] & EXON_END
    return isoform


def _skippable(codes: Codes, begin: int, end: int) -> list[tuple[int, int]]:
    """Start and end of the inner exons that can be skipped, of at most half of the RNA.

    Args:
        begin: Position of the start codon, and ``end`` that after the stop codon; the RNA's length if it has none.
    """
    ends = (np.flatnonzero(codes & EXON_END) + 1).tolist()
    inner = [(start, stop) for start, stop in pairwise(ends) if stop < len(codes)]
    return [
        (start, stop)
        for start, stop in inner
        if 2 * (stop - start) <= len(codes)
        and (stop <= begin or start >= end or (begin + 3 <= start and stop <= end - 3 and (stop - start) % 3 == 0))
    ]
