"""What readers give (transcript models on the genome) and what every format becomes: one row a transcript."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "transcript_id": pl.String,
    "gene_id": pl.String,
    "gene_symbol": pl.String,
    "biotype": pl.String,
    "chrom": pl.String,
    "strand": pl.String,
    "exon_starts": pl.List(pl.Int64),
    "exon_lengths": pl.List(pl.Int64),
    "length": pl.Int64,
    "cds_start": pl.Int64,
    "cds_end": pl.Int64,
}


@dataclass(frozen=True)
class Models:
    """Transcript models as their file gives them, intervals 0-based half-open on the genome, in any order.

    Attributes:
        names: one row a transcript: ``transcript_id, gene_id, gene_symbol, biotype``.
        exons: ``tx, chrom, strand, start, end``; ``tx`` is the transcript's row in ``names``.
        coding: ``tx, start, end, phase, stop``: pieces of the CDS, ``phase`` the bases before the first whole
            codon, ``stop`` true for a stop codon that is written by itself.
        spans: the pieces are whole spans from the first to the last coding base, introns and all.
    """

    names: pl.DataFrame
    exons: pl.DataFrame
    coding: pl.DataFrame
    spans: bool = False


@dataclass(frozen=True)
class Annotation:
    """The transcripts of one annotation file.

    Attributes:
        table: one row a transcript, in the order of the file, with the columns of :data:`SCHEMA`. Exons run
            from the transcript's 5' end to its 3' end; ``exon_starts`` are 0-based genomic coordinates (the
            lowest of the exon on either strand), null when the file has lengths only. ``cds_start`` is the
            first base of the first whole codon and ``cds_end`` one past the stop codon, 0-based in the
            transcript; both are -1 when there is no CDS.
        format: the name of the format that was read.
        dropped: how many transcripts (or their CDS, or their exons: the reason says which) were left out.
    """

    table: pl.DataFrame
    format: str
    dropped: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        return self.table.height


def count(dropped: Counter[str], reason: str, number: int) -> None:
    """Add to a reason's count; a reason that never occurred has no entry."""
    if number:
        dropped[reason] += number


def finish(table: pl.DataFrame, name: str, dropped: Counter[str]) -> Annotation:
    """Keep the first transcript of every id, in the order and with the types of :data:`SCHEMA`.

    One accession may be mapped to several places (UCSC tables, the pseudoautosomal regions of RefSeq).
    """
    unique = table.unique("transcript_id", keep="first", maintain_order=True)
    count(dropped, "duplicate_id", table.height - unique.height)
    return Annotation(unique.select(*SCHEMA).cast(pl.Schema(SCHEMA)), name, dropped)


Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

POSITION_BITS = 40  # (transcript, position) as one sortable integer


@dataclass(frozen=True)
class Layout:
    """Exons sorted by transcript and position, and where each one lies in its transcript.

    Attributes:
        tx, start, end: one entry an exon.
        minus: whether the exon is on the minus strand.
        before: nt of the transcript that lie 5' of the exon.
        length: nt of every transcript, by its number.
    """

    tx: Ints
    start: Ints
    end: Ints
    minus: Bools
    before: Ints
    length: Ints

    def position(self, tx: Ints, base: Ints) -> Ints:
        """Transcript coordinate of a genomic base; -1 where no exon of the transcript holds it."""
        if not len(self.tx):
            return np.full(len(tx), -1, np.int64)
        keys = (self.tx << POSITION_BITS) | self.start
        exon = np.searchsorted(keys, (tx << POSITION_BITS) | base, side="right") - 1
        inside = (exon >= 0) & (self.tx[exon] == tx) & (base < self.end[exon])
        offset = np.where(self.minus[exon], self.end[exon] - 1 - base, base - self.start[exon])
        return np.where(inside, self.before[exon] + offset, -1)


def lay_out(exons: pl.DataFrame, transcripts: int) -> Layout:
    """Where each exon lies in its transcript; ``exons`` sorted by transcript and position, none overlapping."""
    tx, start, end = (exons[c].to_numpy().astype(np.int64) for c in ("tx", "start", "end"))
    size = end - start
    length = np.bincount(tx, size, transcripts).astype(np.int64)
    ends = np.cumsum(size)
    first = np.searchsorted(tx, tx, side="left")  # the transcript's first exon on the genome
    upstream = ends - size - (ends - size)[first]
    minus = (exons["strand"] == "-").to_numpy()
    before = np.where(minus, length[tx] - upstream - size, upstream)
    return Layout(tx, start, end, minus, before, length)


@dataclass(frozen=True)
class Pieces:
    """Pieces of CDS in transcript coordinates, 0-based half-open, sorted by transcript and position."""

    tx: Ints
    low: Ints
    high: Ints
    phase: Ints
    stop: Bools

    def __getitem__(self, which: Ints | Bools) -> "Pieces":
        return Pieces(
            self.tx[which], self.low[which], self.high[which], self.phase[which], self.stop[which]
        )

    def gaps(self) -> Ints:
        """Bases between each piece and those before it in its transcript (negative: overlap; 0 for the first)."""
        reached = np.maximum.accumulate((self.tx << POSITION_BITS) + self.high)
        previous = np.concatenate([[-1], reached[:-1]])
        same = np.diff(self.tx, prepend=-1) == 0
        return np.where(same, (self.tx << POSITION_BITS) + self.low - previous, 0)


def coding_table(layout: Layout, models: Models, dropped: Counter[str]) -> pl.DataFrame:
    """``tx, cds_start, cds_end`` of the transcripts that have a CDS, in transcript coordinates.

    Dropped and counted: ``cds_outside_exons``, ``cds_with_gap`` (it leaves out part of an exon or a whole one)
    and ``cds_without_codon`` (no whole codon). ``cds_frameshift`` is counted but kept, from first to last base:
    the pieces of a programmed frameshift leave out or repeat one or two bases.
    """
    bad = np.zeros(len(layout.length), np.bool_)
    pieces = _within_exons(layout, models, bad, dropped)
    _mark(bad, pieces.tx[pieces.gaps() > 2], "cds_with_gap", dropped)
    _count_frameshifts(pieces[~bad[pieces.tx]], dropped)
    first = np.flatnonzero(np.diff(pieces.tx, prepend=-1))
    tx = pieces.tx[first]
    start = pieces.low[first] + pieces.phase[first]
    end = np.maximum.reduceat(pieces.high, first) if len(first) else start
    _mark(bad, tx[end - start < 3], "cds_without_codon", dropped)
    good = ~bad[tx]
    return pl.DataFrame({"tx": tx[good], "cds_start": start[good], "cds_end": end[good]})


def _within_exons(layout: Layout, models: Models, bad: Bools, dropped: Counter[str]) -> Pieces:
    """The pieces of the transcripts whose CDS lies within the exons; the others are marked as bad."""
    tx, start, end, phase = (
        models.coding[name].to_numpy().astype(np.int64) for name in ("tx", "start", "end", "phase")
    )
    ends = np.stack([layout.position(tx, start), layout.position(tx, end - 1)])
    low, high = ends.min(0), ends.max(0) + 1
    known = layout.length[tx] > 0  # the others were dropped with their exons
    outside = (low < 0) | (not models.spans) & (high - low != end - start)
    _mark(bad, tx[known & outside], "cds_outside_exons", dropped)
    pieces = Pieces(tx, low, high, phase, models.coding["stop"].to_numpy())
    order = np.lexsort((pieces.stop, low, tx))
    return pieces[order[(known & ~bad[tx])[order]]]


def _count_frameshifts(pieces: Pieces, dropped: Counter[str]) -> None:
    coding = pieces[~pieces.stop]
    slip = np.abs(coding.gaps())
    shifted = np.unique(coding.tx[(slip > 0) & (slip <= 2)])
    count(dropped, "cds_frameshift", len(shifted))


def _mark(bad: Bools, tx: Ints, reason: str, dropped: Counter[str]) -> None:
    """Mark transcripts as bad and count those that were not yet."""
    new = np.unique(tx[~bad[tx]])
    count(dropped, reason, len(new))
    bad[new] = True


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
