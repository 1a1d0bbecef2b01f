"""Paths as they are given, writing so that a killed process leaves nothing that opens, and naming files by content."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from isoclr.errors import InputError

if TYPE_CHECKING:
    import polars as pl


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """A temporary path beside ``target`` that becomes ``target`` when the block ends well.

    The suffix is kept, because many writers choose a format by it.

    Raises:
        InputError: ``target`` is a directory, or its folder cannot be made.
    """
    check_file(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        prefix=f".{target.name}.", suffix=".part" + target.suffix, dir=target.parent
    )
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        partial.chmod(0o666 & ~_umask())
        _sync(partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def atomic_directory(target: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A temporary directory beside ``target`` that becomes ``target`` when the block ends well.

    Raises:
        InputError: ``target`` is a file, or exists and ``overwrite`` is false, or its folder cannot be made.
    """
    if target.is_file():
        raise InputError(f"{target}: is a file, expected the name of a directory")
    if target.exists() and not overwrite:
        raise InputError(f"{target}: exists already; choose another name or remove it first")
    ensure_writable(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
    try:
        yield partial
        partial.chmod(0o777 & ~_umask())
        for file in partial.rglob("*"):
            if file.is_file():
                _sync(file)
        if target.exists():
            shutil.rmtree(target)
        partial.replace(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def check_file(target: Path) -> None:
    """Refuse the name of a file that could not be written, before anything is computed for it.

    Raises:
        InputError: it is a directory, or as :func:`check_place`.
    """
    if target.is_dir():
        raise InputError(f"{target}: is a directory, expected the name of a file")
    ensure_writable(target)


def ensure_writable(target: Path) -> None:
    """Refuse an output whose folder could not be made or written to, before anything is computed for it.

    Raises:
        InputError: the nearest folder that exists is a file, or may not be written to.
    """
    folder = target.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise InputError(f"{target}: {folder} is a file, expected a folder to write to")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{target}: {folder} may not be written to")


def as_paths(given: Path | str | Iterable[Path | str]) -> list[Path]:
    """Paths, or a single one, as a list: one is as good as a tuple of one; the characters of a name are no files."""
    return [Path(path) for path in ((given,) if isinstance(given, str | Path) else given)]


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


TABLE_FORMATS = (".parquet", ".tsv", ".csv")


DIGITS = 6


def check_output(path: Path, *, overwrite: bool) -> None:
    """Refuse an output at once that could not be written in the end.

    Raises:
        InputError: an unknown extension, a file that exists, or a folder that cannot be written to.
    """
    if path.suffix not in TABLE_FORMATS:
        raise InputError(
            f"{path}: unknown format, expected a name that ends in {', '.join(TABLE_FORMATS)}"
        )
    if path.is_dir() or (path.exists() and not overwrite):
        raise InputError(f"{path}: exists already; choose another name or --overwrite it")
    ensure_writable(path)


def write_table(table: "pl.DataFrame", path: Path) -> None:
    """Write by the extension; the file appears when it is whole."""
    import polars as pl

    with atomic_path(path) as partial:
        if path.suffix == ".parquet":
            table.write_parquet(partial)
        else:
            rounded = table.with_columns(pl.col(pl.Float64).round_sig_figs(DIGITS))
            rounded.write_csv(partial, separator="\t" if path.suffix == ".tsv" else ",")
