"""Coding sequences of transcripts, and the codon-start and exon-end bits of their codes.

The CDS of a transcript is, in this order:

1. ``annotated``: from the annotation, else from the FASTA header. A stop codon that follows in frame is added, because
   GTF files leave it out.
2. ``none``: for known non-coding transcripts, according to their biotype (or their gene's), their accession, or an
   annotation that marks coding sequences but not theirs.
3. ``orf``: the longest open reading frame, if ORF calling is on.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.errors import InputError
from isoclr.genomics.encoding import (
    CODON_START,
    EXON_END,
    IS_STOP,
    NUCLEOTIDE_BITS,
    START_CODON,
    Codes,
    T,
    codon_numbers,
    longest_orf,
)
from isoclr.genomics.genome import Ints, batches, codon_starts
from isoclr.genomics.transcript_models import count

Bools = NDArray[np.bool_]

_NONCODING = (
    r"(?i)pseudogen|antisense|processed_transcript|retained_intron|\bsense_|non_?coding|cds_not_defined"
    r"|^TEC$|ribozyme|transposable_element|primary_transcript|3prime_overlapping"
    r"|(?:nc|linc|lnc_?|r|t|sn|sno|mi|sca|sc|s|pi|si|y_|vault_?|misc_|guide_|telomerase_|RNase_[MP]+_|SRP_)RNA"
)
_CODING = r"(?i)mRNA|polymorphic_pseudogene|protein_coding$|protein_coding_LoF"
_NONCODING_ACCESSION = r"^[NX]R_\d"  # RefSeq


def known_noncoding() -> pl.Expr:
    """Whether the biotype or accession of a transcript marks it as non-coding."""
    biotype = pl.col("biotype")
    by_type = biotype.str.contains(_NONCODING) & ~biotype.str.contains(_CODING)
    return by_type | pl.col("transcript_id").str.contains(_NONCODING_ACCESSION)


def assign_cds(
    table: pl.DataFrame,
    codes: Codes,
    orf_min_length: int | None,
    noted: Counter[str],
    advance: Callable[[int], None] = lambda _: None,
) -> pl.DataFrame:
    """Find the CDS of every transcript.

    Args:
        table: Transcripts: start, length, cds_start, cds_end, no_cds (known to be non-coding).
        codes: Nucleotide codes that ``start`` points into.
        orf_min_length: Length (nt) of the shortest open reading frame to call; None calls none.
        noted: Counts of corrections, added to in place.

    Returns:
        The table with corrected cds_start and cds_end, and with cds_source.
    """
    start, length = table["start"].to_numpy(), table["length"].to_numpy()
    first, end = table["cds_start"].to_numpy().copy(), table["cds_end"].to_numpy().copy()
    outside = (first >= 0) & ((end > length) | (end - first < 3))
    first[outside] = end[outside] = -1
    annotated = first >= 0
    short = lacks_stop(codes, start, length, first, end)
    end[short] += 3
    for reason, flags in (
        ("cds_outside_transcript", outside),
        ("cds_not_multiple_of_three", annotated & ((end - first) % 3 != 0)),
        ("stop_codon_added", short),
    ):
        count(noted, reason, int(flags.sum()))
    source = np.where(annotated, "annotated", "none").astype(object)
    done = 0
    for i in np.flatnonzero(~annotated & ~table["no_cds"].to_numpy()).tolist():
        if orf_min_length is None:
            break
        if orf := longest_orf(codes[start[i] : start[i] + length[i]], orf_min_length):
            first[i], end[i] = orf
            source[i] = "orf"
        if i - done >= 500:
            advance(i - done)
            done = i
    advance(table.height - done)
    return table.with_columns(
        cds_start=pl.Series(first), cds_end=pl.Series(end), cds_source=pl.Series(source, dtype=pl.String)
    )


def lacks_stop(codes: Codes, start: Ints, length: Ints, first: Ints, end: Ints) -> Bools:
    """Whether the last codon is not a stop, but the triplet after the CDS is.

    Args:
        codes: Nucleotide codes of all transcripts; each begins at ``start`` and has ``length`` nt.
        first, end: Coding sequences in their transcripts; −1 for none.
    """
    lacks: Bools = (first >= 0) & ((end - first) % 3 == 0) & (end + 3 <= length)
    rows = np.flatnonzero(lacks)
    after = start[rows] + end[rows]
    lacks[rows] = ~_is_stop(codes, after - 3) & _is_stop(codes, after)
    return lacks


def _is_stop(codes: Codes, positions: Ints) -> Bools:
    return IS_STOP[_codons(codes, positions)]


def _codons(codes: Codes, positions: Ints) -> Ints:
    return codon_numbers(codes[positions[:, None] + np.arange(3)] & NUCLEOTIDE_BITS)


def inner_stops(table: pl.DataFrame, codes: Codes) -> tuple[Bools, Bools]:
    """Which coding sequences have a stop codon before their last codon, and which of these lack a start codon.

    Args:
        table: Transcripts: start, length, cds_start, cds_end.
        codes: Nucleotide codes that ``start`` points into, without marks.
    """
    found = np.zeros(table.height, np.bool_)
    first, end = (table["start"].to_numpy() + table[name].to_numpy() for name in ("cds_start", "cds_end"))
    for rows in batches(table["length"].to_numpy()):
        positions = codon_starts(first[rows], end[rows] - 3)
        owner = np.repeat(np.arange(table.height)[rows], np.maximum(end[rows] - 3 - first[rows], 0) // 3)
        may_stop = (codes[positions] == T) & (codes[positions + 1] % 2 == 0)  # TA or TG
        positions, owner = positions[may_stop], owner[may_stop]
        found[owner[_is_stop(codes, positions)]] = True
    without_start = found.copy()
    without_start[found] = _codons(codes, first[found]) != START_CODON
    return found, without_start


def check_reading_frames(misread: int, coding: int, annotation: Path, genome: Path) -> None:
    """Refuse an annotation of another genome; a species with another genetic code keeps its start codons.

    Args:
        misread: Number of annotated coding sequences with a stop codon inside and without a start codon.
        coding: Number of annotated coding sequences that were compared.
    """
    if coding >= 10 and misread > coding / 4:
        raise InputError(
            f"{annotation} and {genome}: {misread:,} of {coding:,} annotated coding sequences have a stop codon inside "
            "and no AUG at their start, expected an annotation of this genome; are both of the same assembly?"
        )


def mark_tracks(table: pl.DataFrame, codes: Codes) -> None:
    """Set the codon-start and exon-end bits of every transcript, in place.

    Args:
        table: Transcripts: start, length, cds_start, cds_end, exon_lengths (null where unknown).
        codes: Nucleotide codes that ``start`` points into.
    """
    for rows in batches(table["length"].to_numpy()):
        part = table[rows]
        start, first, end = (part[name].to_numpy() for name in ("start", "cds_start", "cds_end"))
        coding = first >= 0
        codes[codon_starts((start + first)[coding], (start + end)[coding])] |= CODON_START
        exons = part.filter(pl.col("exon_lengths").is_not_null()).select(
            "start", ends=pl.col("exon_lengths").list.eval(pl.element().cum_sum() - 1)
        )
        exons = exons.explode("ends").drop_nulls()
        codes[(exons["start"] + exons["ends"]).to_numpy()] |= EXON_END
