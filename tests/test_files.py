from pathlib import Path

import pytest

from isoclr.errors import InputError
from isoclr.files import atomic_directory, atomic_path, sha256


def test_a_file_appears_when_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "table.parquet"
    with atomic_path(target) as partial:
        partial.write_text("half")
        assert not target.exists()
        assert partial.suffix == ".parquet"
    assert target.read_text() == "half"
    assert [p.name for p in target.parent.iterdir()] == ["table.parquet"]


def fail_to_write(target: Path) -> None:
    with atomic_path(target) as partial:
        partial.write_text("new")
        raise RuntimeError


def fail_to_fill(target: Path) -> None:
    with atomic_directory(target, overwrite=True) as partial:
        (partial / "new").write_text("new")
        raise RuntimeError


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "table.tsv"
    target.write_text("old")
    with pytest.raises(RuntimeError):
        fail_to_write(target)
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["table.tsv"]


def test_a_directory_appears_when_whole(tmp_path: Path) -> None:
    target = tmp_path / "corpus"
    with atomic_directory(target) as partial:
        (partial / "a").write_text("1")
        assert not target.exists()
    assert (target / "a").read_text() == "1"
    with pytest.raises(InputError, match="exists already"), atomic_directory(target):
        pass
    with pytest.raises(RuntimeError):
        fail_to_fill(target)
    assert [p.name for p in target.iterdir()] == ["a"]
    with atomic_directory(target, overwrite=True) as partial:
        (partial / "b").write_text("2")
    assert [p.name for p in target.iterdir()] == ["b"]
    assert [p.name for p in tmp_path.iterdir()] == ["corpus"]


def test_sha256(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256(tmp_path / "f") == expected
