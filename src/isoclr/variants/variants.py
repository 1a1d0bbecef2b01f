"""The command: score the variants of a VCF in every transcript they touch."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from isoclr._console import progress
from isoclr._io import as_paths, check_file, check_output, write_table
from isoclr._report import Report, Row, Table, count_lines
from isoclr._threads import thread_map, use_threads
from isoclr.errors import InputError
from isoclr.genomics.encoding import letters
from isoclr.models.load import load
from isoclr.probing.resolve import encoder_of, model_of, resolve_head
from isoclr.training.device import resolve_device
from isoclr.variants import hgvs
from isoclr.variants.annotate import check_vcf_output, write_vcf
from isoclr.variants.consequences import consequences, sort_terms
from isoclr.variants.edits import Edit, Rna, apply
from isoclr.variants.placement import Placement, Transcript, place
from isoclr.variants.scoring import Scorer
from isoclr.variants.transcripts import TranscriptIndex, load_transcripts
from isoclr.variants.vcf import Record, read_variants

CHUNK = 5_000
"""Alleles that are placed, scored and kept in memory at a time."""
MAX_MISMATCHES = 0.01
"""More reference alleles than this fraction that differ from the sequence end the run: the build is probably wrong."""
SCHEMA = {
    "CHROM": pl.String(),
    "POS": pl.Int64(),
    "ID": pl.String(),
    "REF": pl.String(),
    "ALT": pl.String(),
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
"""Columns of the table: one row per variant, transcript and score."""


@dataclass(frozen=True)
class VariantEffects(Report):
    """The result of :func:`variants`."""

    table: pl.DataFrame
    """One row per variant, transcript and score, with the columns of :data:`SCHEMA`."""
    skipped: dict[str, int]
    """Alleles without a row, by reason."""
    dropped: dict[str, int]
    """Transcripts of the annotation that cannot be used, by reason."""
    out: Path | None = None
    mismatches: tuple[str, ...] = field(default=(), repr=False)
    """The first alleles whose reference bases differ from the sequence."""

    def rows(self) -> list[Row]:
        """The table as records."""
        return self.table.to_dicts()

    def messages(self) -> Iterator[str]:
        """What was left out, and where the table is."""
        yield from count_lines(self.dropped, of="transcripts not used: ")
        yield from count_lines(self.skipped, of="alleles not used: ")
        if self.mismatches:
            yield f"reference alleles that differ from the sequence: {', '.join(self.mismatches)} …"
        if self.out is not None:
            yield f"{self.out}: {self.table.height:,} rows"

    def tables(self) -> Iterator[Table]:
        """Mean effects by consequence, for each score."""
        effects = self.table.with_columns(
            consequence=pl.col("consequence").str.split("&").list.first()
        ).drop_nulls("delta")
        for (score,), own in effects.group_by("score", maintain_order=True):
            means = own.group_by("consequence").agg(
                n=pl.len(), mean=pl.col("delta").mean(), size=pl.col("delta").abs().mean()
            )
            rows = [
                (name, n, f"{mean:+.3g}", f"{size:.3g}")
                for name, n, mean, size in means.sort("size", descending=True).rows()
            ]
            yield Table(str(score), ("consequence", "variants", "mean change", "mean size"), rows)


@dataclass
class _Row:
    """A variant in one transcript, before and after scoring."""

    record: Record
    transcript: Transcript
    placement: Placement
    terms: tuple[str, ...]
    edited: Rna | None
    flag: str


def variants(
    calls: Path,
    *,
    annotation: tuple[Path, ...],
    genome: Path | None = None,
    transcripts: tuple[Path, ...] = (),
    out: Path | None = None,
    vcf_out: Path | None = None,
    head: tuple[Path, ...] = (),
    task: str | None = None,
    species: str = "",
    model: str | None = None,
    mane: Path | None = None,
    all_transcripts: bool = False,
    score_splice: bool = False,
    rank: bool = False,
    device: str = "auto",
    threads: int | None = None,
    overwrite: bool = False,
) -> VariantEffects:
    """VCF + annotation → the consequence of every variant in every transcript, and its predicted effect.

    Every variant is translated into an edit of the mature RNA: bases change, exon ends move, and the coding sequence is
    found again. Consequences are Sequence Ontology terms, with UTRannotator's terms for upstream open reading frames.
    The effect is the change of a head's prediction; with no head, the distance in embedding space. Variants at splice
    sites are named and flagged, but not scored: what they do to splicing is not modelled.

    Args:
        calls: VCF or BCF (plain or compressed; ``-`` for standard input), or a table with chrom, pos, ref and alt.
        annotation: Annotations with genomic exons (GTF, GFF3, genePred, refFlat, BED12).
        genome: FASTA of the chromosomes.
        transcripts: Instead of a genome, FASTA files of the mature RNAs; for variants in exons they are enough.
        out: The table, as .parquet, .tsv or .csv.
        vcf_out: Copy of the VCF with the effects in the INFO field ISOCLR (.vcf, .vcf.gz or .bcf), which
            ``bcftools +split-vep -a ISOCLR`` reads.
        head: Heads that ``isoclr fit`` wrote, all of one encoder.
        task: Instead of a head, what a shipped head predicts, such as half-life.
        species: Species of the shipped head.
        model: The heads' encoder, if it does not ship; without a head, the encoder (default: isoclr-s).
        mane: NCBI's MANE summary table; MANE Select transcripts then stand for their genes.
        all_transcripts: Use all transcripts; by default one per gene: MANE Select, else that with the longest coding
            sequence.
        score_splice: Score variants next to introns too, as if splicing stayed the same.
        rank: Add the percentile of each change among all point mutations of the transcript; takes a scan of each.
        device: auto, cpu, cuda, cuda:1, …
        threads: Number of CPU threads (default: PyTorch's choice).
        overwrite: Replace an output that exists.

    Returns:
        The table, and what was left out by reason: every allele has a row or a reason.

    Raises:
        InputError: a file or option cannot be used, or more than 1 % of the reference alleles differ from the sequence.
    """
    if out is not None:
        check_output(Path(out), overwrite=overwrite)
    if vcf_out is not None:
        check_vcf_output(Path(calls), Path(vcf_out))
        check_file(Path(vcf_out), overwrite=overwrite)
    use_threads(threads)
    scorer = _scorer(as_paths(head), task, species, model, device)
    dropped: Counter[str] = Counter()
    index = load_transcripts(
        as_paths(annotation),
        genome=genome and Path(genome),
        sequences=as_paths(transcripts),
        mane=mane and Path(mane),
        all_transcripts=all_transcripts,
        dropped=dropped,
    )
    skipped: Counter[str] = Counter()
    checks = _ReferenceCheck(Path(calls))
    frames = []
    records = read_variants(Path(calls), skipped)
    with progress() as bar:
        bar_task = bar.add_task("scoring variants", total=None)
        while chunk := list(islice(records, CHUNK)):
            rows = [row for record in chunk for row in _place(record, index, skipped, checks)]
            frames.append(_score(rows, index, scorer, score_splice=score_splice, rank=rank))
            bar.update(bar_task, advance=len(chunk))
    checks.finish()
    table = pl.concat([pl.DataFrame(schema=SCHEMA), *frames])
    if out is not None:
        write_table(table, Path(out), overwrite=overwrite)
    if vcf_out is not None:
        write_vcf(Path(calls), table, Path(vcf_out), overwrite=overwrite)
    return VariantEffects(table, dict(skipped), dict(dropped), out, tuple(checks.examples))


def _scorer(
    heads: Sequence[Path], task: str | None, species: str, model: str | None, device: str
) -> Scorer:
    if not heads and task is None:
        encoder = load(model or "isoclr-s")
        encoder.network.to(resolve_device(device))
        return Scorer(encoder)
    resolved = [resolve_head(one, None, species, model) for one in heads]
    if task is not None:
        resolved.append(resolve_head(None, task, species, model))
    loaded = [one for one, _ in resolved]
    if len({one.model["sha256"] for one in loaded}) > 1:
        raise InputError("--head: the heads belong to different encoders, expected one for all")
    encoder = encoder_of(loaded[0], model_of(loaded[0], resolved[0][1]))
    encoder.network.to(resolve_device(device))
    return Scorer(encoder, loaded)


class _ReferenceCheck:
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


def _place(
    record: Record, index: TranscriptIndex, skipped: Counter[str], checks: _ReferenceCheck
) -> Iterator[_Row]:
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
        if placement.edit is None:
            yield _Row(record, transcript, placement, placement.terms, None, placement.flag)
        elif checks.differs(record, transcript, placement.edit, variant.ref):
            mismatch = True
            continue
        else:
            yield _edited_row(record, transcript, placement, placement.edit)
        any_row = True
    if not any_row:
        skipped["reference_mismatch" if mismatch else "outside_transcripts"] += 1


def _edited_row(record: Record, transcript: Transcript, placement: Placement, edit: Edit) -> _Row:
    edited = apply(transcript.rna, [edit])
    terms = {*placement.terms, *consequences(transcript.rna, edit, edited)}
    return _Row(record, transcript, placement, sort_terms(terms), edited, placement.flag)


def _score(
    rows: list[_Row], index: TranscriptIndex, scorer: Scorer, *, score_splice: bool, rank: bool
) -> pl.DataFrame:
    """The table of some rows, in their order."""
    by_transcript: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        if row.edited is not None and (score_splice or not row.flag):
            by_transcript.setdefault(row.transcript.transcript_id, []).append(i)
    scores: list[list[tuple[float, ...]]] = [[] for _ in rows]

    def work(numbers: list[int]) -> None:
        rna = rows[numbers[0]].transcript.rna
        edits = [(_edit(rows[i]), _edited(rows[i])) for i in numbers]
        found = scorer.score(rna, edits)
        nothing = [np.full(len(edits), np.nan)] * len(found)
        ranks = scorer.ranks(rna, [one.delta for one in found]) if rank else nothing
        for k, i in enumerate(numbers):
            scores[i] = [
                (one.ref, one.alt[k], one.delta[k], one.low[k], one.high[k], percentile[k])
                for one, percentile in zip(found, ranks, strict=True)
            ]

    thread_map(work, list(by_transcript.values()), scorer.encoder.network.stem.weight.device.type)
    unscored = (float("nan"),) * 6
    records = [
        _record(row, index, name, values)
        for row, own in zip(rows, scores, strict=True)
        for name, values in zip(scorer.names, own or [unscored] * len(scorer.names), strict=True)
    ]
    return pl.DataFrame(records, schema=SCHEMA, orient="row").with_columns(
        pl.col("ref", "alt", "delta", "delta_low", "delta_high", "rank").fill_nan(None)
    )


def _edit(row: _Row) -> Edit:
    assert row.placement.edit is not None
    return row.placement.edit


def _edited(row: _Row) -> Rna:
    assert row.edited is not None
    return row.edited


def _record(
    row: _Row, index: TranscriptIndex, name: str, values: tuple[float, ...]
) -> tuple[Any, ...]:
    chrom, position, ref, alt = row.record.variant
    transcript = row.transcript
    return (
        chrom, position + 1, row.record.name, ref, alt,
        transcript.gene_symbol or transcript.gene_id, transcript.gene_id, transcript.transcript_id,
        index.is_mane(transcript), _region(row), "&".join(row.terms), *_names(row),
        name, *values, row.flag,
    )  # fmt: skip


def _region(row: _Row) -> str:
    if row.placement.edit is None:
        return "intron"
    cds = row.transcript.rna.cds
    if cds is None:
        return "non-coding exon"
    edit = row.placement.edit
    if edit.end <= cds[0]:
        return "5' UTR"
    return "3' UTR" if edit.start >= cds[1] else "CDS"


def _names(row: _Row) -> tuple[str, str]:
    """HGVS names in the RNA and in the protein."""
    rna, edit = row.transcript.rna, row.placement.edit
    if edit is None or row.flag == "exon_edge":
        return hgvs.genomic_name(row.transcript, row.record.variant.trimmed()), ""
    assert row.edited is not None
    if "synonymous_variant" in row.terms:
        return hgvs.rna_name(rna, edit), hgvs.synonymous_name(rna, edit)
    return hgvs.rna_name(rna, edit), hgvs.protein_name(rna, row.edited, row.terms)
