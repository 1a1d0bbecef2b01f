"""Downloads are verified, kept, and noticed when they change."""

import gzip
import hashlib
import tomllib
from pathlib import Path
from typing import Any

import pytest

from isoclr.downloading import download
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
