"""From the transcripts of all inputs, or of all shards, to one corpus: the steps that need to see everything."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr._console import info, progress
from isoclr._io import atomic_directory, ensure_writable, sha256
from isoclr._version import __version__
from isoclr.corpus.corpus import (
    CODES,
    DATA_FILES,
    INDEX,
    INDEX_DTYPE,
    META,
    SCHEMA,
    TRANSCRIPTS,
    Corpus,
    open_corpus,
)
from isoclr.errors import InputError
from isoclr.genomics.encoding import NUCLEOTIDE_BITS, Codes

QUALITY = (pl.col("cds_source") == "annotated").cast(pl.Int8) * 2 + (pl.col("n_exons") > 0)


def drop_duplicates(
    table: pl.DataFrame, sources: Sequence[Codes]
) -> tuple[pl.DataFrame, dict[str, Counter[str]]]:
    """One transcript an id, one a sequence within its gene set.

    Args:
        table: rows with transcript_id, species, gene_set, length, cds_source, n_exons, order, source, start.
        sources: the arrays of codes that ``source`` and ``start`` point into.

    Returns:
        The rows that stay, by ``order``, and species → reason → how many were dropped.
    """
    dropped: dict[str, Counter[str]] = {name: Counter() for name in table["species"].unique()}
    ids = _best(table, ["species", "transcript_id"])
    _count(table, ids, "duplicate_id", dropped)
    keyed = _with_digest(ids, sources)
    unique = _best(keyed, ["gene_set", "length", "digest"])
    _count(keyed, unique, "identical_sequence", dropped)
    return unique.drop("digest"), dropped


def _best(table: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    ranked = table.sort(QUALITY, "order", descending=[True, False])
    return ranked.unique(key, keep="first", maintain_order=True).sort("order")


def _with_digest(table: pl.DataFrame, sources: Sequence[Codes]) -> pl.DataFrame:
    """Adds ``digest``: of the nucleotides where another of the gene set is as long, else the row's own number."""
    twins = table.select(pl.len().over("gene_set", "length") > 1).to_series()
    columns = table.select("source", "start", "length", "order")
    digests = [
        _digest(sources[source][start : start + length]) if twin else order.to_bytes(8, "big")
        for (source, start, length, order), twin in zip(columns.iter_rows(), twins, strict=True)
    ]
    return table.with_columns(digest=pl.Series(digests, dtype=pl.Binary))


def _digest(codes: Codes) -> bytes:
    return hashlib.blake2b((codes & NUCLEOTIDE_BITS).data, digest_size=16).digest()


def _count(
    before: pl.DataFrame, after: pl.DataFrame, reason: str, dropped: dict[str, Counter[str]]
) -> None:
    kept = dict(after["species"].value_counts().iter_rows())
    for name, count in before["species"].value_counts().iter_rows():
        if count != kept.get(name, 0):
            dropped[name][reason] += count - kept.get(name, 0)


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


def assemble(
    folder: Path,
    table: pl.DataFrame,
    sources: Sequence[Codes],
    meta: dict[str, Any],
    advance: Callable[[int], None] = lambda _: None,
) -> None:
    """Drop duplicates and write the corpus.

    A shard keeps its duplicates: which of two transcripts stays can depend on a third in another shard.

    Args:
        folder: where to write.
        table: all transcripts by ``order``, with their gene sets.
        sources: the arrays of codes that ``source`` and ``start`` point into.
        meta: facts for ``corpus.json``; the counts in ``meta["by_species"]`` are completed.
        advance: called with the number of transcripts written since the last call.

    Raises:
        InputError: no transcript is left.
    """
    if not meta["shard"]:
        table, dropped = drop_duplicates(table, sources)
        for name, reasons in dropped.items():
            add(meta["by_species"][name]["dropped"], reasons)
        if not table.height:
            raise InputError(f"no transcript is left: {_why(meta['by_species'])}")
    for facts in meta["by_species"].values():  # in one order, however the shards were dealt
        facts |= {key: dict(sorted(facts[key].items())) for key in ("dropped", "noted")}
    write(folder, table, sources, meta, advance)


def add(total: dict[str, int], more: dict[str, int] | Counter[str]) -> None:
    """Add counts to counts, in place."""
    for reason, count in more.items():
        total[reason] = total.get(reason, 0) + count


def check_target(out: Path, overwrite: bool) -> None:
    """Refuse to replace what is not a corpus.

    Raises:
        InputError: ``out`` exists, and is no corpus or may not be overwritten; or it cannot be made.
    """
    ensure_writable(out)
    if not out.exists():
        return
    if not overwrite:
        raise InputError(f"{out}: exists already; choose another name or give --overwrite")
    if not (out / META).is_file() and not (out.is_dir() and not any(out.iterdir())):
        raise InputError(f"{out}: not a corpus, --overwrite replaces nothing else")


def _why(by_species: dict[str, Any]) -> str:
    total: Counter[str] = Counter()
    for facts in by_species.values():
        total.update(facts["dropped"])
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in total.most_common())
    return f"dropped {reasons}" if reasons else "the inputs have none"


_SAME = ("isoclr", "options", "species", "inputs", "homology", "gene_ids")
"""What all shards of one build have in common."""


def merge(shards: tuple[Path, ...], *, out: Path, overwrite: bool = False) -> Corpus:
    """Join the shards of one build: the same bytes as the build without --shard.

    Args:
        shards: all shards, in any order.
        out: the corpus, a new directory.
        overwrite: replace a corpus that is there.

    Returns:
        The corpus, opened.

    Raises:
        InputError: a shard is missing, given twice, or of another build.
    """
    parts = [open_corpus(path) for path in shards]
    _check_complete(parts)
    out = Path(out)
    check_target(out, overwrite)
    tables = [
        part.transcripts.with_columns(start=pl.col("offset"), source=pl.lit(number, pl.Int64))
        for number, part in enumerate(parts)
    ]
    table = pl.concat(tables).drop("offset").sort("order")
    if table["order"].is_duplicated().any():
        raise InputError(
            f"{parts[0].path} and the others: a transcript is in two shards; build them again"
        )
    with atomic_directory(out, overwrite=overwrite) as folder, progress() as bar:
        step = bar.add_task("write", total=table.height)
        assemble(
            folder,
            table,
            [part.codes for part in parts],
            _meta(parts),
            lambda done: bar.advance(step, done),
        )
        bar.update(step, completed=table.height)
    corpus = open_corpus(out)
    info(f"{corpus!r}")
    return corpus


def _check_complete(parts: list[Corpus]) -> None:
    """All shards of one build, each once."""
    if not parts:
        raise InputError(
            "no shards given, expected the directories that isoclr build --shard wrote"
        )
    seen: dict[int, Path] = {}
    first = parts[0]
    for part in parts:
        if not part.meta["shard"]:
            raise InputError(
                f"{part.path}: a whole corpus, expected one that isoclr build --shard wrote"
            )
        for key in _SAME:
            if part.meta[key] != first.meta[key]:
                raise InputError(
                    f"{part.path}: another {key} than {first.path}; not shards of one build"
                )
        number, of = part.meta["shard"]
        if of != first.meta["shard"][1]:
            raise InputError(
                f"{part.path}: shard {number}/{of}, expected one of {first.meta['shard'][1]}"
            )
        if number in seen:
            raise InputError(
                f"{part.path}: shard {number}/{of} again, {seen[number]} is the same one"
            )
        seen[number] = part.path
    of = first.meta["shard"][1]
    missing = sorted(set(range(1, of + 1)) - seen.keys())
    if missing:
        listed = ", ".join(f"{number}/{of}" for number in missing)
        raise InputError(f"{first.path}: of its shards {listed} not given")


def _meta(parts: list[Corpus]) -> dict[str, Any]:
    """Facts of the whole: what the shards have in common, and their counts added up."""
    meta = {"options": parts[0].meta["options"], "shard": None}
    meta |= {key: parts[0].meta[key] for key in ("species", "inputs", "homology", "gene_ids")}
    total: dict[str, Any] = {}
    for name in meta["species"]:
        here: dict[str, Any] = {"records": 0, "genes": 0, "mapped_genes": 0}
        here |= {"dropped": {}, "noted": {}}
        for part in parts:
            more = part.meta["by_species"][name]
            add(here, {key: more[key] for key in ("records", "genes", "mapped_genes")})
            add(here["dropped"], more["dropped"])
            add(here["noted"], more["noted"])
        total[name] = here
    return meta | {"by_species": total}
