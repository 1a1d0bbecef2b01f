"""Annotations with one transcript per line: genePred, genePredExt, refFlat, BED12 and structure tables."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl

from isoclr.errors import InputError
from isoclr.genomics.text import Block, Columns, blocks, integer_list, make_columns, parse, validate, validate_lists
from isoclr.genomics.transcript_models import Annotation, Models, annotate, count, finish

GENEPRED = make_columns(
    "name chrom strand txStart txEnd cdsStart cdsEnd exonCount exonStarts exonEnds",
    integers="txStart txEnd cdsStart cdsEnd exonCount",
)
GENEPRED_EXTENDED = make_columns("score name2 cdsStartStat cdsEndStat exonFrames")
BED12 = make_columns(
    "chrom chromStart chromEnd name score strand thickStart thickEnd itemRgb blockCount blockSizes blockStarts",
    integers="chromStart chromEnd thickStart thickEnd blockCount",
)
REGIONS = ("utr5_len", "cds_len", "utr3_len")
STRUCTURE_COLUMNS = ("transcript_id", *REGIONS, "exon_lengths")
ENSEMBL_GENE = r"^ENS[A-Z]*G\d"

_EMPTY = pl.lit("")


def read_genepred(path: Path) -> Annotation:
    """Read the transcripts of a genePred, genePredExt or refFlat table, with or without ``bin``.

    Coordinates are 0-based half-open, and the CDS includes the stop codon. ``exonFrames`` of genePredExt gives the
    reading frame of a CDS that is incomplete at its 5' end. The gene is ``name2`` or the gene name of refFlat.
    """
    wrong = "not a genePred line, expected 10 to 16 columns with a strand"
    return _read_lines(path, "genepred", genepred_columns, wrong, _genepred_models)


def read_bed12(path: Path) -> Annotation:
    """Read the transcripts of a BED12 file; further columns are ignored.

    Coordinates are 0-based half-open; the thick part includes the stop codon and is empty without a CDS. BED has no
    genes: every transcript is its own gene.
    """
    wrong = "BED with {} columns, expected 12 (exons and CDS)"
    return _read_lines(path, "bed12", _bed12_columns, wrong, _bed12_models)


def _read_lines(
    path: Path,
    name: str,
    columns_of: Callable[[list[str]], Columns | None],
    wrong: str,
    models_of: Callable[[Block, Columns], pl.DataFrame],
) -> Annotation:
    """Read a file with one transcript per line.

    Args:
        columns_of: Columns from the fields of the first line.
        wrong: What to say of a line without columns; ``{}`` is its number of fields.
        models_of: Transcripts of a block, see :func:`line_models`.
    """
    columns: Columns | None = None
    tables = []
    for block in blocks(path):
        if columns is None and (first := next(block.data_lines(), None)):
            fields = first[1].decode(errors="replace").split("\t")
            columns = columns_of(fields)
            if columns is None:
                raise block.error(first[0], wrong.format(len(fields)))
        if columns:
            tables.append(models_of(block, columns))
    if not tables:
        raise InputError(f"{path}: no transcripts, expected {name} lines")
    return annotate(line_models(pl.concat(tables)), name)


def line_models(lines: pl.DataFrame) -> Models:
    """Transcript models from rows of names, chrom, strand, exon_starts, exon_ends, coding_start, coding_end and phase.

    An empty coding span means no CDS.
    """
    lines = lines.with_row_index("tx").cast({"tx": pl.Int64})
    exons = lines.select("tx", "chrom", "strand", start="exon_starts", end="exon_ends")
    coding = lines.filter(pl.col("coding_start") < pl.col("coding_end")).select(
        "tx", "phase", start="coding_start", end="coding_end", stop=pl.lit(False)
    )
    names = lines.select("transcript_id", "gene_id", "gene_symbol", "biotype")
    return Models(names, exons.explode("start", "end"), coding, spans=True)


def validate_exons(block: Block, lines: pl.DataFrame) -> None:
    """Check that every line has an id, a chromosome, and exons that are neither empty nor negative."""
    for column in ("transcript_id", "chrom"):
        validate(block, lines, pl.col(column).is_not_null(), f"no {column}")
    starts, ends = pl.col("exon_starts"), pl.col("exon_ends")
    validate(block, lines, (ends - starts).list.min() > 0, "an exon ends before it starts")
    validate(block, lines, starts.list.min() >= 0, "an exon starts before 0")


def genepred_columns(fields: list[str]) -> Columns | None:
    """The columns of a genePred table from the fields of a line; None if it is not genePred.

    ``bin`` (a number) or the gene name of refFlat may precede the transcript's name; tables such as knownGene have
    further columns at the end, which are not used.

    >>> list(genepred_columns("7 NM_1 chr1 + 0 9 0 9 1 0, 9,".split()))[:3]
    ['bin', 'name', 'chrom']
    """
    columns: dict[str, type[pl.DataType]] = {}
    if len(fields) > 3 and fields[3] in ("+", "-") and fields[2] not in ("+", "-"):
        columns["bin" if fields[0].isdigit() else "name2"] = pl.String
    columns.update(GENEPRED)
    if len(fields) < len(columns) or fields[list(columns).index("strand")] not in ("+", "-", "."):
        return None
    if len(fields) >= len(columns) + len(GENEPRED_EXTENDED) and "name2" not in columns:
        columns.update(GENEPRED_EXTENDED)
    return _with_unnamed(columns, len(fields))


def _with_unnamed(columns: Columns, width: int) -> Columns:
    return {**columns, **{f"column {i + 1}": pl.String for i in range(len(columns), width)}}


def _genepred_models(block: Block, columns: Columns) -> pl.DataFrame:
    lists = ["exonStarts", "exonEnds", *(["exonFrames"] if "exonFrames" in columns else [])]
    lines = parse(block, columns).with_columns(map(integer_list, lists))
    validate_lists(block, lines, lists, "exonCount")
    gene = pl.col("name2") if "name2" in columns else pl.lit(None, pl.String)
    gene = pl.when(gene != "none").then(gene)
    lines = lines.select(
        "row",
        "chrom",
        "strand",
        transcript_id="name",
        gene_id=gene.fill_null(pl.col("name")),
        gene_symbol=pl.when(~gene.str.contains(ENSEMBL_GENE)).then(gene).fill_null(""),
        biotype=_EMPTY,
        exon_starts="exonStarts",
        exon_ends="exonEnds",
        coding_start="cdsStart",
        coding_end="cdsEnd",
        phase=_phase() if "exonFrames" in columns else pl.lit(0, pl.Int64),
    )
    validate_exons(block, lines)
    return lines.drop("row")


def _phase() -> pl.Expr:
    """Bases before the first whole codon, from the frame of the first coding exon (frame 1: one base is missing)."""
    frames = pl.col("exonFrames").list.eval(pl.element().filter(pl.element() >= 0))
    frame = pl.when(pl.col("strand") == "-").then(frames.list.last()).otherwise(frames.list.first())
    return ((3 - frame) % 3).fill_null(0)


def _bed12_columns(fields: list[str]) -> Columns | None:
    return _with_unnamed(BED12, len(fields)) if len(fields) >= len(BED12) else None


def _bed12_models(block: Block, columns: Columns) -> pl.DataFrame:
    lists = ["blockSizes", "blockStarts"]
    lines = parse(block, columns, list(BED12)).with_columns(map(integer_list, lists))
    validate_lists(block, lines, lists, "blockCount")
    starts = pl.col("blockStarts") + pl.col("chromStart")
    lines = lines.select(
        "row",
        "chrom",
        "strand",
        "chromEnd",
        transcript_id="name",
        gene_id="name",
        gene_symbol=_EMPTY,
        biotype=_EMPTY,
        exon_starts=starts,
        exon_ends=starts + pl.col("blockSizes"),
        coding_start="thickStart",
        coding_end="thickEnd",
        phase=pl.lit(0, pl.Int64),
    )
    validate_exons(block, lines)
    within = pl.col("exon_ends").list.max() <= pl.col("chromEnd")
    validate(block, lines, within, "a block ends beyond chromEnd {chromEnd}")
    return lines.drop("row", "chromEnd")


def read_structures(path: Path) -> Annotation:
    """Read a structure table: a header line, then one transcript per line; empty cells are unknown.

    The length is the sum of UTRs and CDS, or of the exons if one of the three is unknown. If both are known and
    disagree, the exons are dropped (``exons_disagree_with_length``). The CDS includes the stop codon and is unknown
    without ``utr5_len``. Columns gene_id, gene_symbol and biotype are optional.
    """
    header: list[str] = []
    tables = []
    for block in blocks(path):
        if not header:
            header, block = _split_header(block)
        if header:
            tables.append(_read_structures(block, header))
    if not tables:
        raise InputError(f"{path}: no header line, expected {', '.join(STRUCTURE_COLUMNS)}")
    dropped: Counter[str] = Counter()
    return finish(_resolve(pl.concat(tables), dropped), "structures", dropped)


def _split_header(block: Block) -> tuple[list[str], Block]:
    """The column names and the lines after them; no names if the block holds comments only."""
    for number, line in block.data_lines():
        header = line.decode(errors="replace").split("\t")
        if missing := [name for name in STRUCTURE_COLUMNS if name not in header]:
            raise block.error(number, f"no column {missing[0]}, expected {', '.join(STRUCTURE_COLUMNS)}")
        rest = block.text.split(b"\n", number - block.first_line + 1)[-1]
        return header, replace(block, text=rest, first_line=number + 1)
    return [], block


def _read_structures(block: Block, header: list[str]) -> pl.DataFrame:
    lines = parse(block, dict.fromkeys(header, pl.String))
    lines = lines.with_columns(exons=integer_list("exon_lengths"))
    validate(block, lines, pl.col("transcript_id").is_not_null(), "no transcript_id")
    shown = lines.with_columns(pl.col(*REGIONS, "exon_lengths").str.head(40))
    for name in REGIONS:
        is_length = pl.col(name).is_null() | pl.col(name).str.contains(r"^\d{1,9}$")
        validate(block, shown, is_length, f"{name} is {{{name}!r}}, expected a length or nothing")
    is_list = pl.col("exon_lengths").is_null() | (pl.col("exons").list.min() > 0)
    validate(block, shown, is_list, "exon_lengths is {exon_lengths!r}, expected comma-separated lengths or nothing")
    optional = ("gene_id", "gene_symbol", "biotype")
    lines = lines.with_columns(pl.lit(None, pl.String).alias(name) for name in optional if name not in header)
    return lines.select(
        "transcript_id",
        pl.col(REGIONS).cast(pl.Int64),
        pl.col("gene_id").fill_null(pl.col("transcript_id")),
        pl.col("gene_symbol", "biotype").fill_null(""),
        exon_lengths="exons",
    )


def _resolve(lines: pl.DataFrame, dropped: Counter[str]) -> pl.DataFrame:
    """Length, exons and CDS of every transcript; contradictions are dropped and counted."""
    utr5, cds, utr3 = (pl.col(name) for name in REGIONS)
    exons = pl.col("exon_lengths")
    by_regions = utr5 + cds + utr3
    by_exons = pl.when(exons.is_not_null()).then(exons.list.sum())
    lines = lines.with_columns(
        length=pl.coalesce(by_regions, by_exons), wrong_exons=(by_regions != by_exons).fill_null(False)
    )
    has_cds = (cds > 0).fill_null(False) & utr5.is_not_null()
    outside = has_cds & (utr5 + cds > pl.col("length")).fill_null(False)
    short = has_cds & ~outside & (cds < 3)
    lines = lines.with_columns(outside=outside, short=short, has_cds=has_cds & ~outside & ~short)
    count(dropped, "exons_disagree_with_length", int(lines["wrong_exons"].sum()))
    count(dropped, "cds_outside_exons", int(lines["outside"].sum()))
    count(dropped, "cds_without_codon", int(lines["short"].sum()))
    return lines.with_columns(
        chrom=pl.lit(None, pl.String),
        strand=pl.lit(None, pl.String),
        exon_starts=pl.lit(None, pl.List(pl.Int64)),
        exon_lengths=pl.when(~pl.col("wrong_exons")).then(exons),
        cds_start=pl.when("has_cds").then(utr5).otherwise(-1),
        cds_end=pl.when("has_cds").then(utr5 + cds).otherwise(-1),
    )
