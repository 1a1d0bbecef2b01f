"""One input of a build, from its files to marked codes."""

import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from isoclr.corpus.cds import OrfCalling, assign_cds, known_noncoding, mark
from isoclr.corpus.inputs import Input
from isoclr.errors import InputError
from isoclr.genomics.annotation import read_annotation
from isoclr.genomics.encoding import Codes
from isoclr.genomics.fasta import read_transcripts
from isoclr.genomics.genome import Genome, batches, open_genome, splice
from isoclr.genomics.species import without_versions
from isoclr.genomics.transcript_models import Annotation

Advance = Callable[[int, int], None]
"""Called with (transcripts done since the last call, transcripts in all)."""

ROWS = (
    "order",
    "transcript_id",
    "gene_id",
    "gene_symbol",
    "biotype",
    "species",
    "start",
    "length",
    "cds_start",
    "cds_end",
    "cds_source",
    "n_exons",
)
"""Columns of a finished part."""


@dataclass(frozen=True)
class Options:
    """What is done with every transcript."""

    calling: OrfCalling
    noncoding: bool
    max_length: int
    shard: tuple[int, int] | None = None


@dataclass
class TranscriptTable:
    """The transcripts of one input.

    Attributes:
        table: one row a transcript (:data:`ROWS` in the end); ``order`` is its place among all records of the input,
            ``start`` where its codes begin.
        codes: the codes that ``start`` points into.
        records: how many transcripts the input has, before anything was dropped; the same in every shard.
        seen: how many of them are this shard's.
        dropped: reason → how many transcripts were left out.
        noted: what was odd or mended → in how many transcripts.
        facts: about the files, for ``corpus.json``; the same in every shard.
        says: what the person at the terminal should know.
    """

    table: pl.DataFrame
    codes: Codes
    records: int
    seen: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    noted: Counter[str] = field(default_factory=Counter)
    facts: dict[str, Any] = field(default_factory=dict)
    says: list[str] = field(default_factory=list)

    def drop(self, unwanted: pl.Expr, reason: str) -> None:
        """Leave out the rows for which ``unwanted`` is true, and count them."""
        kept = self.table.filter(~unwanted)
        if count := self.table.height - kept.height:
            self.dropped[reason] += count
        self.table = kept

    def note(self, flags: pl.Expr, reason: str) -> None:
        """Count the rows for which ``flags`` is true."""
        if count := int(self.table.select(flags.sum()).item()):
            self.noted[reason] += count


def select(part: TranscriptTable, species: str, options: Options) -> None:
    """Keep this shard's genes; drop what has no length and what is too long."""
    if options.shard is not None:
        number, of = options.shard
        part.table = part.table.filter(_shard_of_genes(part.table, species, of) == number - 1)
    part.seen = part.table.height
    part.drop(pl.col("length") == 0, "empty")
    part.drop(pl.col("length") > options.max_length, "longer_than_max_length")


def _shard_of_genes(table: pl.DataFrame, species: str, of: int) -> pl.Series:
    """Which shard a row's gene belongs to: by a checksum of its name, so that isoforms stay together."""
    names = table.select(gene=without_versions(pl.col("gene_id")))
    genes = names.unique(maintain_order=True)
    numbers = [zlib.crc32(f"{species}|{gene}".encode()) % of for gene in genes["gene"]]
    genes = genes.with_columns(shard=pl.Series(numbers, dtype=pl.Int64))
    return names.join(genes, on="gene", how="left", maintain_order="left")["shard"]


_STRUCTURES_ONLY = "structures"  # a table in which an empty cell means unknown, not absent


def read_fasta_part(
    transcripts: Path, annotation: Sequence[Path], species: str, options: Options
) -> TranscriptTable:
    """The records of a FASTA, joined with what annotations know of them.

    A record and an annotated transcript are the same when their ids are, versions aside. Of several candidates the
    one whose length agrees is taken, then the one with the very same version, then the first. Exons and CDS of an
    annotation count only when its length agrees with the record (a poly(A) tail or another version make it differ).

    Raises:
        InputError: a file that cannot be read as what it should be, or annotations that know no record.
    """
    read = read_transcripts(transcripts)
    table = read.table.with_columns(
        order=pl.Series(np.arange(read.table.height)),
        start=pl.Series(read.offsets[:-1]),
        length=pl.Series(np.diff(read.offsets)),
    )
    annotations = [read_annotation(path) for path in annotation]
    joined = join_annotations(table, annotations)
    if annotations and not joined["annotated"].any():
        found, known = table["transcript_id"][0], annotations[0].table["transcript_id"][0]
        raise InputError(
            f"{annotation[0]} and {transcripts}: no transcript id in common, found {known!r} in the annotation "
            f"and {found!r} in the FASTA"
        )
    part = TranscriptTable(joined, read.codes, table.height)
    part.facts = {
        "transcripts_dropped": dict(read.dropped),
        "annotation_dropped": [dict(each.dropped) for each in annotations],
    }
    select(part, species, options)
    part.note(pl.col("disagrees"), "length_disagrees")
    if annotations:
        part.note(~pl.col("annotated"), "not_in_annotation")
    if not part.codes.flags.writeable:
        part.codes = part.codes.copy()
    return part


def join_annotations(table: pl.DataFrame, annotations: Sequence[Annotation]) -> pl.DataFrame:
    """Gene, biotype, exons and CDS of every record of a FASTA.

    Args:
        table: the records: transcript_id, gene_id, gene_symbol, biotype, cds_start, cds_end (from the headers), length.
        annotations: the annotations, the first one preferred.

    Returns:
        The same rows with the names settled, ``exon_lengths`` (null: unknown), ``no_cds`` (an annotation says it has
        none), ``annotated`` (one knows the record) and ``disagrees`` (but with another length).
    """
    known = _candidates(table, annotations)
    joined = table.join(known, on="order", how="left", maintain_order="left", suffix="_annotated")
    annotated = pl.col("agrees").is_not_null()
    agrees = pl.col("agrees").fill_null(False)
    gene = _first_text("gene_id_annotated", "gene_id", "transcript_id")
    has_cds = agrees & (pl.col("cds_start_annotated") >= 0)
    joined = joined.with_columns(
        gene_id=gene,
        gene_symbol=_first_text("gene_symbol_annotated", "gene_symbol"),
        biotype=_first_text("biotype_annotated", "biotype"),
        cds_start=pl.when(has_cds).then("cds_start_annotated").otherwise("cds_start"),
        cds_end=pl.when(has_cds).then("cds_end_annotated").otherwise("cds_end"),
        exon_lengths=pl.when(agrees).then("exon_lengths"),
        annotated=annotated,
        disagrees=annotated & ~agrees,
    )
    return joined.with_columns(no_cds=pl.col("without_cds").fill_null(False)).select(
        *table.columns, "exon_lengths", "no_cds", "annotated", "disagrees"
    )


def _candidates(table: pl.DataFrame, annotations: Sequence[Annotation]) -> pl.DataFrame:
    """For every record that an annotation knows, the best of the transcripts that may be it."""
    known = pl.concat([_known(each) for each in annotations] or [_EMPTY], how="vertical_relaxed")
    known = known.with_row_index("rank").with_columns(
        key=without_versions(pl.col("annotated_id")),
        gene_id=_unless_own_name("gene_id", "annotated_id"),
    )
    records = table.select(
        "order", "transcript_id", "length", key=without_versions(pl.col("transcript_id"))
    )
    pairs = records.join(known, on="key", how="inner", suffix="_annotated")
    pairs = pairs.with_columns(
        agrees=pl.coalesce(pl.col("length_annotated") == pl.col("length"), pl.lit(True)),
        same=pl.col("annotated_id") == pl.col("transcript_id"),
    )
    pairs = pairs.sort("order", "agrees", "same", "rank", descending=[False, True, True, False])
    return pairs.unique("order", keep="first", maintain_order=True).drop(
        "transcript_id", "length", "key", "length_annotated", "annotated_id", "rank", "same"
    )


def _known(annotation: Annotation) -> pl.DataFrame:
    """What an annotation says; ``without_cds``: that a transcript has no CDS, which only some can say."""
    table = annotation.table
    marks_cds = annotation.format != _STRUCTURES_ONLY and bool((table["cds_start"] >= 0).any())
    return table.select(
        annotated_id="transcript_id",
        gene_id="gene_id",
        gene_symbol="gene_symbol",
        biotype="biotype",
        exon_lengths="exon_lengths",
        length="length",
        cds_start="cds_start",
        cds_end="cds_end",
        without_cds=(pl.col("cds_start") < 0) & pl.lit(marks_cds),
    )


_EMPTY = pl.DataFrame(
    schema={
        "annotated_id": pl.String,
        "gene_id": pl.String,
        "gene_symbol": pl.String,
        "biotype": pl.String,
        "exon_lengths": pl.List(pl.Int64),
        "length": pl.Int64,
        "cds_start": pl.Int64,
        "cds_end": pl.Int64,
        "without_cds": pl.Boolean,
    }
)


def _unless_own_name(gene: str, transcript: str) -> pl.Expr:
    """The gene, or nothing where a file without genes (BED) put the transcript's own name."""
    return pl.when(pl.col(gene) != pl.col(transcript)).then(pl.col(gene)).otherwise(pl.lit(""))


def _first_text(*names: str) -> pl.Expr:
    """The first of some columns that says something; "" when none does."""
    said = [pl.when(pl.col(name) != "").then(pl.col(name)) for name in names]
    return pl.coalesce(*said, pl.lit(""))


def read_genome_part(
    genome: Path,
    annotation: Sequence[Path],
    species: str,
    options: Options,
    threads: int,
    advance: Advance,
) -> TranscriptTable:
    """Spliced transcripts; rows by chromosome, chromosomes and transcripts in the annotation's order."""
    annotations = [read_annotation(path) for path in annotation]
    table = pl.concat([each.table for each in annotations], how="vertical_relaxed")
    if table["exon_starts"].null_count() == table.height:
        raise InputError(
            f"{annotation[0]}: no transcript with coordinates, expected an annotation of {genome} "
            "(a structure table goes with transcripts)"
        )
    with open_genome(genome) as sequences:
        match = _match(table, sequences, f"{annotation[0]} and {genome}")
        table = _by_chromosome(table, sequences, match)
        renamed = {name: found for name, found in match.items() if found and found != name}
        part = TranscriptTable(table, np.empty(0, np.uint8), table.height)
        part.says = [_told(species, renamed)] if renamed else []
        part.facts = {
            "annotation_dropped": [dict(each.dropped) for each in annotations],
            "chromosomes_renamed": renamed,
            "chromosomes_missing": [name for name, found in match.items() if found is None],
        }
        select(part, species, options)
        part.drop(pl.col("sequence").is_null(), "chromosome_not_in_genome")
        part.drop(pl.col("beyond"), "beyond_sequence_end")
        lengths = part.table["length"]
        part.table = part.table.with_columns(start=lengths.cum_sum() - lengths)
        part.codes = _splice_all(part.table, sequences, threads, advance)
    return part


def _match(table: pl.DataFrame, sequences: Genome, files: str) -> dict[str, str | None]:
    """The genome's sequence for every chromosome of the annotation, None where it has none."""
    names = table["chrom"].drop_nulls().unique(maintain_order=True).to_list()
    match = sequences.match(names)
    if not match:
        raise InputError(
            f"{files}: no sequence name in common, found {names[0]!r} in the annotation "
            f"and {next(iter(sequences.lengths))!r} in the genome"
        )
    return {name: match.get(name) for name in names}


def _by_chromosome(
    table: pl.DataFrame, sequences: Genome, match: dict[str, str | None]
) -> pl.DataFrame:
    """Rows in the order of chromosomes, with ``sequence`` (null: none), ``beyond`` and ``no_cds`` (said to have none).

    The order is that of the whole annotation, so it is the same for every shard.
    """
    lengths = [None if found is None else sequences.lengths[found] for found in match.values()]
    chromosomes = pl.DataFrame(
        {
            "chrom": list(match),
            "sequence": pl.Series(match.values(), dtype=pl.String),
            "sequence_length": pl.Series(lengths, dtype=pl.Int64),
            "place": range(len(match)),
        }
    )
    table = table.join(chromosomes, on="chrom", how="left", maintain_order="left")
    table = table.sort("place", maintain_order=True).with_row_index("order")
    marks_cds = bool((table["cds_start"] >= 0).any())
    return table.with_columns(
        pl.col("order").cast(pl.Int64),
        no_cds=(pl.col("cds_start") < 0) & pl.lit(marks_cds),
        beyond=_beyond(),
    )


def _beyond() -> pl.Expr:
    """Whether an exon lies, in part, outside its sequence."""
    first = pl.col("exon_starts").list.min()
    last = (pl.col("exon_starts") + pl.col("exon_lengths")).list.max()
    return (first < 0) | (last > pl.col("sequence_length"))


def _told(species: str, renamed: dict[str, str]) -> str:
    """What to tell about sequences whose name in the genome is another one than in the annotation."""
    pairs = [f"{name} = {found}" for name, found in renamed.items()]
    more = f" and {len(pairs) - 3:,} more" if len(pairs) > 3 else ""
    return f"{species}: chromosome names of annotation = genome: {', '.join(pairs[:3])}{more}"


def _splice_all(table: pl.DataFrame, sequences: Genome, threads: int, advance: Advance) -> Codes:
    """The nucleotide codes of all rows, one after the other."""
    codes = np.empty(int(table["length"].sum()), np.uint8)
    with ThreadPoolExecutor(threads) as pool:
        for rows in table.partition_by("sequence", maintain_order=True):
            chromosome = sequences.fetch(rows["sequence"][0])
            pieces = [rows[batch] for batch in batches(rows["length"].to_numpy())]
            for done in pool.map(lambda piece, c=chromosome: _splice_into(codes, piece, c), pieces):
                advance(done, table.height)
    return codes


def _splice_into(codes: Codes, rows: pl.DataFrame, chromosome: Codes) -> int:
    """Splice consecutive rows of one sequence into their place; their number is returned."""
    exons = rows.select("strand", "exon_starts", "exon_lengths").explode(
        "exon_starts", "exon_lengths"
    )
    start = rows["start"][0]
    end = rows["start"][-1] + rows["length"][-1]
    codes[start:end] = splice(
        chromosome,
        exons["exon_starts"].to_numpy(),
        exons["exon_lengths"].to_numpy(),
        (exons["strand"] == "-").to_numpy(),
    )
    return rows.height


def read_part(
    source: Input,
    options: Options,
    threads: int,
    advance: Advance,
    genes: pl.DataFrame | None = None,
) -> TranscriptTable:
    """Read, filter, splice and mark the transcripts of one input.

    Args:
        source: the species and its files.
        options: what is dropped, and whether open reading frames are called.
        threads: how many threads splice.
        advance: called with (transcripts done since the last call, transcripts in all).
        genes: ``gene_id`` (no version) and ``biotype``, for transcripts whose own biotype nothing says.

    Raises:
        InputError: a file cannot be read as what it should be, or annotation and sequences do not fit.
    """
    species, annotation = source.species, source.annotation
    if source.genome is not None:
        part = read_genome_part(source.genome, annotation, species, options, threads, advance)
    else:
        assert source.transcripts is not None  # make_input sees to it
        part = read_fasta_part(source.transcripts, annotation, species, options)
    if genes is not None:
        part.table = _with_gene_biotypes(part.table, genes)
    part.table = part.table.with_columns(pl.col("no_cds") | known_noncoding())
    total = part.table.height

    def called(done: int) -> None:
        if source.genome is None:  # the bar of a genome counts what was spliced
            advance(done, total)

    part.table = assign_cds(part.table, part.codes, options.calling, part.noted, called)
    if not options.noncoding:
        part.drop(pl.col("cds_source") == "none", "noncoding")
    mark(part.table, part.codes)
    n_exons = pl.col("exon_lengths").list.len().fill_null(0).cast(pl.Int64)
    part.table = part.table.with_columns(n_exons=n_exons, species=pl.lit(species)).select(ROWS)
    return part


def _with_gene_biotypes(table: pl.DataFrame, genes: pl.DataFrame) -> pl.DataFrame:
    """A bare record of a lncRNA gene is a lncRNA: where nothing says a transcript's biotype, its gene's counts."""
    named = genes.filter(pl.col("biotype") != "").unique(
        "gene_id", keep="first", maintain_order=True
    )
    kinds = named.select(gene="gene_id", of_gene="biotype")
    table = table.with_columns(gene=without_versions(pl.col("gene_id")))
    table = table.join(kinds, on="gene", how="left", maintain_order="left")
    own = pl.when(pl.col("biotype") != "").then("biotype")
    biotype = pl.coalesce(own, "of_gene", pl.lit(""))
    return table.with_columns(biotype=biotype).drop("gene", "of_gene")
