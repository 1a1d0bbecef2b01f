"""One input of a build: from its files to a table of transcripts and their codes."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.corpus.cds import assign_cds, check_reading_frames, inner_stops, known_noncoding, mark_tracks
from isoclr.corpus.inputs import BuildConfig, Input
from isoclr.errors import InputError
from isoclr.genomics.annotation import read_annotation
from isoclr.genomics.encoding import A, Codes, N
from isoclr.genomics.fasta import read_transcripts
from isoclr.genomics.genome import Genome, batches, is_mitochondrion, open_genome, splice
from isoclr.genomics.species import without_versions
from isoclr.genomics.transcript_models import SCHEMA, Annotation, count

LONGEST_TAIL = 1_000  # nt of the longest poly(A) tail
Advance = Callable[[int, int], None]
"""Called with the number of transcripts done since the last call, and of all transcripts."""

COLUMNS = (
    "order", "transcript_id", "gene_id", "gene_symbol", "biotype", "species", "start", "length", "cds_start", "cds_end",
    "cds_source", "n_exons", "canonical",
)  # fmt: skip
"""Columns of the table that :func:`read_input` returns."""


@dataclass
class TranscriptTable:
    """Transcripts of one input, and what was dropped from it."""

    table: pl.DataFrame
    """One row per transcript; ``order`` is its rank among all records of the input, ``start`` where its codes begin."""
    codes: Codes  # Codes that start points into
    records: int  # Number of transcripts in the input before any was dropped
    dropped: Counter[str] = field(default_factory=Counter)  # Reason → number of dropped transcripts
    noted: Counter[str] = field(default_factory=Counter)  # Irregularity or correction → number of transcripts
    metadata: dict[str, Any] = field(default_factory=dict)
    """Facts about the files for ``corpus.json``."""
    messages: list[str] = field(default_factory=list)  # Messages for the terminal
    first_dropped: dict[str, tuple[str, int]] = field(default_factory=dict)
    """As :attr:`isoclr.genomics.fasta.Transcripts.first_dropped`."""
    first_noted: dict[str, str] = field(default_factory=dict)  # Reason → id of the first transcript counted for it

    def drop(self, condition: pl.Expr, reason: str) -> None:
        """Drop and count the rows that meet a condition."""
        kept = self.table.filter(~condition)
        count(self.dropped, reason, self.table.height - kept.height)
        self.table = kept

    def drop_by_length(self, max_length: int) -> None:
        """Drop empty and too long transcripts."""
        self.drop(pl.col("length") == 0, "empty")
        self.drop(pl.col("length") > max_length, "longer_than_max_length")

    def drop_without_bases(self) -> None:
        """Drop transcripts of N alone, as on chromosomes that are masked."""
        start, length = (self.table[name].to_numpy() for name in ("start", "length"))
        bounds = np.stack([start, start + length], 1).ravel()
        lowest = np.minimum.reduceat(self.codes, bounds[bounds < len(self.codes)])[::2]
        self.drop(pl.lit(pl.Series(lowest >= N)), "no_known_base")

    def note(self, condition: pl.Expr, reason: str) -> None:
        """Count the rows that meet a condition."""
        found = self.table.filter(condition)
        count(self.noted, reason, found.height)
        if found.height:
            self.first_noted[reason] = found["transcript_id"][0]


def read_input(
    source: Input,
    config: BuildConfig,
    threads: int,
    advance: Advance,
    genes: pl.DataFrame | None = None,
    *,
    canonical: frozenset[str] = frozenset(),
    keep_unknown: bool = False,
) -> TranscriptTable:
    """Read, filter, splice and mark the transcripts of one input.

    Args:
        genes: ``gene_id`` (without version) and ``biotype`` of genes, for transcripts without a biotype of their own.
        canonical: Ids, without version, of transcripts that stand for their genes, besides those that annotations tag.
        keep_unknown: Keep transcripts of N alone, of which a corpus has none.
    """
    if source.genome is not None:
        part = read_genome(source.genome, source.annotation, source.species, config, threads, advance)
    else:
        assert source.transcripts is not None
        part = read_fasta(source.transcripts, source.annotation, config)
    if part.table.height and not keep_unknown:
        part.drop_without_bases()
    if genes is not None:
        part.table = _with_gene_biotypes(part.table, genes)
    part.table = part.table.with_columns(pl.col("no_cds") | known_noncoding())
    total = part.table.height

    def advance_orfs(done: int) -> None:
        if source.genome is None:  # for a genome, progress counts spliced transcripts
            advance(done, total)

    orf_min_length = config.orf_min_length if config.orf and source.orf else None
    part.table = assign_cds(part.table, part.codes, orf_min_length, part.noted, advance_orfs)
    _check_reading_frames(part, source)
    if not config.noncoding:
        part.drop(pl.col("cds_source") == "none", "noncoding")
    mark_tracks(part.table, part.codes)
    n_exons = pl.col("exon_lengths").list.len().fill_null(0).cast(pl.Int64)
    listed = without_versions(pl.col("transcript_id")).is_in(list(canonical))
    part.table = part.table.with_columns(
        n_exons=n_exons, species=pl.lit(source.species), canonical=pl.col("canonical") | listed
    ).select(COLUMNS)
    return part


def _check_reading_frames(part: TranscriptTable, source: Input) -> None:
    """Count annotated coding sequences with a stop codon inside; refuse an annotation of another genome."""
    annotated = part.table.filter(pl.col("cds_source") == "annotated")
    found, misread = inner_stops(annotated, part.codes)
    count(part.noted, "inner_stop_codon", int(found.sum()))
    if source.genome is not None:
        mitochondria = [*filter(is_mitochondrion, annotated["chrom"].unique())]
        nuclear = ~annotated["chrom"].is_in(mitochondria).to_numpy()
        check_reading_frames(int(misread[nuclear].sum()), int(nuclear.sum()), source.annotation[0], source.genome)


def _with_gene_biotypes(table: pl.DataFrame, genes: pl.DataFrame) -> pl.DataFrame:
    """The table with the biotype of the gene for transcripts without one."""
    genes = genes.filter(pl.col("biotype") != "").unique("gene_id", keep="first", maintain_order=True)
    genes = genes.select(gene="gene_id", gene_biotype="biotype")
    table = table.with_columns(gene=without_versions(pl.col("gene_id")))
    table = table.join(genes, on="gene", how="left", maintain_order="left")
    return table.with_columns(biotype=_first_text("biotype", "gene_biotype")).drop("gene", "gene_biotype")


def _first_text(*columns: str) -> pl.Expr:
    """The first of some columns that is neither empty nor null, else ""."""
    texts = [pl.when(pl.col(name) != "").then(pl.col(name)) for name in columns]
    return pl.coalesce(*texts, pl.lit(""))


# FASTA of transcripts, with or without annotations


def read_fasta(transcripts: Path, annotation: Sequence[Path], config: BuildConfig) -> TranscriptTable:
    """Read the records of a FASTA and join them with annotations.

    A record matches an annotated transcript with the same id, versions aside. Among several matches the one of the
    same length is preferred, then the one of the same version, then the first. Exons and CDS are used only if the
    length agrees, but for a poly(A) tail that the annotation does not have.
    """
    read = read_transcripts(transcripts, skip_bad=config.skip_bad)
    table = read.table.with_columns(
        order=pl.Series(np.arange(read.table.height)),
        start=pl.Series(read.offsets[:-1]),
        length=pl.Series(np.diff(read.offsets)),
        tail=pl.Series(_poly_a_tails(read.codes, read.offsets), dtype=pl.Int64),
    )
    annotations = [read_annotation(path) for path in annotation]
    table = join_annotations(table, annotations)
    if annotations and not table["annotated"].any():
        first, other = annotations[0].table["transcript_id"][0], table["transcript_id"][0]
        raise InputError(
            f"{annotation[0]} and {transcripts}: no transcript id in common, found {first!r} in the annotation "
            f"and {other!r} in the FASTA"
        )
    part = TranscriptTable(table, read.codes, table.height, first_dropped=read.first_dropped)
    part.metadata = {
        "transcripts_dropped": dict(read.dropped),
        "annotation_dropped": [dict(one.dropped) for one in annotations],
    }
    part.drop_by_length(config.max_length)
    part.note(pl.col("disagrees"), "length_disagrees")
    part.note(pl.col("unannotated_tail") > 0, "poly_a_tail")
    if annotations:
        missing = ~pl.col("annotated")
        alike = _but_for_versions(part.table.filter(missing), annotations)
        part.note(missing, "not_in_annotation")
        part.first_noted |= {"not_in_annotation": alike} if alike else {}
    return part


def _poly_a_tails(codes: Codes, offsets: NDArray[np.int64]) -> list[int]:
    """Number of A at the end of each record."""
    ends = [codes[max(start, end - LONGEST_TAIL) : end].tobytes() for start, end in pairwise(offsets.tolist())]
    return [len(one) - len(one.rstrip(bytes([A]))) for one in ends]


def _but_for_versions(table: pl.DataFrame, annotations: Sequence[Annotation]) -> str:
    """A record whose id is in an annotation with another ending, and that id; the ending may name an isoform."""
    stem = pl.col("transcript_id").str.replace(r"\.\d+$", "")
    known = pl.concat([one.table.select(stem.alias("stem"), other="transcript_id") for one in annotations])
    pairs = table.select("transcript_id", stem.alias("stem")).join(known, on="stem", maintain_order="left_right")
    return f"{pairs['transcript_id'][0]} (the annotation has {pairs['other'][0]})" if pairs.height else ""


def join_annotations(table: pl.DataFrame, annotations: Sequence[Annotation]) -> pl.DataFrame:
    """Add gene, biotype, exons and CDS to the records of a FASTA.

    Args:
        table: Records: transcript_id, gene_id, gene_symbol, biotype, cds_start, cds_end (from the headers), length,
            tail (A at the end).
        annotations: Annotations; the first one takes precedence.

    Returns:
        The same rows with names completed, ``exon_lengths`` (null: unknown), ``no_cds`` (annotated without a CDS),
        ``canonical``, ``annotated`` (in an annotation), ``disagrees`` (with another length there) and
        ``unannotated_tail`` (nt of a poly(A) tail beyond the annotation, which are part of the last exon).
    """
    joined = table.join(
        _matches(table, annotations), on="order", how="left", maintain_order="left", suffix="_annotated"
    )
    annotated = pl.col("agrees").is_not_null()
    agrees = pl.col("agrees").fill_null(False)
    has_cds = agrees & (pl.col("cds_start_annotated") >= 0)
    return joined.select(
        *(name for name in table.columns if f"{name}_annotated" not in joined.columns),
        gene_id=_first_text("gene_id_annotated", "gene_id", "gene_name", "transcript_id"),
        gene_symbol=_first_text("gene_symbol_annotated", "gene_symbol", "gene_name"),
        biotype=_first_text("biotype_annotated", "biotype"),
        cds_start=pl.when(has_cds).then("cds_start_annotated").otherwise("cds_start"),
        cds_end=pl.when(has_cds).then("cds_end_annotated").otherwise("cds_end"),
        exon_lengths=pl.when(agrees).then(_with_tail("exon_lengths", "unannotated_tail")),
        unannotated_tail=pl.when(agrees).then("unannotated_tail").fill_null(0),
        no_cds=pl.col("no_cds").fill_null(False),
        canonical=pl.col("canonical").fill_null(False),
        annotated=annotated,
        disagrees=annotated & ~agrees,
    )


def _with_tail(exons: str, tail: str) -> pl.Expr:
    """Lengths of exons, the last one longer by a tail."""
    lengths = pl.col(exons).list
    longer = pl.concat_list(lengths.head(lengths.len() - 1), lengths.last() + pl.col(tail))
    return pl.when(pl.col(tail) > 0).then(longer).otherwise(exons)


def _matches(table: pl.DataFrame, annotations: Sequence[Annotation]) -> pl.DataFrame:
    """Best match of every annotated record: ``order``, ``agrees``, ``unannotated_tail``, the annotation's columns."""
    empty = pl.DataFrame(schema=SCHEMA).with_columns(no_cds=pl.lit(False))
    known = pl.concat([empty, *(_with_no_cds(one) for one in annotations)])
    known = known.with_row_index("rank").select(
        pl.exclude("chrom", "strand", "exon_starts"), key=without_versions(pl.col("transcript_id"))
    )
    # a file without genes (BED) repeats the transcript id as gene id; refFlat has a symbol for it, perhaps an old one
    has_gene, is_symbol = pl.col("gene_id") != pl.col("transcript_id"), pl.col("gene_id") == pl.col("gene_symbol")
    known = known.with_columns(
        gene_id=pl.when(has_gene & ~is_symbol).then("gene_id"),
        gene_symbol=pl.when(~is_symbol).then("gene_symbol"),
        gene_name=pl.when(has_gene & is_symbol).then("gene_id"),
    )
    records = table.select("order", "transcript_id", "length", "tail", key=without_versions(pl.col("transcript_id")))
    pairs = records.join(known, on="key", suffix="_annotated")
    pairs = pairs.with_columns(unannotated_tail=(pl.col("length") - pl.col("length_annotated")).fill_null(0))
    pairs = pairs.with_columns(
        exact=pl.col("unannotated_tail") == 0,
        agrees=pl.col("unannotated_tail").is_between(0, pl.col("tail")),
        same=pl.col("transcript_id_annotated") == pl.col("transcript_id"),
    )
    pairs = pairs.sort("order", "exact", "agrees", "same", "rank", descending=[False, True, True, True, False])
    return pairs.unique("order", keep="first", maintain_order=True).drop(
        "transcript_id", "transcript_id_annotated", "length", "length_annotated", "tail", "key", "rank", "exact", "same"
    )


def _with_no_cds(annotation: Annotation) -> pl.DataFrame:
    """The transcripts with ``no_cds``: whether the annotation says that they are non-coding.

    An annotation that marks no CDS at all does not, nor does a structure table, where an empty cell means unknown.
    """
    table = annotation.table
    marks_cds = annotation.format != "structures" and bool((table["cds_start"] >= 0).any())
    return table.with_columns(no_cds=(pl.col("cds_start") < 0) & pl.lit(marks_cds))


# Genome with annotations


def read_genome(
    genome: Path, annotation: Sequence[Path], species: str, config: BuildConfig, threads: int, advance: Advance
) -> TranscriptTable:
    """Splice annotated transcripts from a genome; rows are sorted by chromosome, then as in the annotation."""
    annotations = [read_annotation(path) for path in annotation]
    table = pl.concat([_with_no_cds(one) for one in annotations])
    if table["exon_starts"].null_count() == table.height:
        raise InputError(
            f"{annotation[0]}: no transcript with coordinates, expected an annotation of {genome} "
            "(a structure table goes with transcripts)"
        )
    with open_genome(genome) as sequences:
        names = _match_chromosomes(table, sequences, f"{annotation[0]} and {genome}")
        table = _by_chromosome(table, sequences, names)
        renamed = {name: match for name, match in names.items() if match and match != name}
        part = TranscriptTable(table, np.empty(0, np.uint8), table.height)
        part.messages = [_renaming_message(species, renamed)] if renamed else []
        part.metadata = {
            "annotation_dropped": [dict(one.dropped) for one in annotations],
            "chromosomes_renamed": renamed,
            "chromosomes_missing": [name for name, match in names.items() if match is None],
        }
        part.drop_by_length(config.max_length)
        part.drop(pl.col("sequence").is_null(), "chromosome_not_in_genome")
        part.drop(pl.col("beyond"), "beyond_sequence_end")
        lengths = part.table["length"]
        part.table = part.table.with_columns(start=lengths.cum_sum() - lengths)
        part.codes = _splice_all(part.table, sequences, threads, advance)
    return part


def _match_chromosomes(table: pl.DataFrame, sequences: Genome, files: str) -> dict[str, str | None]:
    """Chromosome of the annotation → sequence of the genome; None where the genome has none."""
    names = table["chrom"].drop_nulls().unique(maintain_order=True).to_list()
    matches = sequences.match(names)
    if not matches:
        raise InputError(
            f"{files}: no sequence name in common, found {names[0]!r} in the annotation "
            f"and {next(iter(sequences.lengths))!r} in the genome"
        )
    return {name: matches.get(name) for name in names}


def _by_chromosome(table: pl.DataFrame, sequences: Genome, names: dict[str, str | None]) -> pl.DataFrame:
    """Rows sorted by chromosome, with ``order``, ``sequence`` (null: missing) and ``beyond`` its end."""
    lengths = [None if name is None else sequences.lengths[name] for name in names.values()]
    chromosomes = pl.DataFrame(
        {
            "chrom": list(names),
            "sequence": pl.Series(names.values(), dtype=pl.String),
            "sequence_length": pl.Series(lengths, dtype=pl.Int64),
            "number": range(len(names)),
        }
    )
    table = table.join(chromosomes, on="chrom", how="left", maintain_order="left")
    table = table.sort("number", maintain_order=True).with_row_index("order")
    last = (pl.col("exon_starts") + pl.col("exon_lengths")).list.max()
    return table.with_columns(
        pl.col("order").cast(pl.Int64),
        beyond=(pl.col("exon_starts").list.min() < 0) | (last > pl.col("sequence_length")),
    )


def _renaming_message(species: str, renamed: dict[str, str]) -> str:
    pairs = [f"{name} = {match}" for name, match in renamed.items()]
    more = f" and {len(pairs) - 3:,} more" if len(pairs) > 3 else ""
    return f"{species}: chromosome names of annotation = genome: {', '.join(pairs[:3])}{more}"


def _splice_all(table: pl.DataFrame, sequences: Genome, threads: int, advance: Advance) -> Codes:
    """Nucleotide codes of all rows, one after the other."""
    codes = np.empty(int(table["length"].sum()), np.uint8)
    with ThreadPoolExecutor(threads) as pool:
        for rows in table.partition_by("sequence", maintain_order=True):
            chromosome = sequences.fetch(rows["sequence"][0])
            pieces = [rows[batch] for batch in batches(rows["length"].to_numpy())]
            for done in pool.map(lambda piece, c=chromosome: _splice_into(codes, piece, c), pieces):
                advance(done, table.height)
    return codes


def _splice_into(codes: Codes, rows: pl.DataFrame, chromosome: Codes) -> int:
    """Splice consecutive rows of one chromosome into their part of ``codes``; returns the number of rows."""
    columns = ["exon_starts", "exon_lengths"]
    exons = rows.select("strand", *columns).explode(columns)
    start = rows["start"][0]
    end = rows["start"][-1] + rows["length"][-1]
    codes[start:end] = splice(
        chromosome,
        exons["exon_starts"].to_numpy(),
        exons["exon_lengths"].to_numpy(),
        (exons["strand"] == "-").to_numpy(),
    )
    return rows.height
