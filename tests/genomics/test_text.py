"""Blocks of lines, and tables."""

import gc
import gzip
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from isoclr.errors import InputError
from isoclr.genomics.text import (
    Block,
    blocks,
    cells,
    file_bytes,
    file_chunks,
    file_start,
    integer_list,
    integers,
    is_gzip,
    parse,
    table_text,
    validate,
    validate_lists,
)

Write = Callable[..., Path]
COLUMNS = {"name": pl.String, "number": pl.Int64}


@pytest.mark.parametrize("size", [8, 11, 100, 1 << 20])
@pytest.mark.parametrize("name", ["a.txt", "a.gz"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_across_blocks(write: Write, size: int, name: str, end: str) -> None:
    lines = [f"n{i}\t{'9' * (i % 7 + 1)}" for i in range(50)]
    for last in ("", end):
        path = write(end.join(lines) + last, name)
        parts = list(blocks(path, size))
        assert b"".join(block.text for block in parts).decode().splitlines() == lines
        firsts = [block.text.split(b"\n")[0].decode() for block in parts]
        assert [lines[block.first_line - 1] for block in parts] == firsts


def test_gzip_by_content(write: Write) -> None:
    path = write("a\n", "a.gz").rename(write("b\n", "plain.txt"))
    assert next(blocks(path)).text == b"a\n"


def test_endless_line_and_missing_file(write: Write, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.gtf: No such file.*, expected an annotation"):
        list(blocks(tmp_path / "none.gtf"))
    with pytest.raises(InputError, match="without an end of line"):
        list(blocks(write("x" * 1000), 10))


def test_unfinished_reading_closes_the_file(write: Write) -> None:
    stream = blocks(write("a\n" * 1000), 10)
    assert next(stream).text == b"a\n" * 5
    stream.close()  # type: ignore[attr-defined] # a leak would be a ResourceWarning, an error here
    gc.collect()


def test_line_numbers() -> None:
    text = b"#c\n\ntrack x\na\t1\n  \n#c\nb\t2\n\nc\t-3\n"
    block = Block(Path("f"), text, 11)
    frame = parse(block, COLUMNS)
    assert frame["name"].to_list() == ["a", "b", "c"]
    with pytest.raises(InputError, match="f: line 19: number -3"):
        validate(block, frame, pl.col("number") > 0, "number {number}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"a\t1\n\nb\n", "line 3: 1 tab-separated columns, expected 2"),
        (b"a\t1\nb\tx\n", "line 2: number is 'x', expected a whole number"),
        (b"a\t1\nb\t99999999999999999999\n", "line 2: number is '9999"),
        (b"a\t1\n\xff\xfe\t2\n", "line 2: not UTF-8"),
        (b"a\t1\nb\t\n", "line 2: number is ''"),
    ],
)
def test_parse_bad_line(text: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(Block(Path("f"), text, 1), COLUMNS)


def test_parse_comments_only() -> None:
    assert parse(Block(Path("f"), b"#a\n\n", 1), COLUMNS).columns == ["row", "name", "number"]


def test_integer_list() -> None:
    cells = ["1,2,3,", "7", "1,,2", "", "a,1", "1, 2", "-1,0,", None, "1.5"]
    lists = pl.DataFrame({"x": cells}).select(integer_list("x"))["x"].to_list()
    assert lists == [[1, 2, 3], [7], None, None, None, None, [-1, 0], None, None]


def test_validate_lists() -> None:
    lines = pl.DataFrame({"row": [0, 1], "x": [[1, 2], [1]], "n": [2, 2]})
    with pytest.raises(InputError, match="line 2: x is not a comma-separated list of 2"):
        validate_lists(Block(Path("f"), b"a\nb\n", 1), lines, ["x"], "n")


def test_table_text(tmp_path: Path) -> None:
    path = tmp_path / "x"
    for data in (b"text\n", gzip.compress(b"text\n")):
        path.write_bytes(data)
        assert table_text(path, "a table") == b"text\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [(b" \n", "x: the file is empty, expected a table"), (b"ab\0cd", "x: is a binary file, expected a table")],
)
def test_table_text_errors(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    with pytest.raises(InputError, match=message):
        table_text(path, "a table")
    with pytest.raises(InputError, match="none: No such file or directory, expected a table"):
        table_text(tmp_path / "none", "a table")


def test_cells() -> None:
    table = cells(Path("x"), b"a\tb\n\nc\nd\te\tf\n", ["one", "two", "three"])
    assert table.rows() == [(1, "a", "b", None), (3, "c", None, None), (4, "d", "e", None)]
    assert cells(Path("x"), b'#h\na,"b,c"\nd,\n', ["one", "two"], separator=",", skip=1).rows() == [
        (2, "a", "b,c"),
        (3, "d", None),
    ]


def test_integers() -> None:
    table = cells(Path("x"), b" 1\t2\n3\t4.5\n", ["a", "b"])
    assert integers(table, Path("x"), ["a"], "ids")["a"].to_list() == [1, 3]
    with pytest.raises(InputError, match=r"x: line 2: b is '4\.5', expected a number \(ids\)"):
        integers(table, Path("x"), ["a", "b"], "ids")


TEXT = b"".join(b"line %d\n" % i for i in range(1000))


@pytest.fixture
def write_bytes_file(tmp_path: Path) -> Callable[[bytes], Path]:
    def write_bytes_file(data: bytes) -> Path:
        path = tmp_path / "x.txt"
        path.write_bytes(data)
        return path

    return write_bytes_file


@pytest.mark.parametrize("size", [-1, 1, 7, 1 << 20])
@pytest.mark.parametrize(
    "packed",
    [TEXT, gzip.compress(TEXT, mtime=0), gzip.compress(TEXT[:99], mtime=0) + gzip.compress(TEXT[99:], mtime=0)],
    ids=["plain", "gz", "members"],
)
def test_file_chunks(write_bytes_file: Callable[[bytes], Path], packed: bytes, size: int) -> None:
    path = write_bytes_file(packed)
    parts = list(file_chunks(path, size, "text"))
    assert b"".join(parts) == TEXT == file_bytes(path, "text")
    assert size < 0 or {len(chunk) for chunk in parts[:-1]} <= {size}


def test_file_chunks_of_an_empty_file(write_bytes_file: Callable[[bytes], Path]) -> None:
    assert not list(file_chunks(write_bytes_file(b""), 8, "text"))
    assert file_bytes(write_bytes_file(gzip.compress(b"")), "text") == b""


def test_is_gzip(write_bytes_file: Callable[[bytes], Path]) -> None:
    assert is_gzip(write_bytes_file(gzip.compress(b"a")), "text")
    assert not is_gzip(write_bytes_file(b"\x1f"), "text")
    assert file_start(write_bytes_file(b"abc"), 2, "text") == b"ab"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (gzip.compress(TEXT, mtime=0)[:-9], "x.txt: the gzip file is cut off"),
        (b"\x1f\x8b\x08\x00" + b"junk" * 9, "x.txt: the gzip file is damaged"),
        (gzip.compress(TEXT, mtime=0) + b"junk", "x.txt: the gzip file is damaged"),
        (gzip.compress(TEXT, mtime=0)[:-8] + bytes(8), r"x.txt: the gzip file is damaged \(CRC"),
    ],
)
def test_file_chunks_damaged(write_bytes_file: Callable[[bytes], Path], data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        list(file_chunks(write_bytes_file(data), 64, "text"))
    assert "\n" not in str(error.value)


def test_missing_file(tmp_path: Path) -> None:
    for read in (file_bytes, is_gzip, lambda path, expected: file_start(path, 1, expected)):
        with pytest.raises(InputError, match=r"none: No such file or directory, expected text$"):
            read(tmp_path / "none", "text")
        with pytest.raises(InputError, match=r"s a directory, expected text$"):
            read(tmp_path, "text")
