"""Writing a corpus: codes, index, names and facts, in one fixed order of bytes."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr._version import __version__
from isoclr.corpus.codes import Codes
from isoclr.corpus.layout import CODES, DATA_FILES, INDEX, INDEX_DTYPE, META, SCHEMA, TRANSCRIPTS
from isoclr.files import sha256

COLUMNS = (
    "transcript_id",
    "gene_id",
    "gene_symbol",
    "gene_set",
    "species",
    "offset",
    "length",
    "cds_start",
    "cds_end",
    "cds_source",
    "n_exons",
    "biotype",
)
"""Columns of ``transcripts.parquet``; a shard has ``order`` besides, its rows' places in the whole corpus."""


def write(
    folder: Path,
    table: pl.DataFrame,
    sources: Sequence[Codes],
    meta: dict[str, Any],
    advance: Callable[[int], None] = lambda _: None,
) -> None:
    """Write the four files of a corpus into ``folder``.

    Args:
        folder: an existing directory, still under its temporary name.
        table: one row a transcript in the final order: the columns of ``transcripts.parquet`` without ``offset``, and
            ``source`` and ``start``: which of ``sources`` holds its codes, and where they begin.
        sources: arrays of codes.
        meta: what ``corpus.json`` says beside schema, version, counts and checksums; ``meta["species"]`` numbers them.
        advance: called with the number of transcripts written since the last call.
    """
    table = table.with_columns(offset=pl.col("length").cum_sum() - pl.col("length")).rechunk()
    _write_codes(folder / CODES, table, sources, advance)
    index = index_rows(table, meta["species"])
    np.save(folder / INDEX, index, allow_pickle=False)
    names = [*COLUMNS, "order"] if meta["shard"] else list(COLUMNS)
    table.select(names).write_parquet(folder / TRANSCRIPTS, compression="zstd")
    whole = {
        "schema": SCHEMA,
        "isoclr": __version__,
        **meta,
        "counts": _counts(index),
        "files": {name: _fingerprint(folder / name) for name in DATA_FILES},
    }
    (folder / META).write_text(
        json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )


def index_rows(table: pl.DataFrame, species: Sequence[str]) -> NDArray[np.void]:
    """The numeric index ``(n,)`` of a table of transcripts; gene sets are numbered by first appearance."""
    index = np.zeros(table.height, INDEX_DTYPE)
    for name in ("offset", "length", "cds_start", "cds_end", "n_exons"):
        index[name] = table[name].to_numpy()
    index["gene_set"] = _numbers(table, "gene_set", table["gene_set"].unique(maintain_order=True))
    index["species"] = _numbers(table, "species", pl.Series(species, dtype=pl.String))
    return index


def _numbers(table: pl.DataFrame, column: str, names: pl.Series) -> NDArray[np.int64]:
    """The position in ``names`` of every row's value."""
    places = pl.DataFrame({column: names}).with_row_index("number")
    joined = table.select(column).join(places, on=column, how="left", maintain_order="left")
    return joined["number"].to_numpy().astype(np.int64)


def _write_codes(
    path: Path, table: pl.DataFrame, sources: Sequence[Codes], advance: Callable[[int], None]
) -> None:
    """Copy the codes of every row, whole runs of neighbours at a time."""
    source = table["source"].to_numpy()
    start = table["start"].to_numpy()
    end = start + table["length"].to_numpy()
    follows = (source[1:] == source[:-1]) & (start[1:] == end[:-1])
    heads = np.concatenate([[0], np.flatnonzero(~follows) + 1]) if len(source) else np.empty(0, int)
    tails = np.append(heads[1:], len(source)) if len(source) else heads
    done = 0
    with path.open("wb") as stream:
        for head, tail in zip(heads.tolist(), tails.tolist(), strict=True):
            stream.write(sources[source[head]][start[head] : end[tail - 1]].data)
            if tail - done >= 1000 or tail == len(source):
                advance(tail - done)
                done = tail


def _counts(index: NDArray[np.void]) -> dict[str, int]:
    return {
        "transcripts": len(index),
        "gene_sets": int(index["gene_set"].max(initial=-1)) + 1,
        "nucleotides": int(index["length"].sum(dtype=np.int64)),
    }


def _fingerprint(path: Path) -> dict[str, Any]:
    return {"size": path.stat().st_size, "sha256": sha256(path)}
