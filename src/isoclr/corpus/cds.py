"""The coding sequence of every transcript, and the marks of codons and exons on its codes.

Where a CDS comes from, in this order:

1. the annotation, then the FASTA header (``cds_source`` ``annotated``). If it stops short of a stop codon that comes
   next in frame, the stop is added: GTF files leave it out;
2. nowhere, when the transcript is known not to code (``none``): its biotype (its own, else its gene's in a table of
   gene ids) or its accession says so, or an annotation that marks the CDS of other transcripts covers it and marks
   none;
3. else the longest open reading frame, when ``orf`` is on (``orf``): RNAs without an annotation that are, or
   might be, mRNAs.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.genomics.encoding import CODON_START, EXON_END, NUCLEOTIDE_BITS, Codes, longest_orf
from isoclr.genomics.genome import Ints, batches, codon_starts

_STOPS = (0b11_00_00, 0b11_00_10, 0b11_10_00)  # TAA, TAG, TGA, two bits a base

_NONCODING = (
    r"(?i)pseudogen|antisense|processed_transcript|retained_intron|\bsense_|non_?coding|cds_not_defined"
    r"|^TEC$|ribozyme|transposable_element|primary_transcript|3prime_overlapping"
    r"|(?:nc|linc|lnc_?|r|t|sn|sno|mi|sca|sc|s|pi|si|y_|vault_?|misc_|guide_|telomerase_|RNase_[MP]+_|SRP_)RNA"
)
_CODING = r"(?i)mRNA|polymorphic_pseudogene|protein_coding$|protein_coding_LoF"
_NONCODING_ACCESSION = r"^[NX]R_\d"  # RefSeq's non-coding RNAs


@dataclass(frozen=True)
class OrfCalling:
    """Whether open reading frames are looked for, and the shortest (nt) that counts."""

    on: bool
    min_length: int


def known_noncoding() -> pl.Expr:
    """Whether a transcript's biotype or accession says that it does not code."""
    biotype = pl.col("biotype")
    by_type = biotype.str.contains(_NONCODING) & ~biotype.str.contains(_CODING)
    return by_type | pl.col("transcript_id").str.contains(_NONCODING_ACCESSION)


def assign_cds(
    table: pl.DataFrame,
    codes: Codes,
    calling: OrfCalling,
    noted: Counter[str],
    advance: Callable[[int], None] = lambda _: None,
) -> pl.DataFrame:
    """The CDS of every transcript and where it comes from.

    Args:
        table: start, length, cds_start, cds_end, no_cds (known not to code) of every transcript.
        codes: nucleotide codes that ``start`` points into.
        calling: whether and how open reading frames are called.
        noted: counts what was mended.
        advance: called with the number of transcripts done.

    Returns:
        The table with cds_start, cds_end settled and ``cds_source`` added.
    """
    start, length = table["start"].to_numpy(), table["length"].to_numpy()
    first, end = table["cds_start"].to_numpy().copy(), table["cds_end"].to_numpy().copy()
    outside = (first >= 0) & ((end > length) | (end - first < 3))
    first[outside] = end[outside] = -1
    annotated = first >= 0
    short = _lacks_stop(codes, start, length, first, end)
    end[short] += 3
    _note(noted, "cds_outside_transcript", outside)
    _note(noted, "cds_not_multiple_of_three", annotated & ((end - first) % 3 != 0))
    _note(noted, "stop_codon_added", short)
    source = np.where(annotated, "annotated", "none").astype(object)
    open_to_call = ~annotated & ~table["no_cds"].to_numpy() & calling.on
    done = 0
    for i in np.flatnonzero(open_to_call).tolist():
        found = longest_orf(codes[start[i] : start[i] + length[i]], calling.min_length)
        if found is not None:
            first[i], end[i] = found
            source[i] = "orf"
        if i - done >= 500:
            advance(i - done)
            done = i
    advance(table.height - done)
    return table.with_columns(
        cds_start=pl.Series(first),
        cds_end=pl.Series(end),
        cds_source=pl.Series(source, dtype=pl.String),
    )


def mark(table: pl.DataFrame, codes: Codes) -> None:
    """Set the codon-start and exon-end bits of every transcript, in place.

    Args:
        table: start, length, cds_start, cds_end, exon_lengths (null: unknown) of every transcript.
        codes: nucleotide codes that ``start`` points into.
    """
    for rows in batches(table["length"].to_numpy()):
        _mark_batch(table[rows], codes)


def _mark_batch(table: pl.DataFrame, codes: Codes) -> None:
    start = table["start"].to_numpy()
    first, end = table["cds_start"].to_numpy(), table["cds_end"].to_numpy()
    has = first >= 0
    codes[codon_starts((start + first)[has], (start + end)[has])] |= CODON_START
    exons = table.filter(pl.col("exon_lengths").is_not_null()).select(
        "start", ends=pl.col("exon_lengths").list.eval(pl.element().cum_sum() - 1)
    )
    exons = exons.explode("ends").drop_nulls()
    codes[(exons["start"] + exons["ends"]).to_numpy()] |= EXON_END


def _lacks_stop(
    codes: Codes, start: Ints, length: Ints, first: Ints, end: Ints
) -> NDArray[np.bool_]:
    """Whether the last codon is no stop but the next triplet of the transcript is one."""
    lacks: NDArray[np.bool_] = (first >= 0) & ((end - first) % 3 == 0) & (end + 3 <= length)
    where = np.flatnonzero(lacks)
    at = start[where] + end[where]
    lacks[where] = ~_is_stop(codes, at - 3) & _is_stop(codes, at)
    return lacks


def _is_stop(codes: Codes, at: Ints) -> NDArray[np.bool_]:
    triplet = (codes[at[:, None] + np.arange(3)] & NUCLEOTIDE_BITS).astype(np.int64)  # (n, 3)
    value = triplet @ np.array([16, 4, 1])
    stop: NDArray[np.bool_] = np.isin(value, _STOPS) & (triplet < 4).all(axis=1)
    return stop


def _note(noted: Counter[str], reason: str, flags: NDArray[np.bool_]) -> None:
    if count := int(flags.sum()):
        noted[reason] += count
