"""Transcripts with their place on the genome and their sequence, and which of them a variant touches."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr._console import info
from isoclr.corpus.cds import check_reading_frames, lacks_stop
from isoclr.errors import InputError
from isoclr.genomics.annotation import read_annotation, read_mane
from isoclr.genomics.encoding import Codes
from isoclr.genomics.fasta import read_transcripts
from isoclr.genomics.genome import (
    is_accession,
    is_mitochondrion,
    match_chromosomes,
    open_genome,
    read_descriptions,
    splice,
)
from isoclr.genomics.species import without_version, without_versions
from isoclr.genomics.transcript_models import count
from isoclr.variants.edits import Rna
from isoclr.variants.placement import Transcript

BIN = 1 << 14  # Width (nt) of the genomic bins in which transcripts are looked up


class TranscriptIndex:
    """Transcripts by genomic position."""

    def __init__(
        self, transcripts: Sequence[Transcript], mane: frozenset[str] = frozenset(), genome: Path | None = None
    ) -> None:
        self.transcripts = transcripts
        self.genome = genome  # FASTA of the chromosomes; its headers may say which chromosome an accession is
        self.mane = mane  # Ids, without version, of MANE Select transcripts
        self._bins: dict[tuple[str, int], list[int]] = {}
        for i, transcript in enumerate(transcripts):
            first, end = transcript.span
            for number in range(first // BIN, (end - 1) // BIN + 1):
                self._bins.setdefault((transcript.chrom, number), []).append(i)
        self._names: dict[str, str] = {}
        self.chromosomes = {transcript.chrom: None for transcript in transcripts}

    def __len__(self) -> int:
        return len(self.transcripts)

    def chromosome(self, name: str) -> str | None:
        """The annotation's name of a variant's chromosome (``chr1``, ``1``, ``NC_000001.11``); None if it has none."""
        if name not in self._names:
            found = match_chromosomes([name], self.chromosomes)
            if not found and self.genome is not None and any(map(is_accession, (name, *self.chromosomes))):
                found = match_chromosomes([name], self.chromosomes, self._descriptions)
                # the accession may also be the variant's
                back = match_chromosomes(self.chromosomes, [name], self._descriptions)
                found |= {theirs: ours for ours, theirs in back.items()}
            self._names[name] = found.get(name, "")
        return self._names[name] or None

    @cached_property
    def _descriptions(self) -> dict[str, str]:
        return {} if self.genome is None else read_descriptions(self.genome)

    def overlapping(self, chrom: str, start: int, end: int) -> Iterator[int]:
        """Numbers of the transcripts that ``[start, end)`` touches; an insertion has ``start == end``."""
        first, last = max(start - 1, 0) // BIN, max(end, start) // BIN
        numbers = {i for n in range(first, last + 1) for i in self._bins.get((chrom, n), ())}
        for i in sorted(numbers):
            low, high = self.transcripts[i].span
            if start < high and (end > low or start == end > low):
                yield i

    def is_mane(self, transcript: Transcript) -> bool:
        """Whether a transcript is MANE Select."""
        return without_version(transcript.transcript_id) in self.mane


def load_transcripts(
    annotations: Sequence[Path],
    *,
    genome: Path | None = None,
    sequences: Sequence[Path] = (),
    mane: Path | None = None,
    all_transcripts: bool = False,
    dropped: Counter[str] | None = None,
) -> TranscriptIndex:
    """Read transcripts and their sequences.

    Args:
        annotations: Annotation files with genomic exons: GTF, GFF3, genePred, refFlat, BED12.
        genome: FASTA of the chromosomes.
        sequences: Instead of a genome, FASTA files of the mature RNAs. A record belongs to the transcript of its id,
            with or without version, and its length.
        mane: NCBI's MANE summary table; its MANE Select transcripts stand for their genes.
        all_transcripts: Keep all transcripts; by default one per gene: MANE Select where it is known, else the one that
            the annotation tags as canonical, else the one with the longest coding sequence.
        dropped: Counts transcripts that cannot be used, by reason. Among them are the coding ones of mitochondria:
            their genetic code is another one.
    """
    dropped = Counter() if dropped is None else dropped
    selected = read_mane(mane) if mane is not None else frozenset()
    tables = [read_annotation(path).table for path in annotations]
    table = pl.concat(tables).unique("transcript_id", keep="first", maintain_order=True)
    placed = table.filter(pl.col("exon_starts").is_not_null())
    count(dropped, "without_genomic_exons", table.height - placed.height)
    mitochondria = [*filter(is_mitochondrion, placed["chrom"].unique())]
    read = placed.filter(~pl.col("chrom").is_in(mitochondria) | (pl.col("cds_start") < 0))
    count(dropped, "mitochondrial_genetic_code", placed.height - read.height)
    placed = read
    is_selected = without_versions(pl.col("transcript_id")).is_in(list(selected))
    if mane is not None and not placed.select(is_selected.any()).item():
        found_id = "".join(f", such as {name}" for name in placed["transcript_id"].head(1))
        info(f"{mane}: none of its MANE Select transcripts is among those of the annotation{found_id}")
    if not all_transcripts:
        placed = _representatives(placed, selected)
    if genome is not None:
        found = [*_from_genome(placed, genome, dropped)]
        _check_assembly(found, annotations[0], genome)
    elif sequences:
        found = [*_from_fasta(placed, sequences, dropped)]
    else:
        raise InputError("give --genome, or --transcripts with the sequences of the annotation's transcripts")
    if not found:
        files = ", ".join(map(str, annotations))
        if dropped["without_genomic_exons"] == table.height:
            raise InputError(
                f"{files}: no transcript with coordinates, expected an annotation with genomic exons "
                "(a structure table has none)"
            )
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in sorted(dropped.items()))
        raise InputError(f"{files}: no transcript has exons on the genome and a sequence; left out: {reasons}")
    return TranscriptIndex(found, selected, genome)


def _representatives(table: pl.DataFrame, mane: frozenset[str]) -> pl.DataFrame:
    """One transcript per gene: MANE Select, else canonical, else the longest coding sequence, else the longest."""
    ranked = table.with_row_index("row").with_columns(
        mane=without_versions(pl.col("transcript_id")).is_in(list(mane)),
        cds=pl.col("cds_end") - pl.col("cds_start"),
        nt=pl.col("exon_lengths").list.sum(),
    )
    best = ranked.sort(["mane", "canonical", "cds", "nt", "row"], descending=[True, True, True, True, False])
    kept = best.unique(["gene_id", "chrom"], keep="first", maintain_order=True)
    return kept.sort("row").select(table.columns)


def _from_genome(table: pl.DataFrame, genome: Path, dropped: Counter[str]) -> Iterator[Transcript]:
    with open_genome(genome) as opened:
        names = opened.match(table["chrom"].unique().to_list())
        for (chrom,), rows in table.group_by("chrom", maintain_order=True):
            name = names.get(str(chrom))
            if name is None:
                dropped["chromosome_not_in_genome"] += rows.height
                continue
            bases = opened.fetch(name)
            for row in rows.iter_rows(named=True):
                starts, lengths = _exons(row)
                if int((starts + lengths).max()) > len(bases):
                    dropped["beyond_chromosome_end"] += 1
                    continue
                minus = np.full(len(starts), row["strand"] == "-")
                yield _transcript(row, splice(bases, starts, lengths, minus))


def _check_assembly(found: Sequence[Transcript], annotation: Path, genome: Path) -> None:
    """Refuse an annotation of another genome, by the coding sequences of about a thousand transcripts."""
    coding = [one.rna for one in found if one.rna.cds is not None]
    some = coding[:: 1 + len(coding) // 1_000]
    misread = [one for one in some if "*" in one.protein[:-1] and not one.has_start_codon]
    check_reading_frames(len(misread), len(some), annotation, genome)


def _from_fasta(table: pl.DataFrame, paths: Sequence[Path], dropped: Counter[str]) -> Iterator[Transcript]:
    by_id: dict[str, dict[int, Codes]] = {}
    for path in paths:
        read = read_transcripts(path)
        for i, name in enumerate(read.table["transcript_id"].to_list()):
            bases = read.codes[read.offsets[i] : read.offsets[i + 1]]
            by_id.setdefault(without_version(name), {}).setdefault(len(bases), bases)
    for row in table.iter_rows(named=True):
        by_length = by_id.get(without_version(row["transcript_id"]), {})
        sequence = by_length.get(sum(row["exon_lengths"]))
        if sequence is None:
            dropped["sequence_of_another_length" if by_length else "no_sequence"] += 1
        else:
            yield _transcript(row, sequence)


def _exons(row: dict[str, object]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return (np.array(row[name], np.int64) for name in ("exon_starts", "exon_lengths"))  # type: ignore[return-value]


def _transcript(row: dict[str, object], bases: Codes) -> Transcript:
    starts, lengths = _exons(row)
    return Transcript(
        transcript_id=str(row["transcript_id"]),
        gene_id=str(row["gene_id"]),
        gene_symbol=str(row["gene_symbol"]),
        chrom=str(row["chrom"]),
        minus=row["strand"] == "-",
        exon_starts=starts,
        rna=Rna(bases, lengths, _cds(row, bases)),
    )


def _cds(row: dict[str, object], bases: Codes) -> tuple[int, int] | None:
    """The annotated coding sequence in whole codons, with its stop codon; None if there is none or it does not fit."""
    start, end = int(str(row["cds_start"])), min(int(str(row["cds_end"])), len(bases))
    if lacks_stop(bases, *(np.array([number]) for number in (0, len(bases), start, end)))[0]:
        end += 3
    end -= (end - start) % 3
    return (start, end) if 0 <= start < end else None
