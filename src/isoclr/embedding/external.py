"""Embeddings of other programs: arrays with ids, under their usual names.

============  =====================================================================================================
format        content
============  =====================================================================================================
``.npz``      a matrix under one of :data:`MATRIX_NAMES` (or the only one in the file) and arrays of ids, as Orthrus'
              users save it; or one vector per RNA, under its id; or a matrix without ids, as mRNABench writes it: its
              rows are those of a data set, see :func:`isoclr.embedding.convert`
``.parquet``  a column of vectors under one of :data:`MATRIX_NAMES` (or the only one), or one numbered column per
              dimension (``0``, ``dim_0``, ``emb0``, …)
``.h5ad``     ``X``; columns of ``obs``, whose index holds the transcript ids
============  =====================================================================================================
"""

import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr._io import sha256
from isoclr.embedding.embeddings import SCHEMA, Embeddings, anndata_module, meta_of
from isoclr.errors import InputError, IsoclrError
from isoclr.genomics.species import without_versions

MATRIX_NAMES = ("embedding", "embeddings", "emb", "X", "features")
COLUMN_NAMES: dict[str, tuple[str, ...]] = {
    "transcript_id": (
        *("transcript_id", "transcript_ids", "transcript", "transcripts"),
        *("ensembl_transcript_id", "ids", "id", "names", "name", "index"),
    ),
    "gene_id": ("gene_id", "gene_ids", "gene", "genes", "ensembl_gene_id"),
    "species": ("species",),
    "length": ("length", "lengths"),
    "cds_length": ("cds_length",),
    "cds_source": ("cds_source",),
    "canonical": ("canonical",),
}
"""Recognized names of each of our columns, in order of preference."""
UNKNOWN = {
    "gene_symbol": "", "species": "", "length": 0, "cds_length": 0, "cds_source": "none", "canonical": False,
}  # fmt: skip
NUMBERED = re.compile(r"((?:emb|embedding|dim|feature|feat|f|x|z|v)?_?)(\d+)", re.IGNORECASE)


@contextmanager
def reraise_as_input_error(path: Path) -> Iterator[None]:
    """Turn the errors of libraries about a damaged file into one line."""
    try:
        yield
    except IsoclrError:
        raise
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"{path}: cannot be read as embeddings ({reason})") from error


def read_external(path: Path) -> tuple[NDArray[np.float32], pl.DataFrame]:
    """Read embeddings of another program: ``.npz``, ``.parquet`` or ``.h5ad``.

    Returns:
        The matrix ``(n, d)``, and the columns of :data:`isoclr.embedding.embeddings.SCHEMA` that the file has.
    """
    readers = {".npz": _read_npz, ".parquet": _read_parquet, ".h5ad": _read_h5ad}
    with reraise_as_input_error(path):
        matrix, columns = readers[path.suffix](path)
    real = np.issubdtype(matrix.dtype, np.floating) or np.issubdtype(matrix.dtype, np.integer)
    if matrix.ndim != 2 or 0 in matrix.shape or not real:
        raise InputError(
            f"{path}: the embeddings are {matrix.dtype} {matrix.shape}, expected numbers (RNAs, dimensions)"
        )
    recognized = {alias for aliases in COLUMN_NAMES.values() for alias in aliases}
    for name, column in columns.items():
        if name in recognized and len(column) != len(matrix):
            raise InputError(f"{path}: {name} has {len(column):,} values for {len(matrix):,} embeddings")
    with np.errstate(over="ignore"):  # infinity is refused later
        narrow = np.asarray(matrix, np.float32)
    return narrow, recognized_columns(path, columns)


def recognized_columns(path: Path, columns: Mapping[str, Any]) -> pl.DataFrame:
    """Recognized columns under our names; ids as text, and null where they are empty."""
    ours = {}
    for name, aliases in COLUMN_NAMES.items():
        alias = next((alias for alias in aliases if alias in columns), None)
        if alias is None:
            continue
        try:
            values = [v.decode() if isinstance(v, bytes) else v for v in list(columns[alias])]
        except UnicodeDecodeError:
            raise InputError(f"{path}: {alias} is not UTF-8 text, expected {name}") from None
        given = pl.Series(values, strict=False)
        ours[name] = given.cast(SCHEMA[name], strict=False)
        lost = ours[name].is_null() & given.is_not_null()
        if SCHEMA[name].is_integer() and given.dtype.is_float():  # NaN: not known
            lost &= given.is_not_nan()
        if SCHEMA[name].is_integer() and given.dtype == pl.String:
            lost &= given != ""
        if lost.any():
            raise InputError(f"{path}: {alias} is {given[int(lost.arg_max() or 0)]!r}, expected {name}")
    return without_empty(pl.DataFrame(ours))


def without_empty(columns: pl.DataFrame) -> pl.DataFrame:
    """The same with null for empty text."""
    return columns.with_columns(pl.col(pl.String).replace("", None))


def check_npz(path: Path) -> None:
    """Check that a file is an archive, before NumPy's error suggests to read it as a pickle."""
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path}: cannot be read as embeddings (not a NumPy archive from numpy.savez)")


def _read_npz(path: Path) -> tuple[NDArray[Any], dict[str, Any]]:
    check_npz(path)
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
        arrays = {name: _array(path, archive, name) for name in archive.files}
    name = _matrix_name(path, {name: array.ndim for name, array in arrays.items()})
    if name is not None:
        matrix = arrays.pop(name)
        return matrix, {key: array for key, array in arrays.items() if array.ndim == 1}
    vectors = list(arrays.values())
    if vectors and all(v.ndim == 1 and v.shape == vectors[0].shape for v in vectors):
        return np.stack(vectors), {"transcript_id": list(arrays)}
    raise InputError(f"{path}: no matrix in it; expected one named {', '.join(MATRIX_NAMES)}")


def _array(path: Path, archive: Any, name: str) -> NDArray[Any]:
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
    """Name of the array that is the matrix."""
    named = [name for name in MATRIX_NAMES if dimensions.get(name, 0) >= 2]
    matrices = [name for name, count in dimensions.items() if count == 2]
    if not named and len(matrices) > 1:
        raise InputError(
            f"{path}: {', '.join(sorted(matrices))} could all be the embeddings; expected one named "
            f"{', '.join(MATRIX_NAMES)}"
        )
    return next(iter(named or matrices), None)


def _read_parquet(path: Path) -> tuple[NDArray[Any], dict[str, Any]]:
    frame = pl.read_parquet(path)
    nested = {n: 2 for n, dtype in frame.schema.items() if isinstance(dtype, pl.Array | pl.List)}
    name = _matrix_name(path, nested)
    if name is not None:
        matrix, rest = _stack(path, frame[name]), frame.drop(nested)
    else:
        numbered = _numbered_columns(path, frame)
        matrix, rest = frame.select(numbered).to_numpy(), frame.drop(numbered)
    return matrix, rest.to_dict()


def _stack(path: Path, vectors: pl.Series) -> NDArray[Any]:
    """A column of vectors as a matrix."""
    sizes = vectors.cast(pl.List(vectors.dtype.inner)).list.len()  # type: ignore[attr-defined]
    if vectors.null_count() or sizes.n_unique() != 1:
        raise InputError(f"{path}: the vectors of {vectors.name} differ in size, or some are null")
    return vectors.explode().to_numpy().reshape(len(vectors), -1)


def _numbered_columns(path: Path, frame: pl.DataFrame) -> list[str]:
    """Columns of one dimension each, in the order of their numbers."""
    numeric = [name for name, dtype in frame.schema.items() if dtype.is_numeric()]
    matches = [match for name in numeric if (match := NUMBERED.fullmatch(name))]
    by_number = {int(match[2]): match for match in matches}
    for match in matches:
        same = by_number[int(match[2])] if match[1] == matches[0][1] else matches[0]
        if same.string != match.string:
            raise InputError(f"{path}: {match.string} and {same.string} could both be dimensions; expected one name")
    numbers = sorted(by_number)
    if numbers not in (list(range(len(numbers))), list(range(1, len(numbers) + 1))) or not numbers:
        raise InputError(f"{path}: no column 'embedding' of vectors, and no numbered columns; expected embeddings")
    return [by_number[number].string for number in numbers]


def _read_h5ad(path: Path) -> tuple[NDArray[Any], dict[str, Any]]:
    data = anndata_module().read_h5ad(path)
    matrix = data.X.toarray() if hasattr(data.X, "toarray") else np.asarray(data.X)
    columns: dict[str, Any] = {"index": list(data.obs_names.astype(str))}
    columns |= {str(name): data.obs[name].to_list() for name in data.obs.columns}
    return matrix, columns


def complete(
    path: Path,
    matrix: NDArray[np.float32],
    columns: pl.DataFrame,
    *,
    model_name: str | None = None,
    rnas: pl.DataFrame | None = None,
    species: str = "",
) -> tuple[Embeddings, int]:
    """Add what a file does not say about its RNAs; without a known gene, an RNA counts as its own gene.

    Args:
        model_name: The model; by default the file's name.
        rnas: Columns of :data:`isoclr.embedding.embeddings.SCHEMA` that are known about the RNAs. For a file with ids
            they are joined by id, exactly or else without version, and by species where both have it. For a file
            without ids they are its rows, in order.
        species: Species of RNAs whose species is not known.

    Returns:
        The embeddings, and the number of their RNAs that ``rnas`` does not have.
    """
    unknown = 0
    rnas = None if rnas is None else without_empty(rnas)
    if "transcript_id" not in columns.columns:
        columns = _rows_in_order(path, len(matrix), rnas)
    elif rnas is not None:
        columns, unknown = _joined(columns, rnas)
    table = _completed(columns, species)
    _refuse_repeats(path, table)
    meta = meta_of(model_name or path.name.removesuffix(path.suffix), sha256(path), 0, "unknown", "unknown")
    return Embeddings(table, matrix, meta), unknown


def _rows_in_order(path: Path, n: int, rnas: pl.DataFrame | None) -> pl.DataFrame:
    """The RNAs of rows without ids."""
    if rnas is None:
        raise InputError(
            f"{path}: has embeddings, but no transcript ids; give the RNA of each row: isoclr convert {path} "
            "--metadata TABLE_OR_FASTA"
        )
    if rnas.height != n:
        raise InputError(f"{path}: has {n:,} rows without ids for {rnas.height:,} RNAs; expected one each, in order")
    if "transcript_id" in rnas.columns:
        return rnas
    return rnas.with_columns(transcript_id=pl.format("row{}", pl.int_range(1, rnas.height + 1, dtype=pl.Int64)))


def _joined(columns: pl.DataFrame, rnas: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """The columns with what is known about each id, which takes precedence over the file's own."""
    if "transcript_id" not in rnas.columns:
        raise InputError("the RNAs have no transcript_id, by which rows with ids could be joined")
    numbered = columns.with_row_index("row")
    matches = _best_matches(numbered, rnas).drop("transcript_id")
    joined = numbered.join(
        matches.with_columns(known=pl.lit(True)), on="row", how="left", suffix="_known", maintain_order="left"
    )
    both = [name for name in matches.columns if name in columns.columns]
    joined = joined.with_columns(pl.coalesce(pl.col(f"{name}_known"), pl.col(name)).alias(name) for name in both)
    return joined, joined["known"].null_count()


def _best_matches(numbered: pl.DataFrame, rnas: pl.DataFrame) -> pl.DataFrame:
    """For each ``row`` the RNA with its exact id, else the first with the same id without version.

    Where both sides have a species it must be the same, and such a match is preferred to one of unknown species.
    """
    key = without_versions(pl.col("transcript_id")).alias("key")
    own = pl.lit(None, pl.String) if "species" not in numbered.columns else pl.col("species")
    other = pl.lit(None, pl.String) if "species" not in rnas.columns else pl.col("species")
    rows = numbered.select("row", key, own.alias("own_species"), own_id="transcript_id")
    pairs = rows.join(rnas.with_row_index("rank").with_columns(key), on="key")
    same = other == pl.col("own_species")
    pairs = pairs.filter(same.fill_null(True)).with_columns(
        exact=pl.col("transcript_id") == pl.col("own_id"), same=same.fill_null(False)
    )
    best = pairs.sort("exact", "same", "rank", descending=[True, True, False])
    return best.unique("row", keep="first", maintain_order=True).select("row", *rnas.columns)


def _completed(columns: pl.DataFrame, species: str) -> pl.DataFrame:
    """All our columns, with default values for what is unknown."""
    names = columns.columns
    filled = [
        (pl.col(name).fill_null(value) if name in names else pl.lit(value)).cast(SCHEMA[name]).alias(name)
        for name, value in {**UNKNOWN, "species": species}.items()
    ]
    own = pl.col("transcript_id")
    gene = pl.coalesce(pl.col("gene_id"), own) if "gene_id" in names else own
    return columns.with_columns(*filled, gene.alias("gene_id")).select(list(SCHEMA))


def _refuse_repeats(path: Path, table: pl.DataFrame) -> None:
    if table["transcript_id"].null_count():
        row = int(table["transcript_id"].is_null().arg_max() or 0) + 1
        raise InputError(f"{path}: row {row:,} has no transcript id")
    repeated = table.filter(pl.struct("species", "transcript_id").is_duplicated())["transcript_id"]
    if len(repeated):
        raise InputError(
            f"{path}: {repeated[0]} and {repeated.n_unique() - 1:,} more ids are in several rows; expected every RNA "
            "once"
        )
