"""Transcripts that are in the inputs twice.

Two rules, in this order:

1. **One transcript an id.** A transcript id that occurs twice in one species (in two inputs, or twice in one
   annotation) is kept once, whether or not the sequences are the same: the id is what embeddings and labels
   are joined by.
2. **One transcript a sequence within a gene set.** Two views that are the same string teach nothing, and would
   count as isoforms in the loss' weights.

The one that stays is the better annotated: an annotated CDS first, then known exons, then the earlier in the inputs.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence

import polars as pl

from isoclr.corpus.codes import NUCLEOTIDE_BITS, Codes

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
