"""Reading embeddings back, whichever format they are in."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from isoclr.console import say
from isoclr.embedding.adopting import adopt
from isoclr.embedding.foreign import check_npz, damage_named
from isoclr.embedding.table import MATRIX, META_KEYS, SCHEMA, Embeddings, completed
from isoclr.errors import InputError


def read_embeddings(path: Path | str) -> Embeddings:
    """Read what ``isoclr embed`` wrote, or embeddings that another program made.

    Args:
        path: ``.parquet``, ``.h5ad`` or ``.npz``; or a directory whose Parquet files are the shards of one run, read in
            the order of their names. What may stand in a file that isoclr did not write is told in
            :mod:`isoclr.embedding.foreign`; where it names no genes, every RNA counts as a gene of its own.

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
    with damage_named(path):
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
    found, _ = adopt(path)
    if (found.table["gene_id"] == found.table["transcript_id"]).all():
        say(
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
    from isoclr.embedding.writing import anndata_module

    read = anndata_module().read_h5ad(path)
    if "isoclr" not in read.uns:
        return _adopted(path)
    obs = read.obs.reset_index()
    table = pl.DataFrame({name: obs[name].to_list() for name in SCHEMA})
    meta = {str(key): str(value) for key, value in read.uns["isoclr"].items()}
    return _checked(path, table, read.X, meta)
