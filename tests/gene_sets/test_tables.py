import gzip
from pathlib import Path

import pytest

from isoclr.errors import InputError
from isoclr.gene_sets.tables import cells, content, integers


def test_plain_and_gz_are_told_by_content(tmp_path: Path) -> None:
    path = tmp_path / "x"
    for data in (b"text\n", gzip.compress(b"text\n")):
        path.write_bytes(data)
        assert content(path, "a table") == b"text\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b" \n", "x: the file is empty, expected a table"),
        (b"ab\0cd", "x: is a binary file, expected a table"),
        (gzip.compress(b"text" * 99, mtime=0)[:-6], "x: the gzip file is cut off"),
        (b"\x1f\x8b\x08\x00" + b"junk" * 9, "x: the gzip file is damaged"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    with pytest.raises(InputError, match=message):
        content(path, "a table")
    with pytest.raises(InputError, match="none: No such file or directory, expected a table"):
        content(tmp_path / "none", "a table")


def test_cells_pads_cuts_and_numbers_lines() -> None:
    table = cells(Path("x"), b"a\tb\n\nc\nd\te\tf\n", ["one", "two", "three"])
    assert table.rows() == [(1, "a", "b", None), (3, "c", None, None), (4, "d", "e", None)]
    assert cells(Path("x"), b'#h\na,"b,c"\nd,\n', ["one", "two"], separator=",", skip=1).rows() == [
        (2, "a", "b,c"),
        (3, "d", None),
    ]


def test_integers_strips_blanks_and_names_the_line() -> None:
    table = cells(Path("x"), b" 1\t2\n3\t4.5\n", ["a", "b"])
    assert integers(table, Path("x"), ["a"], "ids")["a"].to_list() == [1, 3]
    with pytest.raises(InputError, match=r"x: line 2: b is '4\.5', expected a number \(ids\)"):
        integers(table, Path("x"), ["a", "b"], "ids")
