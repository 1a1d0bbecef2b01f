"""Embeddings a block of rows at a time, so that a file larger than memory can be predicted."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.embedding import Embeddings, read_embeddings
from isoclr.embedding.reading import parquet_files
from isoclr.embedding.table import MATRIX, META_KEYS, SCHEMA, completed
from isoclr.errors import InputError

ROWS = 16_384
"""A row group of a file that `isoclr embed` writes."""
SUFFIXES = (".parquet", ".h5ad", ".npz")


def are_embeddings(path: Path) -> bool:
    """Whether a path is a file of embeddings or a directory of shards, by its name alone."""
    if path.is_dir():
        return not (path / "corpus.json").exists() and bool(parquet_files(path))
    return path.suffix in SUFFIXES


def blocks(path: Path) -> Iterator[Embeddings]:
    """The embeddings of a file, or of a directory of shards in the order of their names.

    A Parquet file is read a block at a time; ``.h5ad`` and ``.npz`` are read whole.

    Raises:
        InputError: not embeddings, damaged, or not finite.
    """
    for file in parquet_files(path) if path.is_dir() else [path]:
        yield from _parquet_blocks(file) if file.suffix == ".parquet" else [read_embeddings(file)]


def _parquet_blocks(path: Path) -> Iterator[Embeddings]:
    try:
        lazy, meta = pl.scan_parquet(path), completed(pl.read_parquet_metadata(path))
        schema = lazy.collect_schema()
        n = int(lazy.select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(
            f"{path}: cannot be read as embeddings ({str(error).splitlines()[0]})"
        ) from None
    _check(path, schema, meta)
    for start in range(0, max(1, n), ROWS):
        try:
            frame = lazy.slice(start, ROWS).collect()
            table = frame.select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())
            matrix = frame[MATRIX].cast(_dtype(schema)).to_numpy()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise InputError(f"{path}: damaged ({str(error).splitlines()[0]})") from None
        _check_finite(path, table, matrix)
        own = {key: meta[key] for key in META_KEYS}
        yield Embeddings(table, matrix, own)


def _dtype(schema: pl.Schema) -> pl.Array:
    array = schema[MATRIX]
    assert isinstance(array, pl.Array)
    return pl.Array(pl.Float32, array.shape)


def _check(path: Path, schema: pl.Schema, meta: dict[str, str]) -> None:
    array = schema.get(MATRIX)
    if not isinstance(array, pl.Array) or len(array.shape) != 1 or not array.inner.is_numeric():
        raise InputError(
            f"{path}: no column {MATRIX!r} of fixed-size lists of numbers; expected embeddings"
        )
    missing = [f"column {name!r}" for name in SCHEMA if name not in schema]
    missing += [f"metadata {key!r}" for key in META_KEYS if key not in meta]
    if missing:
        raise InputError(f"{path}: no {missing[0]}; expected embeddings of `isoclr embed`")


def _check_finite(path: Path, table: pl.DataFrame, matrix: NDArray[np.float32]) -> None:
    bad = ~np.isfinite(matrix).all(axis=1)
    if bad.any():
        name = table["transcript_id"][int(bad.argmax())]
        raise InputError(f"{path}: the embedding of {name} is not finite")
