"""An input of mature RNAs: a FASTA, with or without annotations that know exons and CDS of its records."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from isoclr.accessions import without_versions
from isoclr.annotations import Annotation, read_annotation
from isoclr.corpus.part import Options, Part, select
from isoclr.errors import InputError
from isoclr.sequences import read_transcripts

_STRUCTURES_ONLY = "structures"  # a table in which an empty cell means unknown, not absent


def read_fasta_part(
    transcripts: Path, annotation: Sequence[Path], species: str, options: Options
) -> Part:
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
    part = Part(joined, read.codes, table.height)
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
