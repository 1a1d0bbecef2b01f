"""Reading embeddings: Parquet, AnnData and NumPy files, and directories of Parquet shards."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from isoclr._console import info
from isoclr._io import check_input
from isoclr.corpus.corpus import META
from isoclr.embedding.embeddings import (
    FORMATS,
    MATRIX,
    META_KEYS,
    ROWS,
    SCHEMA,
    Embeddings,
    anndata_module,
    in_schema,
    known_entries,
    refuse_infinite,
)
from isoclr.embedding.external import check_npz, complete, read_external, reraise_as_input_error
from isoclr.errors import InputError


def read_embeddings(path: Path | str | Embeddings) -> Embeddings:
    """Read embeddings that ``isoclr embed`` or another program wrote; those in memory are returned as they are.

    Args:
        path: ``.parquet``, ``.h5ad`` or ``.npz``; or a directory whose Parquet files are the shards of one run, read in
            the order of their names. :mod:`isoclr.embedding.external` describes files of other programs; without gene
            ids, every RNA counts as its own gene.

    Raises:
        InputError: no such file, not embeddings, or shards of different models.
    """
    if isinstance(path, Embeddings):
        return path
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file; expected embeddings from `isoclr embed`")
    if path.is_dir():
        if (path / META).exists():
            raise InputError(f"{path}: is a corpus, expected embeddings: isoclr embed {path} -o embeddings.parquet")
        return _read_shards(path)
    own = read_own(path)
    if own is not None:
        return own
    embeddings, _ = complete(path, *read_external(path))
    table = embeddings.table
    if (table["gene_id"] == table["transcript_id"]).all():
        info(f"{path}: has no gene ids; every RNA counts as its own gene (isoclr convert adds them)")
    return _checked(path, table, embeddings.matrix, dict(embeddings.meta))


def read_own(path: Path) -> Embeddings | None:
    """Read a file that ``isoclr embed`` wrote; None for a file of another program."""
    readers = {".parquet": _read_parquet, ".h5ad": _read_h5ad, ".npz": _read_npz}
    if path.suffix not in readers:
        raise InputError(f"{path}: unknown format, expected {', '.join(readers)} or a directory of Parquet")
    check_input(path, "embeddings")
    with reraise_as_input_error(path):
        return readers[path.suffix](path)


def parquet_files(folder: Path) -> list[Path]:
    """The shards of a directory, without hidden files, which killed runs leave."""
    return sorted(path for path in folder.glob("*.parquet") if not path.name.startswith("."))


def are_embeddings(path: object) -> bool:
    """Whether this is embeddings in memory, or a file of embeddings or a directory of shards, by its name alone."""
    if not isinstance(path, Path):
        return isinstance(path, Embeddings)
    if path.is_dir():
        return not (path / META).exists() and bool(parquet_files(path))
    return path.suffix in FORMATS


def iter_embeddings(path: Path | Embeddings) -> Iterator[Embeddings]:
    """Read the embeddings of a file, or of a directory of shards in the order of their names, in blocks.

    Parquet files are read in blocks of :data:`ROWS`; ``.h5ad`` and ``.npz`` files are read as a whole.
    """
    if isinstance(path, Embeddings):
        yield path
        return
    for file in parquet_files(path) if path.is_dir() else [path]:
        check_input(file, "embeddings")
        yield from _parquet_blocks(file) if file.suffix == ".parquet" else [read_embeddings(file)]


def _read_shards(folder: Path) -> Embeddings:
    paths = parquet_files(folder)
    if not paths:
        raise InputError(f"{folder}: no Parquet file in it; expected shards from `isoclr embed`")
    parts = [read_embeddings(path) for path in paths]
    for path, part in zip(paths, parts, strict=True):
        for key in ("sha256", "n_tracks", "pooling", "precision"):
            if part.meta[key] != parts[0].meta[key]:
                raise InputError(
                    f"{path}: {key} is {part.meta[key]}, {paths[0].name} has {parts[0].meta[key]}; "
                    "expected shards of one run"
                )
        if part.dim != parts[0].dim:
            raise InputError(
                f"{path}: vectors have {part.dim} values, those of {paths[0].name} {parts[0].dim}; expected shards of "
                "one run"
            )
    return Embeddings(
        pl.concat([part.table for part in parts]), np.concatenate([part.matrix for part in parts]), parts[0].meta
    )


def _checked(path: Path, table: pl.DataFrame, matrix: Any, meta: dict[str, str]) -> Embeddings:
    """Embeddings with complete metadata, our columns and finite vectors."""
    meta = {"pooling": "last", **meta}  # which older files do not have
    missing = next((key for key in META_KEYS if key not in meta), None)
    if missing is not None:
        raise InputError(f"{path}: no metadata {missing!r}; expected embeddings of isoclr")
    matrix = np.asarray(matrix, np.float32)
    if matrix.ndim != 2 or len(matrix) != table.height:
        raise InputError(
            f"{path}: {MATRIX} is of shape {matrix.shape} for {table.height:,} RNAs; expected one vector for each"
        )
    refuse_infinite(path, table, matrix)
    return Embeddings(in_schema(table), matrix, known_entries(meta))


def _read_parquet(path: Path) -> Embeddings | None:
    meta = pl.read_parquet_metadata(path)
    if "sha256" not in meta:
        return None
    frame = pl.read_parquet(path)
    if not isinstance(frame.schema.get(MATRIX), pl.Array):
        raise InputError(f"{path}: no column {MATRIX!r} of fixed-size lists; expected embeddings")
    return _checked(path, frame.drop(MATRIX), frame[MATRIX].to_numpy(), meta)


def _read_npz(path: Path) -> Embeddings | None:
    check_npz(path)
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        if "meta" not in arrays.files:
            return None
        table = pl.DataFrame({name: arrays[name] for name in SCHEMA if name in arrays.files})
        meta = {str(key): str(value) for key, value in arrays["meta"]}
        return _checked(path, table, arrays[MATRIX], meta)


def _read_h5ad(path: Path) -> Embeddings | None:
    data = anndata_module().read_h5ad(path)
    if "isoclr" not in data.uns:
        return None
    obs = data.obs.reset_index()
    table = pl.DataFrame({name: obs[name].to_list() for name in SCHEMA if name in obs})
    meta = {str(key): str(value) for key, value in data.uns["isoclr"].items()}
    return _checked(path, table, data.X, meta)


def _parquet_blocks(path: Path) -> Iterator[Embeddings]:
    with reraise_as_input_error(path):
        lazy, meta = pl.scan_parquet(path), pl.read_parquet_metadata(path)
        schema = lazy.collect_schema()
        n = int(lazy.select(pl.len()).collect().item())
    array = schema.get(MATRIX)
    if not isinstance(array, pl.Array) or len(array.shape) != 1 or not array.inner.is_numeric():
        raise InputError(f"{path}: no column {MATRIX!r} of fixed-size lists of numbers; expected embeddings")
    missing = next((name for name in SCHEMA if name not in (*schema, "gene_symbol", "canonical")), None)
    if missing is not None:
        raise InputError(f"{path}: no column {missing!r}; expected embeddings of isoclr")
    for start in range(0, max(1, n), ROWS):
        with reraise_as_input_error(path):
            frame = lazy.slice(start, ROWS).collect()
            matrix = frame[MATRIX].cast(pl.Array(pl.Float32, array.shape)).to_numpy()
            block = _checked(path, frame.drop(MATRIX), matrix, meta)
        yield block
