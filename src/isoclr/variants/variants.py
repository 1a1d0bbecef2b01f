"""The command: score the variants of a VCF in every transcript they touch."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path

import polars as pl

from isoclr._console import progress_bar
from isoclr._io import as_paths, check_file, check_output
from isoclr._report import Report, Row, Table, count_lines
from isoclr._threads import thread_map, use_threads
from isoclr.errors import InputError
from isoclr.models.load import load
from isoclr.probing.resolve import encoder_of, resolve_head
from isoclr.training.device import resolve_device
from isoclr.variants.page import check_page, write_page
from isoclr.variants.parts import Parts, check_parts, open_parts
from isoclr.variants.rows import NO_CHROMOSOME, SCHEMA, HaplotypeJoiner, ReferenceCheck, VariantRow, frame, place_record
from isoclr.variants.scoring import Scorer
from isoclr.variants.transcripts import TranscriptIndex, load_transcripts
from isoclr.variants.vcf import Record, check_vcf_output, read_variants, write_vcf

CHUNK = 5_000  # Alleles that are placed, scored and kept in memory at a time


@dataclass(frozen=True)
class VariantEffects(Report):
    """The result of :func:`variants`."""

    height: int  # Number of rows
    means: pl.DataFrame  # Number of rows, mean and mean size of the change for each score and first consequence
    skipped: dict[str, int]  # Alleles without a row, by reason
    dropped: dict[str, int]  # Transcripts of the annotation that cannot be used, by reason
    unjoined: dict[str, int]  # What has no place in a row of a haplotype, by reason
    unscored: dict[str, int]
    """Alleles with rows, but without a value in any, by the flag; ``no_value`` where the head has none for the RNA."""
    out: Path | None = None
    mismatches: tuple[str, ...] = field(default=(), repr=False)
    """The first alleles whose reference bases differ from the sequence."""
    in_memory: pl.DataFrame | None = field(default=None, repr=False)

    @cached_property
    def table(self) -> pl.DataFrame:
        """One row per variant (or haplotype), transcript and score, with the columns of :data:`SCHEMA`.

        It is read from the output if there is one.
        """
        if self.in_memory is not None:
            return self.in_memory
        assert self.out is not None
        if self.out.suffix == ".parquet":
            return pl.read_parquet(self.out)
        separator = "," if self.out.suffix == ".csv" else "\t"
        read = pl.read_csv(self.out, separator=separator, schema=SCHEMA)
        return read.with_columns(pl.col(pl.String).fill_null(""))

    def rows(self) -> list[Row]:
        """The table as records."""
        return self.table.to_dicts()

    def messages(self) -> Iterator[str]:
        """What was left out, and where the table is."""
        yield from count_lines(self.dropped, of="transcripts not used: ")
        yield from count_lines(self.skipped, of="alleles not used: ")
        yield from count_lines(self.unscored, of="alleles not scored: ")
        yield from count_lines(self.unjoined, of="not joined: ")
        if self.mismatches:
            yield f"reference alleles that differ from the sequence: {', '.join(self.mismatches)} …"
        if self.out is not None:
            yield f"{self.out}: {self.height:,} rows"

    def tables(self) -> Iterator[Table]:
        """Mean effects by consequence, for each score."""
        for (score,), own in self.means.group_by("score", maintain_order=True):
            rows = [(name, n, f"{mean:+.3g}", f"{size:.3g}") for name, n, mean, size in own.drop("score").rows()]
            yield Table(str(score), ("consequence", "variants", "mean change", "mean size"), rows)


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
    phased: bool = False,
    sample: str = "",
    report: Path | None = None,
    resume: bool = False,
    device: str = "auto",
    threads: int | None = None,
    overwrite: bool = False,
) -> VariantEffects:
    """VCF + annotation → the consequence of every variant in every transcript, and its predicted effect.

    Every variant is translated into an edit of the mature RNA: bases change, exon ends move, and the coding sequence is
    found again. Consequences are Sequence Ontology terms, with UTRannotator's terms for upstream open reading frames.
    The effect is the change of a head's prediction; with no head, the distance in embedding space. Variants at splice
    sites are named and flagged but not scored, because splicing is not modelled.

    Args:
        calls: VCF or BCF (plain or compressed; ``-`` for standard input), or a table with chrom, pos, ref and alt.
        annotation: Annotations with genomic exons (GTF, GFF3, genePred, refFlat, BED12).
        genome: FASTA of the chromosomes.
        transcripts: Instead of a genome, FASTA files of the mature RNAs; for variants in exons they are enough.
        out: The table, as .parquet, .tsv or .csv.
        vcf_out: Copy of the VCF with the effects in the INFO field ISOCLR (.vcf, .vcf.gz or .bcf), which
            ``bcftools +split-vep -a ISOCLR`` reads.
        head: Heads that ``isoclr fit`` or ``isoclr finetune`` wrote, all of one encoder.
        task: Instead of a head, what a shipped head predicts, such as half-life.
        species: Species of the shipped head.
        model: The heads' encoder, if it is not built in; without a head, the encoder (default: isoclr-s).
        mane: NCBI's MANE summary table; MANE Select transcripts then stand for their genes.
        all_transcripts: Use all transcripts; by default one per gene: MANE Select, else that with the longest coding
            sequence.
        score_splice: Score variants next to introns too, as if splicing stayed the same.
        rank: Add the percentile of each change among all point mutations of the transcript, which takes longer.
        phased: Also join the alleles of each haplotype: one more row per transcript and copy that carries two or more.
            Needs a sorted VCF with phased genotypes.
        sample: Sample whose genotypes --phased reads; optional if there is only one.
        report: Web page (.html) that shows the strongest variants on their transcripts.
        resume: Continue a run that was killed, with the same options; the output is the same.
        device: auto, cpu, cuda, cuda:1, …
        threads: Number of CPU threads (default: PyTorch's choice).
        overwrite: Replace an existing output.

    Returns:
        The table, and what was left out by reason: every allele has a row or a reason.

    Raises:
        InputError: a file or option cannot be used, or two or more reference alleles, and more than 1 %, differ from
            the sequence.
    """
    calls, out, vcf_out, report = Path(calls), _path(out), _path(vcf_out), _path(report)
    _check_outputs(calls, out, vcf_out, report, overwrite)
    if sample and not phased:
        raise InputError("--sample chooses the genotypes for --phased, which is not given")
    target = out or vcf_out or report
    if target is not None:
        check_parts(target, resume=resume, overwrite=overwrite)
    elif resume:
        raise InputError("--resume goes on with an output: give --out")
    use_threads(threads)
    scorer = open_scorer(as_paths(head), task, species, model, device)
    options = {
        "calls": _identity(calls),
        "annotation": [_identity(path) for path in as_paths(annotation)],
        "genome": genome and _identity(Path(genome)),
        "transcripts": [_identity(path) for path in as_paths(transcripts)],
        "mane": mane and _identity(Path(mane)),
        "head": [f"{one.name} of SHA-256 {one.metadata['sha256'][:16]}" for one in scorer.heads],
        "task": task,
        "species": species,
        "model": scorer.encoder.sha256,
        "all_transcripts": all_transcripts,
        "score_splice": score_splice,
        "rank": rank,
        "phased": phased,
        "sample": sample,
    }
    skipped, dropped, unjoined = Counter[str](), Counter[str](), Counter[str]()
    with open_parts(target, options, resume=resume) as parts:
        index = load_transcripts(
            as_paths(annotation),
            genome=_path(genome),
            sequences=as_paths(transcripts),
            mane=_path(mane),
            all_transcripts=all_transcripts,
            dropped=dropped,
        )
        checks = ReferenceCheck(calls)
        joiner = HaplotypeJoiner(unjoined) if phased else None
        reader = read_variants(calls, skipped, sample=sample if phased else None)
        with closing(reader) as records, progress_bar("scoring variants", None) as advance:
            for number, (alleles, rows) in enumerate(_chunks(records, index, skipped, checks, joiner)):
                if (rows or not alleles) and not parts.holds(number, rows):
                    parts.add(number, score_rows(rows, index, scorer, score_splice=score_splice, rank=rank))
                advance(alleles)
        checks.finish()
        result = VariantEffects(
            parts.scan().select(pl.len()).collect().item(),
            _means(parts.scan()),
            dict(skipped),
            dict(dropped),
            dict(unjoined),
            _unscored(parts),
            out,
            tuple(checks.examples),
            parts.scan().select(*SCHEMA).collect() if out is None else None,
        )
        if report is not None:
            write_page(report, parts.scan(), index, scorer.names, overwrite=overwrite)
        if vcf_out is not None:
            write_vcf(calls, parts, vcf_out, overwrite=overwrite)
        if out is not None:
            parts.write(out, overwrite=overwrite)
    return result


def _path(path: Path | str | None) -> Path | None:
    return None if path is None else Path(path)


def _check_outputs(calls: Path, out: Path | None, vcf_out: Path | None, report: Path | None, overwrite: bool) -> None:
    if out is not None:
        check_output(out, overwrite=overwrite)
    if vcf_out is not None:
        check_vcf_output(calls, vcf_out)
        check_file(vcf_out, overwrite=overwrite)
    if report is not None:
        check_page(report)
        check_file(report, overwrite=overwrite)


def _identity(path: Path) -> str:
    """A file by its name, size and time of change."""
    if not path.is_file():
        return str(path)
    found = path.stat()
    return f"{path} of {found.st_size:,} bytes, changed at {found.st_mtime_ns / 1e9:.6f}"


def _chunks(
    records: Iterator[Record],
    index: TranscriptIndex,
    skipped: Counter[str],
    checks: ReferenceCheck,
    joiner: HaplotypeJoiner | None,
) -> Iterator[tuple[int, list[VariantRow]]]:
    """Number of alleles and rows of each chunk; rows of haplotypes follow when their transcript is passed."""
    found, example = 0, ""
    while chunk := list(islice(records, CHUNK)):
        found, example = found + len(chunk), chunk[0].variant.chrom
        rows: list[VariantRow] = []
        for record in chunk:
            own = list(place_record(record, index, skipped, checks))
            if joiner is not None:
                rows += joiner.add(record, own)
            rows += own
        yield len(chunk), rows
    if found and skipped[NO_CHROMOSOME] == found:
        raise InputError(
            f"{checks.path}: no allele is on a chromosome of the annotation, found {example!r} in the variants and "
            f"{next(iter(index.chromosomes))!r} in the annotation"
        )
    yield 0, list(joiner.close()) if joiner is not None else []


def _means(rows: pl.LazyFrame) -> pl.DataFrame:
    effects = rows.drop_nulls("delta").with_columns(consequence=pl.col("consequence").str.split("&").list.first())
    means = effects.group_by("score", "consequence").agg(
        n=pl.len(), mean=pl.col("delta").mean(), size=pl.col("delta").abs().mean()
    )
    return means.collect().sort("score", "size", descending=[False, True])


def _unscored(parts: Parts) -> dict[str, int]:
    """Alleles without a value, by the flag; those of a part are in no other."""
    found = Counter[str]()
    for path in parts.paths:
        table = pl.read_parquet(path, columns=["lines", "ALT", "haplotype", "delta", "flag"])
        alleles = (
            table.filter(pl.col("haplotype") == "")
            .group_by(pl.col("lines").list.first(), "ALT")
            .agg(pl.col("delta").is_not_null().any(), pl.col("flag").first())
        )
        found.update(flag or "no_value" for flag in alleles.filter(~pl.col("delta"))["flag"])
    return dict(sorted(found.items()))


def open_scorer(heads: Sequence[Path], task: str | None, species: str, model: str | None, device: str) -> Scorer:
    """A scorer of heads, of a shipped head, or of distances; see :func:`variants`."""
    resolved = [resolve_head(one, None, species, model) for one in heads]
    if task is not None:
        resolved.append(resolve_head(None, task, species, model))
    loaded = [one for one, _ in resolved]
    if len({one.model["sha256"] for one in loaded}) > 1:
        raise InputError("--head: the heads belong to different encoders, expected one for all")
    encoder = encoder_of(*resolved[0]) if loaded else load(model or "isoclr-s")
    encoder.network.to(resolve_device(device))
    return Scorer(encoder, loaded)


def score_rows(
    rows: list[VariantRow], index: TranscriptIndex, scorer: Scorer, *, score_splice: bool, rank: bool
) -> pl.DataFrame:
    """The table of some rows, in their order."""
    by_transcript: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        if row.can_be_scored(score_splice):
            by_transcript.setdefault(row.transcript.transcript_id, []).append(i)
    scores: list[list[tuple[float, ...]]] = [[] for _ in rows]

    def work(numbers: list[int]) -> None:
        edited = [rna for i in numbers if (rna := rows[i].edited) is not None]
        found = scorer.score(rows[numbers[0]].transcript.rna, edited, rank=rank)
        for k, i in enumerate(numbers):
            scores[i] = [(one.ref, one.alt[k], one.delta[k], one.low[k], one.high[k], one.rank[k]) for one in found]

    thread_map(work, list(by_transcript.values()), scorer.encoder.network.stem.weight.device.type)
    return frame(rows, scores, scorer.names, index)
