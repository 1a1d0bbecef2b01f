"""A world of species whose truth is known: genomes, annotations, homology, labels."""

import functools
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from isoclr._console import info, table
from isoclr._console import progress as console_progress
from isoclr._io import atomic_directory
from isoclr.errors import InputError
from isoclr.simulation import families
from isoclr.simulation.families import Chance, Member, chance
from isoclr.simulation.families import species as names_species
from isoclr.simulation.genes import SizeName, resolve
from isoclr.simulation.write import (
    Causes,
    Truth,
    gene_ids,
    gene_table,
    genome_name,
    half_lives,
    homologene,
    inputs,
    labels,
    write_species,
)

TRUTH = "truth.parquet"


@dataclass(frozen=True)
class SimulatedData:
    """A simulated world on disk.

    Attributes:
        path: the directory.
        species: names of the species.
    """

    path: Path
    species: tuple[str, ...]

    @property
    def inputs(self) -> Path:
        """What ``isoclr build`` takes."""
        return self.path / "inputs.toml"

    def labels(self, species: str) -> Path:
        """Half-lives of the coding genes of a species: ``gene_id, half_life, fold``."""
        return self.path / "labels" / f"half_life_{species}.tsv"

    def truth(self) -> pl.DataFrame:
        """One row a transcript: exons, CDS, gene set, SHA-256 of the sequence, motif copies."""
        return pl.read_parquet(self.path / TRUTH)

    def gene_truth(self) -> pl.DataFrame:
        """One row a coding gene: what sets its half-life, the half-life without noise and with it."""
        return pl.read_parquet(self.path / "genes.parquet")

    def summary(self) -> list[tuple[str, int, int, int, int, int]]:
        """Of each species: name, genes, gene sets, transcripts, coding transcripts, nt of mature RNA."""
        table = self.truth().group_by("species", maintain_order=True)
        return table.agg(
            pl.col("gene_id").n_unique(),
            pl.col("gene_set").n_unique(),
            pl.len(),
            (pl.col("cds_start") >= 0).sum(),
            pl.col("length").sum().alias("nt"),
        ).rows()

    def print(self) -> None:
        """Print what was generated and the next command."""
        columns = ("species", "genes", "gene sets", "transcripts", "coding", "mature nt")
        table(str(self.path), columns, self.summary())
        info(f"next: isoclr build --out CORPUS {self.inputs}")


def simulate(
    *,
    out: Path = Path("world"),
    size: SizeName = "small",
    species: int | None = None,
    genes: int | None = None,
    seed: int = 0,
    overwrite: bool = False,
) -> SimulatedData:
    """Make a world of species whose truth is known, to try everything on.

    Gene families descend from common ancestors: orthologs in every species, paralogs within. Coding sequences drift by
    synonymous codons, UTRs faster, motifs of the 3' UTR are kept. Alternative splicing gives each gene one to dozens of
    isoforms. Half-lives follow from codon optimality, 3' UTR motifs and exon junctions, with noise (R² at most
    0.75). Everything is written as the real thing is: a genome FASTA and a GENCODE-style GTF for each species, a
    HomoloGene file, gene-id tables, labels, and `inputs.toml`, which `isoclr build` takes as it is; the truth goes
    to `truth.parquet` (transcripts) and `genes.parquet` (half-lives). The same options give the same bytes.

    Args:
        out: directory to make.
        size: tiny and small take seconds; medium is four species of 4,000 genes; gencode is one species with as many
            genes, transcripts and GTF lines as GENCODE human, and a genome of 1 Gb.
        species: number of species, instead of the size's.
        genes: genes of each species, instead of the size's.
        seed: of all chance.
        overwrite: replace a world that is there; nothing else is ever replaced.

    Raises:
        InputError: the directory exists (and is no world, or may not be overwritten), or an option is out of range.
    """
    shape = resolve(size, species, genes)
    if seed < 0:
        raise InputError(f"--seed {seed}: expected 0 or more")
    _check_target(Path(out), overwrite)
    plan = families.plan(shape, seed)
    named = tuple(names_species(s) for s in range(shape.species))
    known, causes = Truth(), []
    with atomic_directory(Path(out), overwrite=overwrite) as folder, console_progress() as progress:
        for name, genome in zip(named, plan, strict=True):
            (folder / name).mkdir()
            task = progress.add_task(f"simulate {name}", total=len(genome))
            advance = functools.partial(progress.advance, task)
            causes.append(write_species(shape, seed, genome, folder / name, known, advance))
        _write_tables(plan, genome_name(shape), folder)
        _write_labels(plan, causes, seed, folder)
        known.table().write_parquet(folder / TRUTH, compression="zstd")
    return SimulatedData(Path(out), named)


def _check_target(out: Path, overwrite: bool) -> None:
    if overwrite and out.is_dir() and any(out.iterdir()) and not (out / TRUTH).is_file():
        raise InputError(f"{out}: not a simulated world, --overwrite replaces nothing else")


def _write_tables(plan: list[list[Member]], genome_file: str, folder: Path) -> None:
    (folder / "ids").mkdir()
    for genome in plan:
        gene_ids(genome, folder / "ids" / f"{names_species(genome[0].species)}.tsv")
    homologene(plan, folder / "homologene.data")
    inputs([names_species(s) for s in range(len(plan))], genome_file, folder / "inputs.toml")


def _write_labels(
    plan: list[list[Member]], causes: list[list[Causes]], seed: int, folder: Path
) -> None:
    (folder / "labels").mkdir()
    known = []
    for number, (genome, why) in enumerate(zip(plan, causes, strict=True)):
        coding = [member for member in genome if member.coding]
        true, measured = half_lives(why, chance(seed, Chance.NOISE, number))
        path = folder / "labels" / f"half_life_{names_species(number)}.tsv"
        labels(coding, measured, path)
        known.append(gene_table(coding, why, true, measured))
    pl.concat(known).write_parquet(folder / "genes.parquet", compression="zstd")
