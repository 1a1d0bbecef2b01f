from pathlib import Path

import pytest

from isoclr._io import as_paths, atomic_directory, atomic_path, check_file, ensure_writable, sha256
from isoclr.errors import InputError


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


def test_one_path_is_as_good_as_a_tuple_of_one() -> None:
    assert as_paths("rnas.fa") == as_paths(Path("rnas.fa")) == as_paths(("rnas.fa",))
    assert as_paths(("a", Path("b"))) == [Path("a"), Path("b")]
    assert as_paths(()) == []


def test_sha256(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256(tmp_path / "f") == expected


def test_a_place_that_cannot_be_written_is_named_before_any_work(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    ensure_writable(tmp_path / "new" / "deep" / "table.tsv")
    check_file(file)
    assert not (tmp_path / "new").exists()
    for target in (file / "table.tsv", file / "deep" / "table.tsv"):
        with pytest.raises(InputError, match=f"^{target}: {file} is a file, expected a folder"):
            ensure_writable(target)
    with pytest.raises(InputError, match="is a directory, expected the name of a file"):
        check_file(tmp_path)


def test_a_folder_that_may_not_be_written_to_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write everywhere
    with pytest.raises(InputError, match=f"{tmp_path} may not be written to"):
        ensure_writable(tmp_path / "table.tsv")


def test_files_and_directories_are_not_confused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="is a directory"), atomic_path(tmp_path / "folder"):
        pass
    with (
        pytest.raises(InputError, match="is a file, expected the name of a directory"),
        atomic_directory(tmp_path / "file", overwrite=True),
    ):
        pass
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]
    assert (tmp_path / "file").read_text() == "mine"
