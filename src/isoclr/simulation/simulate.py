"""``isoclr simulate``: a synthetic data set of several species with known ground truth."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from isoclr._console import info, progress
from isoclr._io import atomic_directory, check_directory
from isoclr._report import Report, Row, Table
from isoclr.errors import InputError
from isoclr.simulation.families import Purpose, keyed_rng, plan_genomes
from isoclr.simulation.genes import SizeName, resolve_size
from isoclr.simulation.write import (
    genome_name,
    write_gene_ids,
    write_homologene,
    write_inputs,
    write_labels,
    write_species,
)

FILES = (
    "truth.parquet",
    "genes.parquet",
    "homologene.data",
    "inputs.toml",
    "ids/*.tsv",
    "labels/half_life_*.tsv",
    "*/annotation.gtf.gz",
    "*/genome.fa",
    "*/genome.fa.gz",
)
"""Patterns of all files of a simulated data set."""


@dataclass(frozen=True)
class SimulatedData(Report):
    """A simulated data set on disk."""

    path: Path
    species: tuple[str, ...]  # Names of the species

    @property
    def inputs(self) -> Path:
        """TOML file for ``isoclr build``."""
        return self.path / "inputs.toml"

    def labels(self, species: str) -> Path:
        """Half-lives of the coding genes of a species: ``gene_id, half_life, fold``."""
        return self.path / "labels" / f"half_life_{species}.tsv"

    def truth(self) -> pl.DataFrame:
        """One row per transcript, see :func:`isoclr.simulation.write.truth_rows`."""
        return pl.read_parquet(self.path / "truth.parquet")

    def rows(self) -> list[Row]:
        """Tidy records: one per species."""
        table = self.truth().group_by("species", maintain_order=True)
        return table.agg(
            pl.col("gene_id").n_unique().alias("genes"),
            pl.col("gene_set").n_unique().alias("gene sets"),
            pl.len().alias("transcripts"),
            (pl.col("cds_start") >= 0).sum().alias("coding"),
            pl.col("length").sum().alias("mature nt"),
        ).to_dicts()

    def tables(self) -> Iterator[Table]:
        """The same as a table."""
        rows = self.rows()
        yield Table(str(self.path), list(rows[0]), [list(row.values()) for row in rows])

    def print(self) -> None:
        """Print the table and the next command."""
        super().print()
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
    """Generate a synthetic data set of several species with known ground truth, to try everything on.

    Gene families descend from common ancestors, with orthologs and paralogs. Coding sequences drift by synonymous
    codons, UTRs change faster, and motifs of the 3' UTR are conserved. Alternative splicing gives each gene one to
    dozens of isoforms. Half-lives depend on codon optimality, 3' UTR motifs and exon junctions, with noise (R² at most
    0.75). The files are in the formats of real data: a genome FASTA and a GENCODE-style GTF per species, a HomoloGene
    file, gene-id tables, labels, and `inputs.toml` for `isoclr build`. The truth is in `truth.parquet` (transcripts)
    and `genes.parquet` (half-lives). The same options give the same bytes.

    Args:
        out: New directory for the data set.
        size: Size of the data set. tiny and small take seconds, medium has four species of 4,000 genes, gencode has one
            species with the numbers of genes, transcripts and GTF lines of GENCODE human, and a genome of 1 Gb.
        species: Number of species; the default depends on the size.
        genes: Number of genes per species; the default depends on the size.
        seed: Random seed.
        overwrite: Replace an existing data set.

    Raises:
        InputError: The directory exists and is not to be overwritten, or an option is out of range.
    """
    resolved = resolve_size(size, species, genes)
    if seed < 0:
        raise InputError(f"--seed is {seed}, expected at least 0")
    out = Path(out)
    check_directory(out, overwrite=overwrite, contents=FILES)
    truth: list[pl.DataFrame] = []
    tables = []
    genomes = plan_genomes(resolved, seed)
    names = tuple(genome[0].species_name for genome in genomes)
    with atomic_directory(out, overwrite=overwrite, contents=FILES) as folder, progress() as bar:
        for name in ("ids", "labels", *names):
            (folder / name).mkdir()
        for number, (name, genome) in enumerate(zip(names, genomes, strict=True)):
            advance = functools.partial(bar.advance, bar.add_task(f"simulate {name}", total=len(genome)))
            parts, coding = write_species(resolved, seed, genome, folder / name, advance)
            truth += parts
            write_gene_ids(genome, folder / "ids" / f"{name}.tsv")
            labels = folder / "labels" / f"half_life_{name}.tsv"
            tables.append(write_labels(coding, keyed_rng(seed, Purpose.NOISE, number), labels))
        write_homologene(genomes, folder / "homologene.data")
        write_inputs(names, genome_name(resolved), folder / "inputs.toml")
        pl.concat(truth, rechunk=True).write_parquet(folder / "truth.parquet", compression="zstd")
        pl.concat(tables).write_parquet(folder / "genes.parquet", compression="zstd")
    return SimulatedData(out, names)
