"""A corpus on disk: its files, opened as memory maps with NumPy alone."""

import mmap
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray

from isoclr._config import Meta, read_json
from isoclr._html import card
from isoclr._io import sha256
from isoclr.errors import InputError, counted
from isoclr.genomics.encoding import Codes
from isoclr.genomics.species import suggest, without_version, without_versions

if TYPE_CHECKING:
    import polars as pl


SCHEMA = 1  # Version of the file layout; a corpus with a higher version is refused

META = "corpus.json"
CODES = "codes.bin"
INDEX = "index.npy"
TRANSCRIPTS = "transcripts.parquet"
DATA_FILES = (CODES, INDEX, TRANSCRIPTS)
FILES = (META, *DATA_FILES)

INDEX_DTYPE = np.dtype(
    [
        ("offset", "<i8"),
        ("length", "<i4"),
        ("gene_set", "<i4"),
        ("species", "<i2"),
        ("cds_start", "<i4"),
        ("cds_end", "<i4"),
        ("n_exons", "<i4"),
    ]
)
"""One entry per transcript: offset and length of its codes, and its numbers; −1: no CDS, 0 exons: unknown."""

COLUMNS = (
    "transcript_id", "gene_id", "gene_symbol", "gene_set", "species", "offset", "length", "cds_start", "cds_end",
    "cds_source", "n_exons", "biotype", "canonical",
)  # fmt: skip
"""Columns of ``transcripts.parquet``."""


@dataclass(frozen=True)
class _File:
    size: Annotated[int, Meta(ge=0)]
    sha256: str


@dataclass(frozen=True)
class _Counts:
    transcripts: Annotated[int, Meta(ge=0)]
    gene_sets: Annotated[int, Meta(ge=0)]
    nucleotides: Annotated[int, Meta(ge=0)]


@dataclass(frozen=True)
class _SpeciesCounts:
    records: int
    genes: int
    mapped_genes: int
    dropped: dict[str, int]
    noted: dict[str, int]


@dataclass(frozen=True)
class _Content:
    """Types of what is read from ``corpus.json``."""

    options: dict[str, Any]
    species: list[str]
    inputs: list[dict[str, Any]]
    homology: dict[str, Any] | None
    gene_ids: dict[str, Any]
    by_species: dict[str, _SpeciesCounts]
    counts: _Counts
    files: dict[str, _File]
    shard: None = None  # Earlier versions also built parts of a corpus


class Corpus:
    """Mature RNAs of one or more species with six tracks per nucleotide, grouped into gene sets.

    Open one with :func:`open_corpus`; data are read on access.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        """Directory of the corpus."""
        self.meta: dict[str, Any] = _read_meta(path)
        """Content of ``corpus.json``: options, inputs, counts, and what was dropped and why."""
        _check_sizes(path, self.meta)
        self._verified: set[str] = set()
        self.index: NDArray[np.void] = _map_index(path / INDEX)
        """Index ``(n,)`` of the transcripts, see :data:`INDEX_DTYPE`."""
        _check_index(path, self.meta, self.index)

    def __len__(self) -> int:
        return len(self.index)

    def __repr__(self) -> str:
        nt = self.meta["files"][CODES]["size"]
        return (
            f"Corpus({str(self.path)!r}: {counted(len(self), 'transcript')}, "
            f"{counted(self.num_gene_sets, 'gene set')}, "
            f"{nt:,} nt of {', '.join(self.species)})"
        )

    def _repr_html_(self) -> str:
        counts = {"transcripts": len(self), "gene sets": self.num_gene_sets, "nt": len(self.codes)}
        return card(f"Corpus {self.path}", {**counts, "species": ", ".join(self.species)})

    @property
    def species(self) -> list[str]:
        """Names of the species; ``species`` in the index is a position in this list."""
        return list(self.meta["species"])

    @property
    def num_gene_sets(self) -> int:
        """Number of gene sets; they are numbered from 0."""
        return int(self.meta["counts"]["gene_sets"])

    @cached_property
    def codes(self) -> Codes:
        """Codes ``(nt,)`` of all transcripts, see :mod:`isoclr.genomics.encoding`.

        At the first access they and the index are compared with their SHA-256.
        """
        self._verify(INDEX)
        self._verify(CODES)
        return map_codes(self.path / CODES)

    def codes_of(self, row: int) -> Codes:
        """Codes ``(length,)`` of one transcript: a view of the memory map, not a copy."""
        entry = self.index[row]
        start = int(entry["offset"])
        return self.codes[start : start + int(entry["length"])]

    def release_codes(self) -> None:
        """Give up the memory of codes that were read; the system maps them again when they are needed."""
        mapped = self.codes.base
        if isinstance(mapped, mmap.mmap):
            mapped.madvise(mmap.MADV_DONTNEED)

    @cached_property
    def members(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Transcripts by gene set, as ``(order, starts)``.

        ``order[starts[g]:starts[g + 1]]`` are the rows of gene set ``g``, in the order of the corpus.
        """
        gene_set = np.asarray(self.index["gene_set"])
        sizes = np.bincount(gene_set, minlength=self.num_gene_sets)
        starts = np.concatenate([[0], np.cumsum(sizes)])
        return np.argsort(gene_set, kind="stable"), starts

    @cached_property
    def transcripts(self) -> "pl.DataFrame":
        """Table of transcripts: transcript_id, gene_id, gene_symbol, gene_set, species, biotype, … (imports polars)."""
        import polars as pl

        from isoclr.genomics.transcript_models import with_canonical

        try:
            table = with_canonical(pl.read_parquet(self.path / TRANSCRIPTS))
        except (pl.exceptions.PolarsError, OSError):
            raise _damaged(self.path / TRANSCRIPTS, "not a Parquet file", "one") from None
        if table.height != len(self):
            raise _damaged(self.path / TRANSCRIPTS, f"{table.height:,} rows", f"{len(self):,}")
        missing = [name for name in COLUMNS if name not in table.columns]
        if missing:
            raise _damaged(self.path / TRANSCRIPTS, f"no column {missing[0]!r}", "one")
        self._verify(TRANSCRIPTS)
        return table

    def find(self, transcript_id: str) -> int:
        """Row of a transcript by its id; without a version, or with another one, the first row of that id.

        Raises:
            InputError: The corpus has no such transcript.
        """
        row = self.row_of(transcript_id)
        if row is None:
            like = suggest(transcript_id, self.transcripts["transcript_id"])
            raise InputError(f"{self.path}: no transcript {transcript_id!r} among its {len(self):,}{like}")
        return row

    def find_rows(self, name: str) -> list[int]:
        """Rows of the transcript of an id, or else of all transcripts of a gene, by id or symbol.

        Raises:
            InputError: The corpus has no such transcript or gene; the most similar names are said.
        """
        import polars as pl

        if (row := self.row_of(name)) is not None:
            return [row]
        for column in ("gene_id", "gene_symbol"):
            is_it = without_versions(pl.col(column)) == without_version(name)
            rows = self.transcripts.select(is_it.arg_true()).to_series().to_list()
            if rows:
                return [int(one) for one in rows]
        columns = ("transcript_id", "gene_id", "gene_symbol")
        names = {one for column in columns for one in self.transcripts[column].unique()}
        raise InputError(
            f"{self.path}: no transcript, gene or symbol {name!r} among its {len(self):,} transcripts"
            f"{suggest(name, names)}"
        )

    def row_of(self, transcript_id: str) -> int | None:
        """The row that :meth:`find` finds; None where there is no such transcript."""
        exact, unversioned = self._row_of_id
        return exact.get(transcript_id, unversioned.get(without_version(transcript_id)))

    @cached_property
    def _row_of_id(self) -> tuple[dict[str, int], dict[str, int]]:
        ids = self.transcripts["transcript_id"].to_list()
        rows = range(len(ids) - 1, -1, -1)  # backwards, so that the first row of an id remains
        return ({ids[row]: row for row in rows}, {without_version(ids[row]): row for row in rows})

    def checksums(self, *names: str) -> str:
        """SHA-256 of some files of the corpus, or of all, as recorded when it was built."""
        return " ".join(self.meta["files"][name]["sha256"] for name in names or DATA_FILES)

    def verify(self) -> None:
        """Compare the SHA-256 of every file with the one recorded when the corpus was built.

        Raises:
            InputError: A file has changed.
        """
        self._verified.clear()
        for name in DATA_FILES:
            self._verify(name)

    def _verify(self, name: str) -> None:
        if name in self._verified:
            return
        digest, recorded = sha256(self.path / name), self.meta["files"][name]["sha256"]
        if digest != recorded:
            raise _damaged(self.path / name, f"SHA-256 is {digest}", recorded)
        self._verified.add(name)


def open_corpus(path: str | Path) -> Corpus:
    """Open a corpus written by :func:`isoclr.build`; its codes are memory-mapped at the first access.

    Args:
        path: Directory of the corpus.

    Raises:
        InputError: Not a corpus, a truncated file, or a corpus written by a newer isoclr.

    >>> import isoclr, tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "rnas.fa").write_text(">t1 gene:g1\\nAUGGCUUGA\\n>t2 gene:g1\\nGGGACGU\\n")
    >>> _ = isoclr.build(out=folder / "corpus", species="human", transcripts=folder / "rnas.fa")
    >>> corpus = isoclr.open_corpus(folder / "corpus")
    >>> isoclr.genomics.encoding.letters(corpus.codes_of(corpus.find("t2")))
    'GGGACGT'
    """
    return Corpus(Path(path))


def _read_meta(path: Path) -> dict[str, Any]:
    file = path / META
    if not file.is_file():
        raise InputError(f"{path}: not a corpus, expected a directory with {META}")
    meta = read_json(file, dict[str, Any], what=f"the {META} of a corpus")
    schema = meta.get("schema")
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise InputError(f"{file}: no schema version, expected the {META} of a corpus")
    if meta["schema"] > SCHEMA:
        raise InputError(
            f"{path}: corpus of schema {meta['schema']} (isoclr {meta.get('isoclr')}), "
            f"this isoclr reads up to {SCHEMA}; install a newer one"
        )
    content = read_json(file, _Content, what=f"the {META} of a corpus")
    for name in content.species:
        if name not in content.by_species:
            raise InputError(f"{file}: by_species: no counts of {name!r}")
    for name in DATA_FILES:
        if name not in content.files:
            raise InputError(f"{file}: files: no entry of {name}")
    return meta


def _check_sizes(path: Path, meta: dict[str, Any]) -> None:
    for name in DATA_FILES:
        file = path / name
        if not file.is_file():
            raise InputError(f"{file}: missing; the corpus is incomplete, build it again")
        size, expected = file.stat().st_size, meta["files"][name]["size"]
        if size != expected:
            raise _damaged(file, f"{size:,} bytes", f"{expected:,}")


def map_codes(path: Path) -> Codes:
    """Memory-map a file of codes."""
    if path.stat().st_size == 0:  # it cannot be mapped
        return np.empty(0, np.uint8)
    return np.memmap(path, np.uint8, mode="r")


def _map_index(path: Path) -> NDArray[np.void]:
    try:
        index = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise _damaged(path, f"no array ({error})", "the index") from None
    if index.dtype != INDEX_DTYPE:
        raise InputError(f"{path}: columns {index.dtype.names}, expected {INDEX_DTYPE.names}")
    return index  # type: ignore[no-any-return]


def _check_index(path: Path, meta: dict[str, Any], index: NDArray[np.void]) -> None:
    """Refuse an index whose numbers point outside of the corpus."""
    n_codes = meta["files"][CODES]["size"]
    file, counts = path / INDEX, meta["counts"]
    if len(index) != counts["transcripts"]:
        raise _damaged(file, f"{len(index):,} entries", f"{counts['transcripts']:,}")
    if counts["gene_sets"] > max(1, len(index)):
        raise InputError(f"{path / META}: {counts['gene_sets']:,} gene sets of {len(index):,} transcripts")
    length = index["length"].astype(np.int64)
    limits = {
        "length": (1, n_codes),
        "offset": (0, n_codes - length),
        "gene_set": (0, counts["gene_sets"] - 1),
        "species": (0, len(meta["species"]) - 1),
        "cds_start": (-1, length),
        "cds_end": (-1, length),
        "n_exons": (0, length),
    }
    for name, (low, high) in limits.items():
        wrong = (index[name] < low) | (index[name] > high)
        if wrong.any():
            row = int(wrong.argmax())
            raise _damaged(file, f"{name} of row {row} is {index[name][row]}", "one within the corpus")


def _damaged(file: Path, value: str, expected: str) -> InputError:
    return InputError(f"{file}: {value}, expected {expected}; the corpus is damaged, build it again")
