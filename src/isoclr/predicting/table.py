"""Predictions as a table: Parquet, TSV or CSV."""

from pathlib import Path

import polars as pl

from isoclr.embedding import Embeddings
from isoclr.errors import InputError
from isoclr.files import atomic_path, check_place
from isoclr.predicting.head import Head

FORMATS = (".parquet", ".tsv", ".csv")
FIELDS = ("value", "lower", "upper", "extrapolating")
DIGITS = 6
"""Significant digits in text: more would only be rounding of the embedding."""


def check_output(path: Path, *, overwrite: bool) -> None:
    """Refuse an output at once that could not be written in the end.

    Raises:
        InputError: an unknown extension, a file that exists, or a folder that cannot be written to.
    """
    if path.suffix not in FORMATS:
        raise InputError(
            f"{path}: unknown format, expected a name that ends in {', '.join(FORMATS)}"
        )
    if path.is_dir() or (path.exists() and not overwrite):
        raise InputError(f"{path}: exists already; choose another name or --overwrite it")
    check_place(path)


def columns_of(head: Head, target: str) -> dict[str, str]:
    """Names of a label's columns: ``value``, or ``half_life_value`` when the head has several labels."""
    prefix = f"{target}_" if len(head.targets) > 1 else ""
    return {field: prefix + field for field in FIELDS}


def predicted(head: Head, block: Embeddings, coverage: float | None) -> pl.DataFrame:
    """One row an RNA: ``transcript_id, gene_id, species, length`` and every label's columns."""
    lengths = block.table["length"].to_numpy()
    coding = (block.table["cds_length"] > 0).to_numpy()
    annotated = (block.table["cds_source"] == "annotated").to_numpy()
    found = block.table.select("transcript_id", "gene_id", "species", "length")
    for target in head.targets:
        told = head.predict(
            block.matrix,
            target=target.name,
            coverage=coverage,
            lengths=lengths,
            coding=coding,
            annotated=annotated,
        )
        names = columns_of(head, target.name)
        found = found.with_columns(
            pl.Series(names[field], getattr(told, field), nan_to_null=True) for field in FIELDS
        )
    return found


def write(table: pl.DataFrame, path: Path) -> None:
    """Write by the extension; the file appears when it is whole."""
    with atomic_path(path) as partial:
        if path.suffix == ".parquet":
            table.write_parquet(partial)
        else:
            rounded = table.with_columns(pl.col(pl.Float64).round_sig_figs(DIGITS))
            rounded.write_csv(partial, separator="\t" if path.suffix == ".tsv" else ",")
