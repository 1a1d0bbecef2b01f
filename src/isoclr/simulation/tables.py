"""The small files of a world: HomoloGene groups, gene-id tables, labels, and the build's input list."""

from collections.abc import Sequence
from pathlib import Path

from isoclr.simulation import names
from isoclr.simulation.families import Member
from isoclr.simulation.stability import FOLDS, Floats


def homologene(genomes: Sequence[Sequence[Member]], path: Path) -> None:
    """NCBI's six columns: group, taxon, gene id, symbol, protein gi, protein accession (blank)."""
    known = sorted(
        (member.family, member.species, member.number, member)
        for genome in genomes
        for member in genome
        if member.known
    )
    rows = (
        f"{m.family + 1}\t{names.taxon(m.species)}\t{names.entrez(m)}\t{names.symbol(m)}\t\t\n"
        for *_, m in known
    )
    path.write_text("".join(rows))


def gene_ids(genome: Sequence[Member], path: Path) -> None:
    """What joins an annotation's gene ids to NCBI's: Ensembl-like id, NCBI-Gene-like id, symbol, biotype."""
    rows = (
        f"{names.gene(m).partition('.')[0]}\t{names.entrez(m)}\t{names.symbol(m)}\t"
        f"{'protein_coding' if m.coding else 'lncRNA'}\n"
        for m in genome
    )
    path.write_text("ensembl_gene_id\tentrez_gene_id\tsymbol\tbiotype\n" + "".join(rows))


def labels(genes: Sequence[Member], half_life: Floats, path: Path) -> None:
    """Gene id (no version), z-scored half-life and cross-validation fold; a family shares its fold."""
    rows = (
        f"{names.gene(m).partition('.')[0]}\t{value:.6f}\t{m.family % FOLDS}\n"
        for m, value in zip(genes, half_life, strict=True)
    )
    path.write_text("gene_id\thalf_life\tfold\n" + "".join(rows))


def inputs(species: Sequence[str], genome: str, path: Path) -> None:
    """The TOML file that ``isoclr build`` takes; its paths are relative to it."""
    ids = ", ".join(f'{name} = "ids/{name}.tsv"' for name in species)
    lines = ['homology = "homologene.data"', f"gene_ids = {{ {ids} }}"]
    for name in species:
        lines += [
            "",
            "[[input]]",
            f'species = "{name}"',
            f'genome = "{name}/{genome}"',
            f'annotation = "{name}/annotation.gtf.gz"',
        ]
    path.write_text("\n".join(lines) + "\n")
