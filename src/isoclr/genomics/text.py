"""Text files, plain or gzip: annotations in blocks of whole lines, small tables at once; errors name the line."""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, cast

import polars as pl

from isoclr._io import check_input
from isoclr.errors import InputError

_MAGIC = b"\x1f\x8b"
BLOCK_BYTES = 1 << 25

Columns = Mapping[str, type[pl.DataType]]

_SKIPPED = rb"[ \t]*|(?:track|browser)\b[^\n]*"  # blank lines, and lines for the UCSC browser
_SKIPPED_LINE = re.compile(rb"(?m)^(?:" + _SKIPPED + rb")\n")
_IS_SKIPPED = re.compile(_SKIPPED + rb"|#.*", re.DOTALL)
_DATA_LINE = re.compile(rb"(?m)^[^#\n].*")


# Bytes


def file_chunks(path: Path, size: int, expected: str) -> Generator[bytes, None, None]:
    """Read a file in chunks, decompressing gzip.

    Args:
        path: File; a gzip file may have several members.
        size: Decompressed bytes per chunk; −1 reads everything at once.
    """
    check_input(path, expected)
    try:
        with path.open("rb") as raw:
            is_packed = raw.peek(2)[:2] == _MAGIC
            # GzipFile is a readable stream in all but its declared type
            stream = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if is_packed else raw
            while chunk := stream.read(size):
                yield chunk
    except EOFError:
        raise InputError(f"{path}: the gzip file is cut off; fetch it again") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path}: the gzip file is damaged ({error}); fetch it again") from None
    except OSError as error:
        raise _unreadable(path, error, expected) from None


def file_bytes(path: Path, expected: str) -> bytes:
    """Read a whole file, decompressing gzip."""
    return b"".join(file_chunks(path, -1, expected))


def file_start(path: Path, size: int, expected: str) -> bytes:
    """First bytes of a file, not decompressed."""
    check_input(path, expected)
    try:
        with path.open("rb") as stream:
            return stream.read(size)
    except OSError as error:
        raise _unreadable(path, error, expected) from None


def is_gzip(path: Path, expected: str) -> bool:
    """Whether the content of a file is gzip, whatever its name."""
    return file_start(path, len(_MAGIC), expected) == _MAGIC


def _unreadable(path: Path, error: OSError, expected: str) -> InputError:
    return InputError(f"{path}: {error.strerror or error}, expected {expected}")


# Annotations: blocks of lines


def make_columns(names: str, integers: str = "") -> Columns:
    """Columns from their names, separated by blanks: text, except for some integers."""
    kinds = dict.fromkeys(integers.split(), pl.Int64)
    return {name: kinds.get(name, pl.String) for name in names.split()}


@dataclass(frozen=True)
class Block:
    """Consecutive whole lines of a file."""

    path: Path
    text: bytes  # The lines, each ending in \n
    first_line: int  # Line number of the first line, from 1

    def data_lines(self) -> Iterator[tuple[int, bytes]]:
        """Number and text of the lines that are not blank, comments, ``track`` or ``browser``."""
        for number, line in enumerate(self.text.split(b"\n"), self.first_line):
            if not _IS_SKIPPED.fullmatch(line):
                yield number, line

    def error(self, number: int, message: str) -> InputError:
        """An error about a line of this file."""
        return InputError(f"{self.path}: line {number}: {message}")


def blocks(path: Path, size: int = BLOCK_BYTES) -> Iterator[Block]:
    """Read an annotation in blocks of about ``size`` bytes; the next block is decompressed in the background."""
    stream = file_chunks(path, size, "an annotation")
    with closing(stream), ThreadPoolExecutor(1) as reader:
        upcoming = reader.submit(next, stream, b"")
        line, rest = 1, b""
        while chunk := upcoming.result():
            upcoming = reader.submit(next, stream, b"")
            if b"\0" in chunk:
                raise InputError(f"{path}: binary data, expected text (plain or gz)")
            end = chunk.rfind(b"\n") + 1
            if end:
                text = b"".join((rest, memoryview(chunk)[:end]))
                yield Block(path, _unix(text), line)
                line += text.count(b"\n")
                rest = chunk[end:]
            else:
                rest += chunk
            if len(rest) > 4 * size:
                raise InputError(f"{path}: line {line}: more than {4 * size:,} bytes without an end of line")
    if rest:
        yield Block(path, _unix(rest + b"\n"), line)
    elif line == 1:
        raise InputError(f"{path}: the file is empty, expected an annotation")


def _unix(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n") if b"\r" in text else text


def parse(block: Block, columns: Columns, keep: list[str] | None = None) -> pl.DataFrame:
    """Parse the data lines of a block, of tab-separated columns; ``row`` is the rank of each line among them."""
    keep = keep or list(columns)
    frame, reason = _try_parse(block.text, columns, keep)
    if frame is None or frame[keep[-1]].null_count():  # missing columns are read as null
        frame, reason = _try_parse(_SKIPPED_LINE.sub(b"", block.text), columns, keep)
        if frame is None or frame[keep[-1]].null_count():
            _check_lines(block, columns)
    if frame is None:
        raise InputError(f"{block.path}: cannot be read as a table ({reason})")
    if block.text.count(b"\t") != frame.height * (len(columns) - 1):  # or comments have tabs
        _check_lines(block, columns)
    return frame


def _try_parse(text: bytes, columns: Columns, keep: list[str]) -> tuple[pl.DataFrame | None, str]:
    """The lines as a frame, or None and the reason."""
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


def _check_lines(block: Block, columns: Columns) -> None:
    """Raise an error for the first line that does not fit the columns, if any."""
    for number, line in block.data_lines():
        fields = line.split(b"\t")
        if len(fields) != len(columns):
            raise block.error(number, f"{len(fields)} tab-separated columns, expected {len(columns)}")
        for (name, dtype), field in zip(columns.items(), fields, strict=True):
            if dtype is not pl.String and not re.fullmatch(rb"-?\d{1,18}", field):
                value = field[:40].decode(errors="replace")
                raise block.error(number, f"{name} is {value!r}, expected a whole number")
        try:
            line.decode()
        except UnicodeDecodeError:
            raise block.error(number, "not UTF-8 text") from None


def validate(block: Block, frame: pl.DataFrame, valid: pl.Expr, message: str) -> None:
    """Check every row of a frame made by :func:`parse`.

    Args:
        valid: Condition for a valid row; null counts as false.
        message: What to say of the first other row, with names of its columns in braces for their values.
    """
    for row in frame.filter(~valid.fill_null(False)).head(1).iter_rows(named=True):
        number, _ = next(islice(block.data_lines(), row["row"], None))
        raise block.error(number, message.format_map(row))


def integer_list(column: str) -> pl.Expr:
    """A cell such as ``100,200,`` as a list of integers; null if it is empty or anything else."""
    cell = pl.col(column).str.strip_chars_end(",")
    integers = cell.str.split(",").cast(pl.List(pl.Int64), strict=False)
    is_list = cell.str.contains(r"^-?\d{1,18}(?:,-?\d{1,18})*$")
    return pl.when(is_list).then(integers).alias(column)


def validate_lists(block: Block, lines: pl.DataFrame, columns: list[str], count: str) -> None:
    """Check that lists of :func:`integer_list` are present and have the length that the line states."""
    for column in columns:
        valid = (pl.col(column).list.len() == pl.col(count)) & (pl.col(count) > 0)
        validate(block, lines, valid, f"{column} is not a comma-separated list of {{{count}}} whole numbers")


# Tables


def table_text(path: Path, expected: str) -> bytes:
    """Read a text file, decompressing gzip."""
    data = file_bytes(path, expected)
    if not data.strip():
        raise InputError(f"{path}: the file is empty, expected {expected}")
    if b"\0" in data[:4096]:
        raise InputError(f"{path}: is a binary file, expected {expected}")
    if b"\r" in data and b"\n" not in data:
        raise InputError(f"{path}: lines end in carriage returns alone, expected {expected}")
    return data


def csv_fields(path: Path, line: str, separator: str) -> list[str]:
    """The fields of a line with quotes."""
    try:
        return next(csv.reader([line], delimiter=separator), [""])
    except csv.Error as error:
        raise InputError(f"{path}: cannot be read as a table ({error})") from None


def cells(path: Path, data: bytes, columns: Sequence[str], *, separator: str = "\t", skip: int = 0) -> pl.DataFrame:
    """Parse the first columns of a table as text, with ``line``: the line number, from 1.

    Blank lines are left out, missing cells are null, and cells beyond those of the header and the first line are
    ignored.
    """
    lines = data.split(b"\n", skip + 1)
    first = [line.decode("utf-8", "replace") for line in lines[: skip + 1]]
    fields = [csv_fields(path, line, ",") if separator == "," else line.split(separator) for line in first]
    widths = [*map(len, fields)]
    width = max(widths)
    if len(widths) > skip and widths[-1] < width:  # polars takes the width of the first row for that of all
        lines[skip] = lines[skip].rstrip(b"\r") + separator.encode() * (width - widths[-1])
        data = b"\n".join(lines)
    names = [*columns[:width], *(f"unnamed {i}" for i in range(width - len(columns)))]
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
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: cannot be read as a table ({reason})") from None
    missing = [pl.lit(None, pl.String).alias(name) for name in columns[width:]]
    frame = frame.with_row_index("line", offset=skip + 1).with_columns(missing)
    return frame.select("line", *columns).filter(~pl.all_horizontal(pl.col(columns).is_null()))


def integers(frame: pl.DataFrame, path: Path, columns: Sequence[str], expected: str) -> pl.DataFrame:
    """Convert columns of :func:`cells` to Int64."""
    converted = frame.with_columns(pl.col(columns).str.strip_chars().cast(pl.Int64, strict=False))
    for column in columns:
        invalid = converted[column].is_null()
        if invalid.any():
            row = frame.row(int(invalid.arg_max() or 0), named=True)
            raise InputError(
                f"{path}: line {row['line']:,}: {column} is {row[column] or ''!r}, expected a number ({expected})"
            )
    return converted
