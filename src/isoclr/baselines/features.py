"""Simple features that embeddings are compared with: k-mers, codons, structure, length, an untrained encoder."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from isoclr._console import nt_progress
from isoclr.genomics.encoding import CODON_START, EXON_END, NUCLEOTIDE_BITS, Codes, coding_region, region_lengths
from isoclr.genomics.features import UPSTREAM, gc_fraction, kmer_numbers, upstream_features

Matrix = NDArray[np.float32]
Progress = Callable[[int], None]  # Called with the number of nucleotides done since the last call

KB = 1000.0
REGIONS = ("5' UTR", "CDS", "3' UTR")
FEATURES = (
    "log2 length",
    *(f"log2 length of {region}" for region in REGIONS),
    "exons known",
    "log2 exons",
    *(f"log2 junctions in {region}" for region in REGIONS),
    "junctions per kb",
    "junctions per kb of CDS",
    "GC",
    *(f"GC of {region}" for region in REGIONS),
    "GC of third codon positions",
)
"""Names of :class:`SequenceFeatures`, in order. Logarithms are of 1 + the count; unknown values are 0."""


class Embedder(Protocol):
    """Turns RNAs into vectors."""

    name: str  # What tables call the vectors

    def embed(self, rnas: Sequence[Codes], progress: Progress | None = None) -> Matrix:
        """Vectors ``(n, d)`` of RNAs given as byte codes (:mod:`isoclr.genomics.encoding`)."""
        ...


def default_baselines(meta: Mapping[str, str], *, seed: int = 0) -> list[Embedder]:
    """What embeddings of some metadata are compared with, most similar first.

    These are the untrained encoder (only for an IsoCLR encoder), k-mers + codons, length, and sequence features.
    """
    untrained = RandomInit.like(meta, seed)
    simple: list[Embedder] = [KmersAndCodons(), Length(), SequenceFeatures()]
    return simple if untrained is None else [untrained, *simple]


def embed_with_progress(embedder: Embedder, rnas: Sequence[Codes]) -> Matrix:
    """Vectors ``(n, d)`` of RNAs, with a progress bar on stderr."""
    with nt_progress() as bar:
        task = bar.add_task(embedder.name, total=sum(map(len, rnas)))
        return embedder.embed(rnas, progress=lambda done: bar.advance(task, done))


class RandomInit:
    """An untrained encoder."""

    name = "random-init encoder"

    def __init__(self, model: str, tracks: int = 6, seed: int = 0, pooling: str = "last") -> None:
        from isoclr.models.encoder import create

        self.encoder = create(model, tracks=tracks, seed=seed, pooling=pooling)

    @classmethod
    def like(cls, meta: Mapping[str, str], seed: int = 0) -> "RandomInit | None":
        """The untrained encoder of the architecture that made embeddings; None if that is not one of IsoCLR's."""
        from isoclr.models.encoder import MODELS

        if meta["model"] not in MODELS or not meta["n_tracks"].isdecimal():
            return None
        return cls(meta["model"], int(meta["n_tracks"]), seed, meta["pooling"])

    def embed(self, rnas: Sequence[Codes], progress: Progress | None = None) -> Matrix:
        """``(n, dim)``."""
        return self.encoder.embed_codes(rnas, progress=progress)


class KmersAndCodons:
    """Frequencies of all k-mers up to a length, frequencies of the 64 codons, and log lengths of UTRs and CDS."""

    name = "k-mers + codons"

    def __init__(self, longest: int = 4) -> None:
        self.longest = longest

    def embed(self, rnas: Sequence[Codes], progress: Progress | None = None) -> Matrix:
        """``(n, 4 + … + 4^k + 64 + 3)``."""
        return _by_rna(self._features, rnas, progress)

    def _features(self, codes: Codes) -> NDArray[np.float64]:
        bases = (codes & NUCLEOTIDE_BITS).astype(np.int64)
        kmers = [_counts(*kmer_numbers(bases, k), 4**k) for k in range(1, self.longest + 1)]
        codons = _codons(codes, *kmer_numbers(bases, 3))
        frequencies = map(_frequencies, [*kmers, codons])
        return np.concatenate([*frequencies, np.log2(1.0 + np.array(region_lengths(codes)))])


class Length:
    """One feature: the logarithm (base 2) of the RNA's length in nt."""

    name = "length alone"

    def embed(self, rnas: Sequence[Codes], progress: Progress | None = None) -> Matrix:
        """``(n, 1)``."""
        return _by_rna(lambda codes: np.log2([len(codes)]), rnas, progress)


class SequenceFeatures:
    """Lengths of UTRs and CDS, exon count, junction counts and densities, GC of each region; no sequence motifs.

    Exon–exon junctions are deposited with protein complexes when an mRNA is spliced. In the CDS their density is among
    the best single predictors of half-life (Agarwal and Kelley 2022), and one in the 3' UTR can mark an mRNA for decay.
    The end of the last exon, which is the end of the RNA, is no junction. A non-coding RNA counts as 3' UTR.
    """

    name = "sequence features"

    def embed(self, rnas: Sequence[Codes], progress: Progress | None = None) -> Matrix:
        """``(n, 16)``, in the order of :data:`FEATURES`."""
        return _by_rna(_sequence_features, rnas, progress)


class StrongFeatures:
    """The strongest simple baseline: groups of features of sequence and structure, each with a penalty of its own.

    Square roots and centred logarithms (Aitchison 1982) make the skewed frequencies more symmetric; a single penalty
    for all groups is too strong for the few that matter most.
    """

    name = "strong features"

    def __init__(self, longest: int = 6) -> None:
        self.longest = longest

    @property
    def blocks(self) -> tuple[int, ...]:
        """Number of features of each group, in order.

        Structure; upstream AUGs; 1- to 4-mers as square roots, and as centred logarithms; codons as both; 3-mers of
        each region; and longer k-mers, each length by itself.
        """
        short = sum(4**k for k in range(1, SHORT + 1))
        longer = [4**k for k in range(SHORT + 1, self.longest + 1)]
        return (len(FEATURES), len(UPSTREAM), short, short, 128, 192, *longer)

    def embed(self, rnas: Sequence[Codes], progress: Progress | None = None) -> Matrix:
        """``(n, sum(blocks))``."""
        return _by_rna(self._features, rnas, progress)

    def _features(self, codes: Codes) -> NDArray[np.float64]:
        bases = (codes & NUCLEOTIDE_BITS).astype(np.int64)
        counts = [_counts(*kmer_numbers(bases, k), 4**k) for k in range(1, self.longest + 1)]
        triples, is_known = kmer_numbers(bases, 3)
        codons = _codons(codes, triples, is_known)
        start, end = coding_region(codes)
        place = np.arange(len(triples))
        inside = [place + 3 <= start, (place >= start) & (place + 3 <= end), place >= end]
        regions = [_counts(triples, is_known & region, 64) for region in inside]
        return np.concatenate(
            [
                _sequence_features(codes),
                upstream_features(codes),
                *map(_root, counts[:SHORT]),
                *map(_centred_log, counts[:SHORT]),
                _root(codons),
                _centred_log(codons),
                *map(_root, regions),
                *map(_root, counts[SHORT:]),
            ]
        )


SHORT = 4  # Longest k-mers that share one penalty


def _counts(kmers: NDArray[np.int64], keep: NDArray[np.bool_], size: int) -> NDArray[np.int64]:
    return np.bincount(kmers[keep], minlength=size)


def _codons(codes: Codes, triples: NDArray[np.int64], is_known: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Counts ``(64,)`` of the codons of the coding sequence."""
    return _counts(triples, is_known & ((codes[: len(triples)] & CODON_START) > 0), 64)


def _frequencies(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Relative frequencies; all zero when there is no count."""
    return np.asarray(counts / max(1, counts.sum()))


def _root(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(_frequencies(counts)))


def _centred_log(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Logarithms of 1/2 + counts, minus their mean; zeros without a count."""
    logs = np.log(counts + 0.5)
    return np.asarray(logs - logs.mean())


def _by_rna(
    features_of: Callable[[Codes], NDArray[np.float64]], rnas: Sequence[Codes], progress: Progress | None
) -> Matrix:
    rows = []
    for codes in rnas:
        rows.append(features_of(codes))
        if progress is not None:
            progress(len(codes))
    return np.stack(rows).astype(np.float32)


def _sequence_features(codes: Codes) -> NDArray[np.float64]:
    start, end = coding_region(codes)
    spans = ((0, start), (start, end), (end, len(codes)))
    exons = int(((codes & EXON_END) > 0).sum())
    junctions = np.flatnonzero(codes[:-1] & EXON_END)
    by_region = [int(((a <= junctions) & (junctions < b)).sum()) for a, b in spans]
    features = [
        np.log2(1 + len(codes)),
        *(np.log2(1 + b - a) for a, b in spans),
        float(exons > 0),
        np.log2(1 + exons),
        *(np.log2(1 + count) for count in by_region),
        KB * len(junctions) / len(codes),
        KB * by_region[1] / max(1, end - start),
        gc_fraction(codes),
        *(gc_fraction(codes[a:b]) for a, b in spans),
        gc_fraction(codes[start + 2 : end : 3]),
    ]
    return np.array(features)
