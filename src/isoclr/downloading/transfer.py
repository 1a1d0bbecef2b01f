"""Fetching one file over HTTP: resumed where it stopped, retried with growing pauses."""

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from isoclr._version import __version__
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
