"""The ancestral gene of a family: exons, coding sequence, UTRs with their motifs, before any species.

A gene is described by its *template*: every exonic base it can use, from 5' to 3', cut into blocks. An
isoform is a choice of blocks (``isoforms``). Cassette exons of the coding sequence start and end
between codons, so leaving one out keeps the reading frame and makes no stop codon.
"""

import itertools
from dataclasses import dataclass, replace
from enum import Enum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from isoclr.errors import InputError
from isoclr.genomics.encoding import Codes, nucleotides
from isoclr.genomics.species import SPECIES

Floats = NDArray[np.float64]

_AMINO_ACIDS = "KNKNTTTTRSRSIIMIQHQHPPPPRRRRLLLLEDEDAAAAGGGGVVVV*Y*YSSSS*CWCLFLF"
_FREQUENCY = {  # per cent of residues, as in vertebrate proteomes
    **{
        "A": 7.0,
        "R": 5.6,
        "N": 3.6,
        "D": 4.8,
        "C": 2.3,
        "Q": 4.7,
        "E": 7.0,
        "G": 6.6,
        "H": 2.6,
        "I": 4.4,
    },
    **{
        "L": 10.0,
        "K": 5.7,
        "M": 2.1,
        "F": 3.7,
        "P": 6.3,
        "S": 8.3,
        "T": 5.4,
        "W": 1.2,
        "Y": 2.7,
        "V": 6.0,
    },
}
_OPTIMAL = {  # amino acid: its optimal codons, which end in any of the four bases
    **{"K": ["AAG"], "N": ["AAC"], "T": ["ACT", "ACC"], "R": ["CGT", "AGA"], "S": ["TCT", "TCC"]},
    **{"I": ["ATC", "ATT"], "Q": ["CAA"], "H": ["CAC"], "P": ["CCA", "CCT"], "L": ["CTG", "TTG"]},
    **{"E": ["GAA"], "D": ["GAC"], "A": ["GCT", "GCC"], "G": ["GGT", "GGA"], "V": ["GTC", "GTT"]},
    **{"Y": ["TAC"], "C": ["TGT"], "F": ["TTC"]},
}

STOPS = np.array([48, 50, 56])  # TAA, TAG, TGA
START = 14  # ATG


def codon_index(codon: str) -> int:
    """Number of a codon, 0 (AAA) to 63 (TTT), the bases in the order A, C, G, T."""
    first, second, third = ("ACGT".index(base) for base in codon)
    return 16 * first + 4 * second + third


_STOP = ord("*")
_AMINO = np.frombuffer(_AMINO_ACIDS.encode(), np.uint8)
SENSE = np.flatnonzero(_AMINO != _STOP)
OPTIMALITY = np.full(64, -1.0)
OPTIMALITY[[codon_index(codon) for codons in _OPTIMAL.values() for codon in codons]] = 1.0
_GC3 = np.array([1.0 if codon % 4 in (1, 2) else -1.0 for codon in range(64)])
_SAME_AMINO = (_AMINO[:, None] == _AMINO[None, :]) & (_AMINO != _STOP)[:, None]
_AMINO_FREQUENCY = np.array([_FREQUENCY.get(chr(amino), 0.0) for amino in _AMINO])


def codon_usage(bias: float, gc: float) -> Floats:
    """How often each synonymous codon is chosen for its amino acid, ``(64,)``; 0 for the stops."""
    weight: Floats = np.exp(bias * OPTIMALITY + gc * _GC3)
    total: Floats = _SAME_AMINO @ weight
    return np.where(total > 0, weight / np.maximum(total, 1e-300), 0.0)


def random_codons(rng: np.random.Generator, count: int, chosen: Floats) -> NDArray[np.int64]:
    """Sense codons ``(count,)`` by amino-acid frequency and the gene's codon usage."""
    return _draw(rng, count, chosen * _AMINO_FREQUENCY)


def synonymous(
    rng: np.random.Generator, codons: NDArray[np.int64], chosen: Floats
) -> NDArray[np.int64]:
    """Each codon replaced by one of the same amino acid, by the gene's codon usage."""
    cumulative = np.cumsum(_SAME_AMINO[codons] * chosen, axis=1)
    draw = rng.random((len(codons), 1)) * cumulative[:, -1:]
    replaced: NDArray[np.int64] = np.sum(cumulative <= draw, axis=1)
    return replaced


def bases_of(codons: NDArray[np.int64]) -> Codes:
    """Nucleotide codes ``(3n,)`` of codons ``(n,)``."""
    return np.stack([codons // 16, codons // 4 % 4, codons % 4], axis=1).astype(np.uint8).ravel()


def codons_of(bases: Codes) -> NDArray[np.int64]:
    """Codon numbers ``(n,)`` of nucleotide codes ``(3n,)``."""
    triplets = bases.reshape(-1, 3).astype(np.int64)
    codons: NDArray[np.int64] = triplets @ np.array([16, 4, 1])
    return codons


def optimality(coding: Codes) -> float:
    """Mean of +1 (optimal) and −1 over the codons between the start and the stop codon."""
    return float(OPTIMALITY[codons_of(coding)[1:-1]].mean())


def _draw(rng: np.random.Generator, count: int, weight: Floats) -> NDArray[np.int64]:
    cumulative = np.cumsum(weight)
    draw = rng.random(count) * cumulative[-1]
    codons: NDArray[np.int64] = np.searchsorted(cumulative, draw, side="right").astype(np.int64)
    return codons


@dataclass(frozen=True)
class Motif:
    """A sequence element of the 3' UTR.

    Attributes:
        name: short name, a column of the truth.
        variants: its spellings, in DNA letters.
        effect: weight on the half-life; negative is destabilising.
        mean: mean number of planted copies in a gene that has any.
        share: share of the genes that have any.
    """

    name: str
    variants: tuple[str, ...]
    effect: float
    mean: float
    share: float


MOTIFS = (
    Motif("are", ("TATTTAT",), -0.5, 3.0, 0.5),  # AU-rich element: deadenylation and decay
    Motif(
        "pumilio", tuple(f"TGTA{n}ATA" for n in "ACGT"), -0.4, 2.0, 0.4
    ),  # PUM1/2 recruit CCR4-NOT
    Motif("c_rich", ("CCCTCCC",), 0.4, 2.5, 0.4),  # bound by αCP, which protects the mRNA
)

_SPELLINGS = {m.name: [nucleotides(variant) for variant in m.variants] for m in MOTIFS}
_BYTES = {m.name: [codes.tobytes() for codes in _SPELLINGS[m.name]] for m in MOTIFS}
_SLOT = 12  # motifs are planted on a grid, so that they do not overlap


def plant(rng: np.random.Generator, utr3: Codes) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Write motifs into a 3' UTR, in place; true where a base belongs to one."""
    kept = np.zeros(len(utr3), bool)
    slots = rng.permutation(max(0, (len(utr3) - 10) // _SLOT))
    taken = 0
    for motif in MOTIFS:
        copies = 1 + rng.poisson(motif.mean - 1) if rng.random() < motif.share else 0
        for slot in slots[taken : taken + copies]:
            spelling = _SPELLINGS[motif.name][rng.integers(len(motif.variants))]
            where = slice(5 + slot * _SLOT, 5 + slot * _SLOT + len(spelling))
            utr3[where] = spelling
            kept[where] = True
        taken += copies
    return kept


def count(utr3: Codes) -> tuple[int, ...]:
    """Copies of each motif of :data:`MOTIFS` in a 3' UTR, planted or by chance, not overlapping."""
    text = utr3.tobytes()
    return tuple(sum(text.count(spelling) for spelling in _BYTES[m.name]) for m in MOTIFS)


SizeName = Literal["tiny", "small", "medium", "gencode"]


@dataclass(frozen=True)
class Size:
    """The shape of a world; medians are of log-normal distributions.

    Attributes:
        species: number of species.
        genes: genes of each species, coding and non-coding.
        coding_fraction: share of the genes that code for a protein; the others are lncRNA genes.
        single_isoform: share of the first species' coding genes with one transcript only.
        more_isoforms: location and scale of the log-normal number of isoforms beyond the second.
        codons: median length of a coding sequence, in codons.
        exon_nt: median over genes of the mean length of a coding exon (nt).
        utr3_nt: median length of the 3' UTR (nt).
        intron_nt: median length of an intron (nt).
        gap_nt: mean distance between neighbouring genes (nt).
        chromosomes: chromosomes of each species.
        bgzip: compress the genome (bgz); plain FASTA otherwise.
    """

    species: int = 2
    genes: int = 400
    coding_fraction: float = 0.9
    single_isoform: float = 0.45
    more_isoforms: tuple[float, float] = (1.1, 1.0)
    codons: float = 220.0
    exon_nt: float = 140.0
    utr3_nt: float = 450.0
    intron_nt: float = 400.0
    gap_nt: float = 1500.0
    chromosomes: int = 3
    bgzip: bool = True


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


def resolve(name: SizeName, species: int | None, genes: int | None) -> Size:
    """The named size, with another number of species or genes when asked for.

    Raises:
        InputError: a size that does not exist, or a number that is out of range.
    """
    if name not in SIZES:
        raise InputError(f"--size {name!r} is not one of {', '.join(SIZES)}")
    for option, value, most in (("species", species, len(SPECIES)), ("genes", genes, 1_000_000)):
        if value is not None and not 1 <= value <= most:
            raise InputError(f"--{option} is {value}, expected a whole number from 1 to {most:,}")
    size = SIZES[name]
    return replace(size, species=species or size.species, genes=genes or size.genes)


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
    usage: Floats


def coding(rng: np.random.Generator, size: Size) -> Template:
    """An ancestral protein-coding gene."""
    bias, gc = rng.normal(0, 0.7), rng.normal(0, 0.45)
    usage = codon_usage(bias, gc)
    cds = _coding_sequence(rng, size, usage)
    utr3 = _random_bases(rng, _length(rng, size.utr3_nt, 0.6, 90, 6000), -0.45 + 0.5 * gc)
    kept3 = plant(rng, utr3)
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


def _coding_sequence(rng: np.random.Generator, size: Size, usage: Floats) -> Codes:
    codons = random_codons(rng, _length(rng, size.codons, 0.5, 60, 3500), usage)
    codons[0] = START
    codons[-1] = rng.choice(STOPS)
    return bases_of(codons)


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


SYNONYMOUS, MISSENSE, UTR, MOTIF = 4.0, 0.3, 2.5, 0.08  # changes a site, per unit of distance
UTR_INDEL, CODON_INDEL = 0.12, 0.02
_EDGE = 12  # indels stay this far (nt) from the ends of a block: splice sites are kept


def evolve(ancestor: Template, distance: float, rng: np.random.Generator) -> Template:
    """A descendant of a gene.

    Args:
        ancestor: the gene it descends from.
        distance: time since then; 0.1 makes about a third of the codons drift and a fifth of the UTR change.
        rng: the source of chance of this gene alone.
    """
    return _insert_and_delete(_substitute(ancestor, distance, rng), distance, rng)


def _substitute(gene: Template, distance: float, rng: np.random.Generator) -> Template:
    bases = gene.bases.copy()
    rate = np.where(gene.kept, MOTIF, UTR) * distance
    changed = np.flatnonzero(rng.random(len(bases)) < -np.expm1(-rate))
    bases[changed] = (bases[changed] + rng.integers(1, 4, len(changed), np.uint8)) % 4
    if gene.cds:
        start, end = gene.cds
        bases[start:end] = _substitute_codons(gene.bases[start:end], gene, distance, rng)
    return replace(gene, bases=bases)


def _substitute_codons(
    coding: Codes, gene: Template, distance: float, rng: np.random.Generator
) -> Codes:
    codons = codons_of(coding)
    inner = codons[1:-1]
    drift = np.flatnonzero(rng.random(len(inner)) < -np.expm1(-SYNONYMOUS * distance))
    inner[drift] = synonymous(rng, inner[drift], gene.usage)
    missense = np.flatnonzero(rng.random(len(inner)) < -np.expm1(-MISSENSE * distance))
    inner[missense] = random_codons(rng, len(missense), gene.usage)
    return bases_of(codons)


def _insert_and_delete(gene: Template, distance: float, rng: np.random.Generator) -> Template:
    """Insertions and deletions: each base is copied 0 times (deleted), once, or more (an insertion follows)."""
    copies = np.ones(len(gene.bases), np.int64)
    inner = _inner(gene.block)
    cds = gene.cds or (0, 0)
    noncoding = inner & ~gene.kept
    noncoding[slice(*cds)] = False
    for at in np.flatnonzero(noncoding & (rng.random(len(inner)) < UTR_INDEL * distance)):
        length = int(rng.geometric(0.4))
        if rng.random() < 0.5:
            copies[at] = 1 + length
        else:
            stop = at + min(length, _EDGE)
            copies[at:stop] = np.where(noncoding[at:stop], 0, copies[at:stop])
    first = cds[0] + 3  # the codon after the start codon
    for codon in np.flatnonzero(
        rng.random(max(0, (cds[1] - cds[0]) // 3 - 2)) < CODON_INDEL * distance
    ):
        whole = slice(first + 3 * int(codon), first + 3 * int(codon) + 3)
        if inner[whole].all():
            copies[whole] = 0 if rng.random() < 0.5 else (1, 1, 4)
    return _copied(gene, copies, rng)


def _copied(gene: Template, copies: NDArray[np.int64], rng: np.random.Generator) -> Template:
    source = np.repeat(np.arange(len(copies)), copies)
    added = np.flatnonzero(source[1:] == source[:-1]) + 1
    bases = gene.bases[source]
    kept = gene.kept[source]
    kept[added] = False
    cds = gene.cds
    if cds:
        before, inside = int(copies[: cds[0]].sum()), int(copies[slice(*cds)].sum())
        cds = (before, before + inside)
    bases[added] = rng.integers(0, 4, len(added), np.uint8)
    if cds:  # inserted codons are sense codons; three added bases in a row, all in one codon
        new = added[(added >= cds[0]) & (added < cds[1])]
        bases[new] = bases_of(random_codons(rng, len(new) // 3, gene.usage))
    return replace(gene, bases=bases, block=gene.block[source], kept=kept, cds=cds)


def _inner(block: NDArray[np.int64]) -> NDArray[np.bool_]:
    """True where a base is at least ``_EDGE`` nt inside its block, of at least five times that length."""
    length = np.bincount(block)
    end = np.cumsum(length)
    position = np.arange(len(block)) - (end - length)[block]
    size = length[block]
    inside: NDArray[np.bool_] = (
        (position >= _EDGE) & (position < size - 2 * _EDGE) & (size >= 5 * _EDGE)
    )
    return inside
