"""Reading files that may be gzip (bgz is), known by their content, not their name; every fault is one line."""

import gzip
import zlib
from collections.abc import Generator
from pathlib import Path
from typing import IO, cast

from isoclr.errors import InputError

_MAGIC = b"\x1f\x8b"


def chunks(path: Path, size: int, expected: str) -> Generator[bytes, None, None]:
    """The bytes of a file, unpacked when they are gzip, in chunks that a caller can hold.

    Args:
        path: the file; a gzip file may have several members.
        size: bytes (unpacked) of a chunk, the last one excepted; −1: everything in one chunk.
        expected: what the file should be, for errors.

    Raises:
        InputError: the file cannot be opened or read, or the gzip is cut off or damaged.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.peek(2)[:2] == _MAGIC
            # GzipFile is a readable stream in all but its declared type
            stream = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if packed else raw
            while chunk := stream.read(size):
                yield chunk
    except EOFError:
        raise InputError(
            f"{path}: the gzip file is cut off, expected its end; fetch it again"
        ) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InputError(
            f"{path}: the gzip file is damaged ({error}), expected a whole one"
        ) from None
    except OSError as error:
        raise _unreadable(path, error, expected) from None


def content(path: Path, expected: str) -> bytes:
    """All bytes of a file, unpacked when they are gzip.

    Raises:
        InputError: as :func:`chunks`.
    """
    return b"".join(chunks(path, -1, expected))


def start(path: Path, size: int, expected: str) -> bytes:
    """The first bytes of a file as they are, not unpacked.

    Raises:
        InputError: the file cannot be opened or read.
    """
    try:
        with path.open("rb") as stream:
            return stream.read(size)
    except OSError as error:
        raise _unreadable(path, error, expected) from None


def is_gzip(path: Path, expected: str) -> bool:
    """Whether a file's content is gzip, whatever its name.

    Raises:
        InputError: the file cannot be opened or read.
    """
    return start(path, len(_MAGIC), expected) == _MAGIC


def _unreadable(path: Path, error: OSError, expected: str) -> InputError:
    return InputError(f"{path}: {error.strerror or error}, expected {expected}")
