"""Output files and directories that appear whole or not at all, and checks of their names before any work."""

import fnmatch
import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from isoclr._atomic import (
    HIDDEN,
    copy_to_stream,
    hidden_directory,
    is_stream,
    lock,
    publish,
    readable_errors,
    remove_all_leftovers,
    sync,
)
from isoclr.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

TABLE_FORMATS = (".parquet", ".tsv", ".csv")
STDOUT = Path("/dev/stdout")
FIGURE_METADATA: dict[str, dict[str, str | None]] = {
    ".png": {"Software": None},
    ".pdf": {"Creator": None, "Producer": None, "CreationDate": None},
    ".svg": {"Date": None, "Creator": None},
}
"""Metadata of figures by extension: nothing that depends on the day or on matplotlib's version."""
HASH_SALT = "isoclr"  # Makes the ids in an SVG the same in every run
DIGITS = 6  # Significant digits of numbers in text tables


def check_input(path: Path, expected: str) -> None:
    """Refuse an input that is no regular file: opening a FIFO would wait for ever."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}, expected {expected}") from None
    except ValueError:
        raise InputError(f"{path}: no possible file name, expected {expected}") from None
    if not stat.S_ISREG(mode):
        problem = "is a directory" if stat.S_ISDIR(mode) else "is no regular file"
        raise InputError(f"{path}: {problem}, expected {expected}")


def check_file(target: Path, *, overwrite: bool = True) -> None:
    """Refuse the name of an output file that could not be written, before anything is computed for it."""
    if target.is_dir() or target.name in ("", ".."):
        raise InputError(f"{target}: is a directory, expected the name of a file")
    if not overwrite and target.exists() and not is_stream(target):
        raise InputError(f"{target}: exists already; choose another name or give --overwrite")
    ensure_writable(target)


def check_directory(target: Path, *, overwrite: bool = False, contents: Sequence[str] | None = None) -> None:
    """Refuse the name of an output directory that could not be written, before anything is computed for it.

    Args:
        contents: Patterns of the files, relative to the directory, that such an output consists of. A directory that
            holds anything else is never overwritten. None accepts any file.
    """
    if target.name in ("", ".."):
        raise InputError(f"{target}: expected the name of a new directory")
    if target.is_symlink():
        raise InputError(f"{target}: is a symbolic link, expected the name of a directory")
    if target.exists() and not target.is_dir():
        raise InputError(f"{target}: is a file, expected the name of a directory")
    ensure_writable(target)
    if not target.exists():
        return
    if not overwrite:
        raise InputError(f"{target}: exists already; choose another name or give --overwrite")
    if _is_mount_point(target):
        raise InputError(f"{target}: is a mount point, which cannot be replaced; name a folder in it")
    if contents is not None:
        _refuse_other_files(target, contents)


def check_output(path: Path, *, overwrite: bool) -> None:
    """Refuse an output table at once that could not be written in the end."""
    if path.suffix not in TABLE_FORMATS and not is_stream(path):
        raise InputError(f"{path}: unknown format, expected a name that ends in {', '.join(TABLE_FORMATS)}")
    check_file(path, overwrite=overwrite)


def ensure_writable(target: Path) -> None:
    """Refuse an output whose folder could not be made or written to, before anything is computed for it."""
    if "\0" in str(target):
        raise InputError(f"{target}: a file name cannot hold a NUL character")
    if is_stream(target):
        return
    folder = Path(os.path.realpath(target)).parent
    try:
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
    except OSError as error:
        raise InputError(f"{target}: {error.strerror}") from None
    if not folder.is_dir():
        raise InputError(f"{target}: {folder} is a file, expected a folder to write to")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{target}: {folder} may not be written to")


def _is_mount_point(directory: Path) -> bool:
    if directory.is_mount():
        return True
    with suppress(OSError):  # bind mounts of the same file system are listed by Linux alone
        real = os.path.realpath(directory)
        for line in Path("/proc/self/mountinfo").read_text().splitlines():
            place = re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), line.split()[4])
            if place == real:
                return True
    return False


def _refuse_other_files(directory: Path, contents: Iterable[str]) -> None:
    """Refuse to overwrite a directory with files or folders that match none of the patterns."""
    patterns = set(contents)
    folders = {parent.as_posix() for pattern in patterns for parent in Path(pattern).parents}
    for here, subfolders, files in os.walk(directory):
        subfolders[:] = sorted(name for name in subfolders if not HIDDEN.fullmatch(name))
        for name in [*sorted(files), *subfolders]:
            path = Path(here, name)
            expected = folders if name in subfolders and not path.is_symlink() else patterns
            relative = path.relative_to(directory).as_posix()
            if not any(fnmatch.fnmatchcase(relative, pattern) for pattern in expected):
                raise InputError(
                    f"{directory}: holds {relative!r}, which is no part of such an output; "
                    "--overwrite replaces nothing else, move it away first"
                )


@contextmanager
def atomic_path(target: Path, *, overwrite: bool = True) -> Iterator[Path]:
    """A temporary path that becomes the file ``target`` when the block ends without an error.

    The suffix is kept, because many writers choose a format by it. A symbolic link is followed, a device or a FIFO is
    written to, and a file that is replaced hands on its permissions.
    """
    check_file(target, overwrite=overwrite)
    if is_stream(target):
        with readable_errors(target), tempfile.TemporaryDirectory(prefix="isoclr-") as folder:
            partial = Path(folder) / target.name
            yield partial
            copy_to_stream(partial, target)
        return
    real = Path(os.path.realpath(target))
    with hidden_directory(real, target) as hidden:
        partial = hidden / real.name
        partial.touch()  # with the permissions that the umask allows, which some writers do not keep
        mode = partial.stat().st_mode
        yield partial
        partial.chmod(stat.S_IMODE(real.stat().st_mode if real.exists() else mode))
        sync(partial)
        publish(partial, real, overwrite)


@contextmanager
def atomic_directory(target: Path, *, overwrite: bool = False, contents: Sequence[str] | None = None) -> Iterator[Path]:
    """A temporary directory that becomes the directory ``target`` when the block ends without an error.

    A directory that is overwritten stays whole until the new one takes its place.

    Args:
        contents: Patterns of the files that such an output consists of, see :func:`check_directory`; by default the
            files that were written now.
    """
    check_directory(target, overwrite=overwrite, contents=contents)
    with hidden_directory(target, target) as hidden:
        partial = hidden / target.name
        partial.mkdir()
        yield partial
        files = [path for path in sorted(partial.rglob("*")) if path.is_file()]
        for path in files:
            sync(path)
        if overwrite and target.exists():
            names = [path.relative_to(partial).as_posix() for path in files]
            check_directory(target, overwrite=True, contents=names if contents is None else contents)
            _copy_modes(target, partial)
        publish(partial, target, overwrite)


def _copy_modes(old: Path, new: Path) -> None:
    """Permissions of a directory and its files for those that replace them."""
    for path in [new, *new.rglob("*")]:
        before = old / path.relative_to(new)
        if before.exists() and before.is_dir() == path.is_dir():
            path.chmod(stat.S_IMODE(before.stat().st_mode))


def write_table(table: "pl.DataFrame", path: Path, *, overwrite: bool = True) -> None:
    """Write a table in the format of the extension (a stream without one gets TSV); it appears when it is whole."""

    with atomic_path(path, overwrite=overwrite) as partial:
        if path.suffix == ".parquet":
            table.write_parquet(partial)
        else:
            as_plain_text(table).write_csv(partial, separator="," if path.suffix == ".csv" else "\t")


def as_plain_text(table: "pl.DataFrame") -> "pl.DataFrame":
    """The table as text files have it: numbers rounded, and no quotes for an empty text."""
    import polars as pl

    return table.with_columns(pl.col(pl.Float64).round_sig_figs(DIGITS), pl.col(pl.String).replace("", None))


@contextmanager
def scratch_directory(target: Path) -> Iterator[Path]:
    """A hidden directory next to an output, for what is needed to make it; it goes with the block.

    What killed runs on the same output left is removed first.
    """
    if is_stream(target):
        with tempfile.TemporaryDirectory(prefix="isoclr-") as folder:
            yield Path(folder)
        return
    with hidden_directory(Path(os.path.realpath(target)), target) as hidden:
        yield hidden


@contextmanager
def scratch_matrix(shape: tuple[int, int], near: Path) -> "Iterator[NDArray[np.float32]]":
    """A float32 matrix on disk, in a file without a name next to an output; it goes with the block.

    Its space on the disk is reserved at once: a mapped file that grows on a full disk kills the process.
    """
    import numpy as np

    size = 4 * shape[0] * shape[1]
    if size == 0:  # nothing cannot be mapped
        yield np.empty(shape, np.float32)
        return
    folder = Path(tempfile.gettempdir()) if is_stream(near) else near.parent
    with readable_errors(near):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            reserve = getattr(os, "posix_fallocate", None)  # macOS has none
            reserve(file.fileno(), 0, size) if reserve else file.truncate(size)
            yield np.memmap(file, np.float32, mode="r+", shape=shape)


@contextmanager
def exclusive(directory: Path) -> Iterator[None]:
    """Hold a directory that a long run writes to; it is made if it is missing, and leftovers of killed runs go."""
    with readable_errors(directory):
        directory.mkdir(parents=True, exist_ok=True)
    held = None
    try:
        held = lock(directory)
    except BlockingIOError:
        raise InputError(f"{directory}: another run is writing to it") from None
    except OSError:  # a file system without locks
        pass
    else:
        remove_all_leftovers(directory)
    try:
        yield
    finally:
        if held is not None:
            os.close(held)


def as_paths(given: Path | str | Iterable[Path | str]) -> list[Path]:
    """One path or several as a list."""
    return [Path(path) for path in ((given,) if isinstance(given, str | Path) else given)]


def as_output(path: Path | str) -> Path:
    """A path whose ``-`` stands for standard output."""
    return STDOUT if str(path) == "-" else Path(path)


def expand_user(path: Path | str) -> Path:
    """A path whose ``~`` is replaced by the home directory; that of an unknown user is kept."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
