"""Embeddings that other programs made: arrays with ids, under whatever names they usually have.

============  =====================================================================================================
format        what is read
============  =====================================================================================================
``.npz``      a matrix under one of :data:`MATRIX_NAMES` (or the only one in the file) and arrays of ids; or one vector
              an RNA, under its id
``.parquet``  a column of vectors under one of :data:`MATRIX_NAMES` (or the only one), or a column a dimension,
              numbered (``0``, ``dim_0``, ``emb0``, …)
``.h5ad``     ``X``; columns of ``obs``, whose index is the transcripts' ids
============  =====================================================================================================

mRNABench writes ``.npz`` with a matrix and no ids: its rows are those of a data set, see
:func:`isoclr.embedding.convert`.
"""

import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr._io import sha256
from isoclr._version import __version__
from isoclr.embedding.embeddings import SCHEMA, Embeddings, anndata_module
from isoclr.errors import InputError, IsoclrError
from isoclr.genomics.species import without_versions

MATRIX_NAMES = (
    "embedding",
    "embeddings",
    "emb",
    "X",
    "x",
    "features",
    "representation",
    "representations",
    "vectors",
)
COLUMN_NAMES: dict[str, tuple[str, ...]] = {
    "transcript_id": (
        "transcript_id",
        "transcript_ids",
        "transcript",
        "transcripts",
        "transcript_name",
        "tx_id",
        "ensembl_transcript_id",
        "refseq_id",
        "target_id",
        "seq_id",
        "ids",
        "id",
        "names",
        "name",
        "index",
    ),
    "gene_id": ("gene_id", "gene_ids", "gene", "genes", "ensembl_gene_id", "gene_name", "symbol"),
    "species": ("species", "organism"),
    "length": ("length", "lengths", "sequence_length", "seq_len", "transcript_length"),
    "cds_length": ("cds_length",),
    "cds_source": ("cds_source",),
}
"""Names that are understood, per column of ours, the surest first."""

_NUMBERED = re.compile(r"(?:emb|embedding|dim|feature|feat|f|x|z|v)?_?(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class ExternalFile:
    """Vectors, and what the file says of them.

    Attributes:
        matrix: ``(n, d)`` float32.
        columns: those columns of :data:`isoclr.embedding.embeddings.SCHEMA` that the file has, each ``(n,)``.
    """

    matrix: NDArray[np.float32]
    columns: pl.DataFrame


@contextmanager
def reraise_as_input_error(path: Path) -> Iterator[None]:
    """Say in one line what a library makes of a damaged file; each has errors of its own for it.

    Raises:
        InputError: instead of any error that is not ours already.
    """
    try:
        yield
    except IsoclrError:
        raise
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"{path}: cannot be read as embeddings ({reason})") from error


def read_external(path: Path) -> ExternalFile:
    """Read embeddings that isoclr did not write.

    Args:
        path: ``.npz``, ``.parquet`` or ``.h5ad``.

    Raises:
        InputError: a damaged file, no matrix in it or several that could be it, columns of another length, or a
            pickled array.
    """
    readers = {".npz": _npz, ".parquet": _parquet, ".h5ad": _h5ad}
    with reraise_as_input_error(path):
        matrix, columns = readers[path.suffix](path)
    if matrix.ndim != 2 or 0 in matrix.shape or not np.issubdtype(matrix.dtype, np.number):
        raise InputError(
            f"{path}: the embeddings are {matrix.dtype} {matrix.shape}, expected numbers (RNAs, dimensions)"
        )
    understood = {alias for aliases in COLUMN_NAMES.values() for alias in aliases}
    for name, column in columns.items():
        if name in understood and len(column) != len(matrix):
            raise InputError(
                f"{path}: {name} has {len(column):,} values for {len(matrix):,} embeddings"
            )
    return ExternalFile(np.asarray(matrix, np.float32), known_columns(columns))


def known_columns(columns: Mapping[str, Any]) -> pl.DataFrame:
    """The columns whose names are understood, under our names; ids as text, and null where they are empty."""
    found = {}
    for name, aliases in COLUMN_NAMES.items():
        here = next((alias for alias in aliases if alias in columns), None)
        if here is not None:
            values = [v.decode() if isinstance(v, bytes) else v for v in list(columns[here])]
            found[name] = pl.Series(values, strict=False).cast(SCHEMA[name], strict=False)
    return without_empty(pl.DataFrame(found))


def without_empty(columns: pl.DataFrame) -> pl.DataFrame:
    """The same with null for text that is empty: what it should tell is unknown."""
    return columns.with_columns(pl.col(pl.String).replace("", None))


def check_npz(path: Path) -> None:
    """Refuse what is no archive in words of ours: NumPy's would advise to read it as a pickle.

    Raises:
        InputError: it is none.
    """
    if not zipfile.is_zipfile(path):
        raise InputError(
            f"{path}: cannot be read as embeddings (not a NumPy archive, which numpy.savez writes)"
        )


def _npz(path: Path) -> tuple[NDArray[Any], dict[str, Any]]:
    check_npz(path)
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
        arrays = {name: _unpickled(path, archive, name) for name in archive.files}
    name = _matrix_name(path, {name: array.ndim for name, array in arrays.items()})
    if name is not None:
        matrix = arrays.pop(name)
        return matrix, {key: array for key, array in arrays.items() if array.ndim == 1}
    vectors = list(arrays.values())
    if vectors and all(v.ndim == 1 and v.shape == vectors[0].shape for v in vectors):
        return np.stack(vectors), {"transcript_id": list(arrays)}
    raise InputError(f"{path}: no matrix in it; expected one named {', '.join(MATRIX_NAMES)}")


def _unpickled(path: Path, archive: Any, name: str) -> NDArray[Any]:
    try:
        array: NDArray[Any] = archive[name]
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise InputError(
            f"{path}: {name} is an array of Python objects, a pickle, which is never read; save it as text: "
            f"np.array({name}, dtype=str)"
        ) from None
    return array


def _matrix_name(path: Path, dimensions: Mapping[str, int]) -> str | None:
    """Which array is the matrix."""
    matrices = [name for name, count in dimensions.items() if count == 2]
    named = [name for name in MATRIX_NAMES if name in dimensions and dimensions[name] >= 2]
    if named:
        return named[0]
    if len(matrices) > 1:
        raise InputError(
            f"{path}: {', '.join(sorted(matrices))} could all be the embeddings; expected one named "
            f"{', '.join(MATRIX_NAMES)}"
        )
    return matrices[0] if matrices else None


def _parquet(path: Path) -> tuple[NDArray[Any], dict[str, Any]]:
    frame = pl.read_parquet(path)
    nested = {n: 2 for n, dtype in frame.schema.items() if isinstance(dtype, pl.Array | pl.List)}
    name = _matrix_name(path, nested)
    if name is not None:
        rest = frame.drop(nested)
        return _stacked(path, frame[name]), {column: rest[column] for column in rest.columns}
    numbered = _numbered(path, frame)
    if not numbered:
        raise InputError(
            f"{path}: no column 'embedding' of vectors, and no numbered columns; expected embeddings"
        )
    rest = frame.drop(numbered)
    matrix = frame.select(numbered).to_numpy()
    return matrix, {column: rest[column] for column in rest.columns}


def _stacked(path: Path, vectors: pl.Series) -> NDArray[Any]:
    """A column of vectors as a matrix."""
    sizes = vectors.cast(pl.List(vectors.dtype.inner)).list.len()  # type: ignore[attr-defined]
    if vectors.null_count() or sizes.n_unique() != 1:
        raise InputError(f"{path}: the vectors of {vectors.name} differ in size, or some are null")
    return vectors.explode().to_numpy().reshape(len(vectors), -1)


def _numbered(path: Path, frame: pl.DataFrame) -> list[str]:
    """Columns of one dimension each, in the order of their numbers; they differ in nothing else."""
    matches = [
        match
        for name, dtype in frame.schema.items()
        if dtype.is_numeric() and (match := _NUMBERED.fullmatch(name))
    ]
    found = {int(match[1]): match.string for match in matches}
    for match in matches:
        other = found[int(match[1])] if _prefix(match) == _prefix(matches[0]) else matches[0].string
        if other != match.string:
            raise InputError(
                f"{path}: {match.string} and {other} could both be dimensions; expected numbered columns of one name"
            )
    numbers = sorted(found)
    complete = numbers and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    return [found[i] for i in numbers] if complete and numbers[0] <= 1 else []


def _prefix(match: re.Match[str]) -> str:
    """What stands before the number."""
    return match.string[: match.start(1)]


def _h5ad(path: Path) -> tuple[NDArray[Any], dict[str, Any]]:
    read = anndata_module().read_h5ad(path)
    dense = read.X.toarray() if hasattr(read.X, "toarray") else np.asarray(read.X)
    columns: dict[str, Any] = {"index": list(read.obs_names.astype(str))}
    columns |= {str(name): read.obs[name].to_list() for name in read.obs.columns}
    return dense, columns


_UNKNOWN = {"species": "", "length": 0, "cds_length": 0, "cds_source": "none"}


def from_external(
    path: Path,
    *,
    model_name: str | None = None,
    rnas: pl.DataFrame | None = None,
    species: str = "",
) -> tuple[Embeddings, int]:
    """Embeddings of a file that isoclr did not write.

    Where no gene is known, every RNA counts as a gene of its own.

    Args:
        path: see :mod:`isoclr.embedding.external`.
        model_name: what made them; by default the file's name.
        rnas: what is known of the RNAs, in columns of :data:`isoclr.embedding.embeddings.SCHEMA`. For a file with ids
            its rows are found by them, exactly or else without version, and by species where both sides tell it; for
            one without they are its rows, in order.
        species: of RNAs whose species is not known.

    Returns:
        The embeddings, and how many of their RNAs ``rnas`` does not know.

    Raises:
        InputError: not embeddings; no ids; an id twice; or as many rows as RNAs are expected, and there are not.
    """
    read = read_external(path)
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


def _in_order(path: Path, read: ExternalFile, rnas: pl.DataFrame | None) -> pl.DataFrame:
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
