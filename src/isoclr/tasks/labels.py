"""Label tables."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import polars as pl

from isoclr.errors import InputError
from isoclr.genomics.homology import read_gene_ids
from isoclr.genomics.species import without_versions
from isoclr.genomics.text import csv_fields, file_bytes

IdLevel = Literal["transcript_id", "gene_id", "symbol", "entrez_id"]
ID_NAMES: dict[IdLevel, str] = {
    "transcript_id": "transcript_id ensembl_transcript_id ensembl_transcript transcript_stable_id transcript refseq "
    "refseq_id refseq_mrna refseq_accession",
    "gene_id": "gene_id ensembl_gene_id ensembl_gene gene_stable_id ensembl_id ensgene gene",
    "symbol": "symbol gene_symbol hgnc_symbol mgi_symbol external_gene_name gene_name",
    "entrez_id": "entrez_id entrez_gene_id entrezgene_id entrezgene entrez ncbi_gene_id geneid",
}
"""What ids name → headers of their columns, in order of preference."""
ID_COLUMNS: dict[str, IdLevel] = {name: level for level, names in ID_NAMES.items() for name in names.split()}
"""Headers of an id column in lower case with ``_`` for spaces, hyphens and dots → what the ids name."""
RNA_COLUMNS: dict[IdLevel, str] = {
    "transcript_id": "transcript_id",
    "gene_id": "gene_id",
    "symbol": "gene_symbol",
    "entrez_id": "gene_id",  # in NCBI's files
}
"""What ids name → the column of a table of RNAs that has them."""

MISSING_VALUES = ("", "NA", "N/A", "n/a", "#N/A", "#NA", "<NA>", "nan", "NaN", "NaT", "null", "NULL", "None", ".", "-")
FOLD = "fold"
MEDIAN = "median"  # Name of the label that is a median over columns
CHROMOSOME = "chromosome"
LINE = "\tline"  # Name of a column of line numbers, where rows were merged; no header has a tab
LARGEST = 1e100  # Larger values are refused: they are no measurements, and their squares overflow
MAX_CLASSES = 20  # A text column with more different values is no label
OTHERS = {
    b"PK\x03\x04": "is a spreadsheet (.xlsx) or an archive (.npz)",
    b"\xd0\xcf\x11\xe0": "is a spreadsheet (.xls)",
    b"\x89HDF": "is an HDF5 file (.h5ad)",
}
"""Files that are taken for tables by mistake, by their first bytes."""


@dataclass(frozen=True)
class Labels:
    """One measured label."""

    path: Path  # The label table
    name: str  # The label's column
    level: IdLevel  # Whether the ids name transcripts or genes, or are gene symbols
    table: pl.DataFrame
    """``line`` (Int64, of the file), ``id`` (String, as written), ``value`` (Float64; the class number for a text
    label), ``fold`` and ``chromosome`` (String, null when the file has none)."""
    missing: int  # Number of rows without a value; they are not in the table
    classes: tuple[str, ...] = ()  # Classes of a text label, by their number; empty for a numeric label
    multilabel: bool = False
    """Whether an RNA can be in several classes; then the bits of a value are the classes, the first the highest."""

    @property
    def binary(self) -> bool:
        """Whether the label has exactly two values, so that it is a class and not a quantity."""
        return self.table["value"].n_unique() == 2

    @property
    def has_folds(self) -> bool:
        """Whether any row has a cross-validation fold."""
        return self.table["fold"].null_count() < self.table.height

    def require_folds(self) -> None:
        """Check that every row has a fold, as a cross-validation over the table's own folds needs."""
        if self.table["fold"].null_count():
            line = self.table.filter(pl.col("fold").is_null())["line"][0]
            problem = f"line {line} has no fold" if self.has_folds else "no column 'fold'"
            raise InputError(f"{self.path}: {problem}, which --split fold needs")

    def require_one_output(self) -> None:
        """Check that one number can stand for the label, as networks and the studies of an evaluation need."""
        if len(self.one_vs_rest()) > 1:
            raise InputError(
                f"{self.path}: {self.name} has {len(self.classes)} classes, expected numbers or two classes; "
                "`isoclr probe` and `isoclr fit` take more"
            )

    def one_vs_rest(self) -> list["Labels"]:
        """A label of three or more classes, or of several per RNA, as one binary label each; any other as it is."""
        value, last = pl.col("value"), len(self.classes) - 1
        if self.multilabel:
            members = [value // 2 ** (last - i) % 2 for i in range(last + 1)]
        elif last >= 2:
            members = [(value == i).cast(pl.Float64) for i in range(last + 1)]
        else:
            return [self]
        return [
            replace(
                self,
                name=name if self.multilabel else f"{self.name}={name}",
                table=self.table.with_columns(value=member),
                classes=("other", name),
                multilabel=False,
            )
            for name, member in zip(self.classes, members, strict=True)
        ]


def find_id_columns(columns: Sequence[str]) -> list[tuple[str, IdLevel]]:
    """Id columns among the headers of a table, in order of preference, and what their ids name.

    >>> find_id_columns(["score", "Ensembl Gene"])
    [('Ensembl Gene', 'gene_id')]
    """
    normalized = {re.sub(r"[ .-]", "_", one.strip().lower()): one for one in reversed(columns)}
    return [(normalized[name], level) for name, level in ID_COLUMNS.items() if name in normalized]


def read_labels(
    path: Any,
    label: str | None = None,
    columns: Mapping[str, str] | None = None,
    *,
    id_column: str | None = None,
    gene_ids: Path | None = None,
    raw: pl.DataFrame | None = None,
    digits: Sequence[str] = (),
) -> Labels:
    """Read a label table: TSV, CSV (plain or gz) or Parquet.

    Args:
        path: The table, or a polars or pandas data frame. A column such as ``transcript_id`` or ``gene_id`` (see
            :data:`ID_COLUMNS`) identifies the RNAs; of several, the first in that order is used. Columns ``fold`` and
            ``chromosome`` are used by splits.
        label: The label's column; needed when several columns could be it. A text column is a class.
        columns: Our name (``gene_id``, ``transcript_id``, ``fold``, ``chromosome``) → the name of the column in the
            file, where they differ.
        id_column: The id column, if it does not have one of the usual names.
        gene_ids: Table of gene id, Entrez id and symbol (see :func:`isoclr.genomics.homology.read_gene_ids`), by which
            symbols and Entrez numbers become gene ids.
        raw: The table as text, when it has been read already (see :func:`read_text_table`).
        digits: Classes of which an RNA can have several; the label's column holds a digit, 0 or 1, for each of them.
    """
    if not isinstance(path, str | Path):
        path, raw = Path("the data frame"), frame_as_text(path)
    path = Path(path)
    columns = columns or {}
    raw = _renamed(path, read_text_table(path) if raw is None else raw, columns)
    ids, level = _id_column(path, raw, columns, id_column)
    name = label if label is not None else _only_label(path, raw, ids)
    require_column(path, raw, name)
    values, classes = _digits(path, raw, name, digits) if digits else _values(path, raw, name)
    table = raw.select(
        line=pl.col(LINE) if LINE in raw.columns else _lines(),
        id=pl.col(ids),
        value=values,
        fold=_optional(raw, FOLD),
        chromosome=_optional(raw, CHROMOSOME),
    )
    measured = table.drop_nulls("value")
    if gene_ids is not None and level != "transcript_id":
        measured, level = _with_gene_ids(measured, Path(gene_ids)), "gene_id"
    _check_ids(path, measured, name)
    missing = table.height - measured.height
    return Labels(path, name, level, measured, missing, classes, multilabel=bool(digits))


def _with_gene_ids(table: pl.DataFrame, path: Path) -> pl.DataFrame:
    """Labels by gene id where the table knows an id as an Entrez number or an unambiguous symbol."""
    known = read_gene_ids(path)
    entrez = known.select(key=pl.col("entrez").cast(pl.String), gene="gene_id", rank=pl.lit(1))
    symbols = known.select(key="symbol", gene="gene_id", rank=pl.lit(2))
    keys = pl.concat([known.select(key="gene_id", gene="gene_id", rank=pl.lit(0)), entrez, symbols])
    keys = keys.filter(pl.col("key").fill_null("") != "").unique()
    keys = keys.filter(pl.len().over("key", "rank") == 1).sort("rank")
    keys = keys.unique("key", keep="first", maintain_order=True)
    number = pl.col("id").str.replace(r"^(?:GeneID:)?(\d+)(?:\.0)?$", "$1")
    joined = table.with_columns(key=without_versions(number)).join(
        keys.select("key", "gene"), on="key", how="left", maintain_order="left"
    )
    return joined.with_columns(id=pl.coalesce("gene", "id")).select(table.columns)


def frame_as_text(frame: Any) -> pl.DataFrame:
    """A polars or pandas data frame as :func:`read_text_table` reads a file; a named index is a column."""
    if isinstance(frame, pl.LazyFrame):
        frame = frame.collect()
    if getattr(getattr(frame, "index", None), "name", None) is not None:
        frame = frame.reset_index()
    columns = {
        str(name): pl.Series([None if one is None else str(one) for one in frame[name].to_list()], dtype=pl.String)
        for name in frame.columns
    }
    return _without_missing(pl.DataFrame(columns))


def read_text_table(path: Path) -> pl.DataFrame:
    """Read a TSV, CSV or Parquet table as text, with null for missing values; the first row is line 2 of the file."""
    path = Path(path)
    if not path.is_file():
        problem = "is a directory" if path.is_dir() else "no such file"
        raise InputError(f"{path}: {problem}; expected a label table (TSV, CSV or Parquet)")
    name = path.name.removesuffix(".gz").lower()
    with path.open("rb") as stream:
        other = OTHERS.get(stream.read(4))
    if other is not None:
        raise InputError(f"{path}: {other}; expected a label table (TSV, CSV or Parquet): save a sheet as CSV")
    try:
        if name.endswith(".parquet"):
            table = pl.read_parquet(path)
            if vectors := [column for column, kind in table.schema.items() if isinstance(kind, pl.Array)]:
                raise InputError(
                    f"{path}: column {vectors[0]!r} holds vectors, as embeddings do; expected a label table (TSV, CSV "
                    "or Parquet), which isoclr probe and isoclr fit take after the embeddings"
                )
            table = table.select(pl.all().cast(pl.String))
        else:
            separator = "," if name.endswith(".csv") else "\t"
            table = pl.read_csv(path, separator=separator, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError, EOFError) as error:
        if isinstance(error, pl.exceptions.ComputeError) and not name.endswith(".parquet"):
            _check_widths(path, separator)
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: not a TSV, CSV or Parquet table ({reason})") from None
    return _without_missing(table)


def _check_widths(path: Path, separator: str) -> None:
    """Raise an error for the first line with more cells than the header, if any."""
    lines = file_bytes(path, "a label table").decode("utf-8-sig", "replace").split("\n")
    widths = [len(csv_fields(path, line, separator)) for line in lines]
    for number, width in enumerate(widths, 1):
        if width > widths[0]:
            raise InputError(f"{path}: line {number} has {width} columns, but the header has {widths[0]}")


def _without_missing(table: pl.DataFrame) -> pl.DataFrame:
    text = pl.all().str.strip_chars()
    return table.with_columns(pl.when(~text.is_in(MISSING_VALUES)).then(text))


def require_column(path: Path, raw: pl.DataFrame, name: str) -> None:
    """Check that a table has a column."""
    if name not in raw.columns:
        raise InputError(f"{path}: no column {name!r}; the columns are {', '.join(raw.columns)}")


def _renamed(path: Path, raw: pl.DataFrame, columns: Mapping[str, str]) -> pl.DataFrame:
    """The table with our names for columns."""
    for theirs in columns.values():
        require_column(path, raw, theirs)
    shadowed = [ours for ours, theirs in columns.items() if ours in raw.columns and theirs != ours]
    return raw.drop(shadowed).rename({theirs: ours for ours, theirs in columns.items()})


def _id_column(path: Path, raw: pl.DataFrame, columns: Mapping[str, str], given: str | None) -> tuple[str, IdLevel]:
    """The id column, and what its ids name."""
    if given is not None:
        require_column(path, raw, given)
        usual = find_id_columns([given])
        return (given, usual[0][1]) if usual else (given, _guess_level(raw[given]))
    id_columns = find_id_columns([n for n in ID_COLUMNS if n in columns] or raw.columns)
    if not id_columns:
        raise InputError(
            f"{path}: columns are {', '.join(raw.columns)}; expected an id column such as transcript_id, gene_id, "
            "symbol or entrez_id, or --id-column"
        )
    return id_columns[0]


def _guess_level(ids: pl.Series) -> IdLevel:
    """What the ids of an unusually named column are: transcripts if they look like Ensembl's or RefSeq's."""
    known = ids.drop_nulls()
    looks: dict[IdLevel, str] = {
        "transcript_id": r"^(?:ENS[A-Z]*T\d|[NX][MR]_)",
        "entrez_id": r"^(?:GeneID:)?\d+(?:\.0)?$",
    }
    for level, pattern in looks.items():
        if len(known) and known.str.contains(pattern).all():
            return level
    return "gene_id"


def _lines() -> pl.Expr:
    """Line of each row in a file with a header."""
    return pl.int_range(2, pl.len() + 2)


def _optional(raw: pl.DataFrame, column: str) -> pl.Expr:
    return pl.col(column) if column in raw.columns else pl.lit(None, pl.String)


def _only_label(path: Path, raw: pl.DataFrame, id_column: str) -> str:
    """The only numeric column; without any, the only column of classes."""
    ids = {name for name, _ in find_id_columns(raw.columns)} | {id_column, FOLD, CHROMOSOME}
    others = [name for name in raw.columns if name not in ids]
    numeric = [name for name in others if _is_numeric(raw[name])]
    candidates = numeric or [name for name in others if 2 <= raw[name].drop_nulls().n_unique() <= MAX_CLASSES]
    if len(candidates) == 1:
        return candidates[0]
    if not candidates and len(others) == 1:
        return others[0]  # _values names its first bad value
    problem = f"columns {', '.join(candidates)} could be it" if candidates else "no column is numeric"
    raise InputError(f"{path}: {problem}; choose the label's column with --label")


def _is_numeric(text: pl.Series) -> bool:
    numbers = text.cast(pl.Float64, strict=False)
    return text.null_count() < len(text) and numbers.null_count() == text.null_count()


def _values(path: Path, raw: pl.DataFrame, name: str) -> tuple[pl.Series, tuple[str, ...]]:
    """The label column as finite numbers, null where missing; and its classes, if it is text."""
    text = raw[name]
    values = text.cast(pl.Float64, strict=False)
    if values.null_count() == len(values) and 2 <= text.drop_nulls().n_unique() <= MAX_CLASSES:
        classes = sorted(text.drop_nulls().unique())
        numbers = {name: float(number) for number, name in enumerate(classes)}
        return text.replace_strict(numbers, default=None, return_dtype=pl.Float64), tuple(classes)
    return _finite(path, text, f", or text of 2 to {MAX_CLASSES} classes in the whole column"), ()


def _finite(path: Path, text: pl.Series, otherwise: str = "") -> pl.Series:
    """A column as finite numbers, null where missing."""
    values = text.cast(pl.Float64, strict=False)
    valid = values.is_finite() & (values.abs() <= LARGEST)
    bad = (text.is_not_null() & ~valid.fill_null(False)).arg_true()
    if len(bad):
        row = bad[0]
        raise InputError(f"{path}: line {row + 2}: {text.name} is {text[row]!r}, expected a finite number{otherwise}")
    return values


def _digits(path: Path, raw: pl.DataFrame, name: str, classes: Sequence[str]) -> tuple[pl.Series, tuple[str, ...]]:
    """A column with a digit for each class as binary numbers."""
    text = raw[name]
    bad = (~text.str.contains(f"^[01]{{{len(classes)}}}$")).fill_null(False).arg_true()
    if len(bad):
        raise InputError(
            f"{path}: line {bad[0] + 2}: {name} is {text[bad[0]]!r}, expected {len(classes)} digits 0 or 1: "
            f"{', '.join(classes)}"
        )
    return text.str.to_integer(base=2).cast(pl.Float64), tuple(classes)


def median_of_columns(path: Path, raw: pl.DataFrame, columns: Sequence[str], key: str | None) -> pl.DataFrame:
    """The table with a column :data:`MEDIAN` of the medians over columns; repeated ids are averaged.

    Args:
        key: Its id column; None if no id repeats.
    """
    for name in columns:
        require_column(path, raw, name)
    numbers = raw.with_columns(_lines().alias(LINE), *(_finite(path, raw[name]) for name in columns))
    values = pl.concat_list(columns).list.drop_nulls().list.median()
    numbers = numbers.with_columns(values.alias(MEDIAN))
    if key is not None:
        others = pl.exclude(key, *columns, MEDIAN).first()
        numbers = numbers.group_by(key, maintain_order=True).agg(others, pl.col(*columns, MEDIAN).mean())
    return numbers.with_columns(pl.col(*columns, MEDIAN).cast(pl.String))


def _check_ids(path: Path, table: pl.DataFrame, name: str) -> None:
    """Every row needs an id of its own, and there must be a row."""
    if table.height == 0:
        raise InputError(f"{path}: no row has a value in column {name!r}")
    if table["id"].null_count():
        line = table.filter(pl.col("id").is_null())["line"][0]
        raise InputError(f"{path}: line {line}: the id is empty, expected a gene or transcript id")
    keys = table.select(without_versions(pl.col("id")))["id"]
    if keys.n_unique() < len(keys):
        row = int(keys.is_first_distinct().not_().arg_true()[0])
        first = int((keys == keys[row]).arg_true()[0])
        raise InputError(
            f"{path}: line {table['line'][row]}: {table['id'][row]} has a label already "
            f"(line {table['line'][first]}); expected one row per id"
        )
