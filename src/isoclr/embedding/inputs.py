"""RNAs to embed, from FASTA files, corpora, or genomes with annotations."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr._console import info, progress
from isoclr.corpus.corpus import Corpus, open_corpus
from isoclr.corpus.inputs import BuildConfig, Input
from isoclr.corpus.transcripts import read_input
from isoclr.embedding.embeddings import SCHEMA, Embeddings
from isoclr.embedding.memory import in_memory, rnas_in_memory
from isoclr.errors import InputError
from isoclr.genomics.encoding import FROM_LETTER, INVALID, Codes
from isoclr.genomics.fasta import name_of, pieces

NO_LIMIT = np.iinfo(np.int64).max
UNUSABLE = {
    "empty_sequence": "empty",
    "duplicate_record": "repeated",
    "duplicate_id": "repeated with another sequence",
}
"""Records that a corpus drops and counts; here they are errors, because every record of a FASTA gets its row."""


@dataclass(frozen=True)
class RnaTable:
    """RNAs of one input, in its order."""

    table: pl.DataFrame
    """One row per RNA, see :data:`isoclr.embedding.embeddings.SCHEMA`."""
    codes: Codes
    """Codes of all RNAs; a memory map for a corpus."""
    starts: NDArray[np.int64]
    """``(n,)`` start of each RNA in ``codes``."""
    dropped: Counter[str]
    """Reason → number of transcripts that are annotated but have no sequence."""

    def __len__(self) -> int:
        return self.table.height

    @property
    def lengths(self) -> NDArray[np.int64]:
        """``(n,)`` nt."""
        return self.table["length"].to_numpy()

    def codes_of(self, row: int) -> Codes:
        """The codes of one RNA: a view."""
        start = int(self.starts[row])
        return self.codes[start : start + int(self.lengths[row])]

    def rows(self, start: int, stop: int) -> "RnaTable":
        """The RNAs from ``start`` up to ``stop``."""
        return replace(self, table=self.table[start:stop], starts=self.starts[start:stop])


def as_inputs(given: Any) -> list[Any]:
    """What a function got as RNAs, as a list: names of files as paths, RNAs in memory as one item.

    >>> as_inputs("rnas.fa"), as_inputs({"a": "AUG"})
    ([PosixPath('rnas.fa')], [{'a': 'AUG'}])
    """
    if given is None:
        return []
    if in_memory(given) or isinstance(given, Embeddings):
        return [given]
    if isinstance(given, Corpus):
        return [given.path]
    many = [given] if isinstance(given, str | Path) else given
    return [
        one if isinstance(one, Embeddings) else one.path if isinstance(one, Corpus) else Path(one)
        for one in many
    ]


def read_rnas(
    inputs: Sequence[Any],
    *,
    species: str,
    genome: Path | None,
    annotation: Sequence[Path],
    orf: bool,
) -> list[RnaTable]:
    """Read the RNAs of each input.

    Args:
        inputs: FASTA files of mature RNAs, and corpora (directories); or RNAs in memory, see
            :mod:`isoclr.embedding.memory`.
        species: Value of the ``species`` column, except for a corpus, which has its own.
        genome: FASTA of chromosomes whose annotated transcripts are added.
        annotation: Exons and coding sequences of the FASTA records, or of the genome.
        orf: Call open reading frames as ``isoclr build`` does.

    Raises:
        InputError: nothing to embed, a file that cannot be read, an empty or repeated record, or an RNA in several
            inputs.
    """
    if genome is not None and not annotation:
        raise InputError(
            f"{genome}: a genome needs --annotation, with the exons of its transcripts"
        )
    if genome is None and not inputs:
        raise InputError("nothing to embed: give a FASTA, a corpus, or --genome and --annotation")
    if len(inputs) == 1 and in_memory(inputs[0]):
        if genome is not None or annotation:
            raise InputError(
                "RNAs in memory have their coding sequences and exons in columns; expected neither a genome nor an "
                "annotation"
            )
        table, codes, starts = rnas_in_memory(inputs[0], species=species, orf=orf)
        return [RnaTable(_columns(table), codes, starts, Counter())]
    missing = next((path for path in inputs if not path.exists()), None)
    if (
        missing is not None
        and FROM_LETTER[np.frombuffer(str(missing).encode(), np.uint8)].max() < INVALID
    ):
        raise InputError(f"{missing}: no such file; for a sequence, give a list: [sequence]")
    if annotation and genome is None and all(path.is_dir() for path in inputs):
        raise InputError(
            f"{annotation[0]}: a corpus has its own exons and coding sequences; --annotation is for a FASTA or --genome"
        )
    sources = [Input(species, path, None, tuple(annotation)) for path in inputs]
    rnas = [
        _read_corpus(path) if path.is_dir() else _read_files(source, orf)
        for path, source in zip(inputs, sources, strict=True)
    ]
    if genome is not None:
        rnas.append(_read_files(Input(species, None, genome, tuple(annotation)), orf))
    _refuse_shared([*inputs, *([genome] if genome else [])], rnas)
    return rnas


def _read_corpus(path: Path) -> RnaTable:
    corpus = open_corpus(path)
    starts = corpus.index["offset"].astype(np.int64)
    return RnaTable(_columns(corpus.transcripts), corpus.codes, starts, Counter())


def _read_files(source: Input, orf: bool) -> RnaTable:
    config = BuildConfig(orf=orf, max_length=NO_LIMIT)
    path = source.transcripts or source.genome
    with progress() as bar:
        task = bar.add_task(f"reading {path.name if path else ''}", total=None)
        part = read_input(
            source, config, 1, lambda done, total: bar.update(task, advance=done, total=total)
        )
    if source.transcripts is not None:
        _refuse_unusable(source.transcripts, Counter(part.metadata["transcripts_dropped"]))
    for reason, count in sorted(part.dropped.items()):
        info(f"not embedded: {count:,} {reason}")
    return RnaTable(_columns(part.table), part.codes, part.table["start"].to_numpy(), part.dropped)


def _columns(table: pl.DataFrame) -> pl.DataFrame:
    coding = pl.col("cds_end") - pl.col("cds_start")
    table = table.with_columns(
        cds_length=pl.when(pl.col("cds_start") >= 0).then(coding).otherwise(0)
    )
    return table.select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())


def _refuse_unusable(path: Path, dropped: Counter[str]) -> None:
    """Name the first record that is empty or repeated."""
    problems = [
        f"{dropped[reason]:,} {word}" for reason, word in UNUSABLE.items() if dropped[reason]
    ]
    if problems:
        raise InputError(
            f"{path}: record {_first_unusable(path)!r}: {', '.join(problems)} among the records; expected every id "
            "once, with a sequence"
        )


def _first_unusable(path: Path) -> str:
    """Name of the first record that repeats an id or has no sequence."""
    seen: set[str] = set()
    name, nt = "", 1
    for header, codes in pieces(path):
        if header is not None:
            if nt == 0:
                break
            name, nt = name_of(header, path), 0
            if name in seen:
                break
            seen.add(name)
        nt += len(codes)
    return name


def _refuse_shared(paths: Sequence[Path], rnas: Sequence[RnaTable]) -> None:
    """Refuse an RNA that is in several inputs; one corpus alone may have two sequences with one id."""
    if len(rnas) == 1:
        return
    keys = [part.table.select("species", "transcript_id").unique() for part in rnas]
    for i, later in enumerate(keys):
        for j in range(i):
            both = later.join(keys[j], on=["species", "transcript_id"], how="semi")
            if both.height:
                name = both["transcript_id"].sort()[0]
                raise InputError(
                    f"{paths[i]}: {name} and {both.height - 1:,} more are in {paths[j]} too, expected every RNA once"
                )


def shard_rows(rnas: Sequence[RnaTable], number: int, of: int) -> list[RnaTable]:
    """One of several consecutive parts of the inputs with about equally many nucleotides.

    An RNA belongs to the part that contains its middle.

    Args:
        rnas: The inputs, in order.
        number: Number of the part, from 1.
        of: Number of parts.
    """
    lengths = np.concatenate([part.lengths for part in rnas])
    middles = np.cumsum(lengths) - lengths / 2
    first, last = np.searchsorted(middles, lengths.sum() * np.array([number - 1, number]) / of)
    kept, row = [], 0
    for part in rnas:
        start, stop = (int(np.clip(edge - row, 0, len(part))) for edge in (first, last))
        kept.append(part.rows(start, stop))
        row += len(part)
    return kept
