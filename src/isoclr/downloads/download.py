"""Download, verify and keep the files of the catalogue."""

import gzip
import hashlib
import http.client
import json
import math
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from urllib.parse import urlsplit

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from isoclr._console import err, info, table
from isoclr._io import atomic_path
from isoclr._version import __version__
from isoclr.downloads.catalog import CATALOG, Entry, select
from isoclr.downloads.prepare import prepare
from isoclr.errors import InputError

_CHUNK = 1 << 18
_TEMPORARY = (408, 425, 429, 500, 502, 503, 504)
_LONGEST_PAUSE = 60.0

Result = TypeVar("Result")
Report = Callable[[int, int | None], object]
"""Told the bytes that are there and the bytes there will be (None when the server does not say)."""


class NotThereError(InputError):
    """The server says that there is no such file."""


class _TemporaryError(Exception):
    """Worth another try: a broken connection, a busy server."""


@dataclass(frozen=True)
class Patience:
    """How long to wait, and how often to try again.

    Attributes:
        timeout: seconds without an answer or a byte before a connection counts as dead.
        retries: failures in a row, without a byte of progress, after the first.
        pause: seconds before the first new try; doubled each time.
    """

    timeout: float = 30.0
    retries: int = 4
    pause: float = 1.0


def read_small(url: str, patience: Patience) -> bytes:
    """The content of a small file, such as a list of checksums.

    Raises:
        InputError: no such file, or no answer.
    """

    def attempt() -> bytes:
        with _open(url, {}, patience) as response:
            return b"".join(iter(lambda: _read(response), b""))

    return _persist(url, attempt, lambda: 0, patience)


def fetch(url: str, partial: Path, patience: Patience, report: Report) -> None:
    """Download a file to ``partial``, going on with what is there already.

    What is there is kept only if the server still has the same file: its ETag or date is kept beside it (``.state``,
    until :func:`forget`), asked for with ``If-Range``, and compared with the answer. A server that knows no
    ranges, or has another file by now, sends all of it again.

    Raises:
        InputError: no such file, or no answer, or the connection breaks again and again.
    """

    def attempt() -> None:
        _continue(url, partial, _state_file(partial), patience, report)

    _persist(url, attempt, lambda: _size(partial), patience)


def forget(partial: Path) -> None:
    """Remove what is there of a file, and what is known of it."""
    partial.unlink(missing_ok=True)
    _state_file(partial).unlink(missing_ok=True)


def _persist(
    url: str, attempt: Callable[[], Result], progress: Callable[[], int], patience: Patience
) -> Result:
    """Try until it works, or until ``retries`` tries in a row brought nothing."""
    failures, reached = 0, progress()
    while True:
        try:
            return attempt()
        except _TemporaryError as error:
            failures = failures + 1 if progress() <= reached else 1
            reached = max(reached, progress())
            if failures > patience.retries:
                raise InputError(
                    f"{url}: {error}, after {failures} tries; what has come is kept, run the same command to go on"
                ) from error
            time.sleep(min(_LONGEST_PAUSE, patience.pause * 2 ** (failures - 1)))


def _continue(url: str, partial: Path, state: Path, patience: Patience, report: Report) -> None:
    """One connection: ask for the rest of the file and append it."""
    have, known = _size(partial), _read_state(state, url)
    validator = known.get("etag") or known.get("modified")
    asks = {"Range": f"bytes={have}-", "If-Range": validator} if have and validator else {}
    with _open(url, asks, patience) as response:
        if response.status == 416:
            if response.headers.get("Content-Range") == f"bytes */{have}":
                return  # we were stopped after the last byte: nothing is left to ask for
            partial.unlink(missing_ok=True)
            raise _TemporaryError("the server has a file of another size")
        goes_on = response.status == 206 and _continues(response, have, known)
        if response.status == 206 and not goes_on:
            partial.unlink(missing_ok=True)
            raise _TemporaryError("the file changed while it was fetched")
        start = have if goes_on else 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length is not None else None
        state.write_text(json.dumps(_state_of(url, response)))
        with partial.open("ab" if goes_on else "wb") as stream:
            _copy(response, stream, start, total, report)


def _copy(response: Any, stream: BinaryIO, start: int, total: int | None, report: Report) -> None:
    done = start
    report(done, total)
    while chunk := _read(response):
        try:
            stream.write(chunk)
        except OSError as error:
            raise InputError(f"{stream.name}: cannot be written ({error.strerror})") from error
        done += len(chunk)
        report(done, total)
    if total is not None and done < total:
        raise _TemporaryError(f"the connection broke off at {done:,} of {total:,} bytes")


def _read(response: Any) -> bytes:
    """The next bytes of an answer; none at its end."""
    try:
        chunk: bytes = response.read1(_CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise _TemporaryError(_reason(error)) from error
    return chunk


def _open(url: str, headers: dict[str, str], patience: Patience) -> Any:
    """The server's answer; an error status is raised, but for 416, which is returned."""
    said = {"User-Agent": f"isoclr/{__version__}", "Accept-Encoding": "identity", **headers}
    try:
        return urllib.request.urlopen(
            urllib.request.Request(url, headers=said), timeout=patience.timeout
        )
    except urllib.error.HTTPError as error:
        if error.code == 416:
            return error
        error.close()
        if error.code in _TEMPORARY:
            raise _TemporaryError(f"the server answers {error.code} {error.reason}") from error
        if error.code in (404, 410):
            raise NotThereError(f"{url}: the server has no such file ({error.code})") from error
        raise InputError(
            f"{url}: the server answers {error.code} {error.reason}, expected the file"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise _TemporaryError(_reason(error)) from error


def _reason(error: BaseException) -> str:
    """Why a connection failed, in a few words."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return "no answer in time"
    text = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
    return f"no connection ({text or type(cause).__name__})"


def _continues(response: Any, have: int, known: dict[str, str]) -> bool:
    """Whether a partial answer is of the same file and starts where we stopped."""
    span = response.headers.get("Content-Range", "")
    same = all(
        known.get(key) is None or now is None or known[key] == now
        for key, now in _validators(response).items()
    )
    return same and bool(span.startswith(f"bytes {have}-"))


def _validators(response: Any) -> dict[str, str | None]:
    """What tells one version of a file from another; weak ETags do not."""
    etag = response.headers.get("ETag")
    strong = etag if etag and not etag.startswith("W/") else None
    return {"etag": strong, "modified": response.headers.get("Last-Modified")}


def _state_of(url: str, response: Any) -> dict[str, str]:
    known = {key: value for key, value in _validators(response).items() if value}
    return {"url": url, **known}


def _read_state(state: Path, url: str) -> dict[str, str]:
    """What was known of the file when it was begun; nothing if that was another address."""
    try:
        known = json.loads(state.read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) and known.get("url") == url else {}


def _state_file(partial: Path) -> Path:
    return partial.with_name(partial.name + ".state")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


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


@dataclass(frozen=True)
class Fetched:
    """One file and how far it can be trusted.

    Attributes:
        entry: what it is.
        path: where it is.
        size: bytes; 0 when it is not there.
        status: ``fetched``, ``kept`` (it was there and is unchanged) or ``missing`` (only listed).
        verified: by what: the publisher's MD5, or completeness and the SHA-256 noted at first.
    """

    entry: Entry
    path: Path
    size: int
    status: str
    verified: str


class Downloads(list[Fetched]):
    """The files of :func:`download`."""

    def print(self) -> None:
        """Print the list (tab-separated), or what was fetched and how it was verified."""
        if any(file.status in ("missing", "here") for file in self):
            for file in self:
                entry = file.entry
                print(entry.name, file.status, entry.urls[0], entry.checksums or "-", sep="\t")
            return
        rows = [
            (file.entry.name, file.status, f"{file.size / 1e6:,.1f}", file.verified)
            for file in self
        ]
        table("downloads", ("file", "status", "MB", "verified by"), rows)


def download(
    what: tuple[str, ...] = (),
    *,
    out: Path = Path("data"),
    list_only: bool = False,
    mirror: str | None = None,
    update: bool = False,
    timeout: float = 30.0,
    retries: int = 4,
) -> Downloads:
    """Fetch annotations, genomes, homology and labels from their official addresses.

    The paper's ten species (GENCODE human v41 and mouse M25, RefSeq for chicken, worm, chimpanzee, cow, dog,
    fly, rat and zebrafish), HomoloGene, NCBI's gene_orthologs and gene2ensembl, and the half-lives of human and mouse
    mRNAs: some 7 GB. An interrupted download goes on where it stopped; a file that is there and unchanged is never
    fetched again. Each file is verified by the MD5 sum that its publisher keeps beside it; where there is none, by
    its size and, for gz, by unpacking it. The SHA-256 of every file is kept in `SHA256SUMS`: a later run
    sees any change. At the end `inputs.toml` lists for `isoclr build` all species that are complete.

    Args:
        what: species (human), groups (homology, ids, labels) or single files (human/genome); nothing means
            everything but the 19 GB archive labels/saluki_archive.
        out: directory to fill.
        list_only: only say what would be fetched from where, and what is there.
        mirror: address of a mirror, which has the files below their host's name: BASE/ftp.ebi.ac.uk/pub/...
        update: accept files that their publisher has changed since they were first fetched.
        timeout: seconds without an answer before a connection counts as dead.
        retries: how often to try again when nothing comes.

    Raises:
        InputError: an unknown name, no such file, no answer, a wrong checksum.
    """
    entries, folder = select(what), Path(out)
    if mirror is not None and urlsplit(mirror).scheme not in ("http", "https"):
        raise InputError(f"--mirror is {mirror!r}, expected an address that starts with http(s)://")
    if retries < 0 or not 0 < timeout < math.inf:
        raise InputError(
            f"--retries is {retries} and --timeout {timeout}, expected ≥ 0 and > 0 seconds"
        )
    if list_only:
        return Downloads(_listed(entry, folder) for entry in entries)
    keeper = _Keeper(folder, mirror, update, Patience(timeout, retries))
    with _progress() as progress:
        fetched = [_shown(keeper, entry, progress) for entry in entries]
    prepare(folder, CATALOG)
    return Downloads(fetched)


class _Keeper:
    """Fetches files into one directory and keeps its lock."""

    def __init__(self, folder: Path, mirror: str | None, update: bool, patience: Patience) -> None:
        self._folder, self._mirror, self._update = folder, mirror, update
        self._patience = patience
        if folder.exists() and not folder.is_dir():
            raise InputError(f"--out {folder} is a file, expected a directory")
        folder.mkdir(parents=True, exist_ok=True)
        self._locked = read_lock(folder)

    def keep(self, entry: Entry, report: Report) -> Fetched:
        """The file, as it is if it is unchanged, else fetched and verified."""
        path = self._folder / entry.file
        if path.exists() and entry.file in self._locked:
            if digests(path).sha256 == self._locked[entry.file]:
                return Fetched(
                    entry, path, path.stat().st_size, "kept", f"SHA-256 in {self._folder}"
                )
            info(f"{path}: is not what was verified before; fetching it again")
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".part")
        url = self._fetch(entry, partial, report)
        expected = self._published(entry, url)
        try:
            verified, found = self._verify(entry, partial, url, expected)
        except InputError:
            forget(partial)  # a wrong file is no start for the next try
            raise
        partial.replace(path)
        forget(partial)
        self._locked[entry.file] = found.sha256
        write_lock(self._folder, self._locked)
        return Fetched(entry, path, path.stat().st_size, "fetched", verified)

    def _fetch(self, entry: Entry, partial: Path, report: Report) -> str:
        """Download from the first address that exists; which one that was."""
        for number, official in enumerate(entry.urls, 1):
            url = self._address(official)
            try:
                fetch(url, partial, self._patience, report)
            except NotThereError:
                if number == len(entry.urls):
                    raise
            else:
                return url
        raise AssertionError("an entry has at least one address")

    def _verify(
        self, entry: Entry, partial: Path, url: str, expected: str | None
    ) -> tuple[str, Digests]:
        """By what the file was verified, and its checksums."""
        found = digests(partial)
        if expected is not None and found.md5 != expected:
            raise InputError(
                f"{url}: what came has MD5 {found.md5}, expected {expected} ({entry.checksums}); it was deleted"
            )
        if expected is not None:
            return "publisher's MD5", found
        whole = "size"
        if entry.file.endswith(".gz"):
            check_gzip(partial, url)
            whole = "gz unpacks"
        self._check_lock(entry, found, url)
        return f"{whole}, SHA-256 noted", found

    def _published(self, entry: Entry, url: str) -> str | None:
        """The publisher's MD5 of the file; None when there is none."""
        if entry.checksums is None:
            return None
        address = self._address(entry.checksums)
        names = (url.removesuffix("/content").rpartition("/")[2],)
        try:
            md5 = published_md5(read_small(address, self._patience), names)
        except NotThereError:
            if entry.required:
                raise
            return None
        if md5 is None and entry.required:
            raise InputError(f"{address}: has no MD5 sum of {names[0]}, expected one")
        return md5

    def _check_lock(self, entry: Entry, found: Digests, url: str) -> None:
        before = self._locked.get(entry.file)
        if before is not None and before != found.sha256 and not self._update:
            raise InputError(
                f"{url}: has changed since it was first fetched (SHA-256 {found.sha256}, expected {before}); "
                "--update accepts it"
            )

    def _address(self, official: str) -> str:
        if self._mirror is None:
            return official
        parts = urlsplit(official)
        return f"{self._mirror.rstrip('/')}/{parts.netloc}{parts.path}"


def _listed(entry: Entry, folder: Path) -> Fetched:
    path = folder / entry.file
    size = path.stat().st_size if path.exists() else 0
    by = entry.checksums or "size, SHA-256 noted at first"
    return Fetched(entry, path, size, "here" if path.exists() else "missing", by)


def _shown(keeper: _Keeper, entry: Entry, progress: Progress) -> Fetched:
    """Fetch one file with a progress bar."""
    task = progress.add_task(entry.name, total=None)

    def report(done: int, total: int | None) -> None:
        progress.update(task, completed=done, total=total)

    fetched = keeper.keep(entry, report)
    progress.update(task, total=fetched.size, completed=fetched.size)
    return fetched


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=err,
    )
