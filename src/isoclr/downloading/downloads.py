"""Download, verify and keep the files of the catalogue."""

import math
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from isoclr import console
from isoclr.downloading import preparing
from isoclr.downloading.catalog import CATALOG, Entry, select
from isoclr.downloading.transfer import NotThereError, Patience, Report, fetch, forget, read_small
from isoclr.downloading.verifying import (
    Digests,
    check_gzip,
    digests,
    published_md5,
    read_lock,
    write_lock,
)
from isoclr.errors import InputError


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


def download(
    what: tuple[str, ...] = (),
    *,
    out: Path = Path("data"),
    list_only: bool = False,
    mirror: str | None = None,
    update: bool = False,
    timeout: float = 30.0,
    retries: int = 4,
) -> list[Fetched]:
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
        return [_listed(entry, folder) for entry in entries]
    keeper = _Keeper(folder, mirror, update, Patience(timeout, retries))
    with _progress() as progress:
        fetched = [_shown(keeper, entry, progress) for entry in entries]
    preparing.prepare(folder, CATALOG)
    return fetched


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
            console.say(f"{path}: is not what was verified before; fetching it again")
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
        console=console.err,
    )
