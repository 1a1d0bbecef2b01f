"""Writing one species: genes along chromosomes, as a genome FASTA and a GTF."""

import gzip
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from isoclr.corpus.codes import Codes, N
from isoclr.simulation import families, names, stability
from isoclr.simulation.families import Chance, Member, chance
from isoclr.simulation.fasta import FastaWriter
from isoclr.simulation.gtf import GeneLines, header
from isoclr.simulation.loci import Locus, background, locus
from isoclr.simulation.sizes import Size
from isoclr.simulation.stability import Causes
from isoclr.simulation.truth import Truth

_TELOMERE = 500  # unknown bases at both ends of a chromosome
_BLOCK = 2000  # genes whose text is compressed at a time


def genome_name(size: Size) -> str:
    """File name of a species' genome."""
    return "genome.fa.gz" if size.bgzip else "genome.fa"


def write_species(
    size: Size,
    seed: int,
    genes: Sequence[Member],
    folder: Path,
    known: Truth,
    advance: Callable[[int], object],
) -> list[Causes]:
    """Write the genome and the annotation of one species.

    Args:
        size: shape of the world.
        seed: of all chance.
        genes: the species' genes, along its genome.
        folder: where ``genome.fa[.gz]`` and ``annotation.gtf.gz`` go.
        known: the truth, to which the species' transcripts are added.
        advance: told how many more genes are done.

    Returns:
        What sets the half-life of each coding gene, in the order of ``genes``.
    """
    found: list[Causes] = []
    species = genes[0].species
    parts = np.array_split(np.arange(len(genes)), min(size.chromosomes, len(genes)))
    with (
        FastaWriter(folder / genome_name(size), bgzip=size.bgzip) as fasta,
        _gzip_text(folder / "annotation.gtf.gz") as write,
    ):
        write(header(names.species(species)))
        for number, part in enumerate(parts, 1):
            rng = chance(seed, Chance.CHROMOSOME, species, number)
            pieces: list[Codes] = [np.full(_TELOMERE, N, np.uint8)]
            at, lines = _TELOMERE, []
            for gene in _loci(size, seed, genes[part[0] : part[-1] + 1]):
                pieces += [background(rng, gene.gap), gene.forward()]
                at += gene.gap
                known.add(gene, f"chr{number}", at)
                lines.append(GeneLines(gene, f"chr{number}", at).text())
                at += len(gene.bases)
                if gene.member.coding:
                    found.append(stability.causes(gene))
                if len(lines) == _BLOCK:
                    write("".join(lines))
                    lines.clear()
                advance(1)
            write("".join(lines))
            pieces += [background(rng, 1000), pieces[0]]
            fasta.write(f"chr{number}", np.concatenate(pieces), rng)
    return found


def _loci(size: Size, seed: int, genes: Sequence[Member]) -> Iterator[Locus]:
    """Each gene as its species has it today, with introns and isoforms."""
    for member in genes:
        founder = families.ancestor(size, seed, member.family, member.coding)
        template = families.descend(founder, member, seed)
        rng = chance(seed, Chance.LOCUS, member.species, member.number)
        yield locus(member, template, size, rng)


@contextmanager
def _gzip_text(path: Path) -> Iterator[Callable[[str], object]]:
    """A function that writes text to a gzip file whose bytes depend on nothing else (no name, no time)."""
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 2, raw, mtime=0) as stream:
        yield lambda text: stream.write(text.encode())
