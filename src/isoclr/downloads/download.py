"""``isoclr download``: fetch, verify and keep the files of the catalog."""

import gzip
import hashlib
import json
import math
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from isoclr._console import err, info
from isoclr._io import atomic_path, exclusive, sha256
from isoclr._report import Report, Row, Table
from isoclr.downloads.catalog import CATALOG, Entry, prepare, select_entries
from isoclr.downloads.transfer import Client, NotFoundError, Progress, forget, has_links
from isoclr.errors import InputError, printable

LOCK = "SHA256SUMS"
_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True)
class Download:
    """A file of the catalog on disk."""

    entry: Entry
    path: Path
    status: str  # fetched, kept (there and unchanged), or, in a list, here and missing
    verified: str  # How the file was verified
    size: int = 0  # Bytes on disk


@dataclass(frozen=True)
class Downloads(Report):
    """Result of :func:`download`."""

    files: list[Download]
    list_only: bool = False

    def __iter__(self) -> Iterator[Download]:
        return iter(self.files)

    def rows(self) -> list[Row]:
        """Tidy records: one per file."""
        return [
            {
                "file": file.entry.name,
                "status": file.status,
                "url": file.entry.urls[0],
                "checksums": file.entry.checksums or "-",
                "bytes": file.size,
                "verified": file.verified,
            }
            for file in self.files
        ]

    def tables(self) -> Iterator[Table]:
        """Files with their sizes and how they were verified."""
        columns = ("file", "status", "MB", "verified by")
        rows = [(f.entry.name, f.status, f"{f.size / 1e6:,.1f}", f.verified) for f in self.files]
        yield Table("downloads", columns, rows)

    def print(self) -> None:
        """Print the table, or the list separated by tabs."""
        if self.list_only:
            for row in self.rows():
                fields = (str(row[name]) for name in ("file", "status", "url", "checksums"))
                print(printable("\t".join(fields)))  # rich would expand the tabs
        else:
            super().print()


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
    """Download annotations, genomes, homology and labels from their publishers.

    The paper's ten species (GENCODE human v41 and mouse M25, RefSeq for chicken, worm, chimpanzee, cow, dog, fly, rat
    and zebrafish), HomoloGene, NCBI's gene_orthologs and gene2ensembl, and the half-lives of human and mouse mRNAs:
    about 7 GB. Interrupted downloads are resumed, and unchanged files are not downloaded again. Files are verified by
    the publisher's MD5 sum, else by their size and by unpacking gz. `SHA256SUMS` records the SHA-256 of every file, so
    that later changes are noticed. `inputs.toml` lists all complete species for `isoclr build`.

    Args:
        what: Species (human), groups (homology, ids, labels) or files (human/genome). By default everything but the
            19 GB archive labels/saluki_archive.
        out: Directory for the files.
        list_only: List the files with their addresses, without downloading.
        mirror: Address of a mirror, which has the files below the name of their host: BASE/ftp.ebi.ac.uk/pub/...
        update: Accept files that the publisher has changed.
        timeout: Seconds without an answer before a connection counts as dead.
        retries: Number of further attempts without progress.

    Returns:
        The files and how they were verified.

    Raises:
        InputError: An unknown name, no such file, no answer, or a wrong checksum.
    """
    entries, folder = select_entries(what), Path(out)
    if mirror is not None and urlsplit(mirror).scheme not in ("http", "https"):
        raise InputError(f"--mirror is {mirror!r}, expected an address that starts with http(s)://")
    if retries < 0:
        raise InputError(f"--retries is {retries}, expected at least 0")
    if not 0 < timeout < math.inf:
        raise InputError(f"--timeout is {timeout}, expected more than 0 seconds")
    if list_only:
        return Downloads([_listed(entry, folder / entry.file) for entry in entries], list_only=True)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--out {folder} is a file, expected a directory")
    with exclusive(folder):
        downloader = _Downloader(folder, mirror, update, Client(timeout, retries))
        files = _with_progress(downloader, entries)
        prepare(folder, CATALOG)
    return Downloads(files)


def _listed(entry: Entry, path: Path) -> Download:
    verified = entry.checksums or "size, SHA-256 recorded"
    if not path.exists():
        return Download(entry, path, "missing", verified)
    return Download(entry, path, "here", verified, path.stat().st_size)


def _with_progress(downloader: "_Downloader", entries: list[Entry]) -> list[Download]:
    """Download the files one after the other, each with a progress bar."""
    from rich import progress as rich

    columns = (
        rich.TextColumn("{task.description}", markup=False),
        rich.BarColumn(bar_width=30),
        rich.DownloadColumn(),
        rich.TransferSpeedColumn(),
        rich.TimeRemainingColumn(),
    )
    files = []
    with rich.Progress(*columns, console=err) as bar:
        for entry in entries:
            task = bar.add_task(entry.name, total=None)

            def advance(done: int, total: int | None, task: rich.TaskID = task) -> None:
                bar.update(task, completed=done, total=total)

            files.append(downloader.get(entry, advance))
            advance(files[-1].size, files[-1].size)
    return files


@dataclass(frozen=True)
class _Downloader:
    """Downloads files to one directory and records their SHA-256."""

    folder: Path
    mirror: str | None
    update: bool
    client: Client

    def get(self, entry: Entry, advance: Progress) -> Download:
        """Keep a file if it is unchanged, else download and verify it."""
        path = self.folder / entry.file
        recorded = read_lock(self.folder)
        if path.exists() and entry.file in recorded:
            if sha256(path) == recorded[entry.file]:
                verified = f"SHA-256 in {self.folder}"
                return Download(entry, path, "kept", verified, path.stat().st_size)
            info(f"{path}: has changed since it was verified; downloading it again")
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".part")
        if has_links(partial):  # not ours: writing would follow them
            forget(partial)
        url = self._fetch(entry, partial, advance)
        md5 = self._published_md5(entry, url)
        try:
            verified = self._verify(entry, partial, url, md5)
            digest = sha256(partial)
            if md5 is None and not self.update and recorded.get(entry.file, digest) != digest:
                raise InputError(
                    f"{url}: has changed since it was first fetched (SHA-256 {digest}, expected "
                    f"{recorded[entry.file]}); --update accepts it"
                )
        except InputError:
            forget(partial)
            raise
        partial.replace(path)
        forget(partial)
        write_lock(self.folder, {**recorded, entry.file: digest})
        return Download(entry, path, "fetched", verified, path.stat().st_size)

    def _fetch(self, entry: Entry, partial: Path, advance: Progress) -> str:
        """Download from the first address that exists, which is returned."""
        *others, last = map(self._address, entry.urls)
        for url in others:
            with suppress(NotFoundError):
                self.client.fetch(url, partial, advance)
                return url
        self.client.fetch(last, partial, advance)
        return last

    def _published_md5(self, entry: Entry, url: str) -> str | None:
        """The publisher's MD5 sum of a file; None if there is none."""
        if entry.checksums is None:
            return None
        address = self._address(entry.checksums)
        name = url.removesuffix("/content").rpartition("/")[2]
        try:
            md5 = published_md5(self.client.read(address), name)
        except NotFoundError:
            if entry.required:
                raise
            return None
        if md5 is None and entry.required:
            raise InputError(f"{address}: has no MD5 sum of {name}, expected one")
        return md5

    def _verify(self, entry: Entry, partial: Path, url: str, md5: str | None) -> str:
        """Check the MD5 sum, or that gz unpacks; returns which."""
        if md5 is None:
            if entry.file.endswith(".gz"):
                check_gzip(partial, url)
                return "gz unpacks, SHA-256 recorded"
            return "size, SHA-256 recorded"
        with partial.open("rb") as stream:
            digest = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False))
        if digest.hexdigest() != md5:
            raise InputError(
                f"{url}: the download has MD5 {digest.hexdigest()}, expected {md5} ({entry.checksums}); it was deleted"
            )
        return "publisher's MD5"

    def _address(self, official: str) -> str:
        if self.mirror is None:
            return official
        parts = urlsplit(official)
        return f"{self.mirror.rstrip('/')}/{parts.netloc}{parts.path}"


def published_md5(content: bytes, name: str) -> str | None:
    """MD5 sum of a file in a publisher's list; None if it is not there.

    Lists are those of ``md5sum`` (``sum  name``, ``sum *name``, with or without ``./``), BSD (``MD5 (name) = sum``) and
    Zenodo records (JSON).

    >>> published_md5(b"d41d8cd98f00b204e9800998ecf8427e  ./a.gz", "a.gz")
    'd41d8cd98f00b204e9800998ecf8427e'
    """
    text = content.decode("utf-8", "replace")
    try:
        pairs = [(str(file["key"]), str(file["checksum"])) for file in json.loads(text)["files"]]
    except (ValueError, TypeError, KeyError):
        lines = (re.sub(r"^MD5 \((.+)\) = (\w+)$", r"\2 \1", line) for line in text.splitlines())
        pairs = [(fields[1], fields[0]) for line in lines if len(fields := line.split()) == 2]
    for key, value in pairs:
        md5 = value.removeprefix("md5:").lower()
        if key.removeprefix("*").rpartition("/")[2] == name and len(md5) == 32 and set(md5) <= _HEX:
            return md5
    return None


def check_gzip(path: Path, source: str) -> None:
    """Check that a gz file unpacks to its end."""
    try:
        with gzip.open(path) as stream:
            while stream.read(1 << 22):
                pass
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"{source}: the download is not a complete gz file ({error}); run the same command to fetch it again"
        ) from error


def read_lock(folder: Path) -> dict[str, str]:
    """Read the recorded SHA-256 of files below ``folder``."""
    path = folder / LOCK
    recorded: dict[str, str] = {}
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    for number, line in enumerate(lines, 1):
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not set(digest) <= _HEX or not name:
            raise InputError(f"{path}: line {number} is {line[:80]!r}, expected a SHA-256 and a file name")
        recorded[name] = digest
    return recorded


def write_lock(folder: Path, recorded: Mapping[str, str]) -> None:
    """Record SHA-256 in the format of ``sha256sum -c``."""
    with atomic_path(folder / LOCK) as partial:
        partial.write_text("".join(f"{recorded[name]}  {name}\n" for name in sorted(recorded)))
