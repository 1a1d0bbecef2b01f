"""A publisher on this machine: an HTTP server whose every misbehaviour is chosen by the test."""

import hashlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest


@dataclass
class File:
    content: bytes
    etag: str | None = '"one"'
    ranges: bool = True
    if_range: bool = True
    cut: list[int] = field(default_factory=list)  # bytes after which the next answers break off
    statuses: list[int] = field(default_factory=list)  # what the next answers say instead
    after_cut: bytes | None = None  # the content once an answer has broken off (with another ETag)
    length: str | None = "right"


class Publisher:
    """Serves ``files`` by path and remembers what was requests."""

    def __init__(self) -> None:
        self.files: dict[str, File] = {}
        self.requests: list[tuple[str, str | None]] = []
        publisher = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                publisher.answer(self)

            def log_message(self, *words: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def add(self, path: str, content: bytes, **behaviour: object) -> File:
        self.files[path] = File(content, **behaviour)  # type: ignore[arg-type]
        return self.files[path]

    def add_md5(self, path: str, *names: str) -> None:
        folder = path.rpartition("/")[0]
        sums = (f"{hashlib.md5(self.files[f'{folder}/{name}'].content).hexdigest()}  {name}\n" for name in names)
        self.add(path, "".join(sums).encode())

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        self.requests.append((request.path, request.headers.get("Range")))
        file = self.files.get(request.path)
        status = file.statuses.pop(0) if file and file.statuses else 404 if file is None else 200
        if file is None or status >= 400:
            request.send_error(status)
            return
        start = self._start(file, request)
        if start and start >= len(file.content):
            request.send_response(416)
            request.send_header("Content-Range", f"bytes */{len(file.content)}")
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        body = file.content[start:]
        request.send_response(206 if start else 200)
        if file.length:
            right = str(len(body))
            request.send_header("Content-Length", right if file.length == "right" else file.length)
        if file.etag:
            request.send_header("ETag", file.etag)
        if start:
            whole = len(file.content)
            request.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        request.end_headers()
        cut = file.cut.pop(0) if file.cut else len(body)
        request.wfile.write(body[:cut])
        if file.after_cut is not None:
            file.content, file.etag, file.after_cut = file.after_cut, '"two"', None

    @staticmethod
    def _start(file: File, request: http.server.BaseHTTPRequestHandler) -> int:
        header = request.headers.get("Range")
        condition = request.headers.get("If-Range")
        if not file.ranges or header is None:
            return 0
        if file.if_range and condition != file.etag:
            return 0
        return int(header.removeprefix("bytes=").rstrip("-"))


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    server = Publisher()
    yield server
    server.close()
