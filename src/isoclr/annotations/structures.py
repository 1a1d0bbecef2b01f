"""Structure tables: the lengths of UTRs, CDS and exons of each transcript, without a place on a genome."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import polars as pl

from isoclr.annotations.lines import Block, blocks, parse, require
from isoclr.annotations.lists import numbers
from isoclr.annotations.table import Annotation, count, finish
from isoclr.errors import InputError

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
            tables.append(_read(block, header))
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


def _read(block: Block, header: list[str]) -> pl.DataFrame:
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
