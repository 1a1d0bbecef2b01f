"""BED12: a transcript a line, exons as blocks, the CDS as the thick part."""

from pathlib import Path

import polars as pl

from isoclr.annotations.lines import Block, Columns, parse, require
from isoclr.annotations.lists import check_lists, numbers
from isoclr.annotations.spans import check_spans, read_spans
from isoclr.annotations.table import Annotation

CORE: Columns = {
    "chrom": pl.String,
    "chromStart": pl.Int64,
    "chromEnd": pl.Int64,
    "name": pl.String,
    "score": pl.String,
    "strand": pl.String,
    "thickStart": pl.Int64,
    "thickEnd": pl.Int64,
    "itemRgb": pl.String,
    "blockCount": pl.Int64,
    "blockSizes": pl.String,
    "blockStarts": pl.String,
}


def read_bed12(path: Path) -> Annotation:
    """The transcripts of a BED12 file (more columns are allowed and not used).

    Coordinates are 0-based half-open; the thick part includes the stop codon and is empty without a CDS. BED
    knows no genes: each transcript is its own.

    Raises:
        InputError: fewer than twelve columns, a line that does not fit, or impossible blocks.
    """
    return read_spans(path, "bed12", _columns, _read)


def _columns(block: Block) -> Columns | None:
    """The columns of the block, by its first line; none when it holds comments only."""
    for number, line in block.data_lines():
        found = line.count(b"\t") + 1
        if found < len(CORE):
            raise block.error(number, f"BED with {found} columns, expected 12 (exons and CDS)")
        extra = range(len(CORE), found)
        return {**CORE, **{f"column {i + 1}": pl.String for i in extra}}
    return None


def _read(block: Block, columns: Columns) -> pl.DataFrame:
    lines = parse(block, columns, list(CORE))
    lines = lines.with_columns(numbers("blockSizes"), numbers("blockStarts"))
    check_lists(block, lines, ["blockSizes", "blockStarts"], "blockCount")
    starts = pl.col("blockStarts") + pl.col("chromStart")
    lines = lines.select(
        "row",
        "chrom",
        "strand",
        "chromEnd",
        transcript_id="name",
        gene_id="name",
        gene_symbol=pl.lit(""),
        biotype=pl.lit(""),
        exon_starts=starts,
        exon_ends=starts + pl.col("blockSizes"),
        coding_start="thickStart",
        coding_end="thickEnd",
        phase=pl.lit(0, pl.Int64),
    )
    check_spans(block, lines)
    within = pl.col("exon_ends").list.max() <= pl.col("chromEnd")
    require(block, lines, within, lambda row: f"a block ends beyond chromEnd {row['chromEnd']}")
    return lines.drop("row", "chromEnd")
