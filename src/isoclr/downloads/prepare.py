"""From what was downloaded to what the other stages take: input list, gene-id tables, label tables."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from isoclr._io import atomic_path
from isoclr.downloads.catalog import Entry
from isoclr.errors import InputError
from isoclr.genomics.species import taxid_of

INPUTS = "inputs.toml"
_ENSEMBL_SPECIES = ("human", "mouse")  # GENCODE's gene ids are Ensembl's; RefSeq's are symbols


def prepare(folder: Path, catalog: Sequence[Entry]) -> None:
    """Write ``ids/SPECIES.tsv``, ``labels/half_life_SPECIES.tsv`` and ``inputs.toml`` from the files that are there.

    Raises:
        InputError: a downloaded table without the columns it should have.
    """
    here = {entry.name: folder / entry.file for entry in catalog if (folder / entry.file).exists()}
    if "ids/gene2ensembl" in here:
        _gene_ids(here["ids/gene2ensembl"], folder / "ids")
    for name, path in here.items():
        if name.startswith("labels/half_life_"):
            _labels(path, folder / "labels" / f"{name.partition('/')[2]}.tsv")
    _inputs(folder, here)


def _gene_ids(source: Path, folder: Path) -> None:
    """NCBI's gene2ensembl, cut to one table a species: Ensembl id, NCBI gene id."""
    wanted = {taxid_of(species): species for species in _ENSEMBL_SPECIES}
    columns = {"#tax_id": pl.Int64, "GeneID": pl.Int64, "Ensembl_gene_identifier": pl.String}
    table = _read(source, columns).filter(pl.col("#tax_id").is_in(list(wanted)))
    for taxid, species in wanted.items():
        rows = table.filter(pl.col("#tax_id") == taxid).select(
            ensembl_gene_id="Ensembl_gene_identifier", entrez_gene_id="GeneID"
        )
        with atomic_path(folder / f"{species}.tsv") as partial:
            rows.unique(maintain_order=True).write_csv(partial, separator="\t")


def _labels(source: Path, target: Path) -> None:
    """Gene id and z-scored half-life: the first principal component of many half-life experiments."""
    value = f"{target.stem.rpartition('_')[2]}_PC1"
    table = _read(source, {"ensembl_gene_id": pl.String, value: pl.Float64})
    half_life = (pl.col(value) - pl.col(value).mean()) / pl.col(value).std()
    with atomic_path(target) as partial:
        table.select(gene_id="ensembl_gene_id", half_life=half_life).write_csv(
            partial, separator="\t"
        )


def _read(source: Path, columns: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    try:
        return pl.read_csv(
            source,
            separator="\t",
            columns=list(columns),
            schema_overrides=columns,
            quote_char=None,
            null_values=["NA", "-"],
        )
    except pl.exceptions.PolarsError as error:
        raise InputError(
            f"{source}: cannot be read as a table with the columns {', '.join(columns)}: {error}"
        ) from error


def _inputs(folder: Path, here: dict[str, Path]) -> None:
    """The TOML file for ``isoclr build``: every species of which annotation and genome are there."""
    species = [name.partition("/")[0] for name in here if name.endswith("/genome")]
    whole = [name for name in species if f"{name}/annotation" in here]
    if not whole:
        return
    homology = next(
        (
            here[f"homology/{name}"]
            for name in ("homologene", "gene_orthologs")
            if f"homology/{name}" in here
        ),
        None,
    )
    lines = [f'homology = "{homology.relative_to(folder)}"'] if homology else []
    ids = [name for name in whole if (folder / "ids" / f"{name}.tsv").exists()]
    if homology and ids:
        lines.append(
            "gene_ids = { " + ", ".join(f'{name} = "ids/{name}.tsv"' for name in ids) + " }"
        )
    for name in whole:
        lines += ["", "[[input]]", f'species = "{name}"']
        lines += [
            f'{what} = "{here[f"{name}/{what}"].relative_to(folder)}"'
            for what in ("genome", "annotation")
        ]
    with atomic_path(folder / INPUTS) as partial:
        partial.write_text("\n".join(lines) + "\n")
