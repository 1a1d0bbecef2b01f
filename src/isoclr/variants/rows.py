"""Rows of the table: an allele, or the alleles of one haplotype, in one transcript."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from isoclr.errors import InputError
from isoclr.genomics.consequence_terms import sort_terms
from isoclr.genomics.encoding import letters
from isoclr.variants import hgvs
from isoclr.variants.blocks import Block, split
from isoclr.variants.edits import Edit, Rna, apply
from isoclr.variants.placement import Placement, Transcript, place
from isoclr.variants.transcripts import TranscriptIndex
from isoclr.variants.vcf import Record

MAX_MISMATCHES = 0.01
"""More reference alleles than this fraction that differ from the sequence end the run: the build is probably wrong."""
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
JOINED = "+"
"""Stands between the alleles of a haplotype."""
_EDIT = pl.Struct({"start": pl.Int64(), "end": pl.Int64(), "alt": pl.String()})
WORKING_SCHEMA = {**SCHEMA, "lines": pl.List(pl.Int64()), "edits": pl.List(_EDIT)}
"""The same, with the records of the file that a row comes from and its edits in the RNA (0-based, half-open)."""


@dataclass(frozen=True)
class VariantRow:
    """One allele in one transcript, or the alleles of a haplotype there."""

    records: tuple[Record, ...]
    """Alleles, in the order of the genome."""
    transcript: Transcript
    placements: tuple[Placement, ...]
    """Where each allele lies."""
    haplotype: str = ""
    """The copies that carry all alleles, written as a genotype; empty for a single allele."""

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
        if edit.end <= cds[0]:
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
        if self.flag and any(one.edit is None or one.flag == "exon_edge" for one in self.placements):
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
        self.path, self.compared, self.different = path, 0, 0
        self.examples: list[str] = []

    def differs(self, record: Record, transcript: Transcript, edit: Edit, ref: str) -> bool:
        """Whether the bases that an edit replaces are not those of the reference allele."""
        there = transcript.rna.bases[edit.start : edit.end]
        if len(ref) != len(there) or not len(there):
            return False
        self.compared += 1
        if letters(there) == letters(transcript.oriented(ref)):
            return False
        self.different += 1
        if len(self.examples) < 5:
            self.examples.append(record.key)
        if self.compared >= 1_000:
            self.finish()
        return True

    def finish(self) -> None:
        """Raise if more than 1 % differ.

        Raises:
            InputError: they do.
        """
        if self.different > max(1, MAX_MISMATCHES * self.compared):
            raise InputError(
                f"{self.path}: {self.different:,} of {self.compared:,} reference alleles differ from the sequence "
                f"(such as {', '.join(self.examples)}); are variants and annotation of the same genome build?"
            )


def place_record(
    record: Record, index: TranscriptIndex, skipped: Counter[str], checks: ReferenceCheck
) -> Iterator[VariantRow]:
    """The rows of an allele, one per transcript; counts why it has none."""
    variant = record.variant.trimmed()
    chrom = index.chromosome(variant.chrom)
    if chrom is None:
        skipped["chromosome_without_transcripts"] += 1
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
        rows: Rows.
        scores: For each row and score, ref, alt, delta, its low and high end, and rank; nothing for a row without.
        names: Names of the scores.
        index: The transcripts.
    """
    unscored = (float("nan"),) * 6
    records = []
    for row, own in zip(rows, scores, strict=True):
        before, flag, after = row.cells(index), row.flag, row.working_cells()
        for name, values in zip(names, own or [unscored] * len(names), strict=True):
            records.append((*before, name, *values, flag, *after))
    numbers = pl.col("ref", "alt", "delta", "delta_low", "delta_high", "rank")
    return pl.DataFrame(records, WORKING_SCHEMA, orient="row").with_columns(numbers.fill_nan(None))
