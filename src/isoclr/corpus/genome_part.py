"""An input of a genome and its annotation: exons joined to mature RNAs."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl

from isoclr.annotations import read_annotation
from isoclr.corpus.codes import Codes
from isoclr.corpus.part import Advance, Options, Part, select
from isoclr.corpus.splicing import batches, splice
from isoclr.errors import InputError
from isoclr.sequences import Genome, open_genome


def read_genome_part(
    genome: Path,
    annotation: Sequence[Path],
    species: str,
    options: Options,
    threads: int,
    advance: Advance,
) -> Part:
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
        part = Part(table, np.empty(0, np.uint8), table.height)
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
