"""One input of a build, from its files to marked codes."""

import polars as pl

from isoclr.accessions import without_versions
from isoclr.corpus.coding import known_noncoding, mark, settle_cds
from isoclr.corpus.fasta_part import read_fasta_part
from isoclr.corpus.genome_part import read_genome_part
from isoclr.corpus.inputs import Input
from isoclr.corpus.part import ROWS, Advance, Options, Part


def read_part(
    source: Input,
    options: Options,
    threads: int,
    advance: Advance,
    genes: pl.DataFrame | None = None,
) -> Part:
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

    part.table = settle_cds(part.table, part.codes, options.calling, part.noted, called)
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
