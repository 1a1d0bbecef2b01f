"""A genome's sequences, one chromosome at a time."""

import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

import numpy as np
import pysam
from numpy.typing import NDArray
from pysam.utils import SamtoolsError

from isoclr.errors import InputError
from isoclr.genomics.encoding import A, C, Codes, G, N, T, nucleotides
from isoclr.genomics.fasta import EXPECTED, check_start, headers, is_bgzip, name_of, pieces
from isoclr.genomics.text import is_gzip

_STRANDED = np.array([A, C, G, T, N, T, G, C, A, N], np.uint8)
"""A base as read on the plus strand (0-4), and its complement five further on."""

Ints = NDArray[np.int64]


def splice(chromosome: Codes, starts: Ints, lengths: Ints, minus: NDArray[np.bool_]) -> Codes:
    """The bases of exons, one after the other, each in the direction of its strand.

    Args:
        chromosome: nucleotide codes of the whole sequence.
        starts: lowest coordinate (0-based) of every exon; exons are in 5'→3' order of their transcripts.
        lengths: nt of every exon.
        minus: whether the exon is on the minus strand.

    Returns:
        Nucleotide codes ``(lengths.sum(),)``.

    >>> chromosome = np.array([0, 0, 1, 2, 3], np.uint8)  # AACGT
    >>> splice(chromosome, np.array([1, 0]), np.array([3, 2]), np.array([False, True])).tolist()  # ACG, then TT
    [0, 1, 2, 3, 3]
    """
    step = np.where(minus, -1, 1)
    first = np.where(minus, starts + lengths - 1, starts)
    bases = chromosome[_positions(first, lengths, step)]
    bases += np.repeat(minus.astype(np.uint8) * np.uint8(5), lengths)
    return _STRANDED[bases]


def _positions(first: Ints, counts: Ints, step: Ints | int) -> Ints:
    """``first[i], first[i] + step[i], …`` (``counts[i]`` of them) for every i, one after the other."""
    before = np.cumsum(counts) - counts
    within = np.arange(int(counts.sum()), dtype=np.int64)
    within *= np.repeat(step, counts) if isinstance(step, np.ndarray) else step
    within += np.repeat(first - before * step, counts)
    return within


def codon_starts(first: Ints, end: Ints) -> Ints:
    """Positions of the first base of every whole codon of coding sequences ``[first, end)``."""
    return _positions(first, np.maximum(end - first, 0) // 3, 3)


def batches(lengths: Ints, size: int = 1 << 22) -> Iterator[slice]:
    """Consecutive rows of about ``size`` nt together: what one array operation takes at a time."""
    ends = np.cumsum(lengths)
    begin = 0
    while begin < len(lengths):
        base = ends[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, base + size, side="right")))
        yield slice(begin, end)
        begin = end


_PREFIX = re.compile(r"^(?:chromosome|chrom|chr)[_ .-]?(?=.)")
_SCAFFOLD = re.compile(
    r"^(?:[a-z0-9]+?_)??((?:n[tw]_)?[a-z]*\d{5,})v(\d+)(?:_(?:random|alt|fix))?$"
)
_ACCESSION = re.compile(r"^(?:NC_|CM)\d{6,}\.\d+$")
_ORGANELLES = {
    "mitochondrion": (
        "m",
        "mt",
        "mito",
        "mtdna",
        "mitochondria",
        "mitochondrion",
        "mitochondrion_genome",
        "dmel_mitochondrion_genome",
    ),
    "plastid": ("c", "pt", "pltd", "chloroplast", "plastid"),
}
_ORGANELLE = {name: organelle for organelle, names in _ORGANELLES.items() for name in names}
_CHROMOSOME = re.compile(
    r"\bchromosome:? ([0-9]{1,3}[A-Za-z]?|[IVX]{1,6}|[A-Z][0-9]?|[0-9][LR])(?=[,\s]|$)"
)


def match_chromosomes(
    annotation_names: Iterable[str],
    genome_names: Iterable[str],
    descriptions: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Find the sequence of a genome that each sequence name of an annotation means.

    An equal name wins. Otherwise names are compared without ``chr``, case and leading zeros, the mitochondrion's
    and plastid's names are one each, and UCSC's scaffold names give back their accession; such a match counts only
    when one sequence of the genome can be meant.

    Args:
        annotation_names: sequence names of an annotation.
        genome_names: sequence names of a genome.
        descriptions: genome sequence name → the rest of its FASTA header; ``chromosome 1`` or ``mitochondrion``
            in it names the sequence too.

    Returns:
        Annotation name → genome name; a name that matches nothing is not in it.

    >>> match_chromosomes(["chr1", "chrM", "chr7"], ["1", "2", "MT"])
    {'chr1': '1', 'chrM': 'MT'}
    """
    present = dict.fromkeys(genome_names)
    by_key = _unique(
        (key, name) for name in present for key in _keys(name, (descriptions or {}).get(name, ""))
    )
    found = {
        name: name if name in present else by_key.get(_key(name))
        for name in dict.fromkeys(annotation_names)
    }
    return {name: sequence for name, sequence in found.items() if sequence is not None}


def has_accessions(names: Iterable[str]) -> bool:
    """Whether sequences are named by chromosome accessions (``NC_000001.11``, ``CM000663.2``)."""
    return any(_ACCESSION.match(name) for name in names)


def _unique(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Key → name, without the keys that several names share."""
    names: dict[str, set[str]] = {}
    for key, name in pairs:
        names.setdefault(key, set()).add(name)
    return {key: next(iter(found)) for key, found in names.items() if len(found) == 1}


def _keys(name: str, description: str) -> set[str]:
    """What a genome's sequence may be called."""
    keys = {_key(name)}
    if re.search(
        r"\b(unlocalized|unplaced|alternate|scaffold|contig|patch)\b", description, re.IGNORECASE
    ):
        return keys
    if found := _CHROMOSOME.search(description):
        keys.add(_key(found[1]))
    elif "mitochondri" in description.lower():
        keys.add("mitochondrion")
    return keys


def _key(name: str) -> str:
    """One spelling for all names of a sequence."""
    lower = name.lower()
    scaffold = _SCAFFOLD.match(lower)
    if scaffold:
        return f"{scaffold[1]}.{scaffold[2]}"
    bare = _PREFIX.sub("", lower)
    return _ORGANELLE.get(bare) or bare.lstrip("0") or "0"


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
        matched = match_chromosomes(names, self.lengths)
        if len(matched) < len(set(names)) and has_accessions(self.lengths):
            matched = match_chromosomes(names, self.lengths, self.descriptions())
        return matched

    def descriptions(self) -> dict[str, str]:
        """Sequence name → the rest of its header. Reads through the whole file: seconds for a large genome."""
        found: dict[str, str] = {}
        for header in headers(self.path):
            name = name_of(header, self.path)
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
    check_start(path)
    if is_bgzip(path):
        _check_bgzip_end(path)
    elif is_gzip(path, EXPECTED):
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
        for header, codes in pieces(path):
            if header is not None:
                name = name_of(header, path)
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
    needed = [fai, gzi] if is_bgzip(path) else [fai]
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
