"""A FASTA of transcripts, all of it at once."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.corpus.codes import Codes, letters
from isoclr.errors import InputError
from isoclr.sequences import fasta
from isoclr.sequences.headers import parse_headers

_STOPS = frozenset(("TAA", "TAG", "TGA"))


@dataclass(frozen=True)
class Transcripts:
    """Mature RNAs and what their headers say of them, in the file's order."""

    table: pl.DataFrame
    """One row a transcript: ``transcript_id, gene_id, gene_symbol, biotype`` (``""`` when the header does not say),
    ``cds_start, cds_end`` (0-based half-open from the first whole codon, stop codon included; −1 when it does not
    say)."""
    offsets: NDArray[np.int64]
    """``(n + 1,)``: where each transcript begins in ``codes``."""
    codes: Codes
    """Nucleotide codes of all transcripts, one after the other."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Reason → records left out (``empty_sequence``, ``duplicate_record``, ``duplicate_id``) or CDS of a header
    that was (``cds_outside_sequence``)."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def codes_of(self, i: int) -> Codes:
        """Nucleotide codes of one transcript (a view)."""
        return self.codes[self.offsets[i] : self.offsets[i + 1]]


def read_transcripts(path: Path) -> Transcripts:
    """Read a FASTA of transcripts: plain, gz or bgz.

    The headers of Ensembl, GENCODE, RefSeq, NCBI, FlyBase, WormBase, TAIR, gffread and BioMart are understood, and
    bare ids. Of records with the same id the first is kept: a later one is counted as ``duplicate_record`` when its
    sequence is the same, as ``duplicate_id`` when it is not.

    Args:
        path: the FASTA file.

    Raises:
        InputError: no FASTA, a cut-off gzip, a letter that no nucleic acid has, a record without a name, or no
            sequence at all.
    """
    path = Path(path)
    headers, lengths, codes = _read(path)
    table = parse_headers(headers)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    keep, dropped = _keep(table["transcript_id"], offsets, codes)
    if not keep.any():
        raise InputError(f"{path}: none of its {len(headers):,} records has a sequence")
    if not keep.all():
        table, codes = table.filter(pl.Series(keep)), codes[np.repeat(keep, lengths)]
        offsets = np.concatenate([[0], np.cumsum(lengths[keep])])
    table = _whole_codons(table, offsets, codes, dropped)
    return Transcripts(table, offsets, codes, dropped)


def _read(path: Path) -> tuple[list[str], NDArray[np.int64], Codes]:
    """Headers, lengths and codes of all records."""
    headers: list[str] = []
    starts: list[int] = []
    codes = bytearray()
    for header, piece in fasta.pieces(path):
        if header is not None:
            fasta.name_of(header, path)
            headers.append(header)
            starts.append(len(codes))
        codes += piece
    ends = np.array([*starts, len(codes)], np.int64)
    lengths = ends[1:] - ends[:-1]
    return headers, lengths, np.frombuffer(codes, np.uint8)


def _keep(
    ids: pl.Series, offsets: NDArray[np.int64], codes: Codes
) -> tuple[NDArray[np.bool_], Counter[str]]:
    """Which records stay, and why the others do not."""
    keep = np.diff(offsets) > 0
    dropped = Counter({"empty_sequence": int((~keep).sum())})
    first: dict[str, int] = {}
    repeated = ids.is_duplicated().to_numpy() & keep
    for i in np.flatnonzero(repeated).tolist():
        kept = first.setdefault(ids[i], i)
        if kept != i:
            one, other = (codes[offsets[j] : offsets[j + 1]] for j in (kept, i))
            dropped["duplicate_record" if np.array_equal(one, other) else "duplicate_id"] += 1
            keep[i] = False
    return keep, +dropped


def _whole_codons(
    table: pl.DataFrame, offsets: NDArray[np.int64], codes: Codes, dropped: Counter[str]
) -> pl.DataFrame:
    """Begin every header's CDS at a whole codon, and forget one that the sequence is too short for.

    A header gives no phase. A CDS that is incomplete at its 5' end begins with the transcript's first base and not
    with ATG; its frame is the one that ends in a stop codon, else the first, that has no stop codon on the way.
    """
    starts, ends = table["cds_start"].to_numpy().copy(), table["cds_end"].to_numpy().copy()
    lengths = np.diff(offsets)
    outside = (starts >= 0) & ((ends > lengths) | (ends <= starts))
    if outside.any():
        dropped["cds_outside_sequence"] = int(outside.sum())
    starts[outside | (starts < 0)] = -1
    ends[starts < 0] = -1
    for i in np.flatnonzero(starts == 0).tolist():
        starts[i] += _phase(codes[offsets[i] : offsets[i] + ends[i]])
    return table.with_columns(cds_start=pl.Series(starts), cds_end=pl.Series(ends))


def _phase(cds: Codes) -> int:
    """Bases before the first whole codon of a CDS whose frame is not known."""
    text = letters(cds)
    if text.startswith("ATG"):
        return 0
    ends_in_stop = [len(text) % 3] if text[-3:] in _STOPS else []
    for phase in (*ends_in_stop, 0, 1, 2):
        if _STOPS.isdisjoint(text[i : i + 3] for i in range(phase, len(text) - 3, 3)):
            return phase
    return 0
