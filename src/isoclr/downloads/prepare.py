"""Input list, gene-id tables and label tables from downloaded files."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from isoclr._io import atomic_path, write_table
from isoclr.downloads.catalog import Entry
from isoclr.errors import InputError
from isoclr.genomics.species import taxid_of

INPUTS = "inputs.toml"
ENSEMBL_SPECIES = ("human", "mouse")
"""The others have RefSeq annotations, whose gene ids are symbols."""


def prepare(folder: Path, catalog: Sequence[Entry]) -> None:
    """Write ``ids/SPECIES.tsv``, ``labels/half_life_SPECIES.tsv`` and ``inputs.toml`` from the files that are there."""
    files = {entry.name: folder / entry.file for entry in catalog if (folder / entry.file).exists()}
    for name, path in files.items():
        if name == "ids/gene2ensembl":
            _write_gene_ids(path, folder / "ids")
        if name.startswith("labels/half_life_"):
            _write_half_lives(path, folder / f"{name}.tsv")
    _write_inputs(folder, files)


def _write_gene_ids(source: Path, folder: Path) -> None:
    """Ensembl and NCBI gene ids of each species, from NCBI's gene2ensembl."""
    columns = {"#tax_id": pl.Int64, "GeneID": pl.Int64, "Ensembl_gene_identifier": pl.String}
    table = _read(source, columns)
    for species in ENSEMBL_SPECIES:
        rows = table.filter(pl.col("#tax_id") == taxid_of(species)).select(
            ensembl_gene_id="Ensembl_gene_identifier", entrez_gene_id="GeneID"
        )
        write_table(rows.unique(maintain_order=True), folder / f"{species}.tsv")


def _write_half_lives(source: Path, target: Path) -> None:
    """Gene id and z-scored half-life: the first principal component of many experiments."""
    value = f"{target.stem.rpartition('_')[2]}_PC1"
    table = _read(source, {"ensembl_gene_id": pl.String, value: pl.Float64})
    half_life = (pl.col(value) - pl.col(value).mean()) / pl.col(value).std()
    with atomic_path(target) as partial:
        table = table.select(gene_id="ensembl_gene_id", half_life=half_life)
        table.write_csv(partial, separator="\t")


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


def _write_inputs(folder: Path, files: dict[str, Path]) -> None:
    """``inputs.toml`` for ``isoclr build``: every species with annotation and genome."""

    def setting(key: str, name: str) -> str:
        return f'{key} = "{files[name].relative_to(folder)}"'

    species = [name.partition("/")[0] for name in files if name.endswith("/genome")]
    species = [name for name in species if f"{name}/annotation" in files]
    if not species:
        return
    lines = []
    homology = ("homology/homologene", "homology/gene_orthologs")
    if available := [name for name in homology if name in files]:
        lines.append(setting("homology", available[0]))
        ids = [name for name in species if (folder / "ids" / f"{name}.tsv").exists()]
        if ids:
            tables = ", ".join(f'{name} = "ids/{name}.tsv"' for name in ids)
            lines.append(f"gene_ids = {{ {tables} }}")
    for name in species:
        lines += ["", "[[input]]", f'species = "{name}"']
        lines += [setting(key, f"{name}/{key}") for key in ("genome", "annotation")]
    with atomic_path(folder / INPUTS) as partial:
        partial.write_text("\n".join(lines) + "\n")
