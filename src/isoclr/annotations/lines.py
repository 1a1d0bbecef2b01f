"""Tab-separated annotation files in blocks of whole lines: plain or gz, bounded memory, errors with a line number."""

import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import polars as pl

from isoclr.errors import InputError
from isoclr.unpacking import chunks

BLOCK_BYTES = 1 << 25

Columns = Mapping[str, type[pl.DataType]]

_SKIPPED = rb"[ \t]*|(?:track|browser)\b[^\n]*"  # blank lines and the UCSC browser's own
_SKIPPED_LINE = re.compile(rb"(?m)^(?:" + _SKIPPED + rb")\n")
_IS_SKIPPED = re.compile(_SKIPPED + rb"|#.*", re.DOTALL)
_DATA_LINE = re.compile(rb"(?m)^[^#\n].*")


@dataclass(frozen=True)
class Block:
    """Whole lines of a file.

    Attributes:
        path: the file, for errors.
        text: the lines, each ending in ``\\n``.
        first_line: number of the first line in the file, from 1.
    """

    path: Path
    text: bytes
    first_line: int

    def data_lines(self) -> Iterator[tuple[int, bytes]]:
        """Number and text of every line that is neither comment, blank, ``track`` nor ``browser``."""
        for number, line in enumerate(self.text.split(b"\n"), self.first_line):
            if not _IS_SKIPPED.fullmatch(line):
                yield number, line

    def error(self, number: int, message: str) -> InputError:
        """The error that names a line of this file."""
        return InputError(f"{self.path}: line {number}: {message}")


def blocks(path: Path, size: int = BLOCK_BYTES) -> Iterator[Block]:
    """The file in blocks of about ``size`` bytes, the next one being decompressed while this one is used.

    Raises:
        InputError: no such file, a damaged gzip file, no line at all, or bytes that are not text.
    """
    stream = chunks(path, size, "an annotation")
    with closing(stream), ThreadPoolExecutor(1) as reader:
        yield from _whole_lines(path, lambda: reader.submit(next, stream, b"").result, size)


def _whole_lines(
    path: Path, read_ahead: Callable[[], Callable[[], bytes]], size: int
) -> Iterator[Block]:
    line, rest = 1, b""
    upcoming = read_ahead()
    while chunk := upcoming():
        upcoming = read_ahead()
        if b"\0" in chunk:
            raise InputError(f"{path}: binary data, expected text (plain or gz)")
        cut = chunk.rfind(b"\n") + 1
        if cut:
            text = b"".join((rest, memoryview(chunk)[:cut]))
            yield Block(path, _unix(text), line)
            line += text.count(b"\n")
            rest = chunk[cut:]
        else:
            rest += chunk
        if len(rest) > 4 * size:
            raise InputError(
                f"{path}: line {line}: more than {4 * size:,} bytes without an end of line"
            )
    if rest:
        yield Block(path, _unix(rest + b"\n"), line)
    elif line == 1:
        raise InputError(f"{path}: the file is empty, expected an annotation")


def _unix(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n") if b"\r" in text else text


def parse(block: Block, columns: Columns, keep: list[str] | None = None) -> pl.DataFrame:
    """The block's data lines as a frame, with ``row``: the ordinal of each line among them.

    Args:
        block: lines of tab-separated columns, without a header; ``#`` begins a comment line.
        columns: every column of the format, in order.
        keep: the columns wanted; all by default.

    Raises:
        InputError: a line with too many or too few columns, or a number column that holds no number.
    """
    keep = keep or list(columns)
    frame, fault = _read(block.text, columns, keep)
    if frame is None or frame[keep[-1]].null_count():  # what is missing reads as null
        frame, fault = _read(_SKIPPED_LINE.sub(b"", block.text), columns, keep)
        if frame is None or frame[keep[-1]].null_count():
            _raise_fault(block, columns)
    if frame is None:
        raise InputError(f"{block.path}: not a table that can be read ({fault})")
    return frame


def _read(text: bytes, columns: Columns, keep: list[str]) -> tuple[pl.DataFrame | None, str]:
    """The lines as a frame, or None and why not."""
    first = _DATA_LINE.search(text)
    if not first:
        return pl.DataFrame(schema={"row": pl.UInt32, **{name: columns[name] for name in keep}}), ""
    if first[0].count(b"\t") != len(columns) - 1:
        return None, "wrong number of columns"
    names = list(columns)
    try:
        frame = pl.read_csv(
            text,
            columns=[names.index(name) for name in keep],
            has_header=False,
            separator="\t",
            comment_prefix="#",
            quote_char=None,
            schema=dict(columns),
            row_index_name="row",
        )
    except pl.exceptions.PolarsError as error:
        return None, str(error).strip().splitlines()[0]
    return frame, ""


def _raise_fault(block: Block, columns: Columns) -> None:
    """Raise an error for the first line that does not fit the columns, if there is one."""
    numbers = [i for i, kind in enumerate(columns.values()) if kind is not pl.String]
    names = list(columns)
    for number, line in block.data_lines():
        fields = line.split(b"\t")
        if len(fields) != len(columns):
            raise block.error(
                number, f"{len(fields)} tab-separated columns, expected {len(columns)}"
            )
        for i in numbers:
            if not re.fullmatch(rb"-?\d{1,18}", fields[i]):
                found = fields[i][:40].decode(errors="replace")
                raise block.error(number, f"{names[i]} is {found!r}, expected a whole number")
        try:
            line.decode()
        except UnicodeDecodeError:
            raise block.error(number, "not UTF-8 text") from None


def raise_row(block: Block, row: int, message: str) -> NoReturn:
    """Raise an error that names the line a row of :func:`parse` came from."""
    number = next(number for i, (number, _) in enumerate(block.data_lines()) if i == row)
    raise block.error(number, message)


def require(
    block: Block, frame: pl.DataFrame, good: pl.Expr, describe: Callable[[dict[str, Any]], str]
) -> None:
    """Check every row of a parsed frame.

    Raises:
        InputError: ``good`` is false or null somewhere; it names the line and says what ``describe`` makes of it.
    """
    bad = frame.filter(~good.fill_null(False)).head(1)
    for row in bad.iter_rows(named=True):
        raise_row(block, row["row"], describe(row))
