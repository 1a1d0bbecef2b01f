"""UCSC gene predictions: genePred, genePredExt and refFlat, with or without the ``bin`` column."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl

from isoclr.errors import InputError
from isoclr.genomics.text import Block, Columns, blocks, check_lists, numbers, parse, require
from isoclr.genomics.transcript_models import Annotation, Models, assemble, count, finish


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


GENEPRED_CORE: Columns = {
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
    columns.update(GENEPRED_CORE)
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


BED12_CORE: Columns = {
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
    return read_spans(path, "bed12", _columns_bed12, _read_bed12)


def _columns_bed12(block: Block) -> Columns | None:
    """The columns of the block, by its first line; none when it holds comments only."""
    for number, line in block.data_lines():
        found = line.count(b"\t") + 1
        if found < len(BED12_CORE):
            raise block.error(number, f"BED with {found} columns, expected 12 (exons and CDS)")
        extra = range(len(BED12_CORE), found)
        return {**BED12_CORE, **{f"column {i + 1}": pl.String for i in extra}}
    return None


def _read_bed12(block: Block, columns: Columns) -> pl.DataFrame:
    lines = parse(block, columns, list(BED12_CORE))
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


LENGTHS = ["utr5_len", "cds_len", "utr3_len"]
REQUIRED = ["transcript_id", *LENGTHS, "exon_lengths"]


def read_structures(path: Path) -> Annotation:
    """The transcripts of a structure table: a header, then a transcript a line; an empty cell is unknown.

    The length is the sum of UTRs and CDS, or of the exons when one of the three is unknown. Where the two
    disagree the exons are dropped (``exons_disagree_with_length``). The CDS includes the stop codon and is
    known when ``utr5_len`` and ``cds_len`` are. Columns ``gene_id``, ``gene_symbol`` and ``biotype`` are read
    when the table has them.

    Raises:
        InputError: a missing column, or a cell that is no length.
    """
    header: list[str] = []
    tables = []
    for block in blocks(path):
        if not header:
            header, block = _header(block)
        if header:
            tables.append(_read_structures(block, header))
    if not tables:
        raise InputError(f"{path}: no header line, expected {', '.join(REQUIRED)}")
    dropped: Counter[str] = Counter()
    return finish(_resolved(pl.concat(tables), dropped), "structures", dropped)


def _header(block: Block) -> tuple[list[str], Block]:
    """The column names, and the block behind them; no names when the block holds comments only."""
    for number, line in block.data_lines():
        header = line.decode(errors="replace").split("\t")
        if missing := [name for name in REQUIRED if name not in header]:
            raise block.error(number, f"no column {missing[0]}, expected {', '.join(REQUIRED)}")
        done = number - block.first_line + 1
        rest = block.text.split(b"\n", done)[-1]
        return header, replace(block, text=rest, first_line=number + 1)
    return [], block


def _read_structures(block: Block, header: list[str]) -> pl.DataFrame:
    lines = parse(block, dict.fromkeys(header, pl.String))
    require(block, lines, pl.col("transcript_id").is_not_null(), lambda _: "no transcript_id")
    for name in LENGTHS:
        good = pl.col(name).is_null() | pl.col(name).str.contains(r"^\d{1,9}$")
        require(block, lines, good, lambda row, n=name: _found(n, row[n], "a length or nothing"))  # type: ignore[misc]
    exons = lines.with_columns(exons=numbers("exon_lengths"))
    good = pl.col("exon_lengths").is_null() | (pl.col("exons").list.min() > 0)
    expected = "comma-separated lengths or nothing"
    require(block, exons, good, lambda row: _found("exon_lengths", row["exon_lengths"], expected))
    names = {
        name: pl.col(name).fill_null("") if name in header else pl.lit("")
        for name in ("gene_symbol", "biotype")
    }
    gene = pl.col("gene_id") if "gene_id" in header else pl.lit(None, pl.String)
    return exons.select(
        "transcript_id",
        pl.col(LENGTHS).cast(pl.Int64),
        gene_id=gene.fill_null(pl.col("transcript_id")),
        exon_lengths="exons",
        **names,
    )


def _found(name: str, value: str, expected: str) -> str:
    return f"{name} is {value[:40]!r}, expected {expected}"


def _resolved(lines: pl.DataFrame, dropped: Counter[str]) -> pl.DataFrame:
    """Length, exons and CDS of every transcript, what contradicts itself dropped and counted."""
    utr5, cds, utr3 = (pl.col(name) for name in LENGTHS)
    by_exons = pl.col("exon_lengths").list.sum()
    lines = lines.with_columns(
        by_exons=pl.when(pl.col("exon_lengths").is_not_null()).then(by_exons),
        length=utr5 + cds + utr3,
    )
    wrong_exons = (pl.col("length") != pl.col("by_exons")).fill_null(False)
    length = pl.coalesce("length", "by_exons")
    has_cds = (cds > 0).fill_null(False) & utr5.is_not_null()
    outside = has_cds & (utr5 + cds > length).fill_null(False)
    short = has_cds & ~outside & (cds < 3)
    lines = lines.with_columns(
        length=length,
        wrong=wrong_exons,
        outside=outside,
        short=short,
        cds=has_cds & ~outside & ~short,
    )
    count(dropped, "exons_disagree_with_length", int(lines["wrong"].sum()))
    count(dropped, "cds_outside_exons", int(lines["outside"].sum()))
    count(dropped, "cds_without_codon", int(lines["short"].sum()))
    return lines.with_columns(
        chrom=pl.lit(None, pl.String),
        strand=pl.lit(None, pl.String),
        exon_starts=pl.lit(None, pl.List(pl.Int64)),
        exon_lengths=pl.when(~pl.col("wrong")).then(pl.col("exon_lengths")),
        cds_start=pl.when("cds").then(utr5).otherwise(-1),
        cds_end=pl.when("cds").then(utr5 + pl.col("cds_len")).otherwise(-1),
    )
