"""Writing a corpus: duplicates and files.

A row of a table of transcripts says where its codes are: in which of several arrays (``source``), and from where on
(``start``).
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr._io import sha256
from isoclr._version import __version__
from isoclr.corpus.corpus import CODES, COLUMNS, DATA_FILES, INDEX, INDEX_DTYPE, META, SCHEMA, TRANSCRIPTS
from isoclr.errors import InputError
from isoclr.genomics.encoding import NUCLEOTIDE_BITS, Codes
from isoclr.genomics.transcript_models import with_canonical

EMPTY_META: dict[str, Any] = {
    "options": {},
    "species": [],
    "inputs": [],
    "homology": None,
    "gene_ids": {},
    "by_species": {},
}
_QUALITY = (pl.col("cds_source") == "annotated").cast(pl.Int8) * 2 + (pl.col("n_exons") > 0)


def assemble(
    folder: Path,
    table: pl.DataFrame,
    sources: Sequence[Codes],
    meta: dict[str, Any],
    advance: Callable[[int], None] = lambda _: None,
) -> None:
    """Drop duplicates and write the corpus.

    Args:
        meta: Content of ``corpus.json``; the counts in ``meta["by_species"]`` are completed in place.
    """
    by_species = meta["by_species"]
    table, dropped = drop_duplicates(table, sources)
    for name, counts in dropped.items():
        by_species[name]["dropped"].update(counts)
    if not table.height:
        total: Counter[str] = sum((entry["dropped"] for entry in by_species.values()), Counter())
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in total.most_common())
        raise InputError(f"no transcript is left: {f'dropped {reasons}' if reasons else 'the inputs have none'}")
    for entry in by_species.values():
        entry |= {key: dict(sorted(entry[key].items())) for key in ("dropped", "noted")}
    write(folder, table, sources, meta, advance)


def empty_counts() -> dict[str, Any]:
    """Counts of a species for ``corpus.json``, all 0."""
    return {"records": 0, "genes": 0, "mapped_genes": 0, "dropped": Counter(), "noted": Counter()}


def drop_duplicates(table: pl.DataFrame, sources: Sequence[Codes]) -> tuple[pl.DataFrame, dict[str, Counter[str]]]:
    """Keep one transcript per species and id, then one per gene set and sequence: the best annotated, then the first.

    A transcript that is kept for several of one sequence is canonical if one of them is.

    Args:
        table: Transcripts: transcript_id, species, gene_set, length, cds_source, n_exons, order, source, start.

    Returns:
        The kept rows by ``order``, and species → reason → number of dropped transcripts.
    """
    dropped: dict[str, Counter[str]] = {name: Counter() for name in table["species"].unique()}
    by_id = _with_digest(_best(with_canonical(table), ["species", "transcript_id"]), sources)
    sequence = ["gene_set", "length", "digest"]
    unique = _best(by_id.with_columns(pl.col("canonical").any().over(sequence)), sequence)
    for before, after, reason in ((table, by_id, "duplicate_id"), (by_id, unique, "identical_sequence")):
        rows, kept = (Counter(dict(one["species"].value_counts().iter_rows())) for one in (before, after))
        for name, count in (rows - kept).items():
            dropped[name][reason] = count
    return unique.drop("digest"), dropped


def _best(table: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    ranked = table.sort(_QUALITY, "order", descending=[True, False])
    return ranked.unique(key, keep="first", maintain_order=True).sort("order")


def _with_digest(table: pl.DataFrame, sources: Sequence[Codes]) -> pl.DataFrame:
    """The table with ``digest``: a hash of the nucleotides, or ``order`` if no other RNA of the gene set is as long."""
    compared = table.select(pl.len().over("gene_set", "length") > 1).to_series()
    columns = table.select("source", "start", "length", "order")
    digests = [
        _digest(sources[source][start : start + length]) if hashed else order.to_bytes(8, "big")
        for (source, start, length, order), hashed in zip(columns.iter_rows(), compared, strict=True)
    ]
    return table.with_columns(digest=pl.Series(digests, dtype=pl.Binary))


def _digest(codes: Codes) -> bytes:
    return hashlib.blake2b((codes & NUCLEOTIDE_BITS).data, digest_size=16).digest()


def write(
    folder: Path,
    table: pl.DataFrame,
    sources: Sequence[Codes],
    meta: dict[str, Any],
    advance: Callable[[int], None] = lambda _: None,
) -> None:
    """Write the four files of a corpus.

    Args:
        table: Transcripts in their final order: :data:`COLUMNS` without ``offset``, and ``source`` and ``start``.
        meta: Content of ``corpus.json`` where it differs from :data:`EMPTY_META`; ``species`` at least.
    """
    table = table.with_columns(offset=pl.col("length").cum_sum() - pl.col("length")).rechunk()
    _write_codes(folder / CODES, table, sources, advance)
    index = index_rows(table, meta["species"])
    np.save(folder / INDEX, index, allow_pickle=False)
    with_canonical(table).select(COLUMNS).write_parquet(folder / TRANSCRIPTS, compression="zstd")
    counts = {name: empty_counts() for name in meta["species"]}
    content = {
        "schema": SCHEMA,
        "isoclr": __version__,
        **(EMPTY_META | {"by_species": counts} | meta),
        "counts": _counts(index),
        "files": {
            name: {"size": (folder / name).stat().st_size, "sha256": sha256(folder / name)} for name in DATA_FILES
        },
    }
    text = json.dumps(content, indent=1, ensure_ascii=False)
    (folder / META).write_text(text + "\n", encoding="utf-8")


def index_rows(table: pl.DataFrame, species: Sequence[str]) -> NDArray[np.void]:
    """Index ``(n,)`` of a table of transcripts; gene sets are numbered by first appearance."""
    index = np.zeros(table.height, INDEX_DTYPE)
    for name in ("offset", "length", "cds_start", "cds_end", "n_exons"):
        index[name] = table[name].to_numpy()
    for name, values in (("gene_set", table["gene_set"].unique(maintain_order=True)), ("species", species)):
        index[name] = table[name].replace_strict(values, range(len(values)), return_dtype=pl.Int64)
    return index


def _write_codes(path: Path, table: pl.DataFrame, sources: Sequence[Codes], advance: Callable[[int], None]) -> None:
    """Copy the codes of every row; adjacent rows are copied together."""
    source = table["source"].to_numpy()
    start = table["start"].to_numpy()
    end = start + table["length"].to_numpy()
    adjacent = (source[1:] == source[:-1]) & (start[1:] == end[:-1])
    firsts = np.flatnonzero(np.concatenate([[True], ~adjacent])[: len(source)])
    lasts = np.append(firsts[1:], len(source))[: len(firsts)]
    done = 0
    with path.open("wb") as stream:
        for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True):
            stream.write(sources[source[first]][start[first] : end[last - 1]].data)
            if last - done >= 1000 or last == len(source):
                advance(last - done)
                done = last


def _counts(index: NDArray[np.void]) -> dict[str, int]:
    return {
        "transcripts": len(index),
        "gene_sets": int(index["gene_set"].max(initial=-1)) + 1,
        "nucleotides": int(index["length"].sum(dtype=np.int64)),
    }
