"""What RNAs of a map are coloured by: a column of what is known of them, or a user's table."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from isoclr.accessions import without_versions
from isoclr.errors import InputError
from isoclr.tasks.labels import FOLD, ID_COLUMNS, NOT_MEASURED, read_labels

Kind = Literal["quantity", "class"]
SKEWED = ("length", "cds_length", "n_exons")
"""Columns that a map shows on a logarithmic scale."""
MOST_CLASSES, MOST_TERMS = 7, 3
"""Classes that get a colour, the most common ones; of terms, of which an RNA may have several, the paper's three."""


@dataclass(frozen=True)
class Colour:
    """One colouring of a map.

    Attributes:
        name: of the column in the map's table.
        kind: numbers, or names of classes.
        values: one an RNA, Float64 or String; null where nothing is known, or where an RNA has none or
            several of the classes.
        skewed: numbers that are best seen on a logarithmic scale.
    """

    name: str
    kind: Kind
    values: pl.Series
    skewed: bool = False

    @property
    def classes(self) -> list[str]:
        """The classes, the most common first."""
        return _by_frequency(self.values)


def colour(wanted: str, table: pl.DataFrame) -> Colour:
    """A colouring by its name.

    Args:
        wanted: a column of the table, or a file of labels or classes, ``FILE`` or ``FILE:COLUMN``.
        table: what is known of the RNAs, ``transcript_id`` and ``gene_id`` among it.

    Raises:
        InputError: no such column or file, or a file that names none of the RNAs.
    """
    if wanted in table.columns:
        return _of_column(wanted, table[wanted])
    name, column = wanted, None
    if not Path(wanted).exists() and ":" in wanted:
        name, _, column = wanted.rpartition(":")
    path = Path(name)
    if not path.is_file():
        known = ", ".join(one for one in table.columns if one not in ID_COLUMNS)
        raise InputError(f"{wanted}: no such file, and no column; the columns are {known}")
    return _of_file(path, column, table)


def _of_column(name: str, values: pl.Series) -> Colour:
    if values.dtype.is_numeric():
        return Colour(name, "quantity", values.cast(pl.Float64), skewed=name in SKEWED)
    text = values.cast(pl.String)
    return Colour(name, "class", _most_common(text.replace("", None), MOST_CLASSES))


def _of_file(path: Path, column: str | None, table: pl.DataFrame) -> Colour:
    raw = _read(path)
    id_column = next((name for name in ID_COLUMNS if name in raw.columns), None)
    if id_column is None:
        raise InputError(
            f"{path}: columns are {', '.join(raw.columns)}; expected one named transcript_id or gene_id"
        )
    others = [name for name in raw.columns if name not in (*ID_COLUMNS, FOLD)]
    if column is None and len(others) == 1:
        column = others[0]
    if column is not None and column not in raw.columns:
        raise InputError(f"{path}: no column {column!r}; the columns are {', '.join(raw.columns)}")
    level = ID_COLUMNS[id_column]
    keys = table.select(key=without_versions(pl.col(level)))
    if column is None or _is_numeric(raw[column]):
        labels = read_labels(path, column)
        found = labels.table.select(without_versions(pl.col("id")).alias("key"), "value")
        joined = keys.join(found, on="key", how="left", maintain_order="left")
        named = Colour(labels.name, "quantity", joined["value"].alias(labels.name))
    else:
        terms = raw.select(without_versions(pl.col(id_column)).alias("key"), value=pl.col(column))
        named = Colour(column, "class", _classes(keys, terms.drop_nulls()).alias(column))
    if named.values.null_count() == len(named.values):
        raise InputError(
            f"{path}: names none of the {table.height:,} RNAs by {level} ({table[level][0]}, …)"
        )
    return named


def _read(path: Path) -> pl.DataFrame:
    suffixes = path.name.removesuffix(".gz").lower()
    try:
        if suffixes.endswith(".parquet"):
            return pl.read_parquet(path).select(pl.all().cast(pl.String))
        separator = "," if suffixes.endswith(".csv") else "\t"
        return pl.read_csv(path, separator=separator, infer_schema=False, null_values=NOT_MEASURED)
    except (pl.exceptions.PolarsError, OSError, EOFError) as error:
        first = str(error).splitlines()[0]
        raise InputError(f"{path}: not a TSV, CSV or Parquet table ({first})") from None


def _is_numeric(text: pl.Series) -> bool:
    return text.cast(pl.Float64, strict=False).null_count() == text.null_count()


def _classes(keys: pl.DataFrame, terms: pl.DataFrame) -> pl.Series:
    """The class of every RNA; where an id may stand on several lines, the one of the most common classes it has."""
    several = not terms["key"].is_unique().all()
    named = keys.with_row_index("row").join(terms.unique(), on="key", how="inner")
    most = MOST_TERMS if several else MOST_CLASSES
    kept = named.with_columns(_most_common(named["value"], most)).drop_nulls("value")
    single = kept.filter(pl.col("row").is_unique()).select("row", "value")
    return keys.with_row_index("row").join(single, on="row", how="left", maintain_order="left")[
        "value"
    ]


def _most_common(values: pl.Series, most: int) -> pl.Series:
    """Null for all but the most common classes."""
    kept = pl.Series(_by_frequency(values)[:most], dtype=pl.String)
    return values.set(~values.is_in(kept.implode()), None)


def _by_frequency(values: pl.Series) -> list[str]:
    """The classes, the most common first, equally common ones by name."""
    counts = values.drop_nulls().alias("class").value_counts(name="count")
    return counts.sort(["count", "class"], descending=[True, False])["class"].to_list()
