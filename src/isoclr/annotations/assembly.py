"""From exon and CDS intervals on the genome to the annotation table, for all transcripts at once."""

from collections import Counter

import numpy as np
import polars as pl

from isoclr.annotations.coding import coding_table
from isoclr.annotations.layout import lay_out
from isoclr.annotations.table import Annotation, Models, count, finish


def assemble(models: Models, name: str, dropped: Counter[str] | None = None) -> Annotation:
    """The annotation table of transcript models.

    A transcript is dropped when its exons lie on two chromosomes or strands, on no strand, or overlap; its CDS
    is dropped when it is not within the exons or skips some of them.

    Args:
        models: names, exons and CDS as the file gives them.
        name: the format's name.
        dropped: counts to add to.
    """
    dropped = Counter() if dropped is None else dropped
    exons = _sound(models.exons, models.names.height, dropped)
    layout = lay_out(exons, models.names.height)
    names = models.names.with_row_index("tx").cast({"tx": pl.Int64})
    cds = coding_table(layout, models, dropped)
    table = names.join(_exon_lists(exons), on="tx", how="inner", maintain_order="left")
    table = table.join(cds, on="tx", how="left", maintain_order="left")
    return finish(table.with_columns(pl.col("cds_start", "cds_end").fill_null(-1)), name, dropped)


def _sound(exons: pl.DataFrame, transcripts: int, dropped: Counter[str]) -> pl.DataFrame:
    """The exons of sound transcripts, sorted by transcript and position, each once."""
    exons = exons.sort("tx", "start", "end", maintain_order=True)
    same = pl.col("tx") == pl.col("tx").shift(1)
    repeated = same
    for column in ("start", "end", "chrom", "strand"):
        repeated &= pl.col(column) == pl.col(column).shift(1)
    exons = exons.filter(~repeated.fill_null(False))
    faults = {
        "two_chromosomes": same & (pl.col("chrom") != pl.col("chrom").shift(1)),
        "two_strands": same & (pl.col("strand") != pl.col("strand").shift(1)),
        "no_strand": ~pl.col("strand").is_in(["+", "-"]),
        "overlapping_exons": same & (pl.col("start") < pl.col("end").shift(1)),
    }
    bad = np.zeros(transcripts, np.bool_)
    for reason, fault in faults.items():
        hit = np.zeros(transcripts, np.bool_)
        hit[exons.filter(fault.fill_null(False))["tx"].to_numpy()] = True
        count(dropped, reason, int((hit & ~bad).sum()))
        bad |= hit
    count(dropped, "no_exons", transcripts - exons["tx"].n_unique())
    return exons.filter(~pl.lit(pl.Series(bad[exons["tx"].to_numpy()])))


def _exon_lists(exons: pl.DataFrame) -> pl.DataFrame:
    """One row a transcript, its exons from 5' to 3'."""
    lists = exons.group_by("tx", maintain_order=True).agg(
        pl.col("chrom", "strand").first(),
        pl.col("start").alias("exon_starts"),
        (pl.col("end") - pl.col("start")).alias("exon_lengths"),
        (pl.col("end") - pl.col("start")).sum().alias("length"),
    )
    minus = pl.col("strand") == "-"
    return lists.with_columns(
        pl.when(minus).then(pl.col(c).list.reverse()).otherwise(pl.col(c)).alias(c)
        for c in ("exon_starts", "exon_lengths")
    )
