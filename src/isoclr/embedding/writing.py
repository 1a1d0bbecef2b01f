"""Writing embeddings: Parquet, h5ad or npz, in bounded memory, under their name only when whole."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from isoclr.embedding.table import MATRIX, SCHEMA, Embeddings
from isoclr.errors import InputError, MissingExtraError
from isoclr.files import atomic_path, check_place

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
    check_place(path)
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


def anndata_module() -> Any:
    """The anndata package, an extra.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import anndata
    except ImportError:
        raise MissingExtraError("anndata", "anndata", "writing .h5ad") from None
    return anndata
