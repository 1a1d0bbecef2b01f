import random
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from isoclr.downloads.transfer import Client, NotFoundError, forget
from isoclr.errors import InputError

CLIENT = Client(timeout=5.0, retries=2, pause=0.01)
CONTENT = random.Random(0).randbytes(700_000)


def get(publisher: Any, target: Path, path: str = "/file") -> list[tuple[int, int | None]]:
    reports: list[tuple[int, int | None]] = []
    CLIENT.fetch(publisher.url + path, target, lambda done, total: reports.append((done, total)))
    return reports


def test_fetch_reports_progress(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/file", CONTENT)
    reports = get(publisher, tmp_path / "f.part")
    assert (tmp_path / "f.part").read_bytes() == CONTENT
    assert reports[0] == (0, len(CONTENT))
    assert reports[-1] == (len(CONTENT), len(CONTENT))
    forget(tmp_path / "f.part")
    assert list(tmp_path.iterdir()) == []


def test_broken_connection_is_resumed(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/file", CONTENT, cut=[300_000, 100_000])
    get(publisher, tmp_path / "f.part")
    assert (tmp_path / "f.part").read_bytes() == CONTENT
    assert publisher.requests == [("/file", None), ("/file", "bytes=300000-"), ("/file", "bytes=400000-")]


def test_next_run_resumes(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/file", CONTENT, cut=[250_000], statuses=[200, 503, 503, 503])
    with pytest.raises(InputError, match="503"):
        get(publisher, tmp_path / "f.part")
    assert (tmp_path / "f.part").stat().st_size == 250_000
    get(publisher, tmp_path / "f.part")
    assert publisher.requests[-1] == ("/file", "bytes=250000-")
    assert (tmp_path / "f.part").read_bytes() == CONTENT


def test_server_without_ranges(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/file", CONTENT, cut=[300_000], ranges=False)
    get(publisher, tmp_path / "f.part")
    assert (tmp_path / "f.part").read_bytes() == CONTENT


@pytest.mark.parametrize("if_range", [True, False])
def test_file_that_changes_midway(publisher: Any, tmp_path: Path, if_range: bool) -> None:
    other = CONTENT[::-1] + b"longer"
    publisher.add("/file", CONTENT, cut=[300_000], after_cut=other, if_range=if_range)
    get(publisher, tmp_path / "f.part")
    assert (tmp_path / "f.part").read_bytes() == other


def test_no_resume_without_etag_or_date(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/file", CONTENT, cut=[300_000], etag=None, if_range=False)
    get(publisher, tmp_path / "f.part")
    assert (tmp_path / "f.part").read_bytes() == CONTENT
    assert publisher.requests == [("/file", None), ("/file", None)]


def test_no_resume_of_another_address(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/old", CONTENT[::-1], cut=[200_000], statuses=[200, 500, 500, 500])
    publisher.add("/file", CONTENT)
    with pytest.raises(InputError):
        get(publisher, tmp_path / "f.part", "/old")
    get(publisher, tmp_path / "f.part")
    assert (tmp_path / "f.part").read_bytes() == CONTENT


def test_partial_file_that_is_too_long(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/file", CONTENT, cut=[300_000], statuses=[200, 500, 500, 500])
    with pytest.raises(InputError):
        get(publisher, tmp_path / "f.part")
    (tmp_path / "f.part").write_bytes(CONTENT + b"more")
    get(publisher, tmp_path / "f.part")
    assert (tmp_path / "f.part").read_bytes() == CONTENT


def test_complete_partial_file(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/file", CONTENT)
    get(publisher, tmp_path / "f.part")  # and the process is killed before it can verify
    publisher.files["/file"].cut = [0]
    get(publisher, tmp_path / "f.part")
    assert (tmp_path / "f.part").read_bytes() == CONTENT
    assert publisher.requests[1:] == [("/file", f"bytes={len(CONTENT)}-")]


def test_full_disk(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/file", CONTENT)
    (tmp_path / "f.part").symlink_to("/dev/full")
    with pytest.raises(InputError, match=r"f\.part: cannot be written \(No space left on device\)"):
        get(publisher, tmp_path / "f.part")


def test_busy_server(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/file", CONTENT, statuses=[503, 429])
    get(publisher, tmp_path / "f.part")
    assert (tmp_path / "f.part").read_bytes() == CONTENT


def test_no_such_file(publisher: Any, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="/file: the server has no such file"):
        get(publisher, tmp_path / "f.part")
    assert len(publisher.requests) == 1


def test_forbidden(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/file", CONTENT, statuses=[403])
    with pytest.raises(InputError, match="403"):
        get(publisher, tmp_path / "f.part")
    assert len(publisher.requests) == 1


def test_dead_host() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(InputError, match=r"no connection \(Connection refused\), after 3 tries") as error:
        CLIENT.read(f"http://127.0.0.1:{port}/list")
    assert "\n" not in str(error.value)


def test_silent_server(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.monotonic()
        with pytest.raises(InputError, match="no answer in time"):
            Client(timeout=0.1, retries=1, pause=0.01).fetch(
                f"http://127.0.0.1:{silent.getsockname()[1]}/f", tmp_path / "f.part", lambda *_: None
            )
        assert time.monotonic() - began < 3


def test_read(publisher: Any) -> None:
    publisher.add("/list", b"abc", statuses=[500])
    assert CLIENT.read(publisher.url + "/list") == b"abc"


@pytest.mark.parametrize("length", ["abc", "-1", "1.5", "²", None])
def test_answer_without_an_end(publisher: Any, tmp_path: Path, length: str | None) -> None:
    """Nobody can tell whether it is whole, so it is not taken."""
    publisher.add("/file", CONTENT, length=length and length.encode().decode("latin-1"))
    with pytest.raises(InputError, match=r"Content-Length is .*, expected the number"):
        get(publisher, tmp_path / "f.part")
    assert list(tmp_path.iterdir()) == []
