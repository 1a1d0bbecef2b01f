"""GFF3 (RefSeq, Ensembl, GENCODE, WormBase, FlyBase, TAIR): a tree of genes, transcripts and their parts."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import polars as pl

from isoclr.genomics.text import Block, Columns, blocks, parse, require
from isoclr.genomics.transcript_models import Annotation, Models, assemble, count

COLUMNS: Columns = {
    "chrom": pl.String,
    "source": pl.String,
    "feature": pl.String,
    "start": pl.Int64,
    "end": pl.Int64,
    "score": pl.String,
    "strand": pl.String,
    "phase": pl.String,
    "attributes": pl.String,
}
KEPT = ["chrom", "feature", "start", "end", "strand", "phase", "attributes"]

PART = pl.Enum(["exon", "CDS", "stop", "UTR", "transcript"])
PARTS = {
    "exon": "exon",
    "CDS": "CDS",
    "stop_codon": "stop",
    "UTR": "UTR",
    "5UTR": "UTR",
    "3UTR": "UTR",
    "five_prime_utr": "UTR",
    "three_prime_utr": "UTR",
    "five_prime_UTR": "UTR",
    "three_prime_UTR": "UTR",
}


def part(parts: Mapping[str, str]) -> pl.Expr:
    """What part of a transcript a feature is; null for a feature that is none."""
    return pl.col("feature").replace_strict(parts, default=None, return_dtype=PART).alias("part")


def check(block: Block, lines: pl.DataFrame) -> None:
    """Coordinates are 1-based closed intervals, phases 0, 1, 2 or absent.

    Raises:
        InputError: the first line for which they are not.
    """
    start, end = pl.col("start"), pl.col("end")
    require(block, lines, (start >= 1) & (end >= start) & (end < 1 << 40), _interval)
    require(block, lines, pl.col("phase").is_in([".", "0", "1", "2"]), _phase)


def _interval(row: dict[str, Any]) -> str:
    return f"interval {row['start']}-{row['end']}, expected 1 ≤ start ≤ end"


def _phase(row: dict[str, Any]) -> str:
    return f"phase is {row['phase']!r}, expected 0, 1, 2 or '.'"


def gather(parts: pl.DataFrame, names: pl.DataFrame) -> Models:
    """Transcript models from the parts of transcripts.

    Args:
        parts: ``key, part, chrom, strand, start, end, phase``, 1-based closed as in the file.
        names: one row a transcript: ``key`` and the names.
    """
    numbers = names.select("key").with_row_index("tx").cast({"tx": pl.Int64})
    parts = parts.join(numbers, on="key", how="inner", maintain_order="left")
    parts = parts.drop("key").with_columns(start=pl.col("start") - 1)
    exons = parts.filter(pl.col("part") == "exon")
    implied = parts.filter(pl.col("part").is_in(["CDS", "stop", "UTR"]))
    implied = implied.join(exons, on="tx", how="anti", maintain_order="left")
    if implied.height:
        exons = pl.concat([exons.select(EXON), merged(implied)])
    coding = parts.filter(pl.col("part").is_in(["CDS", "stop"])).select(
        "tx",
        "start",
        "end",
        phase=pl.col("phase").cast(pl.Int64, strict=False).fill_null(0),
        stop=pl.col("part") == "stop",
    )
    return Models(names.drop("key"), exons.select(EXON), coding)


EXON = ["tx", "chrom", "strand", "start", "end"]


def merged(parts: pl.DataFrame) -> pl.DataFrame:
    """Exons of transcripts that have only CDS and UTR lines: their union, touching pieces joined."""
    place = ["tx", "chrom", "strand"]
    parts = parts.sort(*place, "start", "end")
    reached = pl.col("end").cum_max().shift(1).over(place)
    exon = (pl.col("start") > reached).fill_null(True).cum_sum().alias("exon")
    union = parts.with_columns(exon).group_by(*place, "exon", maintain_order=True)
    return union.agg(pl.col("start").min(), pl.col("end").max()).select(EXON)


GTF_ATTRIBUTES = {**PARTS, "transcript": "transcript", "mRNA": "transcript"}
GTF_SYMBOL = ("gene_name", "ref_gene_name", "gene")
GTF_BIOTYPE = ("transcript_type", "transcript_biotype", "gene_type", "gene_biotype")
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
        names.append(_names_gtf(lines))
        parts.append(lines.drop("row", "feature", "attributes"))
    return assemble(gather(pl.concat(parts), _first_known(pl.concat(names))), "gtf")


def gtf_attribute(lines: pl.DataFrame, name: str) -> pl.Series:
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
    lines = lines.with_columns(part(GTF_ATTRIBUTES)).filter(pl.col("part").is_not_null())
    check(block, lines)
    lines = lines.with_columns(gtf_attribute(lines, "transcript_id").alias("key"))
    require(block, lines, pl.col("key").is_not_null(), lambda _: "no transcript_id attribute")
    return lines


def _names_gtf(lines: pl.DataFrame) -> pl.DataFrame:
    """The names of each transcript by its transcript line, if there is one, and by the first of its parts."""
    own = (pl.col("part") == "transcript").alias("own")
    lines = lines.with_columns(own).unique(["key", "own"], keep="first", maintain_order=True)
    entrez = lines["attributes"].str.extract(r'(?:^|;)\s*db_xref\s+"GeneID:(\d+)"')
    found = {
        name: gtf_attribute(lines, name)
        for name in ("gene_id", "gene_version", "transcript_version", *GTF_SYMBOL, *GTF_BIOTYPE)
    }
    lines = lines.select("key", "own").with_columns(entrez.alias("entrez"), **found)
    return lines.select(
        "key",
        "own",
        transcript_id=versioned("key", "transcript_version"),
        gene_id=pl.coalesce("entrez", versioned("gene_id", "gene_version")),
        gene_symbol=pl.coalesce(GTF_SYMBOL),
        biotype=pl.coalesce(GTF_BIOTYPE),
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


GFF3_ATTRIBUTES = {**PARTS, "pseudogenic_exon": "exon"}
NO_NODE = (  # features that have ids, are written by the million and are no gene or transcript
    r"match|^intron|region|site|repeat|polymorphism|SNP|SNV|oligo|reagent|enhancer|silencer|promoter"
    r"|^protein$|polypeptide|codon|sequence_|substitution|insertion|deletion|mutation|indel"
)
GENE = r"gene$"
PREFIX = r"^(?:(?i:transcript|gene|mrna):|rna-|gene-)"
GFF3_SYMBOL = ("gene_name", "gene", "locus", "symbol", "sequence_name", "Name")
GFF3_BIOTYPE = ("transcript_type", "transcript_biotype", "biotype", "gene_type", "gene_biotype")


def read_gff3(path: Path) -> Annotation:
    """The transcripts of a GFF3 file: what has exons (or CDS, or UTRs) and is no gene.

    A gene with a CDS and no transcript between them (mitochondrial genes of RefSeq) is its own transcript. The
    CDS of GFF3 includes the stop codon; where a file writes stop codons too, the union is taken. The gene id is
    the gene's NCBI number (``Dbxref=GeneID:…``) where there is one.

    Raises:
        InputError: a line that is no GFF3.
    """
    parts, nodes = [], []
    for block in _before_fasta(blocks(path)):
        lines = parse(block, COLUMNS, KEPT).with_columns(part(GFF3_ATTRIBUTES))
        parts.append(_parts(block, lines.filter(pl.col("part").is_not_null())))
        nodes.append(_nodes(lines.filter(pl.col("part").is_null())))
    tree = pl.concat(nodes).unique("key", keep="first", maintain_order=True)
    found = pl.concat(parts)
    dropped: Counter[str] = Counter()
    orphans = found.filter(pl.col("part") == "exon").join(tree, on="key", how="anti")
    count(dropped, "no_transcript_line", orphans["key"].n_unique())
    return assemble(gather(found, _names(_transcripts(tree, found), tree)), "gff3", dropped)


def _before_fasta(stream: Iterator[Block]) -> Iterator[Block]:
    """The blocks up to the genome that some files carry at their end."""
    for block in stream:
        text = b"\n" + block.text
        ends = [at for at in (text.find(b"\n##FASTA"), text.find(b"\n>")) if at >= 0]
        if ends:
            yield replace(block, text=block.text[: min(ends)])
            return
        yield block


def gff3_attribute(name: str) -> pl.Expr:
    """An attribute's value, escapes as written; null when absent or empty."""
    value = pl.col("attributes").str.extract(rf"(?:^|;)\s*{name}=([^;]+)")
    return value.str.strip_chars().alias(name)


def _parts(block: Block, lines: pl.DataFrame) -> pl.DataFrame:
    """Exons, CDS and UTRs, one row for each parent, its id as ``key``."""
    check(block, lines)
    lines = lines.with_columns(key=gff3_attribute("Parent").str.split(",")).explode("key")
    return lines.filter(pl.col("key").is_not_null()).drop("row", "feature", "attributes")


def _nodes(lines: pl.DataFrame) -> pl.DataFrame:
    """What may be a gene or a transcript: ``key, parent, feature, attributes``."""
    lines = lines.filter(~pl.col("feature").str.contains(NO_NODE))
    lines = lines.select(
        "feature", "attributes", key=gff3_attribute("ID"), parent=gff3_attribute("Parent")
    )
    return lines.filter(pl.col("key").is_not_null()).with_columns(
        pl.col("parent").str.split(",").list.first()
    )


def _transcripts(tree: pl.DataFrame, parts: pl.DataFrame) -> pl.DataFrame:
    """The nodes of the tree that are transcripts."""
    is_gene = pl.col("parent").is_null() & pl.col("feature").str.contains(GENE)
    used = tree.join(parts.select("key").unique(), on="key", how="semi", maintain_order="left")
    transcripts = used.filter(~is_gene)
    coding = parts.filter(pl.col("part") == "CDS").select("key").unique()
    lone = used.filter(is_gene).join(coding, on="key", how="semi")
    lone = lone.join(transcripts, left_on="key", right_on="parent", how="anti")
    keys = pl.concat([transcripts.select("key"), lone.select("key")])
    return tree.join(keys, on="key", how="semi", maintain_order="left")


def _names(transcripts: pl.DataFrame, tree: pl.DataFrame) -> pl.DataFrame:
    """Transcript, gene, symbol and biotype of every transcript, ``key`` kept."""
    own = transcripts.select(
        "key",
        "feature",
        *(gff3_attribute(name) for name in ("transcript_id", "gene_id", "version", *GFF3_BIOTYPE)),
        gene=_root(transcripts, tree),
        own_entrez=_entrez(),
        own_symbol=pl.coalesce(gff3_attribute(name) for name in ("gene_name", "gene")),
    )
    genes = tree.select(
        gene="key",
        entrez=_entrez(),
        gene_gene_id=gff3_attribute("gene_id"),
        gene_version=gff3_attribute("version"),
        symbol=pl.coalesce(gff3_attribute(name) for name in GFF3_SYMBOL),
    )
    table = own.join(genes, on="gene", how="left", maintain_order="left")
    gene_id = pl.coalesce(
        "entrez",
        "own_entrez",
        versioned("gene_gene_id", "gene_version"),
        "gene_id",
        pl.col("gene").str.replace(PREFIX, ""),
    )
    transcript_id = pl.coalesce(
        versioned("transcript_id", "version"), pl.col("key").str.replace(PREFIX, "")
    )
    names = table.select(
        "key",
        transcript_id=transcript_id,
        gene_id=gene_id,
        gene_symbol=pl.coalesce("own_symbol", "symbol", pl.lit("")),
        biotype=pl.coalesce(*GFF3_BIOTYPE, "feature"),
    )
    return _decoded(names)


def _root(transcripts: pl.DataFrame, tree: pl.DataFrame) -> pl.Series:
    """The gene above each transcript: two steps up where a transcript (miRNA) lies in another one."""
    above = tree.select("key", grandparent="parent")
    parent = pl.coalesce("parent", "key").alias("gene")
    found = transcripts.select(parent).join(
        above, left_on="gene", right_on="key", how="left", maintain_order="left"
    )
    return found.select(pl.coalesce("grandparent", "gene")).to_series().alias("gene")


def _entrez() -> pl.Expr:
    return gff3_attribute("Dbxref").str.extract(r"(?:^|,)GeneID:(\d+)")


def _decoded(names: pl.DataFrame) -> pl.DataFrame:
    """Names with GFF3's ``%2C`` escapes resolved."""
    for column in names.columns[1:]:
        escaped = names[column].filter(names[column].str.contains("%", literal=True)).unique()
        plain = {text: unquote(text) for text in escaped}
        names = names.with_columns(pl.col(column).replace(plain))
    return names
