"""GTF (GENCODE, Ensembl, RefSeq, StringTie): exon, CDS and stop_codon lines, names in quoted attributes."""

from pathlib import Path

import polars as pl

from isoclr.annotations.assembly import assemble
from isoclr.annotations.features import COLUMNS, KEPT, PARTS, check, gather, part
from isoclr.annotations.lines import Block, blocks, parse, require
from isoclr.annotations.table import Annotation

WANTED = {**PARTS, "transcript": "transcript", "mRNA": "transcript"}
SYMBOL = ("gene_name", "ref_gene_name", "gene")
BIOTYPE = ("transcript_type", "transcript_biotype", "gene_type", "gene_biotype")
NAMES = ("transcript_id", "gene_id", "gene_symbol", "biotype")


def read_gtf(path: Path) -> Annotation:
    """The transcripts of a GTF file.

    The CDS of GENCODE, Ensembl and RefSeq ends before the stop codon, which has lines of its own (in an exon of
    its own, or in two, when an intron splits it): the table's CDS is the union of both. Where a file's CDS
    includes the stop codon already, the union changes nothing.

    Raises:
        InputError: a line that is no GTF.
    """
    parts, names = [], []
    for block in blocks(path):
        lines = _transcript_lines(block)
        names.append(_names(lines))
        parts.append(lines.drop("row", "feature", "attributes"))
    return assemble(gather(pl.concat(parts), _first_known(pl.concat(names))), "gtf")


def attribute(lines: pl.DataFrame, name: str) -> pl.Series:
    """An attribute's value, quoted (then it may hold a semicolon) or not; of a repeated key the first."""
    text = lines["attributes"]
    if not text.str.contains(f"{name} ", literal=True).any():
        return pl.Series(name, [None], pl.String).new_from_index(0, len(text))
    values = text.str.extract(rf'(?:^|;)\s*{name}\s+"([^"]*)"')
    if values.null_count():
        values = values.fill_null(text.str.extract(rf'(?:^|;)\s*{name}\s+([^\s;"]+)'))
    return values.set(values == "", None).alias(name)


def _transcript_lines(block: Block) -> pl.DataFrame:
    """Lines that are part of a transcript, with the transcript's id as ``key``."""
    lines = parse(block, COLUMNS, KEPT)
    lines = lines.with_columns(part(WANTED)).filter(pl.col("part").is_not_null())
    check(block, lines)
    lines = lines.with_columns(attribute(lines, "transcript_id").alias("key"))
    require(block, lines, pl.col("key").is_not_null(), lambda _: "no transcript_id attribute")
    return lines


def _names(lines: pl.DataFrame) -> pl.DataFrame:
    """The names of each transcript by its transcript line, if there is one, and by the first of its parts."""
    own = (pl.col("part") == "transcript").alias("own")
    lines = lines.with_columns(own).unique(["key", "own"], keep="first", maintain_order=True)
    entrez = lines["attributes"].str.extract(r'(?:^|;)\s*db_xref\s+"GeneID:(\d+)"')
    found = {
        name: attribute(lines, name)
        for name in ("gene_id", "gene_version", "transcript_version", *SYMBOL, *BIOTYPE)
    }
    lines = lines.select("key", "own").with_columns(entrez.alias("entrez"), **found)
    return lines.select(
        "key",
        "own",
        transcript_id=versioned("key", "transcript_version"),
        gene_id=pl.coalesce("entrez", versioned("gene_id", "gene_version")),
        gene_symbol=pl.coalesce(SYMBOL),
        biotype=pl.coalesce(BIOTYPE),
    )


def _first_known(names: pl.DataFrame) -> pl.DataFrame:
    """One row a transcript: what its own line says, else what the first of its parts says."""
    own = names.filter("own").unique("key", keep="first")
    parts = names.filter(~pl.col("own")).unique("key", keep="first")
    table = names.select("key").unique(maintain_order=True)
    table = table.join(own, on="key", how="left", maintain_order="left")
    table = table.join(parts, on="key", how="left", maintain_order="left", suffix="_part")
    known = {name: pl.coalesce(name, f"{name}_part") for name in NAMES}
    return table.select(
        "key",
        known["transcript_id"],
        known["gene_id"].fill_null(known["transcript_id"]),
        known["gene_symbol"].fill_null(""),
        known["biotype"].fill_null(""),
    )


def versioned(name: str, version: str) -> pl.Expr:
    """An id with the version that Ensembl writes in an attribute of its own."""
    suffix = "." + pl.col(version)
    bare = pl.col(version).is_not_null() & ~pl.col(name).str.ends_with(suffix)
    return pl.when(bare).then(pl.col(name) + suffix).otherwise(pl.col(name))
