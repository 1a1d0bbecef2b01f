"""What GTF and GFF3 share: nine columns, the features that make a transcript, exons where a file writes none."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from isoclr.annotations.lines import Block, Columns, require
from isoclr.annotations.table import Models

COLUMNS: Columns = {
    "chrom": pl.String,
    "source": pl.String,
    "feature": pl.String,
    "start": pl.Int64,
    "end": pl.Int64,
    "score": pl.String,
    "strand": pl.String,
    "phase": pl.String,
    "attributes": pl.String,
}
KEPT = ["chrom", "feature", "start", "end", "strand", "phase", "attributes"]

PART = pl.Enum(["exon", "CDS", "stop", "UTR", "transcript"])
PARTS = {
    "exon": "exon",
    "CDS": "CDS",
    "stop_codon": "stop",
    "UTR": "UTR",
    "5UTR": "UTR",
    "3UTR": "UTR",
    "five_prime_utr": "UTR",
    "three_prime_utr": "UTR",
    "five_prime_UTR": "UTR",
    "three_prime_UTR": "UTR",
}


def part(parts: Mapping[str, str]) -> pl.Expr:
    """What part of a transcript a feature is; null for a feature that is none."""
    return pl.col("feature").replace_strict(parts, default=None, return_dtype=PART).alias("part")


def check(block: Block, lines: pl.DataFrame) -> None:
    """Coordinates are 1-based closed intervals, phases 0, 1, 2 or absent.

    Raises:
        InputError: the first line for which they are not.
    """
    start, end = pl.col("start"), pl.col("end")
    require(block, lines, (start >= 1) & (end >= start) & (end < 1 << 40), _interval)
    require(block, lines, pl.col("phase").is_in([".", "0", "1", "2"]), _phase)


def _interval(row: dict[str, Any]) -> str:
    return f"interval {row['start']}-{row['end']}, expected 1 ≤ start ≤ end"


def _phase(row: dict[str, Any]) -> str:
    return f"phase is {row['phase']!r}, expected 0, 1, 2 or '.'"


def gather(parts: pl.DataFrame, names: pl.DataFrame) -> Models:
    """Transcript models from the parts of transcripts.

    Args:
        parts: ``key, part, chrom, strand, start, end, phase``, 1-based closed as in the file.
        names: one row a transcript: ``key`` and the names.
    """
    numbers = names.select("key").with_row_index("tx").cast({"tx": pl.Int64})
    parts = parts.join(numbers, on="key", how="inner", maintain_order="left")
    parts = parts.drop("key").with_columns(start=pl.col("start") - 1)
    exons = parts.filter(pl.col("part") == "exon")
    implied = parts.filter(pl.col("part").is_in(["CDS", "stop", "UTR"]))
    implied = implied.join(exons, on="tx", how="anti", maintain_order="left")
    if implied.height:
        exons = pl.concat([exons.select(EXON), merged(implied)])
    coding = parts.filter(pl.col("part").is_in(["CDS", "stop"])).select(
        "tx",
        "start",
        "end",
        phase=pl.col("phase").cast(pl.Int64, strict=False).fill_null(0),
        stop=pl.col("part") == "stop",
    )
    return Models(names.drop("key"), exons.select(EXON), coding)


EXON = ["tx", "chrom", "strand", "start", "end"]


def merged(parts: pl.DataFrame) -> pl.DataFrame:
    """Exons of transcripts that have only CDS and UTR lines: their union, touching pieces joined."""
    place = ["tx", "chrom", "strand"]
    parts = parts.sort(*place, "start", "end")
    reached = pl.col("end").cum_max().shift(1).over(place)
    exon = (pl.col("start") > reached).fill_null(True).cum_sum().alias("exon")
    union = parts.with_columns(exon).group_by(*place, "exon", maintain_order=True)
    return union.agg(pl.col("start").min(), pl.col("end").max()).select(EXON)
