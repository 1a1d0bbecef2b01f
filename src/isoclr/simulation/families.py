"""Gene families: which genes each species has, and how each came from its ancestor.

Every source of chance is one gene's or one species' own (NumPy ``SeedSequence`` keys), so a world does not depend
on the order in which it is made.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from isoclr.genomics.species import SPECIES
from isoclr.simulation.genes import Size, Template, evolve, noncoding
from isoclr.simulation.genes import coding as ancestors_coding

COPIES = (0.08, 0.80, 0.09, 0.03)  # chance of 0, 1, 2, 3 genes of a family in a species
KNOWN = 0.85  # share of the families that HomoloGene knows
DIVERGENCE = 0.09  # distance of a species from the common ancestor
DUPLICATION = 0.15  # further distance of a paralog


class Chance(IntEnum):
    """What a source of chance is for: the first part of its key."""

    PLAN, ANCESTOR, DESCENT, LOCUS, CHROMOSOME, NOISE = range(6)


def chance(seed: int, purpose: Chance, *key: int) -> np.random.Generator:
    """The source of chance for one purpose and one gene, family or species."""
    sequence = np.random.SeedSequence(seed, spawn_key=(int(purpose), *key))
    return np.random.Generator(np.random.PCG64(sequence))


@dataclass(frozen=True)
class Member:
    """A gene of a species.

    Attributes:
        species: number of the species.
        number: number of the gene within its species, along the genome.
        family: number of its family; homologous genes share it.
        copy: 0, or which of the paralogs.
        coding: codes for a protein.
        known: the family has a HomoloGene group.
    """

    species: int
    number: int
    family: int
    copy: int
    coding: bool
    known: bool


def plan(size: Size, seed: int) -> list[list[Member]]:
    """The genes of every species, in the order of its genome."""
    rng = chance(seed, Chance.PLAN)
    coding = max(1, round(size.genes * size.coding_fraction))
    counts = [coding, size.genes - coding]
    species: list[list[tuple[int, int, bool]]] = [[] for _ in range(size.species)]
    families = 0
    for kind, count in enumerate(counts):
        copies = _copies(rng, count, size.species)
        for s in range(size.species):
            for family in np.flatnonzero(copies[:, s]):
                for copy in range(int(copies[family, s])):
                    species[s].append((families + int(family), copy, kind == 0))
        families += len(copies)
    known = rng.random(families) < KNOWN
    genomes = []
    for s, genes in enumerate(species):
        order = rng.permutation(len(genes))
        genomes.append([_member(s, i, genes[j], known) for i, j in enumerate(order)])
    return genomes


def ancestor(size: Size, seed: int, family: int, coding: bool) -> Template:
    """The gene that all members of a family descend from."""
    rng = chance(seed, Chance.ANCESTOR, family)
    return ancestors_coding(rng, size) if coding else noncoding(rng)


def descend(founder: Template, member: Member, seed: int) -> Template:
    """The gene that a species has today; the first species keeps closest to the ancestor."""
    rng = chance(seed, Chance.DESCENT, member.species, member.family, member.copy)
    distance = DIVERGENCE * (1 + 0.25 * member.species) + DUPLICATION * (member.copy > 0)
    return evolve(founder, distance, rng)


def _member(
    species: int,
    number: int,
    gene: tuple[int, int, bool],
    known: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> Member:
    family, copy, coding = gene
    return Member(species, number, family, copy, coding, coding and bool(known[family]))


def _copies(
    rng: np.random.Generator, genes: int, species: int
) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Genes ``(families, species)`` of each family in each species; each species has ``genes`` in all."""
    copies = rng.choice(len(COPIES), (genes + genes // 4 + 8, species), p=COPIES)
    before = np.cumsum(copies, axis=0) - copies
    copies = np.clip(genes - before, 0, copies)
    missing = genes - copies.sum(axis=0)
    extra = np.arange(missing.max(initial=0))[:, None] < missing[None, :]
    return np.concatenate([copies, extra.astype(np.int64)])


def species(number: int) -> str:
    """Name of a species: human, mouse, chicken …

    Simulated species borrow the names and taxonomy numbers of real ones, because homology files know species by
    number; nothing else about them is real.
    """
    return SPECIES[number].name


def taxon(number: int) -> int:
    """NCBI's taxonomy number of a species."""
    return SPECIES[number].taxid


def gene(member: Member) -> str:
    """Ensembl-like gene id, with version."""
    return f"{_prefix(member.species)}G{member.number + 1:011d}.{1 + member.family % 9}"


def entrez(member: Member) -> int:
    """NCBI-Gene-like id, different in every species."""
    return 10_000_000 * (member.species + 1) + member.number + 1


def symbol(member: Member) -> str:
    """Gene symbol; orthologs share it, as they do in vertebrates, whether HomoloGene knows them or not."""
    stem = "SIM" if member.coding else "LINC"
    return f"{stem}{member.family + 1}" + (f"L{member.copy}" if member.copy else "")


def gene_set(member: Member) -> str:
    """The gene set a corpus should put the gene in, across species."""
    if member.known:
        return f"HID:{member.family + 1}"
    return f"{species(member.species)}|{gene(member).partition('.')[0]}"


def transcript(member: Member, number: int) -> str:
    """Ensembl-like transcript id, with version; ``number`` counts the isoforms of the gene."""
    return f"{_prefix(member.species)}T{100 * member.number + number + 1:011d}.{1 + number % 3}"


def protein(member: Member, number: int) -> str:
    """Ensembl-like protein id of a transcript."""
    return f"{_prefix(member.species)}P{100 * member.number + number + 1:011d}.1"


def exon(member: Member, number: int) -> str:
    """Ensembl-like exon id; ``number`` counts the different exons of the gene."""
    return f"{_prefix(member.species)}E{1000 * member.number + number + 1:011d}.1"


def _prefix(number: int) -> str:
    """``ENSSAA`` for the first species, ``ENSSAB`` for the second …: no real species has these."""
    return f"ENSS{chr(65 + number // 26)}{chr(65 + number % 26)}"
