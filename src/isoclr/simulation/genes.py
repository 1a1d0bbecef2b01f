"""Genes as their exonic sequence: ancestral genes, and their evolution.

A gene is described by its *template*: all exonic bases it can use, from 5' to 3', cut into blocks. An isoform is a
choice of blocks. Cassette exons within the coding sequence begin and end between codons, so that skipping one keeps
the reading frame.
"""

import itertools
from dataclasses import dataclass, replace
from enum import Enum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from isoclr.errors import InputError
from isoclr.genomics.encoding import AMINO_ACIDS, START_CODON, STOP_CODONS, Codes, codon_numbers, nucleotides
from isoclr.genomics.species import SPECIES

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


# Sizes

SizeName = Literal["tiny", "small", "medium", "gencode"]


@dataclass(frozen=True)
class Size:
    """Size of a data set; medians are of log-normal distributions."""

    species: int = 2
    genes: int = 400  # Number of genes per species
    coding_fraction: float = 0.9  # Fraction of protein-coding genes; the others are lncRNA genes
    single_isoform: float = 0.45  # Fraction of the first species' coding genes with one transcript only
    more_isoforms: tuple[float, float] = (1.1, 1.0)
    """Location and scale of the log-normal number of isoforms beyond the second."""
    codons: float = 220.0  # Median length of a coding sequence, in codons
    exon_nt: float = 140.0  # Median over genes of the mean length of a coding exon (nt)
    utr3_nt: float = 450.0  # Median length of the 3' UTR (nt)
    intron_nt: float = 400.0  # Median length of an intron (nt)
    gap_nt: float = 1500.0  # Mean distance between genes (nt)
    chromosomes: int = 3  # Number of chromosomes per species
    bgzip: bool = True  # Whether the genome is compressed (bgz)


SIZES: dict[SizeName, Size] = {
    "tiny": Size(genes=40, chromosomes=2, intron_nt=150.0, gap_nt=500.0),
    "small": Size(),
    "medium": Size(species=4, genes=4000, codons=330.0, utr3_nt=700.0, chromosomes=8),
    "gencode": Size(
        species=1,
        genes=60_000,
        coding_fraction=1 / 3,
        single_isoform=0.15,
        more_isoforms=(1.36, 0.85),
        codons=400.0,
        exon_nt=165.0,
        utr3_nt=1000.0,
        intron_nt=1320.0,
        gap_nt=1200.0,
        chromosomes=24,
        bgzip=False,
    ),
}


def resolve_size(name: SizeName, species: int | None, genes: int | None) -> Size:
    """The named size, with other numbers of species or genes if given."""
    if name not in SIZES:
        raise InputError(f"--size {name!r} is not one of {', '.join(SIZES)}")
    for option, value, most in (("species", species, len(SPECIES)), ("genes", genes, 1_000_000)):
        if value is not None and not 1 <= value <= most:
            raise InputError(f"--{option} is {value}, expected a whole number from 1 to {most:,}")
    size = SIZES[name]
    return replace(size, species=species or size.species, genes=genes or size.genes)


# Codons

_RESIDUES = "ARNDCQEGHILKMFPSTWYV"
_PERCENT = "7.0 5.6 3.6 4.8 2.3 4.7 7.0 6.6 2.6 4.4 10.0 5.7 2.1 3.7 6.3 8.3 5.4 1.2 2.7 6.0"
"""Frequencies of the residues in vertebrate proteomes."""
_OPTIMAL = "AAG AAC ACT ACC CGT AGA TCT TCC ATC ATT CAA CAC CCA CCT CTG TTG GAA GAC GCT GCC GGT GGA GTC GTT TAC TGT TTC"
"""Optimal codons, which end in any of the four bases."""

AMINO = AMINO_ACIDS[:64]
STOPS = np.array(STOP_CODONS)
_FREQUENCY = dict(zip(_RESIDUES, map(float, _PERCENT.split()), strict=True))
_AMINO_FREQUENCY = np.array([_FREQUENCY.get(chr(letter), 0.0) for letter in AMINO])
_SYNONYMOUS_PAIRS = AMINO[:, None] == AMINO[None, :]
_SYNONYMOUS_PAIRS[STOPS] = False
OPTIMALITY = np.full(64, -1.0)
OPTIMALITY[codon_numbers(nucleotides(_OPTIMAL.replace(" ", "")).reshape(-1, 3))] = 1.0
_GC3 = np.array([1.0 if codon % 4 in (1, 2) else -1.0 for codon in range(64)])


def codon_usage(bias: float, gc: float) -> Floats:
    """Relative frequency ``(64,)`` of each codon among its synonyms; 0 for stop codons."""
    weight: Floats = np.exp(bias * OPTIMALITY + gc * _GC3)
    total: Floats = _SYNONYMOUS_PAIRS @ weight
    return np.where(total > 0, weight / np.maximum(total, 1e-300), 0.0)


def random_codons(rng: np.random.Generator, count: int, usage: Floats) -> Ints:
    """Sense codons ``(count,)`` by amino acid frequency and codon usage."""
    cumulative = np.cumsum(usage * _AMINO_FREQUENCY)
    draw = rng.random(count) * cumulative[-1]
    codons: Ints = np.searchsorted(cumulative, draw, side="right").astype(np.int64)
    return codons


def synonymous_codons(rng: np.random.Generator, codons: Ints, usage: Floats) -> Ints:
    """Each codon replaced by one of its synonyms, by codon usage."""
    cumulative = np.cumsum(_SYNONYMOUS_PAIRS[codons] * usage, axis=1)
    draw = rng.random((len(codons), 1)) * cumulative[:, -1:]
    replaced: Ints = np.sum(cumulative <= draw, axis=1)
    return replaced


def bases_of(codons: Ints) -> Codes:
    """Nucleotide codes ``(3n,)`` of codons ``(n,)``."""
    return np.stack([codons // 16, codons // 4 % 4, codons % 4], axis=1).astype(np.uint8).ravel()


def codons_of(bases: Codes) -> Ints:
    """Codons ``(n,)`` of nucleotide codes ``(3n,)``."""
    return codon_numbers(bases.reshape(-1, 3))


def optimality(cds: Codes) -> float:
    """Mean of +1 (optimal) and −1 over the codons between start and stop codon."""
    return float(OPTIMALITY[codons_of(cds)[1:-1]].mean())


# Motifs


@dataclass(frozen=True)
class Motif:
    """A sequence element of the 3' UTR."""

    name: str  # Column of the truth table
    variants: tuple[str, ...]  # Sequences in DNA letters
    effect: float  # Weight on the half-life; negative is destabilizing
    mean: float  # Mean number of copies in a gene that has any
    share: float  # Fraction of genes that have any


MOTIFS = (
    Motif("are", ("TATTTAT",), -0.5, 3.0, 0.5),  # AU-rich element
    Motif("pumilio", tuple(f"TGTA{n}ATA" for n in "ACGT"), -0.4, 2.0, 0.4),
    Motif("c_rich", ("CCCTCCC",), 0.4, 2.5, 0.4),  # bound by αCP
)
_SEQUENCES = [[nucleotides(variant) for variant in motif.variants] for motif in MOTIFS]
_SLOT = 12  # motifs lie on a grid, so that they do not overlap


def insert_motifs(rng: np.random.Generator, utr3: Codes) -> Bools:
    """Insert motifs into a 3' UTR, in place; returns which bases belong to one."""
    conserved = np.zeros(len(utr3), bool)
    slots = rng.permutation(max(0, (len(utr3) - 10) // _SLOT))
    used = 0
    for motif, sequences in zip(MOTIFS, _SEQUENCES, strict=True):
        copies = 1 + rng.poisson(motif.mean - 1) if rng.random() < motif.share else 0
        for slot in slots[used : used + copies]:
            sequence = sequences[rng.integers(len(sequences))]
            span = slice(5 + slot * _SLOT, 5 + slot * _SLOT + len(sequence))
            utr3[span] = sequence
            conserved[span] = True
        used += copies
    return conserved


def count_motifs(utr3: Codes) -> dict[str, int]:
    """Number of non-overlapping copies of each motif in a 3' UTR, inserted or by chance."""
    text = utr3.tobytes()
    pairs = zip(MOTIFS, _SEQUENCES, strict=True)
    return {motif.name: sum(text.count(s.tobytes()) for s in sequences) for motif, sequences in pairs}


# Ancestral genes


class Kind(Enum):
    """Role of a block in the isoforms of its gene."""

    FIRST = "one of the alternative first exons"
    ALWAYS = "a constitutive exon"
    CASSETTE = "an exon that isoforms may skip"
    DISTAL = "the 3' UTR beyond the proximal poly(A) site, without an intron before it"


@dataclass(frozen=True)
class Template:
    """All exonic bases of a gene."""

    bases: Codes  # Nucleotide codes (n,)
    block: Ints  # Block (n,) of each base, not decreasing
    conserved: Bools  # Whether (n,) selection keeps a base because it belongs to a motif
    kinds: tuple[Kind, ...]  # Role of each block
    cds: tuple[int, int] | None
    """Start of the start codon and end of the stop codon (half-open); None for a lncRNA."""
    usage: Floats  # Codon usage (64,)


def coding_gene(rng: np.random.Generator, size: Size) -> Template:
    """An ancestral protein-coding gene."""
    bias, gc = rng.normal(0, 0.7), rng.normal(0, 0.45)
    usage = codon_usage(bias, gc)
    codons = random_codons(rng, _length(rng, size.codons, 0.5, 60, 3500), usage)
    codons[0], codons[-1] = START_CODON, rng.choice(STOPS)
    cds = bases_of(codons)
    utr3 = _random_bases(rng, _length(rng, size.utr3_nt, 0.6, 90, 6000), -0.45 + 0.5 * gc)
    motifs = insert_motifs(rng, utr3)
    lengths, kinds = _coding_exons(rng, size, len(cds))
    utr5 = int(rng.integers(8, 60))  # in the exon of the start codon
    firsts, first_kinds = _first_exons(rng)
    distal = int(len(utr3) * rng.uniform(0.3, 0.6)) if rng.random() < 0.6 and len(utr3) > 200 else 0
    lengths[0] += utr5
    lengths[-1] += len(utr3) - distal
    if len(lengths) == 1 and rng.random() < 0.6:
        firsts, first_kinds = [], []  # no intron
    blocks = [*firsts, *lengths, *([distal] if distal else [])]
    upstream = _random_bases(rng, sum(firsts) + utr5, 0.3 + 0.5 * gc)
    return Template(
        bases=np.concatenate([upstream, cds, utr3]),
        block=np.repeat(np.arange(len(blocks)), blocks),
        conserved=np.concatenate([np.zeros(len(upstream) + len(cds), bool), motifs]),
        kinds=(*first_kinds, *kinds, *([Kind.DISTAL] if distal else [])),
        cds=(len(upstream), len(upstream) + len(cds)),
        usage=usage,
    )


def noncoding_gene(rng: np.random.Generator) -> Template:
    """An ancestral lncRNA gene."""
    firsts = [_length(rng, 200, 0.5, 60, 900) for _ in range(1 + int(rng.random() < 0.3))]
    exons = [_length(rng, 180, 0.7, 40, 3000) for _ in range(1 + rng.poisson(1.6))]
    kinds = [Kind.CASSETTE if rng.random() < 0.6 else Kind.ALWAYS for _ in exons[:-1]]
    blocks = [*firsts, *exons]
    bases = _random_bases(rng, sum(blocks), -0.2 + rng.normal(0, 0.3))
    return Template(
        bases=bases,
        block=np.repeat(np.arange(len(blocks)), blocks),
        conserved=np.zeros(len(bases), bool),
        kinds=(*(Kind.FIRST for _ in firsts), *kinds, Kind.ALWAYS),
        cds=None,
        usage=np.zeros(64),
    )


def _coding_exons(rng: np.random.Generator, size: Size, nt: int) -> tuple[list[int], list[Kind]]:
    """Lengths (nt of coding sequence) and kinds of coding exons."""
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
    """Untranslated exons: alternative first ones, and sometimes a cassette."""
    count = 1 + rng.choice(3, p=(0.4, 0.35, 0.25))
    lengths = [_length(rng, 90, 0.5, 30, 500) for _ in range(count)]
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


# Evolution

# substitutions per site and unit of distance
SYNONYMOUS, MISSENSE, UTR, MOTIF = 4.0, 0.3, 2.5, 0.08
UTR_INDEL, CODON_INDEL = 0.12, 0.02
_EDGE = 12  # no indels this close (nt) to the ends of a block: splice sites are kept


def _hits(rng: np.random.Generator, count: int, rate: float | Floats) -> Ints:
    """Sites that change at a rate."""
    return np.flatnonzero(rng.random(count) < -np.expm1(-rate))


def substitute(gene: Template, distance: float, rng: np.random.Generator) -> Template:
    """Substitute bases of UTRs and codons of the coding sequence."""
    bases = gene.bases.copy()
    changed = _hits(rng, len(bases), np.where(gene.conserved, MOTIF, UTR) * distance)
    bases[changed] = (bases[changed] + rng.integers(1, 4, len(changed), np.uint8)) % 4
    if gene.cds:
        codons = codons_of(gene.bases[slice(*gene.cds)])
        inner = codons[1:-1]
        drift = _hits(rng, len(inner), SYNONYMOUS * distance)
        inner[drift] = synonymous_codons(rng, inner[drift], gene.usage)
        missense = _hits(rng, len(inner), MISSENSE * distance)
        inner[missense] = random_codons(rng, len(missense), gene.usage)
        bases[slice(*gene.cds)] = bases_of(codons)
    return replace(gene, bases=bases)


def evolve(ancestor: Template, distance: float, rng: np.random.Generator) -> Template:
    """A descendant of a gene, with substitutions, insertions and deletions.

    Args:
        distance: Evolutionary distance; at 0.1 about a third of the codons and a fifth of the UTR have changed.
    """
    gene = substitute(ancestor, distance, rng)
    # each base is copied 0 times (deleted), once, or more (followed by an insertion)
    copies = np.ones(len(gene.bases), np.int64)
    inner = _inner(gene.block)
    start, end = gene.cds or (0, 0)
    noncoding = inner & ~gene.conserved
    noncoding[start:end] = False
    for at in np.flatnonzero(noncoding & (rng.random(len(inner)) < UTR_INDEL * distance)):
        length = int(rng.geometric(0.4))
        if rng.random() < 0.5:
            copies[at] = 1 + length
        else:
            stop = at + min(length, _EDGE)
            copies[at:stop] = np.where(noncoding[at:stop], 0, copies[at:stop])
    codons = max(0, (end - start) // 3 - 2)  # without start and stop codon
    for codon in np.flatnonzero(rng.random(codons) < CODON_INDEL * distance).tolist():
        span = slice(start + 3 + 3 * codon, start + 6 + 3 * codon)
        if inner[span].all():
            copies[span] = 0 if rng.random() < 0.5 else (1, 1, 4)
    return _copy_bases(gene, copies, rng)


def _copy_bases(gene: Template, copies: Ints, rng: np.random.Generator) -> Template:
    source = np.repeat(np.arange(len(copies)), copies)
    added = np.flatnonzero(source[1:] == source[:-1]) + 1
    bases = gene.bases[source]
    conserved = gene.conserved[source]
    conserved[added] = False
    bases[added] = rng.integers(0, 4, len(added), np.uint8)
    cds = gene.cds
    if cds:
        start = int(copies[: cds[0]].sum())
        cds = (start, start + int(copies[slice(*cds)].sum()))
        new = added[(added >= cds[0]) & (added < cds[1])]  # three at a time, all in one codon
        bases[new] = bases_of(random_codons(rng, len(new) // 3, gene.usage))
    return replace(gene, bases=bases, block=gene.block[source], conserved=conserved, cds=cds)


def _inner(block: Ints) -> Bools:
    """Whether a base is at least ``_EDGE`` nt inside its block, in blocks of at least five times that length."""
    length = np.bincount(block)
    position = np.arange(len(block)) - (np.cumsum(length) - length)[block]
    size = length[block]
    inner: Bools = (position >= _EDGE) & (position < size - 2 * _EDGE) & (size >= 5 * _EDGE)
    return inner
