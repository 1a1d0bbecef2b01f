"""Downloads are verified, kept, and noticed when they change."""

import gzip
import hashlib
import tomllib
from pathlib import Path
from typing import Any

import pytest

from isoclr.cli import main
from isoclr.downloads.download import check_gzip, download, published_md5, read_lock, write_lock
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


def test_download(worm: Any, tmp_path: Path) -> None:
    first = get(worm, tmp_path, "worm")
    assert first == {
        "worm/annotation": ("fetched", "gz unpacks, SHA-256 recorded"),
        "worm/genome": ("fetched", "publisher's MD5"),
    }
    assert (tmp_path / "worm/ce11.fa.gz").read_bytes() == GENOME
    lock = (tmp_path / "SHA256SUMS").read_text()
    assert f"{hashlib.sha256(GENOME).hexdigest()}  worm/ce11.fa.gz\n" in lock
    worm.requests.clear()
    assert {status for status, _ in get(worm, tmp_path, "worm").values()} == {"kept"}
    assert worm.requests == []


def test_no_other_files_are_left(worm: Any, tmp_path: Path) -> None:
    get(worm, tmp_path, "worm")
    files = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert files == {"SHA256SUMS", "inputs.toml", "worm/ce11.fa.gz", "worm/ce11.ncbiRefSeq.gtf.gz"}


def test_wrong_checksum(worm: Any, tmp_path: Path) -> None:
    worm.files[f"{WORM}/ce11.fa.gz"].content = gzip.compress(b">chrI\nTTTT\n")
    with pytest.raises(InputError, match=r"ce11\.fa\.gz: the download has MD5 .* expected"):
        get(worm, tmp_path, "worm/genome")
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_missing_required_checksums(worm: Any, tmp_path: Path) -> None:
    del worm.files[f"{WORM}/md5sum.txt"]
    with pytest.raises(InputError, match=r"md5sum\.txt: the server has no such file"):
        get(worm, tmp_path, "worm/genome")
    worm.add(f"{WORM}/md5sum.txt", b"")
    with pytest.raises(InputError, match=r"has no MD5 sum of ce11\.fa\.gz"):
        get(worm, tmp_path, "worm/genome")


def test_failed_checksums_keep_the_partial_file(worm: Any, tmp_path: Path) -> None:
    worm.files[f"{WORM}/md5sum.txt"].statuses = [500]
    with pytest.raises(InputError, match="500"):
        get(worm, tmp_path, "worm/genome")
    worm.requests.clear()
    get(worm, tmp_path, "worm/genome")
    assert worm.requests[0] == (f"{WORM}/ce11.fa.gz", f"bytes={len(GENOME)}-")
    assert (tmp_path / "worm/ce11.fa.gz").read_bytes() == GENOME


def test_output_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    with pytest.raises(InputError, match="is a file, expected a directory"):
        download(("worm",), out=tmp_path / "f")


def test_optional_checksums(worm: Any, tmp_path: Path) -> None:
    worm.add_md5(f"{WORM}/genes/md5sum.txt", "ce11.ncbiRefSeq.gtf.gz")
    assert get(worm, tmp_path, "worm/annotation") == {"worm/annotation": ("fetched", "publisher's MD5")}


def test_second_address(worm: Any, tmp_path: Path) -> None:
    worm.files[f"{WORM}/genes/ncbiRefSeq.gtf.gz"] = worm.files.pop(f"{WORM}/genes/ce11.ncbiRefSeq.gtf.gz")
    get(worm, tmp_path, "worm/annotation")
    assert (tmp_path / "worm/ce11.ncbiRefSeq.gtf.gz").read_bytes() == MODELS


def test_damaged_gz(worm: Any, tmp_path: Path) -> None:
    worm.files[f"{WORM}/genes/ce11.ncbiRefSeq.gtf.gz"].content = MODELS[:-6]
    with pytest.raises(InputError, match="not a complete gz file"):
        get(worm, tmp_path, "worm/annotation")
    assert not (tmp_path / "worm/ce11.ncbiRefSeq.gtf.gz").exists()


def test_file_damaged_on_disk(worm: Any, tmp_path: Path) -> None:
    get(worm, tmp_path, "worm/genome")
    (tmp_path / "worm/ce11.fa.gz").write_bytes(b"damaged")
    assert get(worm, tmp_path, "worm/genome")["worm/genome"][0] == "fetched"
    assert (tmp_path / "worm/ce11.fa.gz").read_bytes() == GENOME


def test_change_at_the_publisher(publisher: Any, tmp_path: Path) -> None:
    path = f"{NCBI}/gene/DATA/gene_orthologs.gz"
    publisher.add(path, gzip.compress(b"old"))
    get(publisher, tmp_path, "homology/gene_orthologs")
    (tmp_path / "homology/gene_orthologs.gz").unlink()
    publisher.add(path, gzip.compress(b"new"))
    with pytest.raises(InputError, match="has changed since it was first fetched"):
        get(publisher, tmp_path, "homology/gene_orthologs")
    get(publisher, tmp_path, "homology/gene_orthologs", update=True)
    assert gzip.decompress((tmp_path / "homology/gene_orthologs.gz").read_bytes()) == b"new"


def test_inputs_toml(worm: Any, tmp_path: Path) -> None:
    worm.add(f"{NCBI}/pub/HomoloGene/build68/homologene.data", b"3\t9606\t34\tACADM\t\t\n")
    get(worm, tmp_path, "worm", "homology/homologene")
    inputs = tomllib.loads((tmp_path / "inputs.toml").read_text())
    assert inputs == {
        "homology": "homology/homologene.data",
        "input": [{"species": "worm", "genome": "worm/ce11.fa.gz", "annotation": "worm/ce11.ncbiRefSeq.gtf.gz"}],
    }


def test_list_only_needs_no_network(tmp_path: Path) -> None:
    files = download(("worm",), out=tmp_path / "none", list_only=True, mirror="http://127.0.0.1:9")
    assert [(f.entry.name, f.status) for f in files] == [("worm/annotation", "missing"), ("worm/genome", "missing")]
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
def test_bad_options(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        download(("worm",), out=tmp_path, **options)


MD5 = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    "line", [f"{MD5}  a.gz", f"{MD5} *a.gz", f"{MD5.upper()}  ./a.gz", f"MD5 (a.gz) = {MD5}", f"{MD5}\ta.gz"]
)
def test_published_md5(line: str) -> None:
    assert published_md5(f"# sums\n{'f' * 32}  other\n{line}\n".encode(), "a.gz") == MD5


def test_published_md5_of_zenodo() -> None:
    record = b'{"files": [{"key": "b", "checksum": "md5:x"}, {"key": "a.zip", "checksum": "md5:%s"}]}'
    assert published_md5(record % MD5.encode(), "a.zip") == MD5


@pytest.mark.parametrize("content", [b"", b"<html>", b'{"files": 3}', b"{not json", b"abc  a.gz"])
def test_published_md5_without_the_file(content: bytes) -> None:
    assert published_md5(content, "a.gz") is None


def test_check_gzip(tmp_path: Path) -> None:
    whole = gzip.compress(b"ACGT" * 10_000) + gzip.compress(b"second member")
    path = tmp_path / "f.gz"
    path.write_bytes(whole)
    check_gzip(path, "address")
    damaged = bytearray(whole)
    damaged[30] ^= 0xFF
    for content in (whole[:-5], bytes(damaged), b"<html>not found</html>"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="address: the download is not a complete gz file"):
            check_gzip(path, "address")


def test_lock(tmp_path: Path) -> None:
    assert read_lock(tmp_path) == {}
    locked = {"b/f": "1" * 64, "a file": "2" * 64}
    write_lock(tmp_path, locked)
    assert read_lock(tmp_path) == locked


def test_bad_lock(tmp_path: Path) -> None:
    (tmp_path / "SHA256SUMS").write_text("1" * 64 + "  a\nnonsense\n")
    with pytest.raises(InputError, match="line 2 is 'nonsense'"):
        read_lock(tmp_path)


def test_command_list_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["download", "worm/genome", "--list-only"]) == 0
    name, status, address, checksums = capsys.readouterr().out.strip().split("\t")
    assert (name, status) == ("worm/genome", "missing")
    assert address.endswith("/ce11.fa.gz")
    assert checksums.endswith("/md5sum.txt")


def test_command_with_unknown_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["download", "axolotl"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("isoclr: error: 'axolotl' cannot be downloaded")
    assert err.count("\n") == 1


def test_command_with_dead_host(capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    out = str(tmp_path_factory.mktemp("out"))
    mirror = "http://127.0.0.1:9"  # the discard port, closed everywhere
    argv = ["download", "worm/genome", "--out", out, "--mirror", mirror, "--retries", "0"]
    assert main(argv) == 2
    assert "isoclr: error: http://127.0.0.1:9/hgdownload" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["ce11.fa.gz.part", "ce11.fa.gz.part.state"])
def test_links_at_a_partial_file_are_not_followed(worm: Any, tmp_path: Path, name: str) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    folder = tmp_path / "data" / "worm"
    folder.mkdir(parents=True)
    (folder / name).symlink_to(tmp_path / "thesis.txt")
    get(worm, tmp_path / "data", "worm/genome")
    assert (tmp_path / "thesis.txt").read_text() == "mine"
    assert (folder / "ce11.fa.gz").read_bytes() == GENOME
