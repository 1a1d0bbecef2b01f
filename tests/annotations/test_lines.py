"""Blocks of lines: nothing lost at their borders, damage named, numbers of lines right."""

import gc
import gzip
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from isoclr.annotations.lines import Block, blocks, parse, require
from isoclr.errors import InputError

Write = Callable[..., Path]
COLUMNS = {"name": pl.String, "number": pl.Int64}


@pytest.mark.parametrize("size", [8, 11, 100, 1 << 20])
@pytest.mark.parametrize("name", ["a.txt", "a.gz"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_survive_the_borders_of_blocks(write: Write, size: int, name: str, end: str) -> None:
    lines = [f"n{i}\t{'9' * (i % 7 + 1)}" for i in range(50)]
    for last in ("", end):
        path = write(end.join(lines) + last, name)
        found = list(blocks(path, size))
        assert b"".join(block.text for block in found).decode().splitlines() == lines
        firsts = [block.text.split(b"\n")[0].decode() for block in found]
        assert [lines[block.first_line - 1] for block in found] == firsts


def test_a_gz_file_is_known_by_its_bytes_not_its_name(write: Write) -> None:
    path = write("a\n", "a.gz").rename(write("b\n", "plain.txt"))
    assert next(blocks(path)).text == b"a\n"


def test_damage_is_named(write: Write, tmp_path: Path) -> None:
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(b"a\t1\n" * 10_000)[:-9])
    with pytest.raises(InputError, match=r"cut\.gz: the gzip file is cut off"):
        list(blocks(path))
    with pytest.raises(InputError, match=r"none\.gtf: No such file.*, expected an annotation"):
        list(blocks(tmp_path / "none.gtf"))
    with pytest.raises(InputError, match="without an end of line"):
        list(blocks(write("x" * 1000), 10))


def test_a_file_that_is_not_read_to_its_end_is_closed(write: Write) -> None:
    stream = blocks(write("a\n" * 1000), 10)
    assert next(stream).text == b"a\n" * 5
    stream.close()  # type: ignore[attr-defined] # a leak would be a ResourceWarning, an error here
    gc.collect()


def test_skipped_lines_do_not_shift_the_numbers_of_lines() -> None:
    text = b"#c\n\ntrack x\na\t1\n  \n#c\nb\t2\n\nc\t-3\n"
    block = Block(Path("f"), text, 11)
    frame = parse(block, COLUMNS)
    assert frame["name"].to_list() == ["a", "b", "c"]
    with pytest.raises(InputError, match="f: line 19: number -3"):
        require(block, frame, pl.col("number") > 0, lambda row: f"number {row['number']}")


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
def test_a_line_that_does_not_fit_is_named(text: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(Block(Path("f"), text, 1), COLUMNS)


def test_a_block_of_comments_is_an_empty_frame() -> None:
    assert parse(Block(Path("f"), b"#a\n\n", 1), COLUMNS).columns == ["row", "name", "number"]
