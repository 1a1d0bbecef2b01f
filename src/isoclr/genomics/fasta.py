"""FASTA files as a stream of headers and nucleotide codes, and FASTA files of transcripts as tables.

A file is read in blocks of some megabytes; a block is split at its headers, and ``bytes.translate`` turns letters into
codes and removes line ends. Lines are never handled one by one.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.errors import InputError
from isoclr.genomics.encoding import FROM_LETTER, INVALID, IS_STOP, START_CODON, Codes, codon_numbers
from isoclr.genomics.text import file_chunks, file_start

BLOCK = 1 << 24
EXPECTED = "a FASTA file"
_WHITESPACE = b" \t\r\n\v\f"
_CODES = FROM_LETTER.tobytes()


# Streaming


class Piece(NamedTuple):
    """Part of a FASTA record."""

    header: str | None  # Header without >; None if this continues the previous record
    codes: bytes  # Nucleotide codes
    bad: str = ""  # Why the record is dropped; the whole record, also the pieces before this one


def pieces(path: Path, *, skip_bad: bool = False) -> Iterator[Piece]:
    """Stream a FASTA file; only records longer than a block come in several pieces.

    Lower case, U, IUPAC ambiguity codes, blank lines, spaces, Windows line ends and BioMart's ``Sequence unavailable``
    (an empty record) are accepted. With ``skip_bad``, a record without a name or with another letter is marked as bad
    instead of refused, and nothing follows of it.
    """
    name, record, length, is_bad = "", -1, 0, False
    for header, body in _split(path):
        if header is not None:
            name, record, length, is_bad = header, record + 1, 0, False
            if not header:
                if not skip_bad:
                    name_of(header, path, record)
                is_bad = True
                yield Piece(header, b"", "no_name")
        if is_bad:
            continue
        codes = body.translate(_CODES, _WHITESPACE)
        if INVALID in codes:
            letters = body.translate(None, _WHITESPACE)
            if letters.lower() == b"sequenceunavailable":
                yield Piece(header, b"")
                continue
            if not skip_bad:
                raise _invalid_letter(path, name, record, letters, codes, length)
            is_bad = True
            yield Piece(header, b"", "not_nucleotides")
            continue
        length += len(codes)
        yield Piece(header, codes)


def line_of(path: Path, record: int) -> int:
    """Line, from 1, of the header of a record, counted from 0."""
    line, found, rest = 0, -1, b""
    for chunk in file_chunks(path, BLOCK, EXPECTED):
        *lines, rest = (rest + chunk).split(b"\n")
        for text in lines:
            line += 1
            if found < 0:
                text = text.removeprefix(b"\xef\xbb\xbf").lstrip()
            found += text.startswith(b">")
            if found == record:
                return line
    return line + 1


def headers(path: Path) -> Iterator[str]:
    """The headers of a FASTA file without ``>``; sequences are not checked."""
    return (header for header, _ in _split(path) if header is not None)


def name_of(header: str, path: Path, record: int | None = None) -> str:
    """The first word of a header.

    Args:
        record: Number of the record in the file, from 0; names its line in errors.
    """
    words = header.split(None, 1)
    if not words:
        where = "a record"
        if record is not None:
            where = f"record {record + 1:,} (line {line_of(path, record):,})"
        raise InputError(f"{path}: {where} has no name, expected one after '>'")
    return words[0]


def is_bgzip(path: Path) -> bool:
    """Whether a file is block gzip (``bgzip``), which allows random access."""
    head = file_start(path, 18, EXPECTED)
    return head[:3] == b"\x1f\x8b\x08" and head[3:4] > b"\x03" and head[12:14] == b"BC"


def check_start(path: Path) -> None:
    """Check that a file begins like FASTA."""
    for chunk in file_chunks(path, 1 << 16, EXPECTED):
        _strip_start(path, chunk)
        return
    raise _empty(path)


def _split(path: Path) -> Iterator[tuple[str | None, bytes]]:
    """Headers and the raw bytes below them."""
    for block in _blocks(path):
        body, *records = block.split(b"\n>")
        if body:
            yield None, body
        for record in records:
            header, _, body = record.partition(b"\n")
            yield header.decode("utf-8", "replace").strip(), body


def _blocks(path: Path) -> Iterator[bytes]:
    """Blocks that end neither within a header nor between a newline and the ``>`` after it."""
    pending, started = b"", False
    for chunk in file_chunks(path, BLOCK, EXPECTED):
        block = pending + (chunk if started else b"\n" + _strip_start(path, chunk))
        started = True
        header = block.rfind(b"\n>")
        is_cut = header >= 0 and block.find(b"\n", header + 2) < 0
        end = header if is_cut else len(block) - block.endswith(b"\n")
        pending = block[end:]
        yield block[:end]
    if not started:
        raise _empty(path)
    yield pending


def _strip_start(path: Path, chunk: bytes) -> bytes:
    """The first chunk without byte order mark and blank lines; it must begin with a header."""
    chunk = chunk.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not chunk:
        raise _empty(path)
    if not chunk.startswith(b">"):
        letter = _printable(chunk[0])
        hint = " (FASTQ?)" if letter == "@" else ""
        raise InputError(f"{path}: begins with '{letter}'{hint}, expected FASTA, which begins with '>'")
    return chunk


def _empty(path: Path) -> InputError:
    return InputError(f"{path}: the file is empty, expected {EXPECTED}")


def _printable(byte: int) -> str:
    return chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}"


def _invalid_letter(path: Path, header: str, record: int, letters: bytes, codes: bytes, before: int) -> InputError:
    """An error for the first invalid letter, by record and position."""
    at = codes.index(INVALID)
    share = np.mean(np.frombuffer(codes, np.uint8) == INVALID)
    hint = "; is this a protein?" if letters.isalpha() and share > 0.1 else ""
    return InputError(
        f"{path}: record {(header.split() or [''])[0]!r} (line {line_of(path, record):,}), position "
        f"{before + at + 1:,} is '{_printable(letters[at])}', expected a nucleotide (ACGTU, N or an IUPAC "
        f"ambiguity code){hint}"
    )


# Headers

_HEADER = pl.col("header")
_KEYS = _HEADER.str.replace(r"\sdescription:.*$", "")  # Ensembl's free text at the end
_ID = _HEADER.str.extract(r"^(\S+)")
_IS_GENCODE = _HEADER.str.contains(r"^[^|\s]+\|[^|\s]+\|[^|]*\|[^|]*\|[^|]*\|[^|]*\|\d+\|")
_STABLE_GENE = r"^(?:ENS\w*G\d{11}|WBGene\d|FBgn\d|AT[1-5CM]G\d{5}|MGP_\w+_G\d)"


def _gene_key(*, stable: bool) -> pl.Expr:
    """``gene=`` holds a stable id in headers of WormBase and gffread, a symbol in those of NCBI."""
    value = _HEADER.str.extract(r"\sgene=(\S+)")
    is_stable = value.str.contains(_STABLE_GENE)
    return pl.when(is_stable if stable else ~is_stable).then(value)


def _gencode_field(number: int) -> pl.Expr:
    """A field of a GENCODE header; null for ``-`` and in other headers."""
    value = _HEADER.str.split("|").list.get(number, null_on_oob=True)
    return pl.when(_IS_GENCODE & (value != "-")).then(value)


def _piped_id(pattern: str) -> pl.Expr:
    """An id by its form between pipes: the fields of BioMart headers are chosen by the user."""
    return pl.when(_ID.str.contains("|", literal=True)).then(_ID.str.extract(pattern))


_RULES: dict[str, list[pl.Expr]] = {
    "transcript_id": [
        _gencode_field(0),
        _piped_id(r"(?:^|\|)(ENS[A-Z]*T\d{11}\.\d+)(?:\||\s|$)"),
        _piped_id(r"(?:^|\|)(ENS[A-Z]*T\d{11})(?:\||\s|$)"),
        _HEADER.str.extract(r"\[transcript_id=([^\]\s]+)\]"),
        _ID,
    ],
    "gene_id": [
        _gencode_field(1),
        _piped_id(r"(?:^|\|)(ENS[A-Z]*G\d{11}\.\d+)(?:\||\s|$)"),
        _piped_id(r"(?:^|\|)(ENS[A-Z]*G\d{11})(?:\||\s|$)"),
        _KEYS.str.extract(r"\sgene:(\S+)"),
        _HEADER.str.extract(r"\[GeneID=(\d+)\]"),
        _HEADER.str.extract(r"\[db_xref=[^\]]*GeneID:(\d+)"),
        _HEADER.str.extract(r"\sparent=(FBgn\d+)"),
        _gene_key(stable=True),
        _HEADER.str.extract(r"^(AT[1-5CM]G\d{5})\.\d+\s+\|"),
    ],
    "gene_symbol": [
        _gencode_field(5),
        _KEYS.str.extract(r"\sgene_symbol:(\S+)"),
        _HEADER.str.extract(r"\[gene=([^\]\s]+)\]"),
        _HEADER.str.extract(r"^\S+\s+(\S+)\s+\[organism="),
        _gene_key(stable=False),
        _HEADER.str.extract(r"\s\|\s*Symbols:\s*([^\s,|]+)"),
        # RefSeq: the last parentheses before a comma; a symbol may contain parentheses: (l(2)gl)
        _HEADER.str.extract(r"^[NX][MR]_\d+\S*\s.*\s\(((?:[^()\s]|\([^()\s]*\))+)\),"),
    ],
    "biotype": [
        _HEADER.str.extract(r"^(?:[^|\s]*\|){7}(?:(?:UTR5|CDS|UTR3):[\d-]+\|)*([^|:\s]+)(?:\||\s|$)"),
        _KEYS.str.extract(r"\stranscript_biotype:(\S+)"),
        _KEYS.str.extract(r"\sgene_biotype:(\S+)"),
        _HEADER.str.extract(r"^[NX][MR]_\d+\S*\s.*, (?:partial )?([A-Za-z_ -]*RNA)(?:;|$)"),
        # Ensembl's file of non-coding RNAs: ENST00000000001.1 ncrna chromosome:…
        pl.when(_HEADER.str.contains(r"^\S+ ncrna(?: |$)")).then(pl.lit("ncRNA")),
    ],
    "cds": [_HEADER.str.extract(p) for p in (r"\|CDS:(\d+-\d+)\|", r"\sCDS=(\d+-\d+)(?:\s|$)")],
}
"""Field → how it is found in a header; the first rule that gives anything counts."""


def parse_headers(headers: list[str]) -> pl.DataFrame:
    """Transcript, gene, symbol, biotype and CDS from FASTA headers without ``>``.

    A gene that is named by its symbol only (RefSeq, ``gene=`` of NCBI) has the symbol as ``gene_id``, as in RefSeq's
    GTF. The CDS of GENCODE and gffread is returned 0-based half-open, stop codon included.

    Returns:
        One row per header: ``transcript_id, gene_id, gene_symbol, biotype, cds_start, cds_end``.

    >>> parse_headers(["ENST01.2 cdna gene:ENSG01.3 gene_symbol:TP53"]).row(0)
    ('ENST01.2', 'ENSG01.3', 'TP53', '', -1, -1)
    """
    frame = pl.DataFrame({"header": headers}, schema={"header": pl.String})
    table = frame.select(pl.coalesce(*rules, pl.lit("")).alias(name) for name, rules in _RULES.items())
    start, end = (pl.col("cds").str.split("-").list.get(i, null_on_oob=True) for i in (0, 1))
    return table.select(
        "transcript_id",
        pl.when(pl.col("gene_id") == "").then("gene_symbol").otherwise("gene_id").alias("gene_id"),
        "gene_symbol",
        "biotype",
        cds_start=start.cast(pl.Int64, strict=False).fill_null(0) - 1,
        cds_end=end.cast(pl.Int64, strict=False).fill_null(-1),
    )


# Transcripts


@dataclass(frozen=True)
class Transcripts:
    """Mature RNAs of a FASTA file, in its order."""

    table: pl.DataFrame
    """One row per transcript: ``transcript_id, gene_id, gene_symbol, biotype`` (``""`` if unknown), ``cds_start,
    cds_end`` (0-based half-open from the first whole codon, stop codon included; −1 if unknown)."""
    offsets: NDArray[np.int64]  # (n + 1,): where each transcript begins in codes
    codes: Codes  # Nucleotide codes of all transcripts, one after the other
    dropped: Counter[str] = field(default_factory=Counter)
    """Reason → dropped records (``empty_sequence``, ``duplicate_record``, ``duplicate_id``, ``no_name``,
    ``not_nucleotides``) or CDS (``cds_outside_sequence``)."""
    first_dropped: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Reason → name of the first record dropped for it, and its number among the read ones, from 0."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def codes_of(self, row: int) -> Codes:
        """Nucleotide codes of one transcript (a view)."""
        return self.codes[self.offsets[row] : self.offsets[row + 1]]


def read_transcripts(path: Path, *, skip_bad: bool = False) -> Transcripts:
    """Read a FASTA of transcripts: plain, gz or bgz.

    Headers of Ensembl, GENCODE, RefSeq, NCBI, FlyBase, WormBase, TAIR, gffread and BioMart are parsed, as are bare ids.
    Among records with the same id the first is kept; the others are counted as ``duplicate_record`` if their sequence
    is the same, else as ``duplicate_id``.

    Args:
        skip_bad: Drop and count records without a name (``no_name``) or with a letter that is not a nucleotide
            (``not_nucleotides``) instead of refusing the file.
    """
    path = Path(path)
    headers, lengths, codes, dropped = _read_records(path, skip_bad)
    table = parse_headers(headers)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    reasons = _reasons_to_drop(table["transcript_id"], offsets, codes)
    keep = np.array([reason == "" for reason in reasons], bool)
    if not keep.any():
        raise InputError(f"{path}: none of its {len(headers):,} records has a sequence")
    first: dict[str, tuple[str, int]] = {}
    for number in np.flatnonzero(~keep).tolist():
        dropped[reasons[number]] += 1
        first.setdefault(reasons[number], (str(table["transcript_id"][number]), number))
    if not keep.all():
        table, codes = table.filter(pl.Series(keep)), codes[np.repeat(keep, lengths)]
        offsets = np.concatenate([[0], np.cumsum(lengths[keep])])
    table = _whole_codons(table, offsets, codes, dropped)
    return Transcripts(table, offsets, codes, dropped, first)


def _read_records(path: Path, skip_bad: bool) -> tuple[list[str], NDArray[np.int64], Codes, Counter[str]]:
    """Headers, lengths and concatenated codes of all records; and reason → number of skipped ones."""
    headers: list[str] = []
    starts: list[int] = []
    codes = bytearray()
    dropped: Counter[str] = Counter()
    for header, piece, bad in pieces(path, skip_bad=skip_bad):
        if header is not None:
            headers.append(header)
            starts.append(len(codes))
        if bad:
            dropped[bad] += 1
            headers.pop()
            del codes[starts.pop() :]
        else:
            codes += piece
    ends = np.array([*starts, len(codes)], np.int64)
    return headers, ends[1:] - ends[:-1], np.frombuffer(codes, np.uint8), dropped


def _reasons_to_drop(ids: pl.Series, offsets: NDArray[np.int64], codes: Codes) -> list[str]:
    """For every record why it is dropped; empty for those that are kept."""
    reasons = np.where(np.diff(offsets) > 0, "", "empty_sequence").tolist()
    first: dict[str, int] = {}
    for i in np.flatnonzero(ids.is_duplicated().to_numpy()).tolist():
        if reasons[i]:
            continue
        kept = first.setdefault(ids[i], i)
        if kept != i:
            one, other = (codes[offsets[j] : offsets[j + 1]] for j in (kept, i))
            reasons[i] = "duplicate_record" if np.array_equal(one, other) else "duplicate_id"
    return [str(reason) for reason in reasons]


def _whole_codons(table: pl.DataFrame, offsets: NDArray[np.int64], codes: Codes, dropped: Counter[str]) -> pl.DataFrame:
    """Start every CDS at a whole codon; drop those beyond the end of the sequence.

    Headers give no phase. A CDS that is incomplete at its 5' end starts at the first base, but not with ATG. Its frame
    is the one that ends in a stop codon, else the first one without a stop codon inside.
    """
    starts, ends = table["cds_start"].to_numpy().copy(), table["cds_end"].to_numpy().copy()
    outside = (starts >= 0) & ((ends > np.diff(offsets)) | (ends <= starts))
    if outside.any():
        dropped["cds_outside_sequence"] = int(outside.sum())
    starts[outside] = -1
    ends[starts < 0] = -1
    for i in np.flatnonzero(starts == 0).tolist():
        starts[i] += _phase(codes[offsets[i] : offsets[i] + ends[i]])
    return table.with_columns(cds_start=pl.Series(starts), cds_end=pl.Series(ends))


def _phase(cds: Codes) -> int:
    """Bases before the first whole codon of a CDS in an unknown frame."""
    if len(cds) < 3:
        return 0
    codons = codon_numbers(np.lib.stride_tricks.sliding_window_view(cds, 3))
    if codons[0] == START_CODON:
        return 0
    is_stop = IS_STOP[codons]
    preferred = [len(cds) % 3] if is_stop[-1] else []
    for phase in (*preferred, 0, 1, 2):
        if not is_stop[phase : len(cds) - 3 : 3].any():
            return phase
    return 0
