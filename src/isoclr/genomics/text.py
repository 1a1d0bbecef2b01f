"""Tab-separated annotation files in blocks of whole lines: plain or gz, bounded memory, errors with a line number."""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn, cast

import polars as pl

from isoclr.errors import InputError

_MAGIC = b"\x1f\x8b"


def file_chunks(path: Path, size: int, expected: str) -> Generator[bytes, None, None]:
    """The bytes of a file, unpacked when they are gzip, in chunks that a caller can hold.

    Args:
        path: the file; a gzip file may have several members.
        size: bytes (unpacked) of a chunk, the last one excepted; −1: everything in one chunk.
        expected: what the file should be, for errors.

    Raises:
        InputError: the file cannot be opened or read, or the gzip is cut off or damaged.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.peek(2)[:2] == _MAGIC
            # GzipFile is a readable stream in all but its declared type
            stream = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if packed else raw
            while chunk := stream.read(size):
                yield chunk
    except EOFError:
        raise InputError(
            f"{path}: the gzip file is cut off, expected its end; fetch it again"
        ) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InputError(
            f"{path}: the gzip file is damaged ({error}), expected a whole one"
        ) from None
    except OSError as error:
        raise _unreadable(path, error, expected) from None


def file_bytes(path: Path, expected: str) -> bytes:
    """All bytes of a file, unpacked when they are gzip.

    Raises:
        InputError: as :func:`chunks`.
    """
    return b"".join(file_chunks(path, -1, expected))


def file_start(path: Path, size: int, expected: str) -> bytes:
    """The first bytes of a file as they are, not unpacked.

    Raises:
        InputError: the file cannot be opened or read.
    """
    try:
        with path.open("rb") as stream:
            return stream.read(size)
    except OSError as error:
        raise _unreadable(path, error, expected) from None


def is_gzip(path: Path, expected: str) -> bool:
    """Whether a file's content is gzip, whatever its name.

    Raises:
        InputError: the file cannot be opened or read.
    """
    return file_start(path, len(_MAGIC), expected) == _MAGIC


def _unreadable(path: Path, error: OSError, expected: str) -> InputError:
    return InputError(f"{path}: {error.strerror or error}, expected {expected}")


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
    stream = file_chunks(path, size, "an annotation")
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


def numbers(column: str) -> pl.Expr:
    """A cell such as ``100,200,`` as a list of integers; null where it is empty or holds anything else."""
    cell = pl.col(column).str.strip_chars_end(",")
    listed = cell.str.split(",").cast(pl.List(pl.Int64), strict=False)
    whole = cell.str.contains(r"^-?\d{1,18}(?:,-?\d{1,18})*$")
    return pl.when(whole).then(listed).otherwise(None).alias(column)


def check_lists(block: Block, lines: pl.DataFrame, columns: list[str], number: str) -> None:
    """Every list is there and as long as the line's own count of exons.

    Args:
        block: where the lines come from.
        lines: columns as :func:`numbers` made them, and ``row``.
        columns: the lists to check.
        number: the column that counts the exons.

    Raises:
        InputError: the first line with a list that is not.
    """
    for column in columns:
        good = (pl.col(column).list.len() == pl.col(number)) & (pl.col(number) > 0)
        require(
            block,
            lines,
            good,
            lambda row, column=column: (  # type: ignore[misc]
                f"{column} is not a comma-separated list of {row[number]} whole numbers"
            ),
        )


def table_text(path: Path, expected: str) -> bytes:
    """The text of a file, unpacked when it is gzip.

    Args:
        path: the file.
        expected: what the file should be, for errors.

    Raises:
        InputError: the file is missing, empty, cut off or damaged.
    """
    data = file_bytes(path, expected)
    if not data.strip():
        raise InputError(f"{path}: the file is empty, expected {expected}")
    if b"\0" in data[:4096]:
        raise InputError(f"{path}: is a binary file, expected {expected}")
    return data


def cells(
    path: Path, data: bytes, columns: Sequence[str], *, separator: str = "\t", skip: int = 0
) -> pl.DataFrame:
    """The first columns of a table as text, with a ``line`` column (1-based); cells that a line lacks are null.

    Blank lines are left out, cells beyond the first line's are ignored.

    Raises:
        InputError: the table cannot be parsed.
    """
    width = _width(data, separator, skip)
    names = [*columns[:width], *(f"beyond {i}" for i in range(width - len(columns)))]
    try:
        frame = pl.read_csv(
            io.BytesIO(data),
            has_header=False,
            schema=dict.fromkeys(names, pl.String),
            separator=separator,
            skip_rows=skip,
            quote_char='"' if separator == "," else None,
            truncate_ragged_lines=True,
        )
    except pl.exceptions.PolarsError as error:
        raise InputError(f"{path}: is no table ({str(error).splitlines()[0]})") from None
    missing = [pl.lit(None, pl.String).alias(name) for name in columns[width:]]
    frame = frame.with_row_index("line", offset=skip + 1).with_columns(missing)
    return frame.select("line", *columns).filter(~pl.all_horizontal(pl.col(columns).is_null()))


def _width(data: bytes, separator: str, skip: int) -> int:
    """How many cells the first line after the skipped ones has."""
    line = data.split(b"\n", skip + 1)[skip : skip + 1]
    text = b"".join(line).decode("utf-8", "replace")
    if separator == ",":
        return len(next(csv.reader([text]), [""]))
    return text.count(separator) + 1


def integers(frame: pl.DataFrame, path: Path, columns: Sequence[str], what: str) -> pl.DataFrame:
    """Turn columns of digits into Int64.

    Raises:
        InputError: a cell that is no integer, by its line.
    """
    numbers = frame.with_columns(pl.col(columns).str.strip_chars().cast(pl.Int64, strict=False))
    for column in columns:
        bad = numbers[column].is_null()
        if bad.any():
            row = frame.row(int(bad.arg_max() or 0), named=True)
            raise InputError(
                f"{path}: line {row['line']:,}: {column} is {row[column] or ''!r}, expected a number ({what})"
            )
    return numbers
