"""From exons and coding intervals on the genome to a table of transcripts."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

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
    "canonical": pl.Boolean,
}
_POSITION_BITS = 40  # a transcript's number and a position as one sortable integer


@dataclass(frozen=True)
class Models:
    """Transcript models of a file: intervals on the genome, 0-based half-open, in any order."""

    names: pl.DataFrame  # One row per transcript: transcript_id, gene_id, gene_symbol, biotype and, if known, canonical
    exons: pl.DataFrame  # tx, chrom, strand, start, end; tx is the transcript's row in names
    coding: pl.DataFrame
    """Pieces of coding sequences: ``tx, start, end, phase, stop``: bases before the first whole codon, and whether the
    piece is a stop codon on a line of its own."""
    spans: bool = False
    """Whether the pieces are spans from the first to the last coding base, including introns."""


@dataclass(frozen=True)
class Annotation:
    """Transcripts of an annotation file."""

    table: pl.DataFrame
    """One row per transcript in the order of the file, with the columns of :data:`SCHEMA`. Exons are in 5' to 3' order;
    ``exon_starts`` are 0-based genomic coordinates (the lowest of the exon on either strand), null if the file has
    lengths only. ``cds_start`` is the first base of the first whole codon and ``cds_end`` the end of the stop codon,
    0-based half-open in the transcript; both are −1 without a CDS. ``canonical`` are the transcripts that the file tags
    as those of their genes."""
    format: str
    dropped: Counter[str] = field(default_factory=Counter)
    """Reason → number of dropped transcripts, or of those that lost their CDS or exons."""

    def __len__(self) -> int:
        return self.table.height


def with_canonical(table: pl.DataFrame) -> pl.DataFrame:
    """The table with ``canonical``: false if it has no such column, as in files of earlier versions."""
    return table if "canonical" in table.columns else table.with_columns(canonical=pl.lit(False))


def count(dropped: Counter[str], reason: str, number: int) -> None:
    """Add to the count of a reason, if there is anything to add."""
    if number:
        dropped[reason] += number


def finish(table: pl.DataFrame, name: str, dropped: Counter[str]) -> Annotation:
    """Keep the first transcript of every id, with the columns and types of :data:`SCHEMA`.

    Ids are repeated where a transcript maps to several loci (UCSC tables, RefSeq's pseudoautosomal regions).
    """
    unique = with_canonical(table).unique("transcript_id", keep="first", maintain_order=True)
    count(dropped, "duplicate_id", table.height - unique.height)
    return Annotation(unique.select(*SCHEMA).cast(pl.Schema(SCHEMA)), name, dropped)


def annotate(models: Models, name: str, dropped: Counter[str] | None = None) -> Annotation:
    """Convert transcript models to a table of transcripts.

    A transcript is dropped if its exons overlap or lie on two chromosomes, two strands or no strand. Its CDS is
    dropped if it is not within the exons or skips some of them.
    """
    dropped = Counter() if dropped is None else dropped
    exons = _valid_exons(models.exons, models.names.height, dropped)
    cds = cds_table(ExonLayout.of(exons, models.names.height), models, dropped)
    table = models.names.with_row_index("tx").cast({"tx": pl.Int64})
    table = table.join(_exon_lists(exons), on="tx", how="inner", maintain_order="left")
    table = table.join(cds, on="tx", how="left", maintain_order="left")
    return finish(table.with_columns(pl.col("cds_start", "cds_end").fill_null(-1)), name, dropped)


def _valid_exons(exons: pl.DataFrame, transcripts: int, dropped: Counter[str]) -> pl.DataFrame:
    """The exons of valid transcripts, each once, sorted by transcript and position."""
    exons = exons.sort("tx", "start", "end", maintain_order=True)
    exons = exons.filter(~pl.all_horizontal(pl.col(c) == pl.col(c).shift(1) for c in exons.columns).fill_null(False))
    same = pl.col("tx") == pl.col("tx").shift(1)
    faults = {
        "two_chromosomes": same & (pl.col("chrom") != pl.col("chrom").shift(1)),
        "two_strands": same & (pl.col("strand") != pl.col("strand").shift(1)),
        "no_strand": ~pl.col("strand").is_in(["+", "-"]),
        "overlapping_exons": same & (pl.col("start") < pl.col("end").shift(1)),
    }
    invalid = np.zeros(transcripts, np.bool_)
    for reason, fault in faults.items():
        _mark(invalid, exons.filter(fault.fill_null(False))["tx"].to_numpy(), reason, dropped)
    count(dropped, "no_exons", transcripts - exons["tx"].n_unique())
    return exons.filter(~pl.Series(invalid[exons["tx"].to_numpy()]))


def _mark(marked: Bools, tx: Ints, reason: str, dropped: Counter[str]) -> None:
    """Mark transcripts in place, and count those that were not marked before."""
    new = np.unique(tx[~marked[tx]])
    count(dropped, reason, len(new))
    marked[new] = True


def _exon_lists(exons: pl.DataFrame) -> pl.DataFrame:
    """One row per transcript with its exons from 5' to 3'."""
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


@dataclass(frozen=True)
class ExonLayout:
    """Positions of exons in their transcripts; one entry per exon, sorted by transcript and genomic position."""

    tx: Ints
    start: Ints
    end: Ints
    minus: Bools  # Whether the exon is on the minus strand
    before: Ints  # Length (nt) of the transcript 5' of the exon
    length: Ints  # Length (nt) of every transcript, by its number

    @classmethod
    def of(cls, exons: pl.DataFrame, transcripts: int) -> "ExonLayout":
        """The layout of exons that are sorted by transcript and position and do not overlap."""
        tx, start, end = (exons[c].to_numpy().astype(np.int64) for c in ("tx", "start", "end"))
        size = end - start
        length = np.bincount(tx, size, transcripts).astype(np.int64)
        total = np.cumsum(size)
        first = np.searchsorted(tx, tx, side="left")  # the transcript's first exon on the genome
        upstream = total - size - (total - size)[first]
        minus = (exons["strand"] == "-").to_numpy()
        before = np.where(minus, length[tx] - upstream - size, upstream)
        return cls(tx, start, end, minus, before, length)

    def position(self, tx: Ints, base: Ints) -> Ints:
        """Transcript coordinates of genomic bases; −1 outside of the transcript's exons."""
        if not len(self.tx):
            return np.full(len(tx), -1, np.int64)
        keys = (self.tx << _POSITION_BITS) | self.start
        exon = np.searchsorted(keys, (tx << _POSITION_BITS) | base, side="right") - 1
        inside = (exon >= 0) & (self.tx[exon] == tx) & (base < self.end[exon])
        offset = np.where(self.minus[exon], self.end[exon] - 1 - base, base - self.start[exon])
        return np.where(inside, self.before[exon] + offset, -1)


@dataclass(frozen=True)
class Pieces:
    """Pieces of CDS in transcript coordinates, 0-based half-open, sorted by transcript and position."""

    tx: Ints
    start: Ints
    end: Ints
    phase: Ints
    stop: Bools

    def __getitem__(self, which: Ints | Bools) -> "Pieces":
        return Pieces(self.tx[which], self.start[which], self.end[which], self.phase[which], self.stop[which])

    def gaps(self) -> Ints:
        """Bases between each piece and the end of those before it (negative: overlap; 0 for a first piece)."""
        reached = np.maximum.accumulate((self.tx << _POSITION_BITS) + self.end)
        previous = np.concatenate([[-1], reached[:-1]])
        same = np.diff(self.tx, prepend=-1) == 0
        return np.where(same, (self.tx << _POSITION_BITS) + self.start - previous, 0)


def cds_table(layout: ExonLayout, models: Models, dropped: Counter[str]) -> pl.DataFrame:
    """``tx, cds_start, cds_end`` of the transcripts with a CDS, in transcript coordinates.

    Dropped and counted are ``cds_outside_exons``, ``cds_with_gap`` (part of an exon or a whole one is skipped) and
    ``cds_without_codon``. ``cds_frameshift`` is counted but kept, from the first to the last base: the pieces of a
    programmed frameshift skip or repeat one or two bases.
    """
    dropped_tx = np.zeros(len(layout.length), np.bool_)
    pieces = _pieces_within_exons(layout, models, dropped_tx, dropped)
    _mark(dropped_tx, pieces.tx[pieces.gaps() > 2], "cds_with_gap", dropped)
    coding = pieces[~dropped_tx[pieces.tx] & ~pieces.stop]
    shift = np.abs(coding.gaps())
    shifted = np.unique(coding.tx[(shift > 0) & (shift <= 2)])
    count(dropped, "cds_frameshift", len(shifted))
    first = np.flatnonzero(np.diff(pieces.tx, prepend=-1))
    tx = pieces.tx[first]
    start = pieces.start[first] + pieces.phase[first]
    end = np.maximum.reduceat(pieces.end, first) if len(first) else start
    _mark(dropped_tx, tx[end - start < 3], "cds_without_codon", dropped)
    kept = ~dropped_tx[tx]
    return pl.DataFrame({"tx": tx[kept], "cds_start": start[kept], "cds_end": end[kept]})


def _pieces_within_exons(layout: ExonLayout, models: Models, dropped_tx: Bools, dropped: Counter[str]) -> Pieces:
    """The pieces of transcripts whose CDS lies within the exons; the others are marked in ``dropped_tx``."""
    tx, start, end, phase = (
        models.coding[name].to_numpy().astype(np.int64) for name in ("tx", "start", "end", "phase")
    )
    bounds = np.stack([layout.position(tx, start), layout.position(tx, end - 1)])
    low, high = bounds.min(0), bounds.max(0) + 1
    has_exons = layout.length[tx] > 0
    outside = (low < 0) | (not models.spans) & (high - low != end - start)
    _mark(dropped_tx, tx[has_exons & outside], "cds_outside_exons", dropped)
    pieces = Pieces(tx, low, high, phase, models.coding["stop"].to_numpy())
    order = np.lexsort((pieces.stop, low, tx))
    return pieces[order[(has_exons & ~dropped_tx[tx])[order]]]
