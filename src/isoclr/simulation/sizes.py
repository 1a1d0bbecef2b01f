"""How large a simulated world is, and how its genes look."""

from dataclasses import dataclass, replace
from typing import Literal

from isoclr.errors import InputError
from isoclr.species import SPECIES

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
