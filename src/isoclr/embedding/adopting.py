"""Making embeddings of other programs the same kind of thing as ours: one table, one matrix, and who made them."""

from pathlib import Path

import polars as pl

from isoclr._version import __version__
from isoclr.accessions import without_versions
from isoclr.embedding.foreign import Foreign, known_columns, read_foreign, without_empty
from isoclr.embedding.table import SCHEMA, Embeddings
from isoclr.errors import InputError
from isoclr.files import sha256

_UNKNOWN = {"species": "", "length": 0, "cds_length": 0, "cds_source": "none"}


def adopt(
    path: Path,
    *,
    model_name: str | None = None,
    rnas: pl.DataFrame | None = None,
    species: str = "",
) -> tuple[Embeddings, int]:
    """Embeddings of a file that isoclr did not write.

    Where no gene is known, every RNA counts as a gene of its own.

    Args:
        path: see :mod:`isoclr.embedding.foreign`.
        model_name: what made them; by default the file's name.
        rnas: what is known of the RNAs, in columns of :data:`isoclr.embedding.table.SCHEMA`. For a file with ids its
            rows are found by them, exactly or else without version, and by species where both sides tell it; for one
            without they are its rows, in order.
        species: of RNAs whose species is not known.

    Returns:
        The embeddings, and how many of their RNAs ``rnas`` does not know.

    Raises:
        InputError: not embeddings; no ids; an id twice; or as many rows as RNAs are expected, and there are not.
    """
    read = read_foreign(path)
    columns, unknown = read.columns, 0
    rnas = None if rnas is None else without_empty(rnas)
    if "transcript_id" not in columns.columns:
        columns = _in_order(path, read, rnas)
    elif rnas is not None:
        columns, unknown = _joined(columns, rnas)
    table = _completed(columns, species)
    _refuse_repeats(path, table)
    meta = {
        "model": model_name or path.name.removesuffix(path.suffix),
        "sha256": sha256(path),
        "n_tracks": "0",
        "pooling": "unknown",
        "precision": "unknown",
        "isoclr": __version__,
    }
    return Embeddings(table, read.matrix, meta), unknown


def rows_of_a_table(path: Path) -> pl.DataFrame:
    """What a table of RNAs says in columns that are understood.

    Args:
        path: TSV, CSV or Parquet, plain or gz, with a line a row of the embeddings.

    Raises:
        InputError: it cannot be read, or has neither transcripts nor genes.
    """
    try:
        if ".parquet" in path.suffixes:
            frame = pl.read_parquet(path)
        else:
            comma = ".csv" in path.suffixes
            frame = pl.read_csv(path, separator="," if comma else "\t", infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"{path}: not a table of RNAs ({reason})") from None
    found = known_columns({name: frame[name] for name in frame.columns})
    if not {"transcript_id", "gene_id"} & set(found.columns):
        raise InputError(
            f"{path}: has the columns {', '.join(frame.columns[:8])}; expected transcript_id or gene_id"
        )
    return found


def _in_order(path: Path, read: Foreign, rnas: pl.DataFrame | None) -> pl.DataFrame:
    """Rows without ids are the RNAs in their order."""
    if rnas is None:
        raise InputError(
            f"{path}: has embeddings, but no ids of transcripts; say which RNA each row is: isoclr convert {path} "
            "--rnas TABLE_OR_FASTA"
        )
    if rnas.height != len(read.matrix):
        raise InputError(
            f"{path}: has {len(read.matrix):,} rows without ids for {rnas.height:,} RNAs; expected one each, in order"
        )
    if "transcript_id" in rnas.columns:
        return rnas
    return rnas.with_columns(
        transcript_id=pl.format("row{}", pl.int_range(1, rnas.height + 1, dtype=pl.Int64))
    )


def _joined(columns: pl.DataFrame, rnas: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """What is known of each id; what the file itself says of gene, species and length gives way."""
    if "transcript_id" not in rnas.columns:
        raise InputError("the RNAs have no transcript_id, by which rows with ids could be found")
    numbered = columns.with_row_index("place")
    found = _found(numbered, rnas).drop("transcript_id")
    joined = numbered.join(
        found.with_columns(known=pl.lit(True)),
        on="place",
        how="left",
        suffix="_known",
        maintain_order="left",
    )
    better = [name for name in found.columns if name in columns.columns]
    joined = joined.with_columns(
        pl.coalesce(pl.col(f"{name}_known"), pl.col(name)).alias(name) for name in better
    )
    return joined, joined["known"].null_count()


def _found(numbered: pl.DataFrame, rnas: pl.DataFrame) -> pl.DataFrame:
    """For every ``place`` the row of ``rnas`` that it names: its exact id, else the first but for the version.

    Where both sides tell a species, only RNAs of the same are found, and rather than those of an unknown one.
    """
    key = without_versions(pl.col("transcript_id")).alias("key")
    own = pl.lit(None, pl.String) if "species" not in numbered.columns else pl.col("species")
    other = pl.lit(None, pl.String) if "species" not in rnas.columns else pl.col("species")
    asked = numbered.select("place", key, own.alias("own_species"), own_id="transcript_id")
    pairs = asked.join(rnas.with_row_index("rank").with_columns(key), on="key")
    same = other == pl.col("own_species")
    pairs = pairs.filter(same.fill_null(True)).with_columns(
        exact=pl.col("transcript_id") == pl.col("own_id"), same=same.fill_null(False)
    )
    best = pairs.sort("exact", "same", "rank", descending=[True, True, False])
    return best.unique("place", keep="first", maintain_order=True).select("place", *rnas.columns)


def _completed(columns: pl.DataFrame, species: str) -> pl.DataFrame:
    """All our columns, with what stands for the unknown."""
    unknown = {**_UNKNOWN, "species": species}
    have = columns.columns
    filled = [
        (pl.col(name).fill_null(value) if name in have else pl.lit(value))
        .cast(SCHEMA[name])
        .alias(name)
        for name, value in unknown.items()
    ]
    own = pl.col("transcript_id")
    gene = pl.coalesce(pl.col("gene_id"), own) if "gene_id" in have else own
    return columns.with_columns(*filled, gene.alias("gene_id")).select(list(SCHEMA))


def _refuse_repeats(path: Path, table: pl.DataFrame) -> None:
    if table["transcript_id"].null_count():
        row = int(table["transcript_id"].is_null().arg_max() or 0) + 1
        raise InputError(f"{path}: row {row:,} has no transcript id")
    twice = table.filter(pl.struct("species", "transcript_id").is_duplicated())
    if twice.height:
        raise InputError(
            f"{path}: {twice['transcript_id'][0]} and {twice['transcript_id'].n_unique() - 1:,} more ids stand in "
            "several rows; expected every RNA once"
        )
