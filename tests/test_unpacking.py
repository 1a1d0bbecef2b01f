"""One way to read plain and gz files: content decides, nothing is lost, damage is one line."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from isoclr.errors import InputError
from isoclr.unpacking import chunks, content, is_gzip, start

TEXT = b"".join(b"line %d\n" % i for i in range(1000))


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(data: bytes) -> Path:
        path = tmp_path / "x.txt"
        path.write_bytes(data)
        return path

    return write


@pytest.mark.parametrize("size", [-1, 1, 7, 1 << 20])
@pytest.mark.parametrize(
    "packed",
    [
        TEXT,
        gzip.compress(TEXT, mtime=0),
        gzip.compress(TEXT[:99], mtime=0) + gzip.compress(TEXT[99:], mtime=0),
    ],
    ids=["plain", "gz", "members"],
)
def test_the_bytes_are_the_same_however_packed(
    write: Callable[[bytes], Path], packed: bytes, size: int
) -> None:
    path = write(packed)
    found = list(chunks(path, size, "text"))
    assert b"".join(found) == TEXT == content(path, "text")
    assert size < 0 or {len(chunk) for chunk in found[:-1]} <= {size}


def test_an_empty_file_has_no_chunks(write: Callable[[bytes], Path]) -> None:
    assert not list(chunks(write(b""), 8, "text"))
    assert content(write(gzip.compress(b"")), "text") == b""


def test_content_tells_gzip_from_plain(write: Callable[[bytes], Path]) -> None:
    assert is_gzip(write(gzip.compress(b"a")), "text")
    assert not is_gzip(write(b"\x1f"), "text")
    assert start(write(b"abc"), 2, "text") == b"ab"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (gzip.compress(TEXT, mtime=0)[:-9], "x.txt: the gzip file is cut off, expected its end"),
        (b"\x1f\x8b\x08\x00" + b"junk" * 9, "x.txt: the gzip file is damaged"),
        (gzip.compress(TEXT, mtime=0) + b"junk", "x.txt: the gzip file is damaged"),
        (gzip.compress(TEXT, mtime=0)[:-8] + bytes(8), r"x.txt: the gzip file is damaged \(CRC"),
    ],
)
def test_damage_is_one_line(write: Callable[[bytes], Path], data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        list(chunks(write(data), 64, "text"))
    assert "\n" not in str(error.value)


def test_what_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    for read in (content, is_gzip, lambda path, expected: start(path, 1, expected)):
        with pytest.raises(InputError, match=r"none: No such file or directory, expected text$"):
            read(tmp_path / "none", "text")
        with pytest.raises(InputError, match=r"Is a directory, expected text$"):
            read(tmp_path, "text")
