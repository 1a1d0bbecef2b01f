"""Genome FASTA files, matching chromosome names, and splicing."""

import os
import re
import tempfile
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pysam
from numpy.typing import NDArray
from pysam.utils import SamtoolsError

from isoclr.errors import InputError
from isoclr.genomics.encoding import A, C, Codes, G, N, T, nucleotides
from isoclr.genomics.fasta import EXPECTED, check_start, headers, is_bgzip, name_of, pieces
from isoclr.genomics.text import is_gzip

_STRANDED = np.array([A, C, G, T, N, T, G, C, A, N], np.uint8)  # Bases (0-4), then their complements (5-9)

Ints = NDArray[np.int64]


def splice(chromosome: Codes, starts: Ints, lengths: Ints, minus: NDArray[np.bool_]) -> Codes:
    """Nucleotide codes of concatenated exons, each in the direction of its strand.

    Args:
        starts: Lowest coordinates (0-based) of the exons, in 5' to 3' order of their transcripts.

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
    """Concatenated ranges ``first[i], first[i] + step[i], …`` of ``counts[i]`` positions each."""
    before = np.cumsum(counts) - counts
    within = np.arange(int(counts.sum()), dtype=np.int64)
    within *= np.repeat(step, counts) if isinstance(step, np.ndarray) else step
    within += np.repeat(first - before * step, counts)
    return within


def codon_starts(first: Ints, end: Ints) -> Ints:
    """Positions of the first bases of all whole codons of the coding sequences ``[first, end)``."""
    return _positions(first, np.maximum(end - first, 0) // 3, 3)


def batches(lengths: Ints, size: int = 1 << 22) -> Iterator[slice]:
    """Split rows into consecutive batches of about ``size`` nt."""
    ends = np.cumsum(lengths)
    start = 0
    while start < len(lengths):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + size, side="right")))
        yield slice(start, stop)
        start = stop


# Chromosome names

_PREFIX = re.compile(r"^(?:chromosome|chrom|chr)[_ .-]?(?=.)")
_SCAFFOLD = re.compile(r"^(?:[a-z0-9]+?_)??((?:n[tw]_)?[a-z]*\d{5,})v(\d+)(?:_(?:random|alt|fix))?$")
_ACCESSION = re.compile(r"^(?:NC_|CM)\d{6,}\.\d+$")
_ORGANELLES = {
    "mitochondrion": "m mt mito mtdna mitochondria mitochondrion mitochondrion_genome dmel_mitochondrion_genome "
    "nc_012920.1 nc_005089.1",  # RefSeq's accessions of human and mouse
    "plastid": "c pt pltd chloroplast plastid",
}
_ORGANELLE = {name: organelle for organelle, names in _ORGANELLES.items() for name in names.split()}
_CHROMOSOME = re.compile(r"\bchromosome:? ([0-9]{1,3}[A-Za-z]?|[IVX]{1,6}|[A-Z][0-9]?|[0-9][LR])(?=[,\s]|$)")
_NOT_A_CHROMOSOME = re.compile(r"\b(unlocalized|unplaced|alternate|scaffold|contig|patch)\b", re.IGNORECASE)


def match_chromosomes(
    annotation_names: Iterable[str], genome_names: Iterable[str], descriptions: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Find the sequences of a genome that an annotation refers to.

    An equal name takes precedence. Otherwise names are compared without ``chr``, case and leading zeros, with one name
    for the mitochondrion and one for the plastid, and with the accessions in UCSC's scaffold names; such a match is
    used only if it is unique.

    Args:
        descriptions: Genome sequence name → rest of its FASTA header, which may contain ``chromosome 1`` or
            ``mitochondrion``.

    Returns:
        Annotation name → genome name, for the names with a match.

    >>> match_chromosomes(["chr1", "chrM", "chr7"], ["1", "2", "MT"])
    {'chr1': '1', 'chrM': 'MT'}
    """
    present = dict.fromkeys(genome_names)
    by_key: dict[str, set[str]] = {}
    for name in present:
        for key in _keys(name, (descriptions or {}).get(name, "")):
            by_key.setdefault(key, set()).add(name)
    matches = {}
    for name in dict.fromkeys(annotation_names):
        candidates = {name} if name in present else by_key.get(_key(name), set())
        if len(candidates) == 1:
            matches[name] = next(iter(candidates))
    return matches


def _keys(name: str, description: str) -> set[str]:
    """Normalized names of a genome sequence."""
    keys = {_key(name)}
    if _NOT_A_CHROMOSOME.search(description):
        return keys
    if match := _CHROMOSOME.search(description):
        keys.add(_key(match[1]))
    elif "mitochondri" in description.lower():
        keys.add("mitochondrion")
    return keys


def is_mitochondrion(name: str) -> bool:
    """Whether a sequence is the mitochondrion's.

    >>> is_mitochondrion("chrM"), is_mitochondrion("MT"), is_mitochondrion("chr1")
    (True, True, False)
    """
    return _key(name) == "mitochondrion"


def _key(name: str) -> str:
    """Normalized name of a sequence."""
    lower = name.lower()
    scaffold = _SCAFFOLD.match(lower)
    if scaffold:
        return f"{scaffold[1]}.{scaffold[2]}"
    bare = _PREFIX.sub("", lower)
    return _ORGANELLE.get(bare) or bare.lstrip("0") or "0"


def is_accession(name: str) -> bool:
    """Whether a name is an accession of a chromosome, such as NC_000001.11."""
    return _ACCESSION.match(name) is not None


def read_descriptions(path: Path) -> dict[str, str]:
    """Sequence name → rest of its header in a FASTA file. Reads the whole file."""
    found: dict[str, str] = {}
    for header in headers(path):
        name = name_of(header, path)
        found.setdefault(name, header[len(name) :].strip())
    return found


# Genomes

_BGZIP_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


class Genome(AbstractContextManager["Genome"]):
    """An open genome; a context manager."""

    path: Path  # FASTA file
    lengths: dict[str, int]
    """Sequence name → length (nt), in the order of the file; the first sequence of a repeated name."""
    _file: BinaryIO | pysam.FastaFile

    def fetch(self, name: str) -> Codes:
        """Nucleotide codes ``(length,)`` of one sequence."""
        if name not in self.lengths:
            names = list(self.lengths)
            more = f", … ({len(names):,} in all)" if len(names) > 5 else ""
            raise InputError(f"{self.path}: has no sequence {name!r}, expected one of {', '.join(names[:5])}{more}")
        return self._read(name)

    def _read(self, name: str) -> Codes:
        raise NotImplementedError

    def match(self, names: list[str]) -> dict[str, str]:
        """Match the sequence names of an annotation, see :func:`match_chromosomes`.

        If a genome is named by accessions and names remain unmatched, the descriptions in its headers
        (``NC_000001.11 Homo sapiens chromosome 1, …``) are used too.
        """
        matched = match_chromosomes(names, self.lengths)
        if len(matched) < len(set(names)) and any(map(is_accession, self.lengths)):
            matched = match_chromosomes(names, self.lengths, read_descriptions(self.path))
        return matched

    def close(self) -> None:
        """Close the file and remove temporary files."""
        self._file.close()

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        total = sum(self.lengths.values())
        return f"Genome({str(self.path)!r}: {len(self.lengths):,} sequences, {total:,} nt)"


def open_genome(path: Path) -> Genome:
    """Open a genome FASTA: plain, gz or bgz.

    Plain and bgz files are read through an index: the one next to the file if it is not older, else one in a temporary
    folder. Gzip and FASTA with lines of uneven length have no random access: they are unpacked once, one byte per
    nucleotide, to an unnamed temporary file (in TMPDIR), which disappears with the process.
    """
    path = Path(path)
    check_start(path)
    if is_bgzip(path):
        _check_bgzip_end(path)
    elif is_gzip(path, EXPECTED):
        return _Unpacked(path)
    try:
        return _Indexed(path)
    except SamtoolsError:  # lines of uneven lengths cannot be indexed
        return _Unpacked(path)


class _Indexed(Genome):
    """Random access through a ``.fai`` index (and ``.gzi`` for bgz)."""

    _file: pysam.FastaFile

    def __init__(self, path: Path) -> None:
        self.path = path
        with tempfile.TemporaryDirectory(prefix="isoclr-index-") as folder:
            fai, gzi = _existing_index(path) or _new_index(path, Path(folder))
            try:
                # reads the indexes into memory, so the temporary folder is not needed any more
                self._file = pysam.FastaFile(
                    str(path), filepath_index=str(fai), filepath_index_compressed=str(gzi) if gzi.exists() else None
                )
            except (OSError, ValueError) as error:
                raise InputError(f"{path}: cannot be read through the index {fai} ({error})") from None
        self.lengths = dict(zip(self._file.references, self._file.lengths, strict=True))

    def _read(self, name: str) -> Codes:
        try:
            with _quiet():
                sequence = self._file.fetch(name)
        except (OSError, ValueError):
            sequence = ""
        if len(sequence) != self.lengths[name]:
            raise InputError(
                f"{self.path}: sequence {name!r} cannot be read to its end, expected {self.lengths[name]:,} nt "
                "as in the index; is the file cut off, or the .fai that of another file?"
            )
        return nucleotides(sequence, name=f"{self.path}: sequence {name!r}")


class _Unpacked(Genome):
    """Nucleotide codes of all sequences in an unnamed temporary file."""

    _file: BinaryIO

    def __init__(self, path: Path) -> None:
        self.path, self.lengths = path, {}
        self._offsets: dict[str, int] = {}
        try:
            with ExitStack() as stack:
                self._file = stack.enter_context(tempfile.TemporaryFile(prefix="isoclr-genome-"))
                self._unpack(path)
                stack.pop_all()
        except OSError as error:
            raise InputError(
                f"{path}: cannot be unpacked to {tempfile.gettempdir()} ({error.strerror}), expected space for one "
                "byte per nucleotide; set TMPDIR, or compress the genome with bgzip"
            ) from None

    def _unpack(self, path: Path) -> None:
        name, is_repeated = "", False
        for header, codes, _ in pieces(path):
            if header is not None:
                name = name_of(header, path)
                is_repeated = name in self.lengths
                if not is_repeated:
                    self.lengths[name], self._offsets[name] = 0, self._file.tell()
            if not is_repeated:
                self._file.write(codes)
                self.lengths[name] += len(codes)
        self._file.flush()

    def _read(self, name: str) -> Codes:
        codes = np.empty(self.lengths[name], np.uint8)
        done, offset = 0, self._offsets[name]
        while done < len(codes):  # preadv reads at most 2 GB at once
            done += os.preadv(self._file.fileno(), [codes[done:].data], offset + done)
        return codes


def _existing_index(path: Path) -> tuple[Path, Path] | None:
    """The index next to a FASTA file, unless it is older than the file or that of another file."""
    fai, gzi = Path(f"{path}.fai"), Path(f"{path}.gzi")
    needed = [fai, gzi] if is_bgzip(path) else [fai]
    written = path.stat().st_mtime
    if not all(index.is_file() and index.stat().st_mtime >= written for index in needed):
        return None
    try:
        with _reader(path, gzi if gzi in needed else None) as read:
            return (fai, gzi) if _index_matches(fai, read) else None
    except (ValueError, IndexError, OverflowError, OSError, zlib.error):  # no such index
        return None


_LONGEST_HEADER = 4096
_LARGEST_BLOCK = 1 << 16  # Bytes of a block of a bgz file, compressed or not


def _index_matches(fai: Path, read: Callable[[int, int], bytes]) -> bool:
    """Whether every sequence of an index begins after the header with its name."""
    for line in fai.read_bytes().splitlines():
        name, _, start, *_ = [*line.split(b"\t"), b"", b""]
        end = int(start)
        before = read(max(0, end - _LONGEST_HEADER), end)
        header = before.removesuffix(b"\n").rpartition(b"\n")[2]
        if header.split(maxsplit=1)[:1] != [b">" + name]:
            return False
    return True


@contextmanager
def _reader(path: Path, gzi: Path | None) -> Iterator[Callable[[int, int], bytes]]:
    """Reads the bytes between two positions of a plain file, or of the unpacked content of a bgz file."""
    with path.open("rb") as stream:
        if gzi is None:
            yield lambda start, end: os.pread(stream.fileno(), end - start, start)
            return
        count, *numbers = np.frombuffer(gzi.read_bytes(), "<u8").tolist()
        if len(numbers) != 2 * count:
            raise ValueError("not an index of a bgz file")
        packed, unpacked = [0, *numbers[0::2]], [0, *numbers[1::2]]

        @lru_cache(maxsize=2)
        def unpack(block: int) -> bytes:
            stream.seek(packed[block])
            return zlib.decompressobj(wbits=31).decompress(stream.read(_LARGEST_BLOCK))

        def read(start: int, end: int) -> bytes:
            first = bisect_right(unpacked, start) - 1
            last = max(bisect_left(unpacked, end), first + 1)
            content = b"".join(map(unpack, range(first, last)))
            return content[start - unpacked[first] :][: end - start]

        yield read


def _new_index(path: Path, folder: Path) -> tuple[Path, Path]:
    """Index a plain or bgz FASTA file in another folder."""
    fai, gzi = folder / "genome.fai", folder / "genome.gzi"
    with _quiet():
        pysam.faidx(str(path), "--fai-idx", str(fai), "--gzi-idx", str(gzi))
    return fai, gzi


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence htslib on stderr."""
    verbosity = pysam.set_verbosity(0)
    try:
        yield
    finally:
        pysam.set_verbosity(verbosity)


def _check_bgzip_end(path: Path) -> None:
    """Check for the empty block at the end: without it, a file truncated between blocks would be read silently."""
    with path.open("rb") as stream:
        stream.seek(-min(len(_BGZIP_END), path.stat().st_size), os.SEEK_END)
        if stream.read() != _BGZIP_END:
            raise InputError(f"{path}: the bgz file is cut off, expected its end marker; fetch it again")
