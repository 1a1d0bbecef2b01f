"""What genePred and BED12 share: a transcript a line, exons as lists, the CDS as one span with its introns."""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from isoclr.annotations.assembly import assemble
from isoclr.annotations.lines import Block, Columns, blocks, require
from isoclr.annotations.table import Annotation, Models
from isoclr.errors import InputError


def read_spans(
    path: Path,
    name: str,
    columns_of: Callable[[Block], Columns | None],
    read: Callable[[Block, Columns], pl.DataFrame],
) -> Annotation:
    """The transcripts of a file that has one a line.

    Args:
        path: the file.
        name: the format's name.
        columns_of: the columns by a block's first line; None when it holds comments only.
        read: the transcripts of a block, as :func:`span_models` takes them.

    Raises:
        InputError: no line but comments, or what the two functions raise.
    """
    columns: Columns | None = None
    tables = []
    for block in blocks(path):
        columns = columns or columns_of(block)
        if columns:
            tables.append(read(block, columns))
    if not tables:
        raise InputError(f"{path}: no transcripts, expected {name} lines")
    return assemble(span_models(pl.concat(tables)), name)


def check_spans(block: Block, lines: pl.DataFrame) -> None:
    """Every line has an id and a place, its exons are not empty, and none begins before the chromosome.

    Raises:
        InputError: the first line that breaks this.
    """
    for column in ("transcript_id", "chrom"):
        require(block, lines, pl.col(column).is_not_null(), lambda _, c=column: f"no {c}")  # type: ignore[misc]
    sizes = pl.col("exon_ends") - pl.col("exon_starts")
    require(block, lines, sizes.list.min() > 0, lambda _: "an exon ends before it starts")
    require(
        block, lines, pl.col("exon_starts").list.min() >= 0, lambda _: "an exon starts before 0"
    )


def span_models(lines: pl.DataFrame) -> Models:
    """Transcript models of lines with one transcript each.

    Args:
        lines: the four names, ``chrom, strand``, the lists ``exon_starts, exon_ends``, and ``coding_start,
            coding_end, phase``; an empty coding span means that there is no CDS.
    """
    lines = lines.with_row_index("tx").cast({"tx": pl.Int64})
    exons = lines.select("tx", "chrom", "strand", start="exon_starts", end="exon_ends")
    coding = lines.filter(pl.col("coding_start") < pl.col("coding_end")).select(
        "tx", "phase", start="coding_start", end="coding_end", stop=pl.lit(False)
    )
    names = lines.select("transcript_id", "gene_id", "gene_symbol", "biotype")
    return Models(names, exons.explode("start", "end"), coding, spans=True)
