"""UCSC gene predictions: genePred, genePredExt and refFlat, with or without the ``bin`` column."""

from pathlib import Path

import polars as pl

from isoclr.annotations.lines import Block, Columns, parse
from isoclr.annotations.lists import check_lists, numbers
from isoclr.annotations.spans import check_spans, read_spans
from isoclr.annotations.table import Annotation

CORE: Columns = {
    "name": pl.String,
    "chrom": pl.String,
    "strand": pl.String,
    "txStart": pl.Int64,
    "txEnd": pl.Int64,
    "cdsStart": pl.Int64,
    "cdsEnd": pl.Int64,
    "exonCount": pl.Int64,
    "exonStarts": pl.String,
    "exonEnds": pl.String,
}
EXTENDED: Columns = {
    "score": pl.String,
    "name2": pl.String,
    "cdsStartStat": pl.String,
    "cdsEndStat": pl.String,
    "exonFrames": pl.String,
}
STABLE_ID = r"^ENS[A-Z]*G\d"  # a gene id of Ensembl's, not a symbol


def layout(fields: list[str]) -> Columns | None:
    """The columns of a table by one of its lines; None when it is no gene prediction.

    ``bin`` (a number) and refFlat's gene name come before the transcript's name; knownGene and others have
    columns of their own behind, which are not used.

    >>> list(layout("7 NM_1 chr1 + 0 9 0 9 1 0, 9,".split()))[:3]
    ['bin', 'name', 'chrom']
    """
    columns: dict[str, type[pl.DataType]] = {}
    if len(fields) > 3 and fields[3] in ("+", "-") and fields[2] not in ("+", "-"):
        columns["bin" if fields[0].isdigit() else "name2"] = pl.String
    columns.update(CORE)
    if len(fields) < len(columns) or fields[list(columns).index("strand")] not in ("+", "-", "."):
        return None
    if len(fields) >= len(columns) + len(EXTENDED) and "name2" not in columns:
        columns.update(EXTENDED)
    for i in range(len(columns), len(fields)):
        columns[f"column {i + 1}"] = pl.String
    return columns


def read_genepred(path: Path) -> Annotation:
    """The transcripts of a genePred, genePredExt or refFlat table.

    Coordinates are 0-based half-open; the CDS includes the stop codon. genePredExt says in ``exonFrames`` at
    which base of a codon each exon begins, so a CDS that is cut at its 5' end is put in frame. The gene is
    ``name2`` or refFlat's gene name.

    Raises:
        InputError: a line that does not fit the columns of the first one, or impossible exons.
    """
    return read_spans(path, "genepred", _columns, _read)


def _columns(block: Block) -> Columns | None:
    for number, line in block.data_lines():
        columns = layout(line.decode(errors="replace").split("\t"))
        if columns is None:
            raise block.error(
                number, "not a genePred line, expected 10 to 16 columns with a strand"
            )
        return columns
    return None


def _read(block: Block, columns: Columns) -> pl.DataFrame:
    lines = parse(block, columns).with_columns(numbers("exonStarts"), numbers("exonEnds"))
    check_lists(block, lines, ["exonStarts", "exonEnds"], "exonCount")
    phase = pl.lit(0, pl.Int64)
    if "exonFrames" in columns:
        lines = lines.with_columns(numbers("exonFrames"))
        check_lists(block, lines, ["exonFrames"], "exonCount")
        phase = _phase()
    gene = pl.col("name2") if "name2" in columns else pl.lit(None, pl.String)
    gene = pl.when(gene != "none").then(gene)
    lines = lines.select(
        "row",
        "chrom",
        "strand",
        transcript_id="name",
        gene_id=gene.fill_null(pl.col("name")),
        gene_symbol=pl.when(~gene.str.contains(STABLE_ID)).then(gene).fill_null(""),
        biotype=pl.lit(""),
        exon_starts="exonStarts",
        exon_ends="exonEnds",
        coding_start="cdsStart",
        coding_end="cdsEnd",
        phase=phase,
    )
    check_spans(block, lines)
    return lines.drop("row")


def _phase() -> pl.Expr:
    """Bases before the first whole codon, from the frame of the first coding exon (frame 1: one base is gone)."""
    frames = pl.col("exonFrames").list.eval(pl.element().filter(pl.element() >= 0))
    frame = pl.when(pl.col("strand") == "-").then(frames.list.last()).otherwise(frames.list.first())
    return ((3 - frame) % 3).fill_null(0)
