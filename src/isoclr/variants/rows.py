"""Rows of the table: an allele, or the alleles of one haplotype, in one transcript.

A haplotype is the phased alleles of one sample that lie on the same copy of a transcript.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl

from isoclr.errors import InputError
from isoclr.genomics.encoding import letters
from isoclr.variants import hgvs
from isoclr.variants.consequences import Block, sort_terms, split
from isoclr.variants.edits import Edit, Rna, apply
from isoclr.variants.placement import Placement, Transcript, place
from isoclr.variants.transcripts import TranscriptIndex
from isoclr.variants.vcf import Record

MAX_MISMATCHES = 0.01
"""Two or more reference alleles that differ from the sequence, and more than this fraction, end the run."""
SCHEMA = {
    "CHROM": pl.String(),
    "POS": pl.Int64(),
    "ID": pl.String(),
    "REF": pl.String(),
    "ALT": pl.String(),
    "haplotype": pl.String(),
    "gene": pl.String(),
    "gene_id": pl.String(),
    "transcript": pl.String(),
    "MANE": pl.Boolean(),
    "region": pl.String(),
    "consequence": pl.String(),
    "HGVSc": pl.String(),
    "HGVSp": pl.String(),
    "score": pl.String(),
    "ref": pl.Float64(),
    "alt": pl.Float64(),
    "delta": pl.Float64(),
    "delta_low": pl.Float64(),
    "delta_high": pl.Float64(),
    "rank": pl.Float64(),
    "flag": pl.String(),
}
"""Columns of the table: one row per variant (or haplotype), transcript and score."""
NO_CHROMOSOME = "chromosome_without_transcripts"  # Reason of alleles whose chromosome the annotation does not have
JOINED = "+"  # Stands between the alleles of a haplotype
_EDIT = pl.Struct({"start": pl.Int64(), "end": pl.Int64(), "alt": pl.String()})
WORKING_SCHEMA = {**SCHEMA, "lines": pl.List(pl.Int64()), "edits": pl.List(_EDIT)}
"""The same, with the records of the file that a row comes from and its edits in the RNA (0-based, half-open)."""


@dataclass(frozen=True)
class VariantRow:
    """One allele in one transcript, or the alleles of a haplotype there."""

    records: tuple[Record, ...]  # Alleles, in the order of the genome
    transcript: Transcript
    placements: tuple[Placement, ...]  # Where each allele lies
    haplotype: str = ""  # The copies that carry all alleles, written as a genotype; empty for a single allele

    @property
    def edits(self) -> list[Edit]:
        """Edits of the RNA, 5' to 3'."""
        edits = [one.edit for one in self.placements if one.edit is not None]
        return sorted(edits, key=lambda edit: (edit.start, edit.end))

    @property
    def flag(self) -> str:
        """Why it is not scored unless asked; empty if it is."""
        return "&".join(dict.fromkeys(one.flag for one in self.placements if one.flag))

    @cached_property
    def edited(self) -> Rna | None:
        """The RNA after all edits; None if no exonic base changes."""
        if len(self.blocks) == 1 and len(self.blocks[0].edits) == len(self.edits):
            return self.blocks[0].edited
        return apply(self.transcript.rna, self.edits) if self.edits else None

    @cached_property
    def blocks(self) -> list[Block]:
        """Groups of edits with a consequence of their own."""
        return split(self.transcript.rna, self.edits)

    @property
    def terms(self) -> tuple[str, ...]:
        """Consequences, the most severe first."""
        terms = {term for one in self.placements for term in one.terms}
        return sort_terms(terms.union(*(block.terms for block in self.blocks)))

    def can_be_scored(self, score_splice: bool) -> bool:
        """Whether the edited RNA is known, and scored: variants next to introns are scored only if asked."""
        unknown = any(one.edit is None and one.flag == "exon_edge" for one in self.placements)
        return bool(self.edits) and not unknown and (score_splice or not self.flag)

    def place_cells(self) -> tuple[Any, ...]:
        """Cells of the table that say which alleles it is about."""
        variants = [record.variant for record in self.records]
        single = len(self.records) == 1
        names = [one.name if single or one.name != "." else one.key for one in self.records]
        return (
            variants[0].chrom,
            variants[0].position + 1,
            JOINED.join(names),
            JOINED.join(variant.ref for variant in variants),
            JOINED.join(variant.alt for variant in variants),
            self.haplotype,
        )

    def cells(self, index: TranscriptIndex) -> tuple[Any, ...]:
        """Cells of the table before the scores."""
        transcript = self.transcript
        return (
            *self.place_cells(),
            transcript.gene_symbol or transcript.gene_id,
            transcript.gene_id,
            transcript.transcript_id,
            index.is_mane(transcript),
            "&".join(dict.fromkeys(map(self._region, self.placements))),
            "&".join(self.terms),
            self._rna_name(),
            self._protein_name(),
        )

    def working_cells(self) -> tuple[list[int], list[dict[str, Any]]]:
        """Cells of the working columns: records of the file, and edits."""
        edits = [{"start": e.start, "end": e.end, "alt": letters(e.alt)} for e in self.edits]
        return [record.line for record in self.records], edits

    def _region(self, placement: Placement) -> str:
        edit, cds = placement.edit, self.transcript.rna.cds
        if edit is None:
            return "intron"
        if cds is None:
            return "non-coding exon"
        if edit.end <= cds[0] and not self.transcript.rna.begins_within_codon:
            return "5' UTR"
        return "3' UTR" if edit.start >= cds[1] else "CDS"

    def _rna_name(self) -> str:
        names = []
        for record, placement in zip(self.records, self.placements, strict=True):
            if placement.edit is None or placement.flag == "exon_edge":
                names.append(hgvs.genomic_name(self.transcript, record.variant.trimmed()))
            else:
                names.append(hgvs.rna_name(self.transcript.rna, placement.edit))
        return hgvs.allele(names[::-1] if self.transcript.minus else names)

    def _protein_name(self) -> str:
        if any(one.edit is None or one.flag == "exon_edge" for one in self.placements):
            return ""
        return hgvs.allele([name for name in map(self._name_of, self.blocks) if name])

    def _name_of(self, block: Block) -> str:
        rna = self.transcript.rna
        if "synonymous_variant" in block.terms:
            return hgvs.synonymous_name(rna, block.edits[0])
        return hgvs.protein_name(rna, block.edited, block.terms)


class ReferenceCheck:
    """Compares reference alleles with the sequence, and ends the run if too many differ."""

    def __init__(self, path: Path) -> None:
        self.path, self.compared, self.different, self.fit_next = path, 0, 0, 0
        self.examples: list[str] = []
        self._compared_line = self._different_line = 0  # a line counts once, whatever its alleles and transcripts

    def differs(self, record: Record, transcript: Transcript, edit: Edit, ref: str) -> bool:
        """Whether the bases that an edit replaces are not those of the reference allele."""
        there = transcript.rna.bases[edit.start : edit.end]
        if len(ref) != len(there) or not len(there):
            return False
        self.compared += record.line != self._compared_line
        self._compared_line = record.line
        if letters(there) == letters(transcript.oriented(ref)):
            return False
        if record.line != self._different_line:
            self._different_line = record.line
            self.different += 1
            one_on = edit.start - 1 if transcript.minus else edit.start + 1
            there = transcript.rna.bases[max(one_on, 0) : one_on + len(ref)]
            self.fit_next += letters(there) == letters(transcript.oriented(ref))
            if len(self.examples) < 5:
                self.examples.append(record.key)
        if self.compared >= 1_000:
            self.finish()
        return True

    def finish(self) -> None:
        """Raise if two or more, and more than 1 %, differ."""
        if self.different > max(1, MAX_MISMATCHES * self.compared):
            hint = "are variants and annotation of the same genome build?"
            if self.fit_next > 0.9 * self.different:
                hint = f"{self.fit_next:,} are those of the next base: positions count from 0, expected from 1"
            raise InputError(
                f"{self.path}: {self.different:,} of {self.compared:,} reference alleles differ from the sequence "
                f"(such as {', '.join(self.examples)}); {hint}"
            )


def place_record(
    record: Record, index: TranscriptIndex, skipped: Counter[str], checks: ReferenceCheck
) -> Iterator[VariantRow]:
    """The rows of an allele, one per transcript; counts why it has none."""
    variant = record.variant.trimmed()
    chrom = index.chromosome(variant.chrom)
    if chrom is None:
        skipped[NO_CHROMOSOME] += 1
        return
    any_row = mismatch = False
    for number in index.overlapping(chrom, variant.position, variant.end):
        transcript = index.transcripts[number]
        placement = place(transcript, variant)
        if placement is None:
            continue
        edit = placement.edit
        if edit is not None and checks.differs(record, transcript, edit, variant.ref):
            mismatch = True
            continue
        yield VariantRow((record,), transcript, (placement,))
        any_row = True
    if not any_row:
        skipped["reference_mismatch" if mismatch else "outside_transcripts"] += 1


def frame(
    rows: Sequence[VariantRow],
    scores: Sequence[Sequence[tuple[float, ...]]],
    names: Sequence[str],
    index: TranscriptIndex,
) -> pl.DataFrame:
    """The table of some rows, in their order, with the working columns.

    Args:
        scores: For each row and score, ref, alt, delta, its low and high end, and rank; nothing for a row without.
        names: Names of the scores.
    """
    unscored = (float("nan"),) * 6
    records = []
    for row, own in zip(rows, scores, strict=True):
        before, flag, after = row.cells(index), row.flag, row.working_cells()
        for name, values in zip(names, own or [unscored] * len(names), strict=True):
            records.append((*before, name, *values, flag, *after))
    numbers = pl.col("ref", "alt", "delta", "delta_low", "delta_high", "rank")
    return pl.DataFrame(records, WORKING_SCHEMA, orient="row").with_columns(numbers.fill_nan(None))


OVERLAPPING = "haplotypes with overlapping alleles"
UNPHASED = "heterozygous alleles without phase"


class HaplotypeJoiner:
    """Collects the rows of single alleles, and joins those of one haplotype when their transcript is passed.

    Args:
        unjoined: Counts what has no place in a joint row, by reason.
    """

    def __init__(self, unjoined: Counter[str]) -> None:
        self.unjoined = unjoined
        self._open: dict[str, list[VariantRow]] = {}
        self._chrom, self._position = "", 0
        self._passed = set[str]()

    def add(self, record: Record, rows: list[VariantRow]) -> Iterator[VariantRow]:
        """Take the rows of the next allele; yields the joint rows of transcripts that end before it."""
        chrom, position = record.variant.chrom, record.variant.position
        if chrom != self._chrom:
            self._passed.add(self._chrom)
        if chrom in self._passed or (chrom == self._chrom and position < self._position):
            raise InputError(f"{record.key}: --phased needs variants that are sorted by position")
        yield from self.close(None if chrom != self._chrom else position)
        self._chrom, self._position = chrom, position
        genotype = record.genotype
        if genotype is None or not any(genotype.carried):
            return
        if not genotype.is_phased:
            self.unjoined[UNPHASED] += bool(rows)
            return
        for row in rows:
            if row.placements[0].terms != ("intron_variant",):
                self._open.setdefault(row.transcript.transcript_id, []).append(row)

    def close(self, position: int | None = None) -> Iterator[VariantRow]:
        """Joint rows of the transcripts that end at a position or before it; None: of all."""
        for name, rows in [*self._open.items()]:
            if position is None or rows[0].transcript.span[1] <= position:
                del self._open[name]
                yield from self._join(rows)

    def _join(self, rows: list[VariantRow]) -> Iterator[VariantRow]:
        """Joint rows of one transcript, one per different haplotype of two or more alleles."""
        different = {row.records[0].variant.trimmed(): row for row in reversed(rows)}
        alleles = [row for row in rows if different[row.records[0].variant.trimmed()] is row]
        genotypes = [row.records[0].genotype for row in alleles]
        sets = {one.phase_set: None for one in genotypes if one is not None and not one.homozygous}
        seen = set[tuple[int, ...]]()
        for phase_set in sets or {"": None}:
            ploidy = max(len(one.carried) for one in genotypes if one is not None)
            members = [
                tuple(
                    i
                    for i, one in enumerate(genotypes)
                    if one is not None
                    and (one.homozygous or one.phase_set == phase_set)
                    and one.carried[min(copy, len(one.carried) - 1)]
                )
                for copy in range(ploidy)
            ]
            for own in dict.fromkeys(members):
                if len(own) < 2 or own in seen:
                    continue
                seen.add(own)
                label = "|".join("1" if other == own else "0" for other in members)
                yield from self._joint([alleles[i] for i in own], label, phase_set)

    def _joint(self, rows: list[VariantRow], label: str, phase_set: str) -> Iterator[VariantRow]:
        joint = VariantRow(
            tuple(row.records[0] for row in rows),
            rows[0].transcript,
            tuple(row.placements[0] for row in rows),
            f"{label}:{phase_set}" if phase_set else label,
        )
        if any(_overlap(first, second) for first, second in pairwise(joint.edits)):
            self.unjoined[OVERLAPPING] += 1
        elif joint.edits:
            yield joint


def _overlap(first: Edit, second: Edit) -> bool:
    """Whether two edits change the same bases, or insert at the same place, so that their order is not known."""
    same_place = first.start == first.end == second.start == second.end
    return same_place or second.start < first.end
