"""The RNAs to embed, from any kind of file, as flat codes and a table."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.console import progress
from isoclr.corpus import open_corpus
from isoclr.corpus.codes import Codes
from isoclr.corpus.coding import OrfCalling
from isoclr.corpus.inputs import Input
from isoclr.corpus.part import Options
from isoclr.corpus.reading import read_part
from isoclr.embedding.table import SCHEMA
from isoclr.errors import InputError
from isoclr.orf import MIN_LENGTH
from isoclr.sequences import fasta

NO_LIMIT = np.iinfo(np.int64).max
REFUSED = {
    "empty_sequence": "empty",
    "duplicate_record": "repeated",
    "duplicate_id": "repeated with another sequence",
}
"""What a corpus drops and counts, but an embedding cannot go without: every record of a FASTA gets its row."""


@dataclass(frozen=True)
class Rnas:
    """RNAs of one input, in its order.

    Attributes:
        table: one row an RNA, see :data:`isoclr.embedding.table.SCHEMA`.
        codes: codes of all of them; a memory map for a corpus.
        starts: ``(n,)`` where each begins in ``codes``.
        dropped: reason → how many the input names but cannot give.
    """

    table: pl.DataFrame
    codes: Codes
    starts: NDArray[np.int64]
    dropped: Counter[str]

    def __len__(self) -> int:
        return self.table.height

    def codes_of(self, i: int) -> Codes:
        """The codes of one RNA: a view."""
        start = int(self.starts[i])
        return self.codes[start : start + int(self.lengths[i])]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """``(n,)`` nt."""
        return self.table["length"].to_numpy()

    def rows(self, start: int, stop: int) -> "Rnas":
        """The RNAs from ``start`` up to ``stop``."""
        return Rnas(self.table[start:stop], self.codes, self.starts[start:stop], self.dropped)


def read_rnas(
    inputs: Sequence[Path],
    *,
    species: str,
    genome: Path | None,
    annotation: Sequence[Path],
    orf: bool,
) -> list[Rnas]:
    """The RNAs of every input.

    Args:
        inputs: FASTA files of mature RNAs, and corpora (directories).
        species: written in the ``species`` column, except for a corpus, which knows it.
        genome: FASTA of chromosomes whose annotated transcripts are spliced, beside the inputs.
        annotation: where exons and coding sequences of FASTA records, or of the genome, stand.
        orf: call open reading frames as ``isoclr build`` does.

    Raises:
        InputError: nothing to embed, a file that cannot be read, an empty or repeated record, or RNAs that stand in
            several inputs.
    """
    if genome is not None and not annotation:
        raise InputError(
            f"{genome}: a genome needs --annotation, which says where its transcripts are"
        )
    if genome is None and not inputs:
        raise InputError("nothing to embed: give a FASTA, a corpus, or --genome and --annotation")
    if annotation and genome is None and all(path.is_dir() for path in inputs):
        raise InputError(
            f"{annotation[0]}: a corpus has exons and coding sequences of its own; expected "
            "--annotation beside a FASTA or --genome"
        )
    calling = OrfCalling(orf, MIN_LENGTH)
    found = [
        _of_corpus(path) if path.is_dir() else _of_files(path, None, annotation, species, calling)
        for path in inputs
    ]
    if genome is not None:
        found.append(_of_files(None, genome, annotation, species, calling))
    _refuse_shared([*inputs, *([genome] if genome else [])], found)
    return found


def _of_corpus(path: Path) -> Rnas:
    corpus = open_corpus(path)
    table = _columns(corpus.transcripts)
    return Rnas(table, corpus.codes, corpus.index["offset"].astype(np.int64), Counter())


def _of_files(
    transcripts: Path | None,
    genome: Path | None,
    annotation: Sequence[Path],
    species: str,
    calling: OrfCalling,
) -> Rnas:
    source = Input(species, transcripts, genome, tuple(annotation))
    options = Options(calling, noncoding=True, max_length=NO_LIMIT)
    with progress() as bar:
        path = transcripts or genome
        task = bar.add_task(f"reading {path.name if path else ''}", total=None)
        part = read_part(
            source, options, 1, lambda done, total: bar.update(task, advance=done, total=total)
        )
    if transcripts is not None:
        _refuse_unusable(transcripts, Counter(part.facts["transcripts_dropped"]))
    return Rnas(_columns(part.table), part.codes, part.table["start"].to_numpy(), part.dropped)


def _columns(table: pl.DataFrame) -> pl.DataFrame:
    coding = pl.col("cds_end") - pl.col("cds_start")
    table = table.with_columns(
        cds_length=pl.when(pl.col("cds_start") >= 0).then(coding).otherwise(0)
    )
    return table.select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())


def _refuse_unusable(path: Path, dropped: Counter[str]) -> None:
    """Name the first record that is empty or stands twice."""
    if not any(dropped[reason] for reason in REFUSED):
        return
    found = ", ".join(
        f"{dropped[reason]:,} {word}" for reason, word in REFUSED.items() if dropped[reason]
    )
    raise InputError(
        f"{path}: record {_first_unusable(path)!r}: {found} among the records; expected every id once, with a sequence"
    )


def _first_unusable(path: Path) -> str:
    """Name of the first record that repeats an id or has no sequence."""
    seen: set[str] = set()
    name, nt = "", 1
    for header, codes in fasta.pieces(path):
        if header is not None:
            if nt == 0:
                break
            name, nt = fasta.name_of(header, path), 0
            if name in seen:
                break
            seen.add(name)
        nt += len(codes)
    return name


def _refuse_shared(paths: Sequence[Path], found: Sequence[Rnas]) -> None:
    """An RNA's row must be the only one of its species and id over all inputs.

    A corpus alone may hold two sequences under one id; it says so itself.
    """
    if len(found) == 1:
        return
    keys = [rnas.table.select("species", "transcript_id").unique() for rnas in found]
    for i, later in enumerate(keys):
        for j in range(i):
            both = later.join(keys[j], on=["species", "transcript_id"], how="semi")
            if both.height:
                name = both["transcript_id"].sort()[0]
                raise InputError(
                    f"{paths[i]}: {name} and {both.height - 1:,} more stand in {paths[j]} too, "
                    "expected every RNA once"
                )
