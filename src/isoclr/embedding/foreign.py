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

from isoclr.embedding.table import SCHEMA
from isoclr.errors import InputError, IsoclrError

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
class Foreign:
    """Vectors, and what the file says of them.

    Attributes:
        matrix: ``(n, d)`` float32.
        columns: those columns of :data:`isoclr.embedding.table.SCHEMA` that the file has, each ``(n,)``.
    """

    matrix: NDArray[np.float32]
    columns: pl.DataFrame


@contextmanager
def damage_named(path: Path) -> Iterator[None]:
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


def read_foreign(path: Path) -> Foreign:
    """Read embeddings that isoclr did not write.

    Args:
        path: ``.npz``, ``.parquet`` or ``.h5ad``.

    Raises:
        InputError: a damaged file, no matrix in it or several that could be it, columns of another length, or a
            pickled array.
    """
    readers = {".npz": _npz, ".parquet": _parquet, ".h5ad": _h5ad}
    with damage_named(path):
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
    return Foreign(np.asarray(matrix, np.float32), known_columns(columns))


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
    from isoclr.embedding.writing import anndata_module

    read = anndata_module().read_h5ad(path)
    dense = read.X.toarray() if hasattr(read.X, "toarray") else np.asarray(read.X)
    columns: dict[str, Any] = {"index": list(read.obs_names.astype(str))}
    columns |= {str(name): read.obs[name].to_list() for name in read.obs.columns}
    return dense, columns
