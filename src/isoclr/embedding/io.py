"""Reading embeddings back, whichever format they are in."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr._console import info
from isoclr._io import atomic_path, ensure_writable
from isoclr.embedding.embeddings import (
    MATRIX,
    META_KEYS,
    SCHEMA,
    Embeddings,
    anndata_module,
    completed,
)
from isoclr.embedding.external import check_npz, from_external, reraise_as_input_error
from isoclr.errors import InputError


def read_embeddings(path: Path | str) -> Embeddings:
    """Read what ``isoclr embed`` wrote, or embeddings that another program made.

    Args:
        path: ``.parquet``, ``.h5ad`` or ``.npz``; or a directory whose Parquet files are the shards of one run, read in
            the order of their names. What may stand in a file that isoclr did not write is told in
            :mod:`isoclr.embedding.external`; where it names no genes, every RNA counts as a gene of its own.

    Raises:
        InputError: no such file, not embeddings, or shards of different models.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file; expected embeddings that `isoclr embed` wrote")
    if path.is_dir():
        return _shards(path)
    readers = {".parquet": _parquet, ".h5ad": _h5ad, ".npz": _npz}
    if path.suffix not in readers:
        raise InputError(
            f"{path}: unknown format, expected {', '.join(readers)} or a directory of Parquet"
        )
    with reraise_as_input_error(path):
        return readers[path.suffix](path)


def parquet_files(folder: Path) -> list[Path]:
    """The shards of a directory; what a killed run left under its temporary name begins with a dot."""
    return sorted(path for path in folder.glob("*.parquet") if not path.name.startswith("."))


def _shards(folder: Path) -> Embeddings:
    paths = parquet_files(folder)
    if not paths:
        raise InputError(f"{folder}: no Parquet file in it; expected the shards of `isoclr embed`")
    parts = [read_embeddings(path) for path in paths]
    for path, part in zip(paths, parts, strict=True):
        for key in ("sha256", "n_tracks", "pooling", "precision"):
            if part.meta[key] != parts[0].meta[key]:
                raise InputError(
                    f"{path}: {key} is {part.meta[key]}, {paths[0].name} has {parts[0].meta[key]}; "
                    "expected shards of one run"
                )
    return Embeddings(
        pl.concat([part.table for part in parts]),
        np.concatenate([part.matrix for part in parts]),
        parts[0].meta,
    )


def _checked(path: Path, table: pl.DataFrame, matrix: Any, meta: dict[str, str]) -> Embeddings:
    meta = completed(meta)
    missing = [key for key in META_KEYS if key not in meta]
    if missing:
        raise InputError(
            f"{path}: no metadata {missing[0]!r}; expected embeddings of `isoclr embed`"
        )
    matrix = np.asarray(matrix, np.float32)
    bad = ~np.isfinite(matrix).all(axis=1)
    if bad.any():
        name = table["transcript_id"][int(bad.argmax())]
        raise InputError(f"{path}: the embedding of {name} is not finite")
    columns = [pl.col(name).cast(dtype) for name, dtype in SCHEMA.items()]
    return Embeddings(table.select(columns), matrix, {key: meta[key] for key in META_KEYS})


def _adopted(path: Path) -> Embeddings:
    """Embeddings that isoclr did not write."""
    found, _ = from_external(path)
    if (found.table["gene_id"] == found.table["transcript_id"]).all():
        info(
            f"{path}: names no genes; every RNA counts as a gene of its own (isoclr convert adds them)"
        )
    return _checked(path, found.table, found.matrix, dict(found.meta))


def _parquet(path: Path) -> Embeddings:
    meta = pl.read_parquet_metadata(path)
    if "sha256" not in meta:
        return _adopted(path)
    frame = pl.read_parquet(path)
    if not isinstance(frame.schema.get(MATRIX), pl.Array):
        raise InputError(f"{path}: no column {MATRIX!r} of fixed-size lists; expected embeddings")
    return _checked(path, frame.drop(MATRIX), frame[MATRIX].to_numpy(), meta)


def _npz(path: Path) -> Embeddings:
    check_npz(path)
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        if "meta" not in arrays.files:
            return _adopted(path)
        table = pl.DataFrame({name: arrays[name] for name in SCHEMA})
        meta = {str(key): str(value) for key, value in arrays["meta"]}
        return _checked(path, table, arrays[MATRIX], meta)


def _h5ad(path: Path) -> Embeddings:
    pass  # MERGE

    read = anndata_module().read_h5ad(path)
    if "isoclr" not in read.uns:
        return _adopted(path)
    obs = read.obs.reset_index()
    table = pl.DataFrame({name: obs[name].to_list() for name in SCHEMA})
    meta = {str(key): str(value) for key, value in read.uns["isoclr"].items()}
    return _checked(path, table, read.X, meta)


FORMATS = (".parquet", ".h5ad", ".npz")
ROWS = 16_384
"""Rows in memory at a time, and in a Parquet row group."""


def check_output(path: Path, *, overwrite: bool) -> None:
    """Refuse an output at once that could not be written in the end.

    Raises:
        InputError: an unknown extension, a file that exists, or a folder that cannot be written to.
        MissingExtraError: h5ad without anndata.
    """
    if path.suffix not in FORMATS:
        raise InputError(
            f"{path}: unknown format, expected a name that ends in {', '.join(FORMATS)}"
        )
    if path.is_dir() or (path.exists() and not overwrite):
        raise InputError(f"{path}: exists already; choose another name or --overwrite it")
    ensure_writable(path)
    if path.suffix == ".h5ad":
        anndata_module()


def write(path: Path, embeddings: Embeddings) -> None:
    """Write embeddings in the format of the extension.

    ``.parquet``: the table's columns and ``embedding``, a fixed-size list of float32; the metadata in the footer.
    ``.h5ad``: ``obs`` the table, ``X`` the embeddings, ``uns`` the metadata.
    ``.npz``: an array a column, ``embedding``, and ``meta``, the metadata's keys and values ``(k, 2)``; no pickle.

    Args:
        path: the output; it appears when it is whole.
        embeddings: the matrix may be a memory map: a block of rows at a time is read.
    """
    with atomic_path(path) as partial:
        if path.suffix == ".parquet":
            _write_parquet(partial, embeddings)
        elif path.suffix == ".h5ad":
            _write_h5ad(partial, embeddings)
        else:
            _write_npz(partial, embeddings)


def _write_parquet(path: Path, embeddings: Embeddings) -> None:
    from polars.io.plugins import register_io_source

    schema = {**SCHEMA, MATRIX: pl.Array(pl.Float32, embeddings.dim)}

    def blocks(*_pushed_down: Any) -> Iterator[pl.DataFrame]:
        for start in range(0, max(1, len(embeddings)), ROWS):
            rows = slice(start, start + ROWS)
            matrix = pl.Series(
                MATRIX, np.ascontiguousarray(embeddings.matrix[rows]), schema[MATRIX]
            )
            yield embeddings.table[rows].cast(SCHEMA).with_columns(matrix)

    register_io_source(blocks, schema=schema).sink_parquet(
        path,
        metadata=dict(embeddings.meta),
        row_group_size=ROWS,
        statistics=False,
        maintain_order=True,
    )


def _write_npz(path: Path, embeddings: Embeddings) -> None:
    arrays: Any = {
        name: embeddings.table[name].to_numpy().astype(np.str_ if dtype == pl.String else np.int64)
        for name, dtype in SCHEMA.items()
    }
    arrays[MATRIX] = embeddings.matrix
    arrays["meta"] = np.array(list(embeddings.meta.items()), np.str_)
    with path.open("wb") as stream:
        np.savez(stream, **arrays)


def _write_h5ad(path: Path, embeddings: Embeddings) -> None:
    import pandas as pd

    columns = {name: embeddings.table[name].to_list() for name in SCHEMA if name != "transcript_id"}
    index = pd.Index(
        embeddings.table["transcript_id"].to_list(), name="transcript_id", dtype=object
    )
    table = anndata_module().AnnData(
        X=np.asarray(embeddings.matrix),
        obs=pd.DataFrame(columns, index=index),
        uns={"isoclr": dict(embeddings.meta)},
    )
    table.write_h5ad(path)


"""A row group of a file that `isoclr embed` writes."""
SUFFIXES = (".parquet", ".h5ad", ".npz")


def are_embeddings(path: Path) -> bool:
    """Whether a path is a file of embeddings or a directory of shards, by its name alone."""
    if path.is_dir():
        return not (path / "corpus.json").exists() and bool(parquet_files(path))
    return path.suffix in SUFFIXES


def iter_embeddings(path: Path) -> Iterator[Embeddings]:
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
