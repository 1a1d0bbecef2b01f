"""How an output takes its place: hidden directories with locks, renames that lose nothing, readable errors of writers.

What is being written lies in a hidden directory ``.NAME.XXXXXXXX.part`` next to the output. A lock on it, which ends
with the process, shows other runs that it is in use; what a killed run left is removed by the next run on that output.
"""

import ctypes
import errno
import fcntl
import hashlib
import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from isoclr.errors import InputError, IsoclrError, OutputError

_OLD = "old output"  # Name, in the hidden directory, of an output that is being replaced
HIDDEN = re.compile(r"\..*\.[a-z0-9_]{8}\.part")  # Names of hidden directories
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
"""Errors of a disk, which writers raise without the name of the file."""
_NOREPLACE, _EXCHANGE = 1, 2
_AT_CURRENT = -100


@contextmanager
def hidden_directory(real: Path, target: Path) -> Iterator[Path]:
    """A locked hidden directory next to the output ``real``; errors name it ``target``, as it was given."""
    with readable_errors(target):
        real.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(real)
        hidden, held = _make_hidden(real)
        try:
            yield hidden
        finally:
            _discard(hidden, real)
            if held is not None:
                os.close(held)


def _make_hidden(target: Path) -> tuple[Path, int | None]:
    """A hidden directory and its lock; no lock where the file system has none."""
    while True:
        hidden = Path(tempfile.mkdtemp(prefix=f".{_short(target.name)}.", suffix=".part", dir=target.parent))
        try:
            held = lock(hidden)
        except (BlockingIOError, FileNotFoundError):  # another run took it for a leftover
            continue
        except OSError:
            return hidden, None
        if hidden.exists():
            return hidden, held
        os.close(held)


def _short(name: str) -> str:
    """The name, or a hash of one that is too long for an ending."""
    data = os.fsencode(name)
    return name if len(data) <= 230 else hashlib.sha256(data).hexdigest()[:16]


def _remove_leftovers(target: Path) -> None:
    """Remove what killed runs left of an output; an old output that was being replaced is put back."""
    prefix = f".{_short(target.name)}."
    for name in os.listdir(target.parent):  # noqa: PTH208 (names alone)
        if name.startswith(prefix) and HIDDEN.fullmatch(name):
            _remove_leftover(target.parent / name, target)


def remove_all_leftovers(directory: Path) -> None:
    """Remove what killed runs left of any output in a directory and the folders in it."""
    for here, folders, _ in os.walk(directory):
        hidden = [name for name in folders if HIDDEN.fullmatch(name)]
        folders[:] = [name for name in folders if name not in hidden]
        for name in hidden:
            _remove_leftover(Path(here, name), Path(here, name[1 : -len(".XXXXXXXX.part")]))


def _remove_leftover(hidden: Path, target: Path) -> None:
    """Remove a hidden directory of an output, unless a living process holds it."""
    with suppress(OSError):
        held = lock(hidden)
        _discard(hidden, target)
        os.close(held)


def _discard(hidden: Path, target: Path) -> None:
    """Remove a hidden directory; an old output in it goes back first if nothing has taken its place."""
    with suppress(OSError):
        if not os.path.lexists(target):
            (hidden / _OLD).rename(target)
    shutil.rmtree(hidden, ignore_errors=True)


def lock(directory: Path) -> int:
    """Lock a directory as long as the returned file descriptor is open in any process.

    Raises:
        BlockingIOError: Another process holds it.
        OSError: The file system has no locks.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def publish(partial: Path, target: Path, overwrite: bool) -> None:
    """Give a whole output its name, at one stroke where the system can."""
    if not overwrite:
        _rename_to_free(partial, target)
    elif target.is_dir():
        _exchange(partial, target)
    else:
        partial.replace(target)
    with suppress(OSError):  # not every file system can
        sync(target.parent)


def _rename_to_free(partial: Path, target: Path) -> None:
    """Rename, unless something has taken the name meanwhile."""
    try:
        if _renameat2(partial, target, _NOREPLACE):
            return
    except FileExistsError:
        pass
    if os.path.lexists(target):
        raise InputError(f"{target}: was made by another program meanwhile; it is left as it is")
    partial.rename(target)


def _exchange(partial: Path, target: Path) -> None:
    """Put a directory in the place of another, which is then in the hidden directory."""
    if _renameat2(partial, target, _EXCHANGE):
        return
    old = partial.with_name(_OLD)  # which _discard puts back if the second rename fails
    target.rename(old)
    partial.rename(target)


def _renameat2(source: Path, target: Path, flag: int) -> bool:
    """Linux's rename with a flag; false where the system or the file system has none."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        return False
    if call(_AT_CURRENT, os.fsencode(source), _AT_CURRENT, os.fsencode(target), flag) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        return False
    raise OSError(code, os.strerror(code), str(target))


def is_stream(target: Path) -> bool:
    """Whether an output is written to rather than replaced: a device, a FIFO, or ``/dev/stdout`` and the like."""
    if _descriptor(target) is not None:
        return True
    try:
        mode = target.stat().st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def copy_to_stream(source: Path, target: Path) -> None:
    """Write a file's bytes to a device, a FIFO or a descriptor."""
    descriptor = _descriptor(target)
    if descriptor == 1 and sys.stdout is not None:
        sys.stdout.flush()
    with source.open("rb") as content:
        opened = target.open("wb") if descriptor is None else os.fdopen(os.dup(descriptor), "wb")
        with opened as stream:
            shutil.copyfileobj(content, stream)


def _descriptor(target: Path) -> int | None:
    """The open file descriptor that a name such as ``/dev/stdout`` or ``/dev/fd/3`` stands for."""
    if match := re.fullmatch(r"/dev/fd/(\d+)|/proc/self/fd/(\d+)", str(target)):
        return int(match[1] or match[2])
    return {"/dev/stdout": 1, "/dev/stderr": 2}.get(str(target))


@contextmanager
def readable_errors(target: Path) -> Iterator[None]:
    """Turn a failed write of any library into one line that names the output; errors of other files pass."""
    try:
        yield
    except (IsoclrError, BrokenPipeError):
        raise
    except Exception as error:
        code = error_number(error)
        name = getattr(error, "filename", None)
        if code is None or (code not in _DISK if name is None else not _belongs(name, target)):
            raise
        raise OutputError(f"{target}: {os.strerror(code)}") from None


def _belongs(name: str | bytes | Path, target: Path) -> bool:
    """Whether a file is an output, one of its parents, or lies in its hidden directory."""
    path, real = Path(os.path.realpath(os.fsdecode(name))), Path(os.path.realpath(target))
    return path in (real, *real.parents) or any(map(HIDDEN.fullmatch, path.parts))


def error_number(error: Exception) -> int | None:
    """The system's error number behind an error; None if there is none.

    >>> error_number(RuntimeError("No space left on device (os error 28)"))
    28
    """
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    text = str(error)
    if match := re.search(r"os error (\d+)|errno = (\d+)|\[Errno (\d+)\]", text):
        return int(match[1] or match[2] or match[3])
    if re.search(r"\d+ requested and \d+ written", text):  # numpy's tofile does not say why
        return errno.ENOSPC
    return None


def sync(path: Path) -> None:
    """Wait until a file or directory is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
