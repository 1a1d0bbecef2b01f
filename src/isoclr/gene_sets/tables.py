"""Reading the tables that join genes: plain or gz, every cell as text, errors by line."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from isoclr import unpacking
from isoclr.errors import InputError


def content(path: Path, expected: str) -> bytes:
    """The text of a file, unpacked when it is gzip.

    Args:
        path: the file.
        expected: what the file should be, for errors.

    Raises:
        InputError: the file is missing, empty, cut off or damaged.
    """
    data = unpacking.content(path, expected)
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
