"""Outputs appear whole or not at all, and never at the cost of anything else."""

import errno
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from isoclr import _atomic, _io
from isoclr._io import (
    as_paths,
    atomic_directory,
    atomic_path,
    check_directory,
    check_file,
    check_output,
    ensure_writable,
    exclusive,
    scratch_directory,
    scratch_matrix,
    sha256,
    write_table,
)
from isoclr.errors import InputError, OutputError

NAMES = ("a", "b")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(params=["exchange", "two renames"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With renameat2, and on systems without it."""
    if request.param == "two renames":
        monkeypatch.setattr(_atomic, "_renameat2", lambda *_: False)


@contextmanager
def fails(error: BaseException) -> Iterator[None]:
    with pytest.raises(type(error)):
        yield


def write_file(target: Path, text: str, error: BaseException | None = None) -> None:
    with atomic_path(target) as partial:
        partial.write_text(text)
        if error:
            raise error


def write_directory(target: Path, name: str, error: BaseException | None = None) -> None:
    with atomic_directory(target, overwrite=True, contents=NAMES) as partial:
        (partial / name).write_text(name)
        if error:
            raise error


# Files


def test_file_appears_when_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "table.parquet"
    with atomic_path(target) as partial:
        partial.write_text("half")
        assert not target.exists()
        assert partial.suffix == ".parquet"
        assert not list(target.parent.glob("*.parquet")), "readers must not see it"
    assert target.read_text() == "half"
    assert names(target.parent) == ["table.parquet"]


@pytest.mark.parametrize("error", [RuntimeError(), KeyboardInterrupt()])
def test_failed_write_keeps_the_old_file(tmp_path: Path, error: BaseException) -> None:
    target = tmp_path / "table.tsv"
    target.write_text("old")
    with fails(error):
        write_file(target, "new", error)
    assert target.read_text() == "old"
    assert names(tmp_path) == ["table.tsv"]


def test_file_made_meanwhile_is_kept_without_overwrite(tmp_path: Path, system: None) -> None:
    target = tmp_path / "t.tsv"

    def write() -> None:
        with atomic_path(target, overwrite=False) as partial:
            partial.write_text("ours")
            target.write_text("thesis")

    with pytest.raises(InputError, match="meanwhile"):
        write()
    assert target.read_text() == "thesis"
    with pytest.raises(InputError, match="exists already"):
        write()
    assert names(tmp_path) == ["t.tsv"]


def test_permissions(tmp_path: Path) -> None:
    target = tmp_path / "t"
    old_mask = os.umask(0o027)
    try:
        write_file(target, "1")
        write_directory(tmp_path / "d", "a")
    finally:
        os.umask(old_mask)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (target, tmp_path / "d", tmp_path / "d/a")]
    assert modes == [0o640, 0o750, 0o640]
    target.chmod(0o600)
    (tmp_path / "d/a").chmod(0o600)
    (tmp_path / "d").chmod(0o700)
    write_file(target, "2")
    write_directory(tmp_path / "d", "a")
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (target, tmp_path / "d", tmp_path / "d/a")]
    assert modes == [0o600, 0o700, 0o600]


def test_symbolic_link_to_a_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link, real = tmp_path / "link", tmp_path / "real" / "t"
    link.symlink_to(real)
    for text in ("new", "newer"):  # at first it leads nowhere
        write_file(link, text)
        assert link.is_symlink()
        assert real.read_text() == text
    assert names(tmp_path / "real") == ["t"]


def test_fifo_is_written_to(tmp_path: Path) -> None:
    fifo = tmp_path / "gate.json"
    os.mkfifo(fifo)
    with subprocess.Popen(["cat", str(fifo)], stdout=subprocess.PIPE) as reader:
        write_file(fifo, "text")
        assert reader.communicate(timeout=20)[0] == b"text"
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert names(tmp_path) == ["gate.json"]


@pytest.mark.parametrize("redirected", [False, True])
def test_standard_output_is_written_to(tmp_path: Path, redirected: bool) -> None:
    code = (
        "import polars as pl; from pathlib import Path; from isoclr._io import write_table, check_output\n"
        "print('before'); out = Path('/dev/stdout'); check_output(out, overwrite=False)\n"
        "write_table(pl.DataFrame({'x': [1]}), out); print('after')"
    )
    with (tmp_path / "out").open("wb") as stream:
        pipe = stream if redirected else subprocess.PIPE
        done = subprocess.run([sys.executable, "-c", code], stdout=pipe, check=True)
    shown = (tmp_path / "out").read_bytes() if redirected else done.stdout
    assert shown == b"before\nx\n1\nafter\n"


def test_device_is_written_to(tmp_path: Path) -> None:
    device = tmp_path / "full.tsv"
    try:
        os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 7))  # as /dev/full
        device.open("rb").close()
    except OSError:
        pytest.skip("devices cannot be made here")
    with pytest.raises(OutputError, match=r"full\.tsv: No space left on device"):
        write_file(device, "text")
    assert stat.S_ISCHR(device.stat().st_mode)


# Directories


def test_directory_appears_when_whole(tmp_path: Path, system: None) -> None:
    target = tmp_path / "corpus"
    with atomic_directory(target) as partial:
        (partial / "a").write_text("1")
        assert not target.exists()
    assert (target / "a").read_text() == "1"
    with pytest.raises(InputError, match="exists already"), atomic_directory(target):
        pass
    for error in (RuntimeError(), KeyboardInterrupt()):
        with fails(error):
            write_directory(target, "b", error)
        assert names(target) == ["a"]
    write_directory(target, "b")
    assert names(target) == ["b"]
    assert names(tmp_path) == ["corpus"]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_old_directory_survives_failed_renames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """The two renames of systems that cannot exchange fail, one after the other."""
    target = tmp_path / "corpus"
    write_directory(target, "a")
    monkeypatch.setattr(_atomic, "_renameat2", lambda *_: False)
    rename, calls = Path.rename, []

    def failing(self: Path, new: Path) -> Path:
        calls.append(new)
        if len(calls) == number:
            raise OSError(errno.ENOSPC, "No space left on device", str(self))
        return rename(self, new)

    monkeypatch.setattr(Path, "rename", failing)
    if number < 3:
        with pytest.raises(OutputError, match="corpus: No space left"):
            write_directory(target, "b")
    else:
        write_directory(target, "b")
    assert names(target) == (["a"] if number < 3 else ["b"])
    assert names(tmp_path) == ["corpus"]


def test_old_directory_survives_a_failed_exchange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "corpus"
    write_directory(target, "a")

    def failing(*_: object) -> bool:
        raise OSError(errno.EBUSY, "Device or resource busy", str(target))

    monkeypatch.setattr(_atomic, "_renameat2", failing)
    with pytest.raises(OutputError, match="corpus: Device or resource busy"):
        write_directory(target, "b")
    assert names(target) == ["a"]
    assert names(tmp_path) == ["corpus"]


@pytest.mark.parametrize("other", ["thesis.txt", "notes/thesis.txt", "a.txt", "notes"])
def test_directory_with_other_files_is_never_overwritten(tmp_path: Path, other: str) -> None:
    target = tmp_path / "corpus"
    write_directory(target, "a")
    path = target / other
    path.parent.mkdir(exist_ok=True)
    path.mkdir() if other == "notes" else path.write_text("mine")
    with pytest.raises(InputError, match=re.escape(f"holds '{other.split('/')[0]}")):
        check_directory(target, overwrite=True, contents=NAMES)
    with pytest.raises(InputError, match="no part of such an output"):
        write_directory(target, "b")
    with (
        pytest.raises(InputError, match="no part of such an output"),
        atomic_directory(target, overwrite=True) as partial,
    ):
        (partial / "a").write_text("new")
    assert (target / "a").read_text() == "a"
    assert path.exists()
    assert names(tmp_path) == ["corpus"]


def test_file_put_into_the_directory_meanwhile_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "corpus"
    write_directory(target, "a")

    def write() -> None:
        with atomic_directory(target, overwrite=True, contents=NAMES) as partial:
            (partial / "b").write_text("b")
            (target / "thesis").write_text("mine")

    with pytest.raises(InputError, match="thesis"):
        write()
    assert names(target) == ["a", "thesis"]


def test_directory_made_meanwhile_is_kept_without_overwrite(tmp_path: Path, system: None) -> None:
    target = tmp_path / "corpus"

    def write() -> None:
        with atomic_directory(target) as partial:
            (partial / "a").write_text("ours")
            target.mkdir()
            (target / "thesis").write_text("mine")

    with pytest.raises(InputError, match="meanwhile"):
        write()
    assert names(target) == ["thesis"]
    assert names(tmp_path) == ["corpus"]


def test_patterns_of_contents(tmp_path: Path) -> None:
    target = tmp_path / "data"
    (target / "human").mkdir(parents=True)
    (target / "human/genome.fa").write_text("")
    (target / ".log.abcdefgh.part").mkdir()  # of a killed run
    check_directory(target, overwrite=True, contents=("*/genome.fa",))
    with pytest.raises(InputError, match="holds 'human'"):
        check_directory(target, overwrite=True, contents=("genome.fa",))


# Names that are refused before any work


def test_unusable_names_of_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "nowhere").symlink_to("missing")
    (tmp_path / "file").write_text("mine")
    for name, message in {
        ".": "name of a new directory",
        "..": "name of a new directory",
        "/": "name of a new directory",
        "real/..": "name of a new directory",
        "link": "symbolic link",
        "nowhere": "symbolic link",
        "file": "is a file",
        "file/deeper": "is a file",
        "/proc": "mount point|not be written",
        "a\0b": "NUL",
    }.items():
        with pytest.raises(InputError, match=message):
            check_directory(Path(name), overwrite=True)
        with pytest.raises(InputError), atomic_directory(Path(name), overwrite=True):
            pass
    assert names(tmp_path) == ["file", "link", "nowhere", "real"]


def test_bind_mount_is_a_mount_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the same file system, which only Linux's list of mounts names."""
    target = tmp_path / "my volume"
    target.mkdir()
    line = f"36 35 98:0 /x {str(target).replace(' ', chr(92) + '040')} rw - ext4 /dev/x rw\n"
    read = Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda self, *a: line if str(self).startswith("/proc") else read(self, *a))
    with pytest.raises(InputError, match="mount point"):
        check_directory(target, overwrite=True)


def test_unusable_names_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file.tsv"
    file.write_text("mine")
    ensure_writable(tmp_path / "new" / "deep" / "table.tsv")
    check_file(file)
    assert not (tmp_path / "new").exists()
    for target in (file / "table.tsv", file / "deep" / "table.tsv"):
        with pytest.raises(InputError, match=f"^{target}: {file} is a file, expected a folder"):
            ensure_writable(target)
    for target in (tmp_path, Path(".."), Path()):
        with pytest.raises(InputError, match="is a directory, expected the name of a file"):
            check_file(target)
    with pytest.raises(InputError, match="exists already"):
        check_output(file, overwrite=False)
    with pytest.raises(InputError, match="unknown format"):
        check_output(tmp_path / "x.xlsx", overwrite=False)
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write everywhere
    with pytest.raises(InputError, match=f"{tmp_path} may not be written to"):
        ensure_writable(tmp_path / "table.tsv")


# Killed runs


KILLED = """
import os, signal, sys
from pathlib import Path
from isoclr import _atomic, _io
target, kind = Path(sys.argv[1]), sys.argv[2]
kill = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
if kind == "between renames":
    _atomic._renameat2 = lambda *_: False
    rename = Path.rename
    Path.rename = lambda self, new: rename(self, new) if new.name == "old output" else kill()
if kind == "file":
    with _io.atomic_path(target) as partial:
        partial.write_text("half"); kill()
with _io.atomic_directory(target, overwrite=True, contents=("a", "b")) as partial:
    (partial / "b").write_text("half")
    if kind == "directory":
        kill()
"""


def kill_run(target: Path, kind: str) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(target), kind], check=False)
    assert done.returncode == -signal.SIGKILL


def test_leftovers_of_killed_runs_go_at_the_next_run(tmp_path: Path) -> None:
    target = tmp_path / "corpus"
    write_directory(target, "a")
    kill_run(target, "directory")
    kill_run(tmp_path / "t.tsv", "file")
    assert len(names(tmp_path)) == 3
    assert names(target) == ["a"]
    write_directory(target, "b")
    assert len(names(tmp_path)) == 2, "the leftover of the other output stays"
    write_file(tmp_path / "t.tsv", "text")
    assert names(tmp_path) == ["corpus", "t.tsv"]


def test_a_run_clears_the_folder_it_holds(tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    write_directory(tmp_path / "r/sub", "a")
    kill_run(tmp_path / "r/sub", "between renames")
    kill_run(tmp_path / "r/t.tsv", "file")
    kill_run(tmp_path / "u.tsv", "file")
    target = tmp_path / "r/used"
    with atomic_directory(target) as partial:
        with exclusive(tmp_path / "r"):
            assert sorted(names(tmp_path / "r")) == sorted(["sub", partial.parent.name])
        (partial / "a").write_text("")
    assert names(tmp_path / "r") == ["sub", "used"]
    assert len(names(tmp_path)) == 2, "the leftover outside of it stays"


def test_old_directory_comes_back_at_the_next_run(tmp_path: Path) -> None:
    """A system without exchange, killed between the two renames."""
    target = tmp_path / "corpus"
    write_directory(target, "a")
    kill_run(target, "between renames")
    assert not target.exists()
    with fails(RuntimeError()):
        write_directory(target, "b", RuntimeError())
    assert names(target) == ["a"]
    assert names(tmp_path) == ["corpus"]


def test_output_of_a_running_process_is_no_leftover(tmp_path: Path) -> None:
    target = tmp_path / "corpus"
    with atomic_directory(target, overwrite=True, contents=NAMES) as partial:
        (partial / "a").write_text("first")
        write_directory(target, "b")
        assert names(target) == ["b"]
        assert partial.is_dir()
    assert names(target) == ["a"]
    assert names(tmp_path) == ["corpus"]


def test_long_names(tmp_path: Path) -> None:
    target = tmp_path / ("x" * 251)
    write_file(target, "text")
    assert names(tmp_path) == [target.name]
    with pytest.raises((OSError, OutputError), match="name too long"):
        write_file(tmp_path / ("x" * 300), "text")


# Scratch and locks


def test_scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with scratch_matrix((3, 4), tmp_path / "e.parquet") as matrix:
        matrix[:] = np.arange(12).reshape(3, 4)
        assert matrix.sum() == 66
        assert not names(tmp_path)
    with scratch_matrix((0, 4), tmp_path / "e.parquet") as matrix:
        assert matrix.shape == (0, 4)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with (
        pytest.raises(OutputError, match=r"e\.parquet: No space left on device"),
        scratch_matrix((3, 4), tmp_path / "e.parquet"),
    ):
        pass
    with scratch_directory(tmp_path / "p.tsv") as folder:
        (folder / "x").write_text("")
        write_file(tmp_path / "p.tsv", "text")
        assert (folder / "x").exists()
    assert names(tmp_path) == ["p.tsv"]


def test_one_run_a_directory(tmp_path: Path) -> None:
    with exclusive(tmp_path / "run"):
        write_file(tmp_path / "run" / "log", "1")
        with pytest.raises(InputError, match="another run"), exclusive(tmp_path / "run"):
            pass
    with exclusive(tmp_path / "run"):
        pass


# Errors of writers


def test_errors_of_writers_name_the_output(tmp_path: Path) -> None:
    target = tmp_path / "t.parquet"
    for error in (
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EIO, "Input/output error", str(tmp_path / f".t.parquet.{'a' * 8}.part/x")),
        OSError("128 requested and 12 written"),
        OSError("Can't write data (file write failed: errno = 28, error message = '...')"),
        pl.exceptions.ComputeError("No space left on device (os error 28)"),
        RuntimeError("I/O error: Disk quota exceeded (os error 122)"),
    ):
        with pytest.raises(OutputError, match=f"^{re.escape(str(target))}: [A-Z]"):
            write_file(target, "text", error)
    for other in (
        OSError(errno.ENOENT, "No such file or directory", "input.fa"),
        OSError("neither number nor name"),
        ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
        ValueError("a bug"),
        BrokenPipeError(errno.EPIPE, "Broken pipe"),
    ):
        with pytest.raises(type(other)) as caught:
            write_file(target, "text", other)
        assert caught.value is other
    assert not names(tmp_path)


def test_tables(tmp_path: Path) -> None:
    table = pl.DataFrame({"x": [1 / 3]})
    for name in ("t.tsv", "t.csv", "t.parquet"):
        write_table(table, tmp_path / name)
        with pytest.raises(InputError, match="exists already"):
            write_table(table, tmp_path / name, overwrite=False)
    assert (tmp_path / "t.tsv").read_text() == "x\n0.333333\n"
    assert pl.read_parquet(tmp_path / "t.parquet").equals(table)


def test_paths_and_content(tmp_path: Path) -> None:
    assert as_paths("rnas.fa") == as_paths(Path("rnas.fa")) == as_paths(("rnas.fa",))
    assert as_paths(("a", Path("b"))) == [Path("a"), Path("b")]
    assert as_paths(()) == []
    (tmp_path / "f").write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256(tmp_path / "f") == expected
    assert _io.TABLE_FORMATS == (".parquet", ".tsv", ".csv")
