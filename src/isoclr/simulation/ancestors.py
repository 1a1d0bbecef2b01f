"""The ancestral gene of a family: exons, coding sequence, UTRs with their motifs, before any species.

A gene is described by its *template*: every exonic base it can use, from 5' to 3', cut into blocks. An
isoform is a choice of blocks (``isoforms``). Cassette exons of the coding sequence start and end
between codons, so leaving one out keeps the reading frame and makes no stop codon.
"""

import itertools
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from isoclr.corpus.codes import Codes
from isoclr.simulation import genetic_code, motifs
from isoclr.simulation.sizes import Size

Bools = NDArray[np.bool_]


class Kind(Enum):
    """What a block of a gene is to its isoforms."""

    FIRST = "one of the alternative first exons"
    ALWAYS = "an exon of every isoform"
    CASSETTE = "an exon that isoforms may skip"
    DISTAL = "the 3' UTR beyond the proximal poly(A) site; no intron before it"


@dataclass(frozen=True)
class Template:
    """All exonic bases of a gene.

    Attributes:
        bases: nucleotide codes ``(n,)``.
        block: block of each base ``(n,)``, not decreasing.
        kept: true ``(n,)`` where selection keeps a functional motif.
        kinds: what each block is.
        cds: first base of the start codon and end of the stop codon (half-open); None for a lncRNA.
        usage: codon usage ``(64,)``.
    """

    bases: Codes
    block: NDArray[np.int64]
    kept: Bools
    kinds: tuple[Kind, ...]
    cds: tuple[int, int] | None
    usage: genetic_code.Floats


def coding(rng: np.random.Generator, size: Size) -> Template:
    """An ancestral protein-coding gene."""
    bias, gc = rng.normal(0, 0.7), rng.normal(0, 0.45)
    usage = genetic_code.usage(bias, gc)
    cds = _coding_sequence(rng, size, usage)
    utr3 = _random_bases(rng, _length(rng, size.utr3_nt, 0.6, 90, 6000), -0.45 + 0.5 * gc)
    kept3 = motifs.plant(rng, utr3)
    lengths, kinds = _coding_exons(rng, size, len(cds))
    utr5 = int(
        rng.integers(8, 60)
    )  # the part of the 5' UTR that shares an exon with the start codon
    firsts, first_kinds = _first_exons(rng)
    distal = int(len(utr3) * rng.uniform(0.3, 0.6)) if rng.random() < 0.6 and len(utr3) > 200 else 0
    lengths[0] += utr5
    lengths[-1] += len(utr3) - distal
    if len(lengths) == 1 and rng.random() < 0.6:
        firsts, first_kinds = [], []  # an intronless gene
    blocks = [*firsts, *lengths, *([distal] if distal else [])]
    before = _random_bases(rng, sum(firsts) + utr5, 0.3 + 0.5 * gc)
    bases = np.concatenate([before, cds, utr3])
    return Template(
        bases=bases,
        block=np.repeat(np.arange(len(blocks)), blocks),
        kept=np.concatenate([np.zeros(len(before) + len(cds), bool), kept3]),
        kinds=(*first_kinds, *kinds, *([Kind.DISTAL] if distal else [])),
        cds=(len(before), len(before) + len(cds)),
        usage=usage,
    )


def noncoding(rng: np.random.Generator) -> Template:
    """An ancestral lncRNA gene: exons without a reading frame."""
    firsts = [_length(rng, 200, 0.5, 60, 900) for _ in range(1 + int(rng.random() < 0.3))]
    exons = [_length(rng, 180, 0.7, 40, 3000) for _ in range(1 + rng.poisson(1.6))]
    kinds = [Kind.CASSETTE if rng.random() < 0.6 else Kind.ALWAYS for _ in exons[:-1]]
    blocks = [*firsts, *exons]
    bases = _random_bases(rng, sum(blocks), -0.2 + rng.normal(0, 0.3))
    return Template(
        bases=bases,
        block=np.repeat(np.arange(len(blocks)), blocks),
        kept=np.zeros(len(bases), bool),
        kinds=(*(Kind.FIRST for _ in firsts), *kinds, Kind.ALWAYS),
        cds=None,
        usage=np.zeros(64),
    )


def _coding_sequence(rng: np.random.Generator, size: Size, usage: genetic_code.Floats) -> Codes:
    codons = genetic_code.random_codons(rng, _length(rng, size.codons, 0.5, 60, 3500), usage)
    codons[0] = genetic_code.START
    codons[-1] = rng.choice(genetic_code.STOPS)
    return genetic_code.bases_of(codons)


def _coding_exons(rng: np.random.Generator, size: Size, nt: int) -> tuple[list[int], list[Kind]]:
    """Lengths (nt of coding sequence) and kinds of the exons that a coding sequence is cut into."""
    count = max(1, min(round(nt / (size.exon_nt * rng.lognormal(0, 0.45))), nt // 45))
    share = rng.gamma(3.0, size=count) + 0.3
    cuts = np.round(np.cumsum(share)[:-1] / share.sum() * (nt - 36 * count)).astype(np.int64)
    cuts += 36 * np.arange(1, count)
    kinds = [Kind.ALWAYS] * count
    for exon in range(1, count - 1):
        if rng.random() < 0.4:
            kinds[exon] = Kind.CASSETTE
            cuts[exon - 1 : exon + 1] -= cuts[exon - 1 : exon + 1] % 3
    if count > 1 and kinds[-2] is Kind.ALWAYS and rng.random() < 0.05:
        cuts[-1] = nt - rng.integers(1, 3)  # an intron within the stop codon
    edges = [0, *cuts.tolist(), nt]
    if rng.random() < 0.03:
        edges.insert(1, int(rng.integers(1, 3)))  # an intron within the start codon
        kinds.insert(0, Kind.ALWAYS)
    return [b - a for a, b in itertools.pairwise(edges)], kinds


def _first_exons(rng: np.random.Generator) -> tuple[list[int], list[Kind]]:
    """Untranslated exons before the one with the start codon: alternative first ones, perhaps a cassette."""
    lengths = [
        _length(rng, 90, 0.5, 30, 500) for _ in range(1 + rng.choice(3, p=(0.4, 0.35, 0.25)))
    ]
    kinds = [Kind.FIRST] * len(lengths)
    if rng.random() < 0.35:
        lengths.append(_length(rng, 80, 0.4, 30, 300))
        kinds.append(Kind.CASSETTE)
    return lengths, kinds


def _length(rng: np.random.Generator, median: float, spread: float, low: int, high: int) -> int:
    return int(np.clip(median * rng.lognormal(0, spread), low, high))


def _random_bases(rng: np.random.Generator, count: int, gc_logit: float) -> Codes:
    """Independent bases whose G+C content is the logistic function of ``gc_logit``."""
    gc = 1 / (1 + np.exp(-gc_logit))
    strong = rng.random(count) < gc
    which = rng.integers(0, 2, count, np.uint8)
    return np.where(strong, 1 + which, 3 * which).astype(np.uint8)
