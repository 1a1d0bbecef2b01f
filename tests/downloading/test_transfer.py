"""Files come whole, whatever the server does."""

import random
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from isoclr.downloading.transfer import NotThereError, Patience, fetch, forget, read_small
from isoclr.errors import InputError

PATIENCE = Patience(timeout=5.0, retries=2, pause=0.01)
CONTENT = random.Random(0).randbytes(700_000)


def quiet(done: int, total: int | None) -> None:
    """Progress that nobody looks at."""


def get(publisher: Any, target: Path, path: str = "/file") -> list[tuple[int, int | None]]:
    told: list[tuple[int, int | None]] = []
    fetch(publisher.url + path, target, PATIENCE, lambda done, total: told.append((done, total)))
    return told


def test_a_file_comes_whole_and_progress_is_told(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/file", CONTENT)
    told = get(publisher, tmp_path / "f.part")
    assert (tmp_path / "f.part").read_bytes() == CONTENT
    assert told[0] == (0, len(CONTENT))
    assert told[-1] == (len(CONTENT), len(CONTENT))
    forget(tmp_path / "f.part")
    assert list(tmp_path.iterdir()) == []


def test_a_broken_connection_goes_on_where_it_stopped(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/file", CONTENT, cut=[300_000, 100_000])
    get(publisher, tmp_path / "f.part")
    assert (tmp_path / "f.part").read_bytes() == CONTENT
    assert publisher.asked == [
        ("/file", None),
        ("/file", "bytes=300000-"),
        ("/file", "bytes=400000-"),
    ]


def test_the_next_run_goes_on_where_the_last_one_stopped(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/file", CONTENT, cut=[250_000], statuses=[200, 503, 503, 503])
    with pytest.raises(InputError, match="503"):
        get(publisher, tmp_path / "f.part")
    assert (tmp_path / "f.part").stat().st_size == 250_000
    get(publisher, tmp_path / "f.part")
    assert publisher.asked[-1] == ("/file", "bytes=250000-")
    assert (tmp_path / "f.part").read_bytes() == CONTENT


def test_a_server_without_ranges_sends_everything_again(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/file", CONTENT, cut=[300_000], ranges=False)
    get(publisher, tmp_path / "f.part")
    assert (tmp_path / "f.part").read_bytes() == CONTENT


@pytest.mark.parametrize("if_range", [True, False])
def test_a_file_that_changes_midway_is_begun_again(
    publisher: Any, tmp_path: Path, if_range: bool
) -> None:
    other = CONTENT[::-1] + b"longer"
    publisher.add("/file", CONTENT, cut=[300_000], after_cut=other, if_range=if_range)
    get(publisher, tmp_path / "f.part")
    assert (tmp_path / "f.part").read_bytes() == other


def test_without_etag_or_date_nothing_is_joined(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/file", CONTENT, cut=[300_000], etag=None, if_range=False)
    get(publisher, tmp_path / "f.part")
    assert (tmp_path / "f.part").read_bytes() == CONTENT
    assert publisher.asked == [("/file", None), ("/file", None)]


def test_the_part_of_another_address_is_not_continued(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/old", CONTENT[::-1], cut=[200_000], statuses=[200, 500, 500, 500])
    publisher.add("/file", CONTENT)
    with pytest.raises(InputError):
        get(publisher, tmp_path / "f.part", "/old")
    get(publisher, tmp_path / "f.part")
    assert (tmp_path / "f.part").read_bytes() == CONTENT


def test_a_part_that_is_too_long_is_begun_again(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/file", CONTENT, cut=[300_000], statuses=[200, 500, 500, 500])
    with pytest.raises(InputError):
        get(publisher, tmp_path / "f.part")
    (tmp_path / "f.part").write_bytes(CONTENT + b"more")
    get(publisher, tmp_path / "f.part")
    assert (tmp_path / "f.part").read_bytes() == CONTENT


def test_a_whole_part_is_not_fetched_again(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/file", CONTENT)
    get(publisher, tmp_path / "f.part")  # and the process is killed before it can verify
    publisher.files["/file"].cut = [0]
    get(publisher, tmp_path / "f.part")
    assert (tmp_path / "f.part").read_bytes() == CONTENT
    assert publisher.asked[1:] == [("/file", f"bytes={len(CONTENT)}-")]


def test_a_full_disk_ends_with_one_line(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/file", CONTENT)
    (tmp_path / "f.part").symlink_to("/dev/full")
    with pytest.raises(InputError, match=r"f\.part: cannot be written \(No space left on device\)"):
        get(publisher, tmp_path / "f.part")


def test_a_busy_server_is_asked_again(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/file", CONTENT, statuses=[503, 429])
    get(publisher, tmp_path / "f.part")
    assert (tmp_path / "f.part").read_bytes() == CONTENT


def test_no_such_file_is_said_at_once(publisher: Any, tmp_path: Path) -> None:
    with pytest.raises(NotThereError, match="/file: the server has no such file"):
        get(publisher, tmp_path / "f.part")
    assert len(publisher.asked) == 1


def test_a_refusal_is_final(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/file", CONTENT, statuses=[403])
    with pytest.raises(InputError, match="403"):
        get(publisher, tmp_path / "f.part")
    assert len(publisher.asked) == 1


def test_a_dead_host_ends_with_one_line() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(
        InputError, match=r"no connection \(Connection refused\), after 3 tries"
    ) as error:
        read_small(f"http://127.0.0.1:{port}/list", PATIENCE)
    assert "\n" not in str(error.value)


def test_a_silent_server_is_not_waited_for_forever(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.monotonic()
        with pytest.raises(InputError, match="no answer in time"):
            fetch(
                f"http://127.0.0.1:{silent.getsockname()[1]}/f",
                tmp_path / "f.part",
                Patience(timeout=0.1, retries=1, pause=0.01),
                quiet,
            )
        assert time.monotonic() - began < 3


def test_a_small_file_is_read_after_a_failure(publisher: Any) -> None:
    publisher.add("/list", b"abc", statuses=[500])
    assert read_small(publisher.url + "/list", PATIENCE) == b"abc"
