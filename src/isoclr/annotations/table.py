"""What readers give (transcript models on the genome) and what every format becomes: one row a transcript."""

from collections import Counter
from dataclasses import dataclass, field

import polars as pl

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
