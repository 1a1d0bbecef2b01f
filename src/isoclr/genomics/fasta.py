"""FASTA as a stream of headers and nucleotide codes: plain, gz or bgz, any size, any line length.

Lines are never looked at one by one. A file is read in blocks of some megabytes, a block is split at the
headers, and the letters of a record become codes, and lose their line ends, in one pass of ``bytes.translate``.
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
from isoclr.genomics.encoding import Codes, letters, nucleotides
from isoclr.genomics.text import file_chunks, file_start

BLOCK = 1 << 24
EXPECTED = "a FASTA file"
_BLANKS = b" \t\r\n\v\f"
_BAD = 255


def _codes_of_letters() -> bytes:
    """Byte of a FASTA file → nucleotide code, 255 for what :func:`nucleotides` refuses."""
    table = bytearray([_BAD] * 256)
    for letter in range(256):
        try:
            table[letter] = int(nucleotides(bytes([letter]))[0])
        except InputError:
            continue
    return bytes(table)


_CODES = _codes_of_letters()


class Piece(NamedTuple):
    """A stretch of one FASTA record."""

    header: str | None
    """The header without its ``>``; None when this stretch continues the record before."""
    codes: bytes
    """Nucleotide codes, one byte a nucleotide."""


def pieces(path: Path) -> Iterator[Piece]:
    """Stream a FASTA file; only a record longer than a block comes in several pieces.

    Lower case, U, IUPAC ambiguity, blank lines, spaces, Windows line ends and BioMart's ``Sequence unavailable``
    (an empty record) are understood.

    Raises:
        InputError: not a FASTA file, a letter that no nucleic acid has, a cut-off or damaged gzip.
    """
    record, nt = "", 0
    for header, body in _split(path):
        if header is not None:
            record, nt = header, 0
        codes = body.translate(_CODES, _BLANKS)
        if _BAD in codes:
            letters = body.translate(None, _BLANKS)
            if letters.lower() != b"sequenceunavailable":
                raise _not_a_nucleotide(path, record, letters, codes, nt)
            codes = b""
        nt += len(codes)
        yield Piece(header, codes)


def headers(path: Path) -> Iterator[str]:
    """The headers of a FASTA file, without their ``>``; the sequences are skipped, not checked."""
    return (header for header, _ in _split(path) if header is not None)


def name_of(header: str, path: Path) -> str:
    """The first word of a header.

    Raises:
        InputError: the header is empty.
    """
    words = header.split(None, 1)
    if not words:
        raise InputError(f"{path}: a record has no name, expected one after '>'")
    return words[0]


def is_bgzip(path: Path) -> bool:
    """Whether a file is block gzip (``bgzip``), which allows random access."""
    head = file_start(path, 18, EXPECTED)
    return head[:3] == b"\x1f\x8b\x08" and head[3:4] > b"\x03" and head[12:14] == b"BC"


def check_start(path: Path) -> None:
    """Refuse what does not begin like a FASTA file, before any work is done on it.

    Raises:
        InputError: the file is missing, empty, damaged or begins otherwise.
    """
    for chunk in file_chunks(path, 1 << 16, EXPECTED):
        _first(path, chunk)
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
    """The file in blocks that tear neither a header nor a newline from the ``>`` that follows it."""
    pending, started = b"", False
    for chunk in file_chunks(path, BLOCK, EXPECTED):
        block = pending + (chunk if started else b"\n" + _first(path, chunk))
        started = True
        cut = _cut(block)
        pending = block[cut:]
        yield block[:cut]
    if not started:
        raise _empty(path)
    yield pending


def _cut(block: bytes) -> int:
    """How much of a block can be split now."""
    header = block.rfind(b"\n>")
    if header >= 0 and block.find(b"\n", header + 2) < 0:
        return header
    return len(block) - block.endswith(b"\n")


def _first(path: Path, chunk: bytes) -> bytes:
    """The first chunk without a byte order mark and leading blank lines, checked to begin with a header."""
    chunk = chunk.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not chunk:
        raise _empty(path)
    if not chunk.startswith(b">"):
        found = chr(chunk[0]) if 32 <= chunk[0] < 127 else f"\\x{chunk[0]:02x}"
        hint = " (FASTQ?)" if found == "@" else ""
        raise InputError(
            f"{path}: begins with '{found}'{hint}, expected FASTA, which begins with '>'"
        )
    return chunk


def _empty(path: Path) -> InputError:
    return InputError(f"{path}: the file is empty, expected {EXPECTED}")


def _not_a_nucleotide(
    path: Path, header: str, letters: bytes, codes: bytes, before: int
) -> InputError:
    """The error that names the first letter that is no nucleotide, by record and position."""
    where = codes.index(_BAD)
    share = np.mean(np.frombuffer(codes, np.uint8) == _BAD)
    hint = "; is this a protein?" if letters.isalpha() and share > 0.1 else ""
    found = chr(letters[where]) if 32 <= letters[where] < 127 else f"\\x{letters[where]:02x}"
    return InputError(
        f"{path}: record {(header.split() or [''])[0]!r}, position {before + where + 1:,} is '{found}', expected a "
        f"nucleotide (ACGTU, N or an IUPAC ambiguity code){hint}"
    )


_HEADER = pl.col("header")
# Ensembl's description is free text and comes last: nothing is looked for in it
_KEYS = _HEADER.str.replace(r"\sdescription:.*$", "")
_ID = _HEADER.str.extract(r"^(\S+)")
_GENCODE = r"^[^|\s]+\|[^|\s]+\|[^|]*\|[^|]*\|[^|]*\|[^|]*\|\d+\|"
_IS_GENCODE = _HEADER.str.contains(_GENCODE)
_HAS_PIPES = _ID.str.contains("|", literal=True)
_STABLE_GENE = r"^(?:ENS\w*G\d{11}|WBGene\d|FBgn\d|AT[1-5CM]G\d{5}|MGP_\w+_G\d)"


def parse_headers(headers: list[str]) -> pl.DataFrame:
    """Transcript, gene, symbol, biotype and CDS of each header (without its ``>``).

    A gene that the header names by its symbol alone (RefSeq, NCBI's ``gene=``) gets the symbol as its ``gene_id``,
    as in RefSeq's own GTF. GENCODE's and gffread's CDS are given 0-based half-open; they include the stop codon.

    Returns:
        One row a header: ``transcript_id, gene_id, gene_symbol, biotype, cds_start, cds_end``.

    >>> parse_headers(["ENST01.2 cdna gene:ENSG01.3 gene_symbol:TP53"]).row(0)
    ('ENST01.2', 'ENSG01.3', 'TP53', '', -1, -1)
    """
    frame = pl.DataFrame({"header": headers}, schema={"header": pl.String})
    fields = frame.select(
        transcript_id=_first_headers(_transcript()),
        named=_first_headers(_gene()),
        gene_symbol=_first_headers(_symbol()),
        biotype=_first_headers(_biotype()),
        cds=_first_headers(
            [_HEADER.str.extract(p) for p in (r"\|CDS:(\d+-\d+)\|", r"\sCDS=(\d+-\d+)(?:\s|$)")]
        ),
    )
    start, end = (pl.col("cds").str.split("-").list.get(i, null_on_oob=True) for i in (0, 1))
    return fields.select(
        "transcript_id",
        pl.when(pl.col("named") == "").then("gene_symbol").otherwise("named").alias("gene_id"),
        "gene_symbol",
        "biotype",
        cds_start=start.cast(pl.Int64, strict=False).fill_null(0) - 1,
        cds_end=end.cast(pl.Int64, strict=False).fill_null(-1),
    )


def _transcript() -> list[pl.Expr]:
    return [
        _piped(0),
        _among_pipes(r"(?:^|\|)(ENS[A-Z]*T\d{11}\.\d+)(?:\||\s|$)"),
        _among_pipes(r"(?:^|\|)(ENS[A-Z]*T\d{11})(?:\||\s|$)"),
        _HEADER.str.extract(r"\[transcript_id=([^\]\s]+)\]"),
        _ID,
    ]


def _gene() -> list[pl.Expr]:
    return [
        _piped(1),
        _among_pipes(r"(?:^|\|)(ENS[A-Z]*G\d{11}\.\d+)(?:\||\s|$)"),
        _among_pipes(r"(?:^|\|)(ENS[A-Z]*G\d{11})(?:\||\s|$)"),
        _KEYS.str.extract(r"\sgene:(\S+)"),
        _HEADER.str.extract(r"\[GeneID=(\d+)\]"),
        _HEADER.str.extract(r"\[db_xref=[^\]]*GeneID:(\d+)"),
        _HEADER.str.extract(r"\sparent=(FBgn\d+)"),
        _gene_key(stable=True),
        _HEADER.str.extract(r"^(AT[1-5CM]G\d{5})\.\d+\s+\|"),
    ]


def _symbol() -> list[pl.Expr]:
    return [
        _piped(5),
        _KEYS.str.extract(r"\sgene_symbol:(\S+)"),
        _HEADER.str.extract(r"\[gene=([^\]\s]+)\]"),
        _HEADER.str.extract(r"^\S+\s+(\S+)\s+\[organism="),
        _gene_key(stable=False),
        _HEADER.str.extract(r"\s\|\s*Symbols:\s*([^\s,|]+)"),
        # RefSeq: the last parentheses that a comma follows; a fly's symbol may have its own: (l(2)gl)
        _HEADER.str.extract(r"^[NX][MR]_\d+\S*\s.*\s\(((?:[^()\s]|\([^()\s]*\))+)\),"),
    ]


def _biotype() -> list[pl.Expr]:
    return [
        _HEADER.str.extract(
            r"^(?:[^|\s]*\|){7}(?:(?:UTR5|CDS|UTR3):[\d-]+\|)*([^|:\s]+)(?:\||\s|$)"
        ),
        _KEYS.str.extract(r"\stranscript_biotype:(\S+)"),
        _KEYS.str.extract(r"\sgene_biotype:(\S+)"),
        _HEADER.str.extract(r"^[NX][MR]_\d+\S*\s.*, (?:partial )?([A-Za-z_ -]*RNA)(?:;|$)"),
    ]


def _gene_key(*, stable: bool) -> pl.Expr:
    """``gene=`` holds a stable id in WormBase's and gffread's headers, a symbol in NCBI's."""
    value = _HEADER.str.extract(r"\sgene=(\S+)")
    is_stable = value.str.contains(_STABLE_GENE)
    return pl.when(is_stable if stable else ~is_stable).then(value)


def _piped(field: int) -> pl.Expr:
    """A field of GENCODE's header, null in any other and where GENCODE writes ``-``."""
    value = _HEADER.str.split("|").list.get(field, null_on_oob=True)
    return pl.when(_IS_GENCODE & (value != "-")).then(value)


def _among_pipes(pattern: str) -> pl.Expr:
    """A field that is known by its form, as in BioMart's headers, whose fields the user chooses."""
    return pl.when(_HAS_PIPES).then(_ID.str.extract(pattern))


def _first_headers(choices: list[pl.Expr]) -> pl.Expr:
    """The first choice that a header has, else empty."""
    return pl.coalesce(*choices, pl.lit(""))


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
    for header, piece in pieces(path):
        if header is not None:
            name_of(header, path)
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
