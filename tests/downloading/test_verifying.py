"""Checksums are read from every publisher's kind of list, and damage is seen."""

import gzip
import hashlib
from pathlib import Path

import pytest

from isoclr.downloading.verifying import (
    check_gzip,
    digests,
    published_md5,
    read_lock,
    write_lock,
)
from isoclr.errors import InputError

MD5 = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    "line",
    [
        f"{MD5}  a.gz",
        f"{MD5} *a.gz",
        f"{MD5.upper()}  ./a.gz",
        f"MD5 (a.gz) = {MD5}",
        f"{MD5}\ta.gz",
    ],
)
def test_each_kind_of_list_is_read(line: str) -> None:
    assert published_md5(f"# sums\n{'f' * 32}  other\n{line}\n".encode(), ("a.gz",)) == MD5


def test_zenodo_records_are_read() -> None:
    record = (
        b'{"files": [{"key": "b", "checksum": "md5:x"}, {"key": "a.zip", "checksum": "md5:%s"}]}'
    )
    assert published_md5(record % MD5.encode(), ("a.zip",)) == MD5


@pytest.mark.parametrize("content", [b"", b"<html>", b'{"files": 3}', b"{not json", b"abc  a.gz"])
def test_a_list_without_the_file_says_nothing(content: bytes) -> None:
    assert published_md5(content, ("a.gz",)) is None


def test_digests_are_those_of_the_content(tmp_path: Path) -> None:
    content = bytes(range(256)) * 40_000
    (tmp_path / "f").write_bytes(content)
    found = digests(tmp_path / "f")
    assert found.md5 == hashlib.md5(content).hexdigest()
    assert found.sha256 == hashlib.sha256(content).hexdigest()


def test_gz_files_are_unpacked_to_their_end(tmp_path: Path) -> None:
    whole = gzip.compress(b"ACGT" * 10_000) + gzip.compress(b"second member")
    path = tmp_path / "f.gz"
    path.write_bytes(whole)
    check_gzip(path, "address")
    damaged = bytearray(whole)
    damaged[30] ^= 0xFF
    for content in (whole[:-5], bytes(damaged), b"<html>not found</html>"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="address: what came is no whole gz file"):
            check_gzip(path, "address")


def test_the_lock_is_what_was_written(tmp_path: Path) -> None:
    assert read_lock(tmp_path) == {}
    locked = {"b/f": "1" * 64, "a file": "2" * 64}
    write_lock(tmp_path, locked)
    assert read_lock(tmp_path) == locked


def test_a_lock_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "SHA256SUMS").write_text("1" * 64 + "  a\nnonsense\n")
    with pytest.raises(InputError, match="line 2 is 'nonsense'"):
        read_lock(tmp_path)
