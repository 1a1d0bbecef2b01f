"""RNAs to embed, from FASTA files, corpora, or genomes with annotations."""

import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr._console import info, progress
from isoclr.corpus.cds import known_noncoding
from isoclr.corpus.corpus import Corpus, open_corpus
from isoclr.corpus.inputs import BuildConfig, Input, short_name
from isoclr.corpus.transcripts import TranscriptTable, read_input
from isoclr.embedding.embeddings import Embeddings, in_schema
from isoclr.embedding.memory import in_memory, rnas_in_memory
from isoclr.errors import InputError, counted
from isoclr.genomics.encoding import FROM_LETTER, INVALID, MIN_LENGTH, NUCLEOTIDE_BITS, Codes
from isoclr.genomics.fasta import line_of

NO_LIMIT = np.iinfo(np.int64).max
KEYS = ["species", "transcript_id"]
DROPPED = {
    "no_name": "has no name",
    "not_nucleotides": "has a letter that is no nucleotide",
    "empty_sequence": "has no sequence",
    "duplicate_record": "repeats another one",
    "duplicate_id": "repeats an id with another sequence",
}
"""Why FASTA records are left out, in words."""
BAD = ("empty_sequence", "duplicate_id")
"""Errors unless bad records are skipped: every id of a FASTA gets a row."""
UNUSED = {"not_in_annotation": "not in the annotation", "length_disagrees": "of another length in the annotation"}
"""Why the exons and coding sequences of an annotation are not those of a FASTA record, in words."""
STDIN = Path("-")
STDIN_NAME = "standard input"


@dataclass(frozen=True)
class RnaTable:
    """RNAs of one input, in its order."""

    table: pl.DataFrame
    """One row per RNA, see :data:`isoclr.embedding.embeddings.SCHEMA`."""
    codes: Codes  # Codes of all RNAs; a memory map for a corpus
    starts: NDArray[np.int64]  # (n,) start of each RNA in ``codes``

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
    return [one if isinstance(one, Embeddings) else one.path if isinstance(one, Corpus) else Path(one) for one in many]


def read_rnas(
    inputs: Sequence[Any],
    *,
    species: str,
    genome: Path | None,
    annotation: Sequence[Path],
    orf: bool,
    skip_bad: bool = False,
) -> list[RnaTable]:
    """Read the RNAs of each input, as :func:`as_inputs` lists them; the options are those of :func:`isoclr.embed`."""
    species = short_name(species)
    if genome is not None and not annotation:
        raise InputError(f"{genome}: a genome needs --annotation, with the exons of its transcripts")
    if genome is None and not inputs:
        raise InputError("nothing to embed: give a FASTA, a corpus, or --genome and --annotation")
    if len(inputs) == 1 and in_memory(inputs[0]):
        if genome is not None or annotation:
            raise InputError(
                "RNAs in memory have their coding sequences and exons in columns; expected neither a genome nor an "
                "annotation"
            )
        table, codes, starts = rnas_in_memory(inputs[0], species=species, orf=orf)
        return [RnaTable(in_schema(table), codes, starts)]
    missing = next((path for path in inputs if path != STDIN and not path.exists()), None)
    if missing is not None and FROM_LETTER[np.frombuffer(str(missing).encode(), np.uint8)].max() < INVALID:
        raise InputError(f"{missing}: no such file; for a sequence, give a list: [sequence]")
    if annotation and genome is None and all(path.is_dir() for path in inputs):
        raise InputError(
            f"{annotation[0]}: a corpus has its own exons and coding sequences; --annotation is for a FASTA or --genome"
        )

    def read(path: Path) -> RnaTable:
        if path == STDIN:
            with _standard_input() as spooled:
                return read(spooled)
        if path.is_dir():
            corpus = open_corpus(path)
            return RnaTable(in_schema(corpus.transcripts), corpus.codes, corpus.index["offset"].astype(np.int64))
        return _read_files(Input(species, path, None, tuple(annotation)), orf, skip_bad)

    rnas = [read(path) for path in inputs]
    if genome is not None:
        rnas.append(_read_files(Input(species, None, genome, tuple(annotation)), orf, skip_bad))
    return _without_repeats([*inputs, *([genome] if genome else [])], rnas)


@contextmanager
def _standard_input() -> Iterator[Path]:
    """Standard input as a file, because a FASTA is read more than once."""
    with tempfile.TemporaryDirectory(prefix="isoclr-") as folder:
        path = Path(folder) / STDIN_NAME
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        try:
            yield path
        except InputError as error:
            raise InputError(str(error).replace(f"{folder}/", "")) from None


def _read_files(source: Input, orf: bool, skip_bad: bool) -> RnaTable:
    config = BuildConfig(orf=orf, max_length=NO_LIMIT, skip_bad=skip_bad)
    path = source.transcripts or source.genome
    with progress() as bar:
        task = bar.add_task(f"reading {path.name if path else ''}", total=None)

        def advance(done: int, total: int) -> None:
            bar.update(task, advance=done, total=total)

        part = read_input(source, config, 1, advance, keep_unknown=True)  # every RNA has its row
    if source.transcripts is not None:
        _tell_or_refuse(source.transcripts, part, skip_bad)
        _tell_of_marks(source, part, orf)
    for reason, count in sorted(part.dropped.items()):
        info(f"not embedded: {count:,} {reason}")
    return RnaTable(in_schema(part.table), part.codes, part.table["start"].to_numpy())


def _tell_or_refuse(path: Path, part: TranscriptTable, skip_bad: bool) -> None:
    """Refuse records that are empty or repeat an id with another sequence; with ``skip_bad``, count them."""
    dropped = Counter(part.metadata["transcripts_dropped"])
    bad = [] if skip_bad else [reason for reason in BAD if reason in part.first_dropped]
    if bad:
        words = []
        for reason in bad:
            name, record = part.first_dropped[reason]
            more = f" ({dropped[reason]:,} such records)" if dropped[reason] > 1 else ""
            words.append(f"record {name!r} (line {line_of(path, record):,}) {DROPPED[reason]}{more}")
        raise InputError(
            f"{path}: {', '.join(words)}; expected every id once, with a sequence, or --skip-bad to leave them out"
        )
    for reason, problem in DROPPED.items():
        if dropped[reason]:
            which = "which" if dropped[reason] == 1 else "each of which"
            info(f"{_shown(path)}: left out: {counted(dropped[reason], 'record')}, {which} {problem}")


def _tell_of_marks(source: Input, part: TranscriptTable, orf: bool) -> None:
    """Say how many records lack the marks that a user expects: those of the annotation, or any coding sequence."""
    path, total = source.transcripts or STDIN, counted(part.table.height, "RNA")
    for reason, problem in UNUSED.items():
        if number := part.noted[reason]:
            info(
                f"{_shown(path)}: {number:,} of {total} {'is' if number == 1 else 'are'} {problem}, such as "
                f"{part.first_noted[reason]}; read without its exons and coding sequences"
            )
    if source.annotation or not orf:
        return
    number = part.table.filter((pl.col("cds_source") == "none") & ~known_noncoding()).height
    if number:
        info(
            f"{_shown(path)}: {number:,} of {total} {'has' if number == 1 else 'have'} neither an annotated coding "
            f"sequence nor an open reading frame of {MIN_LENGTH} nt; read as non-coding"
        )


def _shown(path: Path) -> str:
    return path.name if path.name == STDIN_NAME else str(path)


def _without_repeats(paths: Sequence[Path], rnas: Sequence[RnaTable]) -> list[RnaTable]:
    """The inputs without RNAs that an earlier input has too, which must be the same there.

    One corpus alone may have two sequences with one id.
    """
    kept = [*rnas[:1]]
    for i, part in enumerate(rnas[1:], 1):
        keep = np.ones(len(part), bool)
        for j, earlier in enumerate(kept):
            both = part.table.with_row_index("row").join(earlier.table.select(*KEYS).with_row_index("other"), on=KEYS)
            for (row,), pairs in both.group_by("row"):
                codes, others = part.codes_of(int(row)), pairs["other"].to_list()
                if not any(np.array_equal(codes, earlier.codes_of(other)) for other in others):
                    bases = earlier.codes_of(others[0]) & NUCLEOTIDE_BITS
                    same = np.array_equal(codes & NUCLEOTIDE_BITS, bases)
                    what = "other exons or another coding sequence" if same else "another sequence"
                    raise InputError(
                        f"{paths[i]}: {pairs['transcript_id'][0]} is in {paths[j]} too, with {what}; expected every "
                        "RNA once"
                    )
                keep[int(row)] = False
        if not keep.all():
            info(f"{paths[i]}: left out: {counted((~keep).sum(), 'RNA')} that an earlier input has too")
            part = replace(part, table=part.table.filter(pl.Series(keep)), starts=part.starts[keep])
        kept.append(part)
    return kept


def parse_shard(text: str) -> tuple[int, int]:
    """Parse ``i/n``.

    >>> parse_shard("2/8")
    (2, 8)
    """
    number, _, total = text.partition("/")
    short = max(len(number), len(total)) <= 7  # more would be more parts than RNAs
    if not (short and number.isdecimal() and total.isdecimal() and 1 <= int(number) <= int(total)):
        raise InputError(f"--shard is {text!r}, expected i/n with 1 ≤ i ≤ n, such as 1/4")
    return int(number), int(total)


def shard_rows(rnas: Sequence[RnaTable], number: int, of: int) -> list[RnaTable]:
    """One of several consecutive parts of the inputs with about equally many nucleotides.

    Parts are numbered from 1. An RNA belongs to the part that contains its middle.
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
