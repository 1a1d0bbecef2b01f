"""FASTA as a stream of headers and nucleotide codes: plain, gz or bgz, any size, any line length.

Lines are never looked at one by one. A file is read in blocks of some megabytes, a block is split at the
headers, and the letters of a record become codes, and lose their line ends, in one pass of ``bytes.translate``.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from isoclr.corpus.codes import nucleotides
from isoclr.errors import InputError
from isoclr.unpacking import chunks, start

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
    head = start(path, 18, EXPECTED)
    return head[:3] == b"\x1f\x8b\x08" and head[3:4] > b"\x03" and head[12:14] == b"BC"


def check_start(path: Path) -> None:
    """Refuse what does not begin like a FASTA file, before any work is done on it.

    Raises:
        InputError: the file is missing, empty, damaged or begins otherwise.
    """
    for chunk in chunks(path, 1 << 16, EXPECTED):
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
    for chunk in chunks(path, BLOCK, EXPECTED):
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
