"""Is a file what its publisher published? Checksums, and the lock of what came before."""

import gzip
import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from isoclr.errors import InputError
from isoclr.files import atomic_path

LOCK = "SHA256SUMS"
_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True)
class Digests:
    """Checksums of one file, in hex."""

    md5: str
    sha256: str


def digests(path: Path) -> Digests:
    """MD5 and SHA-256 of a file, read once."""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 22):
            md5.update(block)
            sha256.update(block)
    return Digests(md5.hexdigest(), sha256.hexdigest())


def published_md5(content: bytes, names: tuple[str, ...]) -> str | None:
    """The MD5 sum of the first of ``names`` in a publisher's list; None when it has none of them.

    Known lists: ``md5sum``'s (``sum  name``, ``sum *name``, with or without ``./``), BSD's (``MD5 (name) = sum``) and
    Zenodo's record (JSON whose files have ``key`` and ``checksum``).

    >>> published_md5(b"d41d8cd98f00b204e9800998ecf8427e  ./a.gz", ("a.gz",))
    'd41d8cd98f00b204e9800998ecf8427e'
    """
    text = content.decode("utf-8", "replace")
    sums = _zenodo(text) if text.lstrip().startswith("{") else _lines(text)
    return next((sums[name] for name in names if name in sums), None)


def _lines(text: str) -> dict[str, str]:
    sums: dict[str, str] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 4 and words[0] == "MD5":
            words = [words[3], words[1].strip("()")]
        if len(words) == 2 and len(words[0]) == 32 and set(words[0].lower()) <= _HEX:
            sums[words[1].removeprefix("*").rpartition("/")[2]] = words[0].lower()
    return sums


def _zenodo(text: str) -> dict[str, str]:
    try:
        files = json.loads(text).get("files", [])
        pairs = ((file["key"], file["checksum"]) for file in files)
        return {key: value.removeprefix("md5:") for key, value in pairs if value.startswith("md5:")}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}


def check_gzip(path: Path, source: str) -> None:
    """Unpack a gz file to its end, keeping nothing.

    Raises:
        InputError: it is cut short or damaged.
    """
    try:
        with gzip.open(path) as stream:
            while stream.read(1 << 22):
                pass
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"{source}: what came is no whole gz file ({error}); run the same command to fetch it again"
        ) from error


def read_lock(folder: Path) -> dict[str, str]:
    """File (below ``folder``) → SHA-256 of what was verified before.

    Raises:
        InputError: a line that is no checksum and name.
    """
    path = folder / LOCK
    locked: dict[str, str] = {}
    if not path.exists():
        return locked
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not set(digest) <= _HEX or not name:
            raise InputError(
                f"{path}: line {number} is {line[:80]!r}, expected a SHA-256 and a file name"
            )
        locked[name] = digest
    return locked


def write_lock(folder: Path, locked: Mapping[str, str]) -> None:
    """Write the lock, in the format of ``sha256sum -c``."""
    with atomic_path(folder / LOCK) as partial:
        partial.write_text("".join(f"{locked[name]}  {name}\n" for name in sorted(locked)))
