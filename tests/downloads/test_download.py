"""Downloads are verified, kept, and noticed when they change."""

import gzip
import hashlib
import random
import socket
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest

from isoclr.downloads.download import (
    NotThereError,
    Patience,
    check_gzip,
    digests,
    download,
    fetch,
    forget,
    published_md5,
    read_lock,
    read_small,
    write_lock,
)
from isoclr.errors import InputError

WORM = "/hgdownload.soe.ucsc.edu/goldenPath/ce11/bigZips"
GENOME = gzip.compress(b">chrI\nACGT\n", mtime=0)
MODELS = gzip.compress(b"chrI\tncbiRefSeq\texon\t1\t4\n", mtime=0)
NCBI = "/ftp.ncbi.nlm.nih.gov"


@pytest.fixture
def worm(publisher: Any) -> Any:
    publisher.add(f"{WORM}/ce11.fa.gz", GENOME)
    publisher.add_md5(f"{WORM}/md5sum.txt", "ce11.fa.gz")
    publisher.add(f"{WORM}/genes/ce11.ncbiRefSeq.gtf.gz", MODELS)
    return publisher


def get(publisher: Any, out: Path, *what: str, **options: Any) -> dict[str, tuple[str, str]]:
    files = download(what, out=out, mirror=publisher.url, retries=0, **options)
    return {file.entry.name: (file.status, file.verified) for file in files}


def test_files_are_fetched_verified_and_kept(worm: Any, tmp_path: Path) -> None:
    first = get(worm, tmp_path, "worm")
    assert first == {
        "worm/annotation": ("fetched", "gz unpacks, SHA-256 noted"),
        "worm/genome": ("fetched", "publisher's MD5"),
    }
    assert (tmp_path / "worm/ce11.fa.gz").read_bytes() == GENOME
    lock = (tmp_path / "SHA256SUMS").read_text()
    assert f"{hashlib.sha256(GENOME).hexdigest()}  worm/ce11.fa.gz\n" in lock
    worm.asked.clear()
    assert {status for status, _ in get(worm, tmp_path, "worm").values()} == {"kept"}
    assert worm.asked == []


def test_nothing_but_the_files_is_left(worm: Any, tmp_path: Path) -> None:
    get(worm, tmp_path, "worm")
    files = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert files == {
        "SHA256SUMS",
        "inputs.toml",
        "worm/ce11.fa.gz",
        "worm/ce11.ncbiRefSeq.gtf.gz",
    }


def test_a_wrong_checksum_is_said_and_the_file_deleted(worm: Any, tmp_path: Path) -> None:
    worm.files[f"{WORM}/ce11.fa.gz"].content = gzip.compress(b">chrI\nTTTT\n")
    with pytest.raises(InputError, match=r"ce11\.fa\.gz: what came has MD5 .* expected"):
        get(worm, tmp_path, "worm/genome")
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_a_list_that_must_be_there_is_missed(worm: Any, tmp_path: Path) -> None:
    del worm.files[f"{WORM}/md5sum.txt"]
    with pytest.raises(InputError, match=r"md5sum\.txt: the server has no such file"):
        get(worm, tmp_path, "worm/genome")
    worm.add(f"{WORM}/md5sum.txt", b"")
    with pytest.raises(InputError, match=r"has no MD5 sum of ce11\.fa\.gz"):
        get(worm, tmp_path, "worm/genome")


def test_a_list_that_does_not_come_costs_no_second_download(worm: Any, tmp_path: Path) -> None:
    worm.files[f"{WORM}/md5sum.txt"].statuses = [500]
    with pytest.raises(InputError, match="500"):
        get(worm, tmp_path, "worm/genome")
    worm.asked.clear()
    get(worm, tmp_path, "worm/genome")
    assert worm.asked[0] == (f"{WORM}/ce11.fa.gz", f"bytes={len(GENOME)}-")
    assert (tmp_path / "worm/ce11.fa.gz").read_bytes() == GENOME


def test_a_file_is_no_place_for_files(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    with pytest.raises(InputError, match="is a file, expected a directory"):
        download(("worm",), out=tmp_path / "f")


def test_a_list_that_may_be_there_is_used(worm: Any, tmp_path: Path) -> None:
    worm.add_md5(f"{WORM}/genes/md5sum.txt", "ce11.ncbiRefSeq.gtf.gz")
    assert get(worm, tmp_path, "worm/annotation") == {
        "worm/annotation": ("fetched", "publisher's MD5")
    }


def test_the_second_address_is_tried(worm: Any, tmp_path: Path) -> None:
    worm.files[f"{WORM}/genes/ncbiRefSeq.gtf.gz"] = worm.files.pop(
        f"{WORM}/genes/ce11.ncbiRefSeq.gtf.gz"
    )
    get(worm, tmp_path, "worm/annotation")
    assert (tmp_path / "worm/ce11.ncbiRefSeq.gtf.gz").read_bytes() == MODELS


def test_a_damaged_gz_is_refused(worm: Any, tmp_path: Path) -> None:
    worm.files[f"{WORM}/genes/ce11.ncbiRefSeq.gtf.gz"].content = MODELS[:-6]
    with pytest.raises(InputError, match="no whole gz file"):
        get(worm, tmp_path, "worm/annotation")
    assert not (tmp_path / "worm/ce11.ncbiRefSeq.gtf.gz").exists()


def test_a_file_damaged_on_disk_is_fetched_again(worm: Any, tmp_path: Path) -> None:
    get(worm, tmp_path, "worm/genome")
    (tmp_path / "worm/ce11.fa.gz").write_bytes(b"damaged")
    assert get(worm, tmp_path, "worm/genome")["worm/genome"][0] == "fetched"
    assert (tmp_path / "worm/ce11.fa.gz").read_bytes() == GENOME


def test_a_change_at_the_publisher_is_noticed(publisher: Any, tmp_path: Path) -> None:
    path = f"{NCBI}/gene/DATA/gene_orthologs.gz"
    publisher.add(path, gzip.compress(b"old"))
    get(publisher, tmp_path, "homology/gene_orthologs")
    (tmp_path / "homology/gene_orthologs.gz").unlink()
    publisher.add(path, gzip.compress(b"new"))
    with pytest.raises(InputError, match="has changed since it was first fetched"):
        get(publisher, tmp_path, "homology/gene_orthologs")
    get(publisher, tmp_path, "homology/gene_orthologs", update=True)
    assert gzip.decompress((tmp_path / "homology/gene_orthologs.gz").read_bytes()) == b"new"


def test_inputs_are_listed_for_the_build(worm: Any, tmp_path: Path) -> None:
    worm.add(f"{NCBI}/pub/HomoloGene/build68/homologene.data", b"3\t9606\t34\tACADM\t\t\n")
    get(worm, tmp_path, "worm", "homology/homologene")
    inputs = tomllib.loads((tmp_path / "inputs.toml").read_text())
    assert inputs == {
        "homology": "homology/homologene.data",
        "input": [
            {
                "species": "worm",
                "genome": "worm/ce11.fa.gz",
                "annotation": "worm/ce11.ncbiRefSeq.gtf.gz",
            }
        ],
    }


def test_the_list_asks_nobody(tmp_path: Path) -> None:
    files = download(("worm",), out=tmp_path / "none", list_only=True, mirror="http://127.0.0.1:9")
    assert [(f.entry.name, f.status) for f in files] == [
        ("worm/annotation", "missing"),
        ("worm/genome", "missing"),
    ]
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mirror": "ftp://x"}, "--mirror"),
        ({"retries": -1}, "--retries"),
        ({"timeout": 0.0}, "--timeout"),
        ({"timeout": float("nan")}, "--timeout"),
        ({"timeout": float("inf")}, "--timeout"),
    ],
)
def test_bad_options_are_refused(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        download(("worm",), out=tmp_path, **options)


PATIENCE = Patience(timeout=5.0, retries=2, pause=0.01)
CONTENT = random.Random(0).randbytes(700_000)


def quiet(done: int, total: int | None) -> None:
    """Progress that nobody looks at."""


def get_transfer(publisher: Any, target: Path, path: str = "/file") -> list[tuple[int, int | None]]:
    told: list[tuple[int, int | None]] = []
    fetch(publisher.url + path, target, PATIENCE, lambda done, total: told.append((done, total)))
    return told


def test_a_file_comes_whole_and_progress_is_told(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/file", CONTENT)
    told = get_transfer(publisher, tmp_path / "f.part")
    assert (tmp_path / "f.part").read_bytes() == CONTENT
    assert told[0] == (0, len(CONTENT))
    assert told[-1] == (len(CONTENT), len(CONTENT))
    forget(tmp_path / "f.part")
    assert list(tmp_path.iterdir()) == []


def test_a_broken_connection_goes_on_where_it_stopped(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/file", CONTENT, cut=[300_000, 100_000])
    get_transfer(publisher, tmp_path / "f.part")
    assert (tmp_path / "f.part").read_bytes() == CONTENT
    assert publisher.asked == [
        ("/file", None),
        ("/file", "bytes=300000-"),
        ("/file", "bytes=400000-"),
    ]


def test_the_next_run_goes_on_where_the_last_one_stopped(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/file", CONTENT, cut=[250_000], statuses=[200, 503, 503, 503])
    with pytest.raises(InputError, match="503"):
        get_transfer(publisher, tmp_path / "f.part")
    assert (tmp_path / "f.part").stat().st_size == 250_000
    get_transfer(publisher, tmp_path / "f.part")
    assert publisher.asked[-1] == ("/file", "bytes=250000-")
    assert (tmp_path / "f.part").read_bytes() == CONTENT


def test_a_server_without_ranges_sends_everything_again(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/file", CONTENT, cut=[300_000], ranges=False)
    get_transfer(publisher, tmp_path / "f.part")
    assert (tmp_path / "f.part").read_bytes() == CONTENT


@pytest.mark.parametrize("if_range", [True, False])
def test_a_file_that_changes_midway_is_begun_again(
    publisher: Any, tmp_path: Path, if_range: bool
) -> None:
    other = CONTENT[::-1] + b"longer"
    publisher.add("/file", CONTENT, cut=[300_000], after_cut=other, if_range=if_range)
    get_transfer(publisher, tmp_path / "f.part")
    assert (tmp_path / "f.part").read_bytes() == other


def test_without_etag_or_date_nothing_is_joined(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/file", CONTENT, cut=[300_000], etag=None, if_range=False)
    get_transfer(publisher, tmp_path / "f.part")
    assert (tmp_path / "f.part").read_bytes() == CONTENT
    assert publisher.asked == [("/file", None), ("/file", None)]


def test_the_part_of_another_address_is_not_continued(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/old", CONTENT[::-1], cut=[200_000], statuses=[200, 500, 500, 500])
    publisher.add("/file", CONTENT)
    with pytest.raises(InputError):
        get_transfer(publisher, tmp_path / "f.part", "/old")
    get_transfer(publisher, tmp_path / "f.part")
    assert (tmp_path / "f.part").read_bytes() == CONTENT


def test_a_part_that_is_too_long_is_begun_again(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/file", CONTENT, cut=[300_000], statuses=[200, 500, 500, 500])
    with pytest.raises(InputError):
        get_transfer(publisher, tmp_path / "f.part")
    (tmp_path / "f.part").write_bytes(CONTENT + b"more")
    get_transfer(publisher, tmp_path / "f.part")
    assert (tmp_path / "f.part").read_bytes() == CONTENT


def test_a_whole_part_is_not_fetched_again(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/file", CONTENT)
    get_transfer(publisher, tmp_path / "f.part")  # and the process is killed before it can verify
    publisher.files["/file"].cut = [0]
    get_transfer(publisher, tmp_path / "f.part")
    assert (tmp_path / "f.part").read_bytes() == CONTENT
    assert publisher.asked[1:] == [("/file", f"bytes={len(CONTENT)}-")]


def test_a_full_disk_ends_with_one_line(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/file", CONTENT)
    (tmp_path / "f.part").symlink_to("/dev/full")
    with pytest.raises(InputError, match=r"f\.part: cannot be written \(No space left on device\)"):
        get_transfer(publisher, tmp_path / "f.part")


def test_a_busy_server_is_asked_again(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/file", CONTENT, statuses=[503, 429])
    get_transfer(publisher, tmp_path / "f.part")
    assert (tmp_path / "f.part").read_bytes() == CONTENT


def test_no_such_file_is_said_at_once(publisher: Any, tmp_path: Path) -> None:
    with pytest.raises(NotThereError, match="/file: the server has no such file"):
        get_transfer(publisher, tmp_path / "f.part")
    assert len(publisher.asked) == 1


def test_a_refusal_is_final(publisher: Any, tmp_path: Path) -> None:
    publisher.add("/file", CONTENT, statuses=[403])
    with pytest.raises(InputError, match="403"):
        get_transfer(publisher, tmp_path / "f.part")
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


MD5 = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    "line",
    [
        f"{MD5}  a.gz",
        f"{MD5} *a.gz",
        f"{MD5.upper()}  ./a.gz",
        f"MD5 (a.gz) = {MD5}",
        f"{MD5}\ta.gz",
    ],
)
def test_each_kind_of_list_is_read(line: str) -> None:
    assert published_md5(f"# sums\n{'f' * 32}  other\n{line}\n".encode(), ("a.gz",)) == MD5


def test_zenodo_records_are_read() -> None:
    record = (
        b'{"files": [{"key": "b", "checksum": "md5:x"}, {"key": "a.zip", "checksum": "md5:%s"}]}'
    )
    assert published_md5(record % MD5.encode(), ("a.zip",)) == MD5


@pytest.mark.parametrize("content", [b"", b"<html>", b'{"files": 3}', b"{not json", b"abc  a.gz"])
def test_a_list_without_the_file_says_nothing(content: bytes) -> None:
    assert published_md5(content, ("a.gz",)) is None


def test_digests_are_those_of_the_content(tmp_path: Path) -> None:
    content = bytes(range(256)) * 40_000
    (tmp_path / "f").write_bytes(content)
    found = digests(tmp_path / "f")
    assert found.md5 == hashlib.md5(content).hexdigest()
    assert found.sha256 == hashlib.sha256(content).hexdigest()


def test_gz_files_are_unpacked_to_their_end(tmp_path: Path) -> None:
    whole = gzip.compress(b"ACGT" * 10_000) + gzip.compress(b"second member")
    path = tmp_path / "f.gz"
    path.write_bytes(whole)
    check_gzip(path, "address")
    damaged = bytearray(whole)
    damaged[30] ^= 0xFF
    for content in (whole[:-5], bytes(damaged), b"<html>not found</html>"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="address: what came is no whole gz file"):
            check_gzip(path, "address")


def test_the_lock_is_what_was_written(tmp_path: Path) -> None:
    assert read_lock(tmp_path) == {}
    locked = {"b/f": "1" * 64, "a file": "2" * 64}
    write_lock(tmp_path, locked)
    assert read_lock(tmp_path) == locked


def test_a_lock_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "SHA256SUMS").write_text("1" * 64 + "  a\nnonsense\n")
    with pytest.raises(InputError, match="line 2 is 'nonsense'"):
        read_lock(tmp_path)
