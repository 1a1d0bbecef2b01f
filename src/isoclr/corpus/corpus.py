"""Opening a corpus: memory maps, whatever its size, with numpy alone."""

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isoclr._io import sha256
from isoclr.errors import InputError
from isoclr.genomics.encoding import Codes
from isoclr.genomics.species import without_version

if TYPE_CHECKING:
    import polars as pl


SCHEMA = 1
"""Version of the layout; a reader refuses a corpus with a higher one."""

META = "corpus.json"
CODES = "codes.bin"
INDEX = "index.npy"
TRANSCRIPTS = "transcripts.parquet"
DATA_FILES = (CODES, INDEX, TRANSCRIPTS)

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
"""One row a transcript: where its codes begin, how many, and its numbers; −1 for no CDS, 0 for unknown exons."""


class Corpus:
    """Mature RNAs of one or more species, six tracks a nucleotide, grouped into gene sets.

    Open one with :func:`open_corpus`; nothing is read before it is used.

    Attributes:
        path: the directory.
        meta: what ``corpus.json`` says: options, inputs, counts, everything dropped and why.
        codes: the codes of all transcripts ``(nt,)`` uint8, see :mod:`isoclr.genomics.encoding`.
        index: one row a transcript ``(n,)``: offset, length, gene_set, species, cds_start, cds_end, n_exons.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.meta: dict[str, Any] = _read_meta(path)
        _check_sizes(path, self.meta)
        self.codes: Codes = _map_codes(path / CODES)
        self.index: NDArray[np.void] = _map_index(path / INDEX)

    def __len__(self) -> int:
        return len(self.index)

    def __repr__(self) -> str:
        return (
            f"Corpus({str(self.path)!r}: {len(self):,} transcripts, {self.num_gene_sets:,} gene sets, "
            f"{len(self.codes):,} nt of {', '.join(self.species)})"
        )

    @property
    def species(self) -> list[str]:
        """Names of the species; the index' ``species`` is a position in this list."""
        return list(self.meta["species"])

    @property
    def num_gene_sets(self) -> int:
        """How many gene sets there are; their numbers are 0 … this − 1."""
        return int(self.meta["counts"]["gene_sets"])

    def codes_of(self, i: int) -> Codes:
        """The codes ``(length,)`` of transcript ``i``: a view of the memory map, no copy."""
        row = self.index[i]
        start = int(row["offset"])
        return self.codes[start : start + int(row["length"])]

    @cached_property
    def members(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Which transcripts a gene set has: ``(order, starts)``.

        ``order[starts[g]:starts[g + 1]]`` are the transcripts of gene set ``g``, in the corpus' order.
        """
        gene_set = np.asarray(self.index["gene_set"])
        sizes = np.bincount(gene_set, minlength=self.num_gene_sets)
        starts = np.concatenate([[0], np.cumsum(sizes)])
        return np.argsort(gene_set, kind="stable"), starts

    @cached_property
    def transcripts(self) -> "pl.DataFrame":
        """The names: transcript_id, gene_id, gene_symbol, gene_set, species, biotype, … (imports polars)."""
        import polars as pl

        try:
            return pl.read_parquet(self.path / TRANSCRIPTS)
        except (pl.exceptions.PolarsError, OSError):
            raise _damaged(self.path / TRANSCRIPTS, "not a Parquet file", "one") from None

    def find(self, transcript_id: str) -> int:
        """Number of a transcript; its version may be left out (then the first one with that id).

        Raises:
            InputError: the corpus has no such transcript.
        """
        exact, unversioned = self._by_id
        found = exact.get(transcript_id, unversioned.get(without_version(transcript_id)))
        if found is None:
            raise InputError(
                f"{self.path}: no transcript {transcript_id!r} among its {len(self):,}"
            )
        return found

    @cached_property
    def _by_id(self) -> tuple[dict[str, int], dict[str, int]]:
        names = self.transcripts["transcript_id"].to_list()
        backwards = range(len(names) - 1, -1, -1)  # so that the first one of an id stays
        return (
            {names[i]: i for i in backwards},
            {without_version(names[i]): i for i in backwards},
        )

    def verify(self) -> None:
        """Compare the SHA-256 of every file with the one recorded when the corpus was built.

        Raises:
            InputError: a file is not what was written.
        """
        for name, facts in self.meta["files"].items():
            found = sha256(self.path / name)
            if found != facts["sha256"]:
                raise _damaged(self.path / name, f"SHA-256 is {found}", facts["sha256"])


def open_corpus(path: str | Path) -> Corpus:
    """Open a corpus that :func:`isoclr.build` wrote: a memory map, at once, whatever its size.

    Args:
        path: the corpus' directory.

    Raises:
        InputError: not a corpus, a truncated file, or a corpus of a newer isoclr.

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
    try:
        meta = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{file}: not readable as JSON ({error})") from None
    if not isinstance(meta, dict) or not isinstance(meta.get("schema"), int):
        raise InputError(f"{file}: no schema version, expected the {META} of a corpus")
    if meta["schema"] > SCHEMA:
        raise InputError(
            f"{path}: corpus of schema {meta['schema']} (isoclr {meta.get('isoclr')}), "
            f"this isoclr reads up to {SCHEMA}; install a newer one"
        )
    return meta


def _check_sizes(path: Path, meta: dict[str, Any]) -> None:
    for name in DATA_FILES:
        file = path / name
        if not file.is_file():
            raise InputError(f"{file}: missing; the corpus is incomplete, build it again")
        found, expected = file.stat().st_size, meta["files"][name]["size"]
        if found != expected:
            raise _damaged(file, f"{found:,} bytes", f"{expected:,}")


def _map_codes(path: Path) -> Codes:
    if path.stat().st_size == 0:  # a shard that no gene fell into; an empty file cannot be mapped
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


def _damaged(file: Path, found: str, expected: str) -> InputError:
    return InputError(
        f"{file}: {found}, expected {expected}; the corpus is damaged, build it again"
    )
