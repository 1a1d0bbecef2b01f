"""Gene families: which genes each species has, their names, and their descent from common ancestors.

Every random generator is keyed by a gene or species, so the data do not depend on the order of generation.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from isoclr.genomics.species import SPECIES
from isoclr.simulation.genes import Size, Template, coding_gene, evolve, noncoding_gene

COPIES = (0.08, 0.80, 0.09, 0.03)  # Probability of 0, 1, 2 and 3 genes of a family in a species
IN_HOMOLOGENE = 0.85  # Fraction of families with a HomoloGene group
DIVERGENCE = 0.09  # Evolutionary distance of a species from the common ancestor
DUPLICATION = 0.15  # Further distance of a paralog


class Purpose(IntEnum):
    """Purposes of random generators."""

    PLAN, ANCESTOR, DESCENT, LOCUS, CHROMOSOME, NOISE = range(6)


def keyed_rng(seed: int, purpose: Purpose, *key: int) -> np.random.Generator:
    """Random generator for one purpose and one gene, family or species."""
    sequence = np.random.SeedSequence(seed, spawn_key=(int(purpose), *key))
    return np.random.Generator(np.random.PCG64(sequence))


@dataclass(frozen=True)
class Gene:
    """A gene of a species, and its names.

    Species borrow the names and taxonomy numbers of real ones, because homology files use those numbers.
    """

    species: int
    number: int  # Number of the gene within its species, along the genome
    family: int  # Number of the family; homologous genes share it
    copy: int  # Number of the paralog within species and family
    coding: bool  # Whether the gene codes for a protein
    in_homologene: bool  # Whether the family has a HomoloGene group

    @property
    def species_name(self) -> str:
        """Name of the species: human, mouse, chicken …"""
        return SPECIES[self.species].name

    @property
    def gene_id(self) -> str:
        """Gene id in the form of Ensembl's, with version."""
        return f"{self.bare_id}.{1 + self.family % 9}"

    @property
    def bare_id(self) -> str:
        """Gene id without version."""
        return self._ensembl("G", self.number)

    @property
    def entrez(self) -> int:
        """Gene id in the form of NCBI's, different in every species."""
        return 10_000_000 * (self.species + 1) + self.number + 1

    @property
    def symbol(self) -> str:
        """Gene symbol, which orthologs share."""
        stem = "SIM" if self.coding else "LINC"
        return f"{stem}{self.family + 1}" + (f"L{self.copy}" if self.copy else "")

    @property
    def gene_set(self) -> str:
        """Gene set of the gene in a corpus, across species."""
        return f"HID:{self.family + 1}" if self.in_homologene else f"{self.species_name}|{self.bare_id}"

    def transcript_id(self, isoform: int) -> str:
        """Transcript id in the form of Ensembl's, with version."""
        return f"{self._ensembl('T', 100 * self.number + isoform)}.{1 + isoform % 3}"

    def protein_id(self, isoform: int) -> str:
        """Protein id of a transcript in the form of Ensembl's."""
        return f"{self._ensembl('P', 100 * self.number + isoform)}.1"

    def exon_id(self, exon: int) -> str:
        """Exon id in the form of Ensembl's."""
        return f"{self._ensembl('E', 1000 * self.number + exon)}.1"

    def _ensembl(self, kind: str, number: int) -> str:
        """``ENSSAAG00000000001`` for the first species, ``ENSSAB…`` for the second …, which no real species has."""
        return f"ENSS{chr(65 + self.species // 26)}{chr(65 + self.species % 26)}{kind}{number + 1:011d}"


def plan_genomes(size: Size, seed: int) -> list[list[Gene]]:
    """The genes of every species, in the order of its genome."""
    rng = keyed_rng(seed, Purpose.PLAN)
    coding = max(1, round(size.genes * size.coding_fraction))
    coding_copies = _copies(rng, coding, size.species)
    copies = np.concatenate([coding_copies, _copies(rng, size.genes - coding, size.species)])
    is_coding = np.arange(len(copies)) < len(coding_copies)
    in_homologene = is_coding & (rng.random(len(copies)) < IN_HOMOLOGENE)
    genomes = []
    for species, counts in enumerate(copies.T.tolist()):
        members = [(family, copy) for family, count in enumerate(counts) for copy in range(count)]
        order = rng.permutation(len(members)).tolist()
        genomes.append(
            [
                Gene(species, number, family, copy, bool(is_coding[family]), bool(in_homologene[family]))
                for number, (family, copy) in enumerate(members[i] for i in order)
            ]
        )
    return genomes


def _copies(rng: np.random.Generator, genes: int, species: int) -> NDArray[np.int64]:
    """Number of genes ``(families, species)`` of each family in each species, which add up to ``genes`` per species."""
    copies = rng.choice(len(COPIES), (genes + genes // 4 + 8, species), p=COPIES)
    before = np.cumsum(copies, axis=0) - copies
    copies = np.clip(genes - before, 0, copies)
    missing = genes - copies.sum(axis=0)
    extra = np.arange(missing.max(initial=0))[:, None] < missing[None, :]
    return np.concatenate([copies, extra.astype(np.int64)])


def descend(size: Size, seed: int, gene: Gene) -> Template:
    """A gene as it descends from the common ancestor of its family; the first species is the closest."""
    rng = keyed_rng(seed, Purpose.ANCESTOR, gene.family)
    ancestor = coding_gene(rng, size) if gene.coding else noncoding_gene(rng)
    rng = keyed_rng(seed, Purpose.DESCENT, gene.species, gene.family, gene.copy)
    distance = DIVERGENCE * (1 + 0.25 * gene.species) + DUPLICATION * (gene.copy > 0)
    return evolve(ancestor, distance, rng)
