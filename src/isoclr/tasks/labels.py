"""Tables of measured labels: one number a gene or transcript (half-life, translation efficiency, …)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from isoclr.accessions import without_versions
from isoclr.errors import InputError

ID_COLUMNS: dict[str, Literal["transcript_id", "gene_id"]] = {
    "transcript_id": "transcript_id",
    "ensembl_transcript_id": "transcript_id",
    "transcript": "transcript_id",
    "gene_id": "gene_id",
    "ensembl_gene_id": "gene_id",
    "gene": "gene_id",
}
"""Names of the id column, in order of preference, and what the ids name."""

NOT_MEASURED = ["", "NA", "N/A", "nan", "NaN", "null", "None"]
FOLD = "fold"
CHROMOSOME = "chromosome"
LARGEST = 1e100
"""A larger value is no measurement, and its square no number."""


@dataclass(frozen=True)
class Labels:
    """One measured label.

    Attributes:
        path: the file it came from.
        name: the label's column.
        level: whether the ids name genes or transcripts.
        table: ``line`` (Int64, of the file), ``id`` (String, as written), ``value`` (Float64), ``fold`` and
            ``chromosome`` (String, null when the file has none).
        missing: number of rows without a value; they are not in the table.
    """

    path: Path
    name: str
    level: Literal["transcript_id", "gene_id"]
    table: pl.DataFrame
    missing: int

    @property
    def binary(self) -> bool:
        """Whether the label takes two values only (a class, not a quantity)."""
        return self.table["value"].n_unique() == 2

    @property
    def has_folds(self) -> bool:
        """Whether the file deals its rows to cross-validation folds."""
        return self.table["fold"].null_count() < self.table.height


def read_labels(
    path: Path,
    label: str | None = None,
    columns: Mapping[str, str] | None = None,
    *,
    raw: pl.DataFrame | None = None,
) -> Labels:
    """Read a label table: TSV, CSV (plain or gz) or Parquet.

    Args:
        path: the table; a column ``transcript_id`` or ``gene_id`` names the RNAs, numeric columns are labels, a
            column ``fold`` deals the rows to cross-validation folds, a column ``chromosome`` says where the gene
            lies. When both id columns are there, a row is a transcript's.
        label: the label's column; needed when several columns are numeric.
        columns: for a table with other names: ``gene_id``, ``transcript_id``, ``fold`` or ``chromosome`` → the name of
            that column in the file.
        raw: the table's rows as text when they have been read already (see :func:`read_text_table`).

    Raises:
        InputError: no id column, no or several numeric columns, a value that is no number, an id given twice.
    """
    path = Path(path)
    columns = columns or {}
    raw = _renamed(path, read_text_table(path) if raw is None else raw, columns)
    named = [name for name in ID_COLUMNS if name in columns] or raw.columns
    id_column = next((name for name in ID_COLUMNS if name in named), None)
    if id_column is None:
        raise InputError(
            f"{path}: columns are {', '.join(raw.columns)}; expected one named transcript_id or gene_id"
        )
    name = label if label is not None else _only_label(path, raw, id_column)
    if name not in raw.columns:
        raise InputError(f"{path}: no column {name!r}; the columns are {', '.join(raw.columns)}")
    table = raw.select(
        line=pl.int_range(2, pl.len() + 2),
        id=pl.col(id_column).str.strip_chars(),
        value=_numbers(path, raw, name),
        fold=_text(raw, FOLD),
        chromosome=_text(raw, CHROMOSOME),
    )
    measured = table.drop_nulls("value")
    _check(path, measured, name)
    return Labels(path, name, ID_COLUMNS[id_column], measured, table.height - measured.height)


def read_text_table(path: Path) -> pl.DataFrame:
    """A table as text, null where nothing was measured; its first row is the file's line 2.

    Raises:
        InputError: no such file, or not a table.
    """
    if not path.is_file():
        found = "is a directory" if path.is_dir() else "no such file"
        raise InputError(f"{path}: {found}; expected a label table (TSV, CSV or Parquet)")
    suffixes = path.name.removesuffix(".gz").lower()
    try:
        if suffixes.endswith(".parquet"):
            return pl.read_parquet(path).select(pl.all().cast(pl.String))
        return pl.read_csv(
            path,
            separator="," if suffixes.endswith(".csv") else "\t",
            infer_schema=False,
            null_values=NOT_MEASURED,
        )
    except (pl.exceptions.PolarsError, OSError, EOFError) as error:
        first = str(error).splitlines()[0]
        raise InputError(f"{path}: not a TSV, CSV or Parquet table ({first})") from None


def _renamed(path: Path, raw: pl.DataFrame, columns: Mapping[str, str]) -> pl.DataFrame:
    """The table with our names for the columns that the file calls something else."""
    for written in columns.values():
        if written not in raw.columns:
            raise InputError(
                f"{path}: no column {written!r}; the columns are {', '.join(raw.columns)}"
            )
    shadowed = [name for name in columns if name in raw.columns and columns[name] != name]
    return raw.drop(shadowed).rename({written: name for name, written in columns.items()})


def _text(raw: pl.DataFrame, column: str) -> pl.Expr:
    return pl.col(column).str.strip_chars() if column in raw.columns else pl.lit(None, pl.String)


def _only_label(path: Path, raw: pl.DataFrame, id_column: str) -> str:
    """The only numeric column."""
    others = [c for c in raw.columns if c not in (*ID_COLUMNS, id_column, FOLD, CHROMOSOME)]
    numeric = [
        c
        for c in others
        if raw[c].null_count() < raw.height
        and raw[c].cast(pl.Float64, strict=False).null_count() == raw[c].null_count()
    ]
    if len(numeric) == 1:
        return numeric[0]
    if not numeric and len(others) == 1:
        return others[0]  # its first bad value is named in the error to come
    found = f"the numeric columns are {', '.join(numeric)}" if numeric else "no column is numeric"
    raise InputError(f"{path}: {found}; expected one label, or the name of one")


def _numbers(path: Path, raw: pl.DataFrame, name: str) -> pl.Series:
    """The label column as finite numbers; null where nothing was measured."""
    text = raw[name].str.strip_chars()
    values = text.cast(pl.Float64, strict=False)
    good = values.is_finite() & (values.abs() <= LARGEST)
    bad = (text.is_not_null() & ~good.fill_null(False)).arg_true()
    if len(bad):
        row = bad[0]
        raise InputError(
            f"{path}: line {row + 2}: {name} is {text[row]!r}, expected a finite number"
        )
    return values


def _check(path: Path, table: pl.DataFrame, name: str) -> None:
    """An id once, every row with an id, and something to learn from."""
    if table.height == 0:
        raise InputError(f"{path}: no row has a value in column {name!r}")
    if table["id"].null_count():
        line = table.filter(pl.col("id").is_null())["line"][0]
        raise InputError(f"{path}: line {line}: the id is empty, expected a gene or transcript id")
    keys = table.select(without_versions(pl.col("id")))["id"]
    if keys.n_unique() < len(keys):
        row = int(keys.is_first_distinct().not_().arg_true()[0])
        raise InputError(
            f"{path}: line {table['line'][row]}: {table['id'][row]} has a label already "
            f"(line {table['line'][int((keys == keys[row]).arg_true()[0])]}); expected one row an id"
        )
