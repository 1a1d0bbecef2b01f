"""On which chromosome a gene lies, for splits that keep whole chromosomes on one side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.errors import InputError
from isoclr.genomics.annotation import read_annotation
from isoclr.genomics.species import without_versions

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


CURATED = r"^(?:[NX][MR]_|RGPS_)"
"""RefSeq accessions, and the Ensembl representative transcripts that are named ``RGPS_<symbol>``."""


def representatives(transcripts: pl.DataFrame, gene: str) -> pl.DataFrame:
    """One transcript a gene: the one the literature means most likely.

    RefSeq (``NM_``, ``NR_``, ``XM_``, ``XR_``) or ``RGPS_`` first, then the longest CDS, then the longest RNA, then the
    smallest transcript id, so that the choice never depends on the order of the file.

    Args:
        transcripts: ``transcript_id``, ``length`` (nt), ``cds_length`` (nt, 0: none) and the gene's column.
        gene: name of the column that names the gene.

    >>> rows = {"gene": ["g", "g"], "transcript_id": ["ENST1", "NM_1"], "length": [9, 5], "cds_length": [6, 3]}
    >>> representatives(pl.DataFrame(rows), "gene")["transcript_id"].to_list()
    ['NM_1']
    """
    return transcripts.sort(
        pl.col("transcript_id").str.contains(CURATED),
        "cds_length",
        "length",
        "transcript_id",
        descending=[True, True, True, False],
    ).unique(gene, keep="first", maintain_order=True)


@dataclass(frozen=True)
class Samples:
    """The RNAs that have a label, each with the gene it must not be separated from.

    Attributes:
        table: ``row`` (of the RNA in the embeddings), ``transcript_id``, ``gene_id``, ``species``, ``gene``
            (``species|gene_id`` without version), ``value``, ``fold`` and ``chromosome`` (String or null); ordered by
            ``gene``, ``row``.
        unmatched: number of labels whose id names no RNA at hand.
        without_label: number of RNAs that no label names.
        not_representative: number of RNAs of labelled genes for which another transcript stands.
    """

    table: pl.DataFrame
    unmatched: int
    without_label: int
    not_representative: int

    def __len__(self) -> int:
        return self.table.height

    @property
    def rows(self) -> NDArray[np.int64]:
        """``(n,)`` rows of the samples in the embeddings."""
        return self.table["row"].to_numpy()

    @property
    def values(self) -> NDArray[np.float64]:
        """``(n,)`` labels."""
        return self.table["value"].to_numpy()

    def select(self, keep: NDArray[np.bool_]) -> "Samples":
        """The samples where ``keep`` ``(n,)`` is true; the counts stay those of the whole."""
        table = self.table.filter(pl.Series(keep))
        return Samples(table, self.unmatched, self.without_label, self.not_representative)


def gene_key() -> pl.Expr:
    """``species|gene_id`` without the version: equal for two RNAs exactly when they are isoforms of one gene."""
    return (pl.col("species") + "|" + without_versions(pl.col("gene_id"))).alias("gene")


def join_labels(labels: Labels, transcripts: pl.DataFrame) -> Samples:
    """Join labels to RNAs by gene or transcript id, exactly or without the version.

    Args:
        labels: what was measured; by gene, one transcript stands for each gene (see :func:`representatives`).
        transcripts: ``transcript_id, gene_id, species, length, cds_length``, one row an RNA.

    Raises:
        InputError: no label names any RNA, or one names genes of two species.
    """
    named = transcripts.with_row_index("row").with_columns(
        pl.col("row").cast(pl.Int64), gene_key(), key=without_versions(pl.col(labels.level))
    )
    wanted = labels.table.with_columns(key=without_versions(pl.col("id")))
    told = wanted.select("key", "value", "fold", "chromosome", "line")
    joined = named.join(told, on="key", how="inner")
    if joined.height == 0:
        raise InputError(
            f"{labels.path}: none of its {labels.table.height} ids ({labels.table['id'][0]}, …) names an embedded RNA "
            f"({transcripts[labels.level][0]}, … of {transcripts.height})"
        )
    _refuse_shared_ids(labels, joined)
    chosen = representatives(joined, "gene") if labels.level == "gene_id" else joined
    kept = (
        "row",
        "transcript_id",
        "gene_id",
        "species",
        "gene",
        "value",
        "fold",
        "chromosome",
        "line",
    )
    return Samples(
        table=chosen.sort("gene", "row").select(kept),
        unmatched=labels.table.height - joined["line"].n_unique(),
        without_label=transcripts.height - joined.height,
        not_representative=joined.height - chosen.height,
    )


def _refuse_shared_ids(labels: Labels, joined: pl.DataFrame) -> None:
    """A gene symbol can name a gene in every species: its label is one species', and must not stand for all."""
    species = joined.group_by("line").agg(pl.col("species").unique().sort()).sort("line")
    shared = species.filter(pl.col("species").list.len() > 1)
    if shared.height:
        line, found = shared.row(0)
        name = labels.table.filter(pl.col("line") == line)["id"][0]
        raise InputError(
            f"{labels.path}: line {line}: {name} names RNAs of {' and '.join(map(repr, found))}; "
            "expected one species, choose it with --species"
        )


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
