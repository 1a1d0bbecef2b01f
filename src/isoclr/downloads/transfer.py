"""HTTP downloads that retry, and resume partial files."""

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from isoclr._version import __version__
from isoclr.errors import InputError

T = TypeVar("T")
Progress = Callable[[int, int | None], object]
"""Called with the bytes on disk and the size of the file (None if the server does not state it)."""

_CHUNK = 1 << 18
_TEMPORARY_STATUS = (408, 425, 429, 500, 502, 503, 504)
_MAX_PAUSE = 60.0


class NotFoundError(InputError):
    """The server has no such file."""


class _TemporaryError(Exception):
    """A broken connection or a busy server: worth another attempt."""


@dataclass(frozen=True)
class Client:
    """Downloads files over HTTP."""

    timeout: float = 30.0  # Seconds without a byte before a connection counts as dead
    retries: int = 4  # Further attempts after failures in a row without progress
    pause: float = 1.0  # Seconds before the first retry; doubled each time

    def read(self, url: str) -> bytes:
        """Download a small file to memory."""

        def attempt() -> bytes:
            with self._open(url, {}) as response:
                return b"".join(iter(lambda: _read(response), b""))

        return self._retry(url, attempt, lambda: 0)

    def fetch(self, url: str, partial: Path, report: Progress) -> None:
        """Download a file to ``partial``, resuming what is there.

        A partial file is resumed only if the server still has the same version: its ETag or date is kept in
        ``partial.state``, sent as ``If-Range``, and compared with the answer. Otherwise the download starts anew.
        """
        self._retry(url, lambda: self._resume(url, partial, report), lambda: _size(partial))

    def _retry(self, url: str, attempt: Callable[[], T], progress: Callable[[], int]) -> T:
        failures, reached = 0, progress()
        while True:
            try:
                return attempt()
            except _TemporaryError as error:
                failures = failures + 1 if progress() <= reached else 1
                reached = max(reached, progress())
                if failures > self.retries:
                    raise InputError(
                        f"{url}: {error}, after {failures} tries; run the same command to resume"
                    ) from error
                time.sleep(min(_MAX_PAUSE, self.pause * 2 ** (failures - 1)))

    def _resume(self, url: str, partial: Path, report: Progress) -> None:
        """One connection: append the rest of the file."""
        size, state = _size(partial), _read_state(partial, url)
        validator = state.get("etag") or state.get("modified")
        ranged = {"Range": f"bytes={size}-", "If-Range": validator} if size and validator else {}
        with self._open(url, ranged) as response:
            span = response.headers.get("Content-Range", "")
            if response.status == 416 and span == f"bytes */{size}":
                return  # the partial file is complete
            version = _version(response)
            same = all(state.get(key, value) == value for key, value in version.items())
            resumes = response.status == 206 and same and span.startswith(f"bytes {size}-")
            if response.status in (206, 416) and not resumes:
                partial.unlink(missing_ok=True)
                raise _TemporaryError("the file has changed on the server")
            done = size if resumes else 0
            length = _length(response, url)
            total = done + length if length is not None else None
            _state_file(partial).write_text(json.dumps({"url": url, **version}))
            report(done, total)
            with partial.open("ab" if resumes else "wb") as stream:
                while chunk := _read(response):
                    try:
                        stream.write(chunk)
                    except OSError as error:
                        raise InputError(f"{partial}: cannot be written ({error.strerror})") from error
                    done += len(chunk)
                    report(done, total)
        if total is not None and done < total:
            raise _TemporaryError(f"the connection broke off at {done:,} of {total:,} bytes")

    def _open(self, url: str, headers: dict[str, str]) -> Any:
        """The server's answer. Error statuses are raised, except for 416 (range not satisfiable)."""
        headers = {"User-Agent": f"isoclr/{__version__}", "Accept-Encoding": "identity"} | headers
        request = urllib.request.Request(url, headers=headers)
        try:
            return urllib.request.urlopen(request, timeout=self.timeout)
        except urllib.error.HTTPError as error:
            if error.code == 416:
                return error
            error.close()
            message = f"the server answers {error.code} {error.reason}"
            if error.code in _TEMPORARY_STATUS:
                raise _TemporaryError(message) from error
            if error.code in (404, 410):
                raise NotFoundError(f"{url}: the server has no such file ({error.code})") from error
            raise InputError(f"{url}: {message}, expected the file") from error
        except (OSError, http.client.HTTPException) as error:
            raise _TemporaryError(_reason(error)) from error


def forget(partial: Path) -> None:
    """Remove a partial file and its state."""
    partial.unlink(missing_ok=True)
    _state_file(partial).unlink(missing_ok=True)


def has_links(partial: Path) -> bool:
    """Whether a partial file or its state is a symbolic link."""
    return partial.is_symlink() or _state_file(partial).is_symlink()


def _read(response: Any) -> bytes:
    try:
        chunk: bytes = response.read1(_CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise _TemporaryError(_reason(error)) from error
    return chunk


def _reason(error: BaseException) -> str:
    """Why a connection failed, in a few words."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return "no answer in time"
    text = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
    return f"no connection ({text or type(cause).__name__})"


def _length(response: Any, url: str) -> int | None:
    """Bytes of the answer; None if it comes in chunks, which have an end. Otherwise a cut would go unnoticed."""
    stated = response.headers.get("Content-Length")
    if stated is None and response.chunked:
        return None
    if stated is None or not (stated.isascii() and stated.isdecimal()):
        raise InputError(f"{url}: Content-Length is {stated!r}, expected the number of bytes")
    return int(stated)


def _version(response: Any) -> dict[str, str]:
    """What identifies a version of a file; weak ETags do not."""
    etag, modified = (response.headers.get(name) for name in ("ETag", "Last-Modified"))
    version = {"etag": None if etag and etag.startswith("W/") else etag, "modified": modified}
    return {key: value for key, value in version.items() if value}


def _read_state(partial: Path, url: str) -> dict[str, str]:
    """The version of a partial file; empty if unknown or of another address."""
    try:
        state = json.loads(_state_file(partial).read_text())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) and state.get("url") == url else {}


def _state_file(partial: Path) -> Path:
    return partial.with_name(partial.name + ".state")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
