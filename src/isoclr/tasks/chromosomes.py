"""On which chromosome a gene lies, for splits that keep whole chromosomes on one side."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.accessions import without_versions
from isoclr.annotations import read_annotation
from isoclr.errors import InputError
from isoclr.tasks.labels import ID_COLUMNS, read_text_table
from isoclr.tasks.samples import Samples

NAMES = ("chromosome", "chrom", "chr", "chromosome_name", "seqname")
TABLES = (".tsv", ".csv", ".parquet")


@dataclass(frozen=True)
class Chromosomes:
    """Chromosomes of the samples of a task.

    Attributes:
        groups: ``(n,)`` ``species|chromosome`` without ``chr``; empty where it is not known.
        unknown: how many samples have none.
        several: how many ids the files put on more than one; the first one is taken.
    """

    groups: NDArray[np.str_]
    unknown: int
    several: int


def locate(samples: Samples, files: Sequence[Path]) -> Chromosomes:
    """The chromosome of every sample: from the label table's own column, else from files.

    A file is an annotation (GTF, GFF3, genePred, BED12) or a table (TSV, CSV, Parquet) with a gene or transcript id and
    a column ``chromosome``. A sample is looked up by its transcript first, then by its gene, without versions. ``chr1``
    and ``1`` are the same chromosome.

    Args:
        samples: the labelled RNAs.
        files: where the genes lie; may be empty when the label table says it.

    Raises:
        InputError: a file that says nothing of chromosomes, or no sample has one.
    """
    known = _read(files)
    several = known.height - known["key"].n_unique()
    known = known.unique("key", keep="first", maintain_order=True)
    table = samples.table.select("species", "chromosome", "transcript_id", "gene_id")
    for column in ("transcript_id", "gene_id"):
        found = table.select(key=without_versions(pl.col(column))).join(
            known, on="key", how="left", maintain_order="left"
        )
        table = table.with_columns(chromosome=pl.coalesce("chromosome", found["found"]))
    name = _plain(pl.col("chromosome"))
    groups = table.select(pl.col("species") + "|" + name).to_series().fill_null("")
    unknown = int((groups == "").sum())
    if unknown == len(samples):
        where = ", ".join(map(str, files)) or "the label table, which has no column chromosome"
        raise InputError(
            f"{where}: no chromosome of any of the {unknown:,} labelled RNAs "
            f"({table['transcript_id'][0]}, …); expected an annotation or a table with their ids"
        )
    return Chromosomes(groups.to_numpy().astype(np.str_), unknown, several)


def _read(files: Sequence[Path]) -> pl.DataFrame:
    """``key`` (a transcript or gene id without version) and ``found``, a row for every pair."""
    empty = pl.DataFrame(schema={"key": pl.String, "found": pl.String})
    return pl.concat([empty, *(_pairs(Path(path)) for path in files)]).unique(maintain_order=True)


def _pairs(path: Path) -> pl.DataFrame:
    if path.name.lower().removesuffix(".gz").endswith(TABLES):
        return _of_table(path)
    table = read_annotation(path).table
    if table["chrom"].null_count() == table.height:
        raise InputError(f"{path}: says of no transcript where it lies, expected chromosomes")
    return _long(table, ["transcript_id", "gene_id"], "chrom")


def _of_table(path: Path) -> pl.DataFrame:
    raw = read_text_table(path)
    ids = [name for name in ID_COLUMNS if name in raw.columns]
    column = next((name for name in NAMES if name in raw.columns), None)
    if not ids or column is None:
        raise InputError(
            f"{path}: columns are {', '.join(raw.columns)}; expected gene_id or transcript_id, and chromosome"
        )
    return _long(raw, ids, column)


def _long(table: pl.DataFrame, ids: Sequence[str], chromosome: str) -> pl.DataFrame:
    columns = [
        table.select(key=without_versions(pl.col(name)), found=_plain(pl.col(chromosome)))
        for name in ids
    ]
    return pl.concat(columns).drop_nulls().filter(pl.col("key") != "").unique(maintain_order=True)


def _plain(name: pl.Expr) -> pl.Expr:
    """``chr1`` → ``1``, ``chrM`` → ``MT``."""
    return name.str.strip_chars().str.replace("^(?i)chr", "").str.replace("^M$", "MT")
