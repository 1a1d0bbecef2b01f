"""The transcripts of one input, and the rules by which some are left out."""

import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from isoclr.accessions import without_versions
from isoclr.corpus.codes import Codes
from isoclr.corpus.coding import OrfCalling

Advance = Callable[[int, int], None]
"""Called with (transcripts done since the last call, transcripts in all)."""

ROWS = (
    "order",
    "transcript_id",
    "gene_id",
    "gene_symbol",
    "biotype",
    "species",
    "start",
    "length",
    "cds_start",
    "cds_end",
    "cds_source",
    "n_exons",
)
"""Columns of a finished part."""


@dataclass(frozen=True)
class Options:
    """What is done with every transcript."""

    calling: OrfCalling
    noncoding: bool
    max_length: int
    shard: tuple[int, int] | None = None


@dataclass
class Part:
    """The transcripts of one input.

    Attributes:
        table: one row a transcript (:data:`ROWS` in the end); ``order`` is its place among all records of the input,
            ``start`` where its codes begin.
        codes: the codes that ``start`` points into.
        records: how many transcripts the input has, before anything was dropped; the same in every shard.
        seen: how many of them are this shard's.
        dropped: reason → how many transcripts were left out.
        noted: what was odd or mended → in how many transcripts.
        facts: about the files, for ``corpus.json``; the same in every shard.
        says: what the person at the terminal should know.
    """

    table: pl.DataFrame
    codes: Codes
    records: int
    seen: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    noted: Counter[str] = field(default_factory=Counter)
    facts: dict[str, Any] = field(default_factory=dict)
    says: list[str] = field(default_factory=list)

    def drop(self, unwanted: pl.Expr, reason: str) -> None:
        """Leave out the rows for which ``unwanted`` is true, and count them."""
        kept = self.table.filter(~unwanted)
        if count := self.table.height - kept.height:
            self.dropped[reason] += count
        self.table = kept

    def note(self, flags: pl.Expr, reason: str) -> None:
        """Count the rows for which ``flags`` is true."""
        if count := int(self.table.select(flags.sum()).item()):
            self.noted[reason] += count


def select(part: Part, species: str, options: Options) -> None:
    """Keep this shard's genes; drop what has no length and what is too long."""
    if options.shard is not None:
        number, of = options.shard
        part.table = part.table.filter(_shard_of_genes(part.table, species, of) == number - 1)
    part.seen = part.table.height
    part.drop(pl.col("length") == 0, "empty")
    part.drop(pl.col("length") > options.max_length, "longer_than_max_length")


def _shard_of_genes(table: pl.DataFrame, species: str, of: int) -> pl.Series:
    """Which shard a row's gene belongs to: by a checksum of its name, so that isoforms stay together."""
    names = table.select(gene=without_versions(pl.col("gene_id")))
    genes = names.unique(maintain_order=True)
    numbers = [zlib.crc32(f"{species}|{gene}".encode()) % of for gene in genes["gene"]]
    genes = genes.with_columns(shard=pl.Series(numbers, dtype=pl.Int64))
    return names.join(genes, on="gene", how="left", maintain_order="left")["shard"]
