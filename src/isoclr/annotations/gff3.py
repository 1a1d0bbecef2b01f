"""GFF3 (RefSeq, Ensembl, GENCODE, WormBase, FlyBase, TAIR): a tree of genes, transcripts and their parts."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import polars as pl

from isoclr.annotations.assembly import assemble
from isoclr.annotations.features import COLUMNS, KEPT, PARTS, check, gather, part
from isoclr.annotations.gtf import versioned
from isoclr.annotations.lines import Block, blocks, parse
from isoclr.annotations.table import Annotation, count

WANTED = {**PARTS, "pseudogenic_exon": "exon"}
NO_NODE = (  # features that have ids, are written by the million and are no gene or transcript
    r"match|^intron|region|site|repeat|polymorphism|SNP|SNV|oligo|reagent|enhancer|silencer|promoter"
    r"|^protein$|polypeptide|codon|sequence_|substitution|insertion|deletion|mutation|indel"
)
GENE = r"gene$"
PREFIX = r"^(?:(?i:transcript|gene|mrna):|rna-|gene-)"
SYMBOL = ("gene_name", "gene", "locus", "symbol", "sequence_name", "Name")
BIOTYPE = ("transcript_type", "transcript_biotype", "biotype", "gene_type", "gene_biotype")


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
        lines = parse(block, COLUMNS, KEPT).with_columns(part(WANTED))
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


def attribute(name: str) -> pl.Expr:
    """An attribute's value, escapes as written; null when absent or empty."""
    value = pl.col("attributes").str.extract(rf"(?:^|;)\s*{name}=([^;]+)")
    return value.str.strip_chars().alias(name)


def _parts(block: Block, lines: pl.DataFrame) -> pl.DataFrame:
    """Exons, CDS and UTRs, one row for each parent, its id as ``key``."""
    check(block, lines)
    lines = lines.with_columns(key=attribute("Parent").str.split(",")).explode("key")
    return lines.filter(pl.col("key").is_not_null()).drop("row", "feature", "attributes")


def _nodes(lines: pl.DataFrame) -> pl.DataFrame:
    """What may be a gene or a transcript: ``key, parent, feature, attributes``."""
    lines = lines.filter(~pl.col("feature").str.contains(NO_NODE))
    lines = lines.select("feature", "attributes", key=attribute("ID"), parent=attribute("Parent"))
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
        *(attribute(name) for name in ("transcript_id", "gene_id", "version", *BIOTYPE)),
        gene=_root(transcripts, tree),
        own_entrez=_entrez(),
        own_symbol=pl.coalesce(attribute(name) for name in ("gene_name", "gene")),
    )
    genes = tree.select(
        gene="key",
        entrez=_entrez(),
        gene_gene_id=attribute("gene_id"),
        gene_version=attribute("version"),
        symbol=pl.coalesce(attribute(name) for name in SYMBOL),
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
        biotype=pl.coalesce(*BIOTYPE, "feature"),
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
    return attribute("Dbxref").str.extract(r"(?:^|,)GeneID:(\d+)")


def _decoded(names: pl.DataFrame) -> pl.DataFrame:
    """Names with GFF3's ``%2C`` escapes resolved."""
    for column in names.columns[1:]:
        escaped = names[column].filter(names[column].str.contains("%", literal=True)).unique()
        plain = {text: unquote(text) for text in escaped}
        names = names.with_columns(pl.col(column).replace(plain))
    return names
