"""A genome's sequences, one chromosome at a time."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

import numpy as np
import pysam
from pysam.utils import SamtoolsError

from isoclr.corpus.codes import Codes, nucleotides
from isoclr.errors import InputError
from isoclr.sequences import chromosomes, fasta
from isoclr.unpacking import is_gzip

_BGZIP_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


class _Store(Protocol):
    """Where the sequences of an open genome lie."""

    lengths: dict[str, int]

    def fetch(self, chrom: str) -> Codes: ...

    def close(self) -> None: ...


class Genome:
    """An open genome; use it as a context manager, or close it.

    Attributes:
        path: the FASTA file.
        lengths: sequence name → length (nt), in the file's order. Of several sequences with one name the first
            is kept.
    """

    def __init__(self, path: Path, store: _Store) -> None:
        self.path = path
        self.lengths = store.lengths
        self._store = store

    def fetch(self, chrom: str) -> Codes:
        """Nucleotide codes ``(length,)`` of one whole sequence.

        Raises:
            InputError: no such sequence, or it holds what is no nucleotide.
        """
        if chrom not in self.lengths:
            raise InputError(
                f"{self.path}: has no sequence {chrom!r}, expected one of {self._some()}"
            )
        return self._store.fetch(chrom)

    def match(self, names: list[str]) -> dict[str, str]:
        """An annotation's sequence names → this genome's; a name that matches nothing is left out.

        When a genome is named by accessions and leaves names unmatched, its headers' descriptions
        (``NC_000001.11 Homo sapiens chromosome 1, …``) are read too.
        """
        matched = chromosomes.match_chromosomes(names, self.lengths)
        if len(matched) < len(set(names)) and chromosomes.has_accessions(self.lengths):
            matched = chromosomes.match_chromosomes(names, self.lengths, self.descriptions())
        return matched

    def descriptions(self) -> dict[str, str]:
        """Sequence name → the rest of its header. Reads through the whole file: seconds for a large genome."""
        found: dict[str, str] = {}
        for header in fasta.headers(self.path):
            name = fasta.name_of(header, self.path)
            found.setdefault(name, header[len(name) :].strip())
        return found

    def close(self) -> None:
        """Close the file and remove what was unpacked."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        nt = sum(self.lengths.values())
        return f"Genome({str(self.path)!r}: {len(self.lengths):,} sequences, {nt:,} nt)"

    def _some(self) -> str:
        names = list(self.lengths)
        return ", ".join(names[:5]) + (f", … ({len(names):,} in all)" if len(names) > 5 else "")


def open_genome(path: Path) -> Genome:
    """Open a genome FASTA: plain, gz or bgz.

    Plain and bgz files are read through an index. One that lies beside the file and is not older is used; otherwise
    the index is made in a temporary folder, never beside the file. Ordinary gzip has no random access, nor has
    FASTA with lines of uneven length: they are unpacked once, one byte a nucleotide, into a temporary file that
    has no name and so goes with the process, however it ends (TMPDIR says where).

    Args:
        path: the FASTA file.

    Raises:
        InputError: the file is missing, empty, cut off or no FASTA.
    """
    path = Path(path)
    fasta.check_start(path)
    if fasta.is_bgzip(path):
        _check_bgzip_end(path)
    elif is_gzip(path, fasta.EXPECTED):
        return Genome(path, _Unpacked(path))
    try:
        return Genome(path, _Indexed(path))
    except _NoIndexError:
        return Genome(path, _Unpacked(path))


class _NoIndexError(Exception):
    """The file's lines have uneven lengths: it cannot be indexed."""


class _Indexed:
    """Random access through a ``.fai`` index (and ``.gzi`` for bgz)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with tempfile.TemporaryDirectory(prefix="isoclr-index-") as folder:
            fai, gzi = _existing_index(path) or _new_index(path, Path(folder))
            try:
                # both indexes are read into memory here, so the temporary folder can go at once
                self._file = pysam.FastaFile(
                    str(path),
                    filepath_index=str(fai),
                    filepath_index_compressed=str(gzi) if gzi.exists() else None,
                )
            except (OSError, ValueError) as error:
                raise InputError(
                    f"{path}: cannot be read through the index {fai} ({error})"
                ) from None
        self.lengths = dict(zip(self._file.references, self._file.lengths, strict=True))

    def fetch(self, chrom: str) -> Codes:
        try:
            with _quiet():
                sequence = self._file.fetch(chrom)
        except (OSError, ValueError):
            sequence = ""
        if len(sequence) != self.lengths[chrom]:
            raise InputError(
                f"{self._path}: sequence {chrom!r} cannot be read to its end, expected {self.lengths[chrom]:,} nt "
                "as in the index; is the file cut off, or the .fai beside it another file's?"
            )
        return nucleotides(sequence, name=f"{self._path}: sequence {chrom!r}")

    def close(self) -> None:
        self._file.close()


class _Unpacked:
    """Nucleotide codes of the whole genome in an unnamed temporary file."""

    def __init__(self, path: Path) -> None:
        self.lengths: dict[str, int] = {}
        self._offsets: dict[str, int] = {}
        try:
            self._file: BinaryIO = tempfile.TemporaryFile(  # noqa: SIM115 - close() does
                prefix="isoclr-genome-"
            )
        except OSError as error:
            raise _no_room(path, error) from None
        try:
            self._unpack(path)
        except BaseException as error:
            with suppress(OSError):  # what is still buffered has no room either
                self.close()
            if isinstance(error, OSError):
                raise _no_room(path, error) from None
            raise

    def _unpack(self, path: Path) -> None:
        name, repeated = "", False
        for header, codes in fasta.pieces(path):
            if header is not None:
                name = fasta.name_of(header, path)
                repeated = name in self.lengths
                if not repeated:
                    self.lengths[name], self._offsets[name] = 0, self._file.tell()
            if not repeated:
                self._file.write(codes)
                self.lengths[name] += len(codes)
        self._file.flush()

    def fetch(self, chrom: str) -> Codes:
        codes = np.empty(self.lengths[chrom], np.uint8)
        done, offset = 0, self._offsets[chrom]
        while done < len(codes):  # the system reads at most 2 GB at once
            done += os.preadv(self._file.fileno(), [codes[done:].data], offset + done)
        return codes

    def close(self) -> None:
        self._file.close()


def _no_room(path: Path, error: OSError) -> InputError:
    return InputError(
        f"{path}: cannot be unpacked into {tempfile.gettempdir()} ({error.strerror}), expected room for one byte a "
        "nucleotide; set TMPDIR, or compress the genome with bgzip"
    )


def _existing_index(path: Path) -> tuple[Path, Path] | None:
    """The index beside a FASTA file, unless it is older than the file."""
    fai, gzi = Path(f"{path}.fai"), Path(f"{path}.gzi")
    needed = [fai, gzi] if fasta.is_bgzip(path) else [fai]
    written = path.stat().st_mtime
    usable = all(index.is_file() and index.stat().st_mtime >= written for index in needed)
    return (fai, gzi) if usable else None


def _new_index(path: Path, folder: Path) -> tuple[Path, Path]:
    """Index a plain or bgz FASTA file into ``folder``."""
    fai, gzi = folder / "genome.fai", folder / "genome.gzi"
    try:
        with _quiet():
            pysam.faidx(str(path), "--fai-idx", str(fai), "--gzi-idx", str(gzi))
    except SamtoolsError:
        raise _NoIndexError from None
    return fai, gzi


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep htslib from writing to stderr: our own error says it in one line."""
    verbosity = pysam.set_verbosity(0)
    try:
        yield
    finally:
        pysam.set_verbosity(verbosity)


def _check_bgzip_end(path: Path) -> None:
    """A whole bgz file ends in an empty block; one cut at a block's border lacks it and would be read in silence."""
    with path.open("rb") as stream:
        stream.seek(-min(len(_BGZIP_END), path.stat().st_size), os.SEEK_END)
        if stream.read() != _BGZIP_END:
            raise InputError(
                f"{path}: the bgz file is cut off, expected its end marker; fetch it again"
            )
