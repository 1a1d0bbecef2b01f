"""GTF and GFF3 annotations of GENCODE, Ensembl, RefSeq, UCSC, WormBase, FlyBase and TAIR."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import polars as pl

from isoclr.genomics.text import Block, blocks, make_columns, parse, validate
from isoclr.genomics.transcript_models import Annotation, Models, annotate, count

COLUMNS = make_columns("chrom source feature start end score strand phase attributes", integers="start end")
KEPT = ["chrom", "feature", "start", "end", "strand", "phase", "attributes"]
EXON = ["tx", "chrom", "strand", "start", "end"]

PART = pl.Enum(["exon", "CDS", "stop", "UTR", "transcript"])
_UTRS = ("UTR", "5UTR", "3UTR", *(f"{n}_prime_{utr}" for n in ("five", "three") for utr in ("utr", "UTR")))
PARTS = {"exon": "exon", "CDS": "CDS", "stop_codon": "stop", **dict.fromkeys(_UTRS, "UTR")}
GTF_PARTS = {**PARTS, "transcript": "transcript", "mRNA": "transcript"}
GFF3_PARTS = {**PARTS, "pseudogenic_exon": "exon"}

NAMES = ("transcript_id", "gene_id", "gene_symbol", "biotype")
BIOTYPE = ("transcript_type", "transcript_biotype", "gene_type", "gene_biotype")
GTF_SYMBOL = ("gene_name", "ref_gene_name", "gene")
GFF3_SYMBOL = ("gene_name", "gene", "locus", "symbol", "sequence_name", "Name")
GFF3_BIOTYPE = ("transcript_type", "transcript_biotype", "biotype", "gene_type", "gene_biotype")
_CANONICAL = "(?:MANE[_ ]Select|Ensembl_canonical|RefSeq[_ ]Select)"  # Tags of the transcript that stands for its gene
GTF_CANONICAL = rf'(?:^|;)\s*tag\s+"{_CANONICAL}"'
GFF3_CANONICAL = rf"(?:^|;)\s*tag=(?:[^;]*,)?{_CANONICAL}(?:[,;]|$)"
_NOT_A_NODE = (  # frequent features with ids that are neither genes nor transcripts
    r"match|^intron|region|site|repeat|polymorphism|SNP|SNV|oligo|reagent|enhancer|silencer|promoter"
    r"|^protein$|polypeptide|codon|sequence_|substitution|insertion|deletion|mutation|indel"
)
_ID_PREFIX = r"^(?:(?i:transcript|gene|mrna):|rna-|gene-)"


def _part(parts: Mapping[str, str]) -> pl.Expr:
    """The part of a transcript that a feature is; null if none."""
    return pl.col("feature").replace_strict(parts, default=None, return_dtype=PART).alias("part")


def _validate(block: Block, lines: pl.DataFrame) -> None:
    """Check that coordinates are 1-based closed intervals, and phases 0, 1, 2 or absent."""
    start, end = pl.col("start"), pl.col("end")
    is_interval = (start >= 1) & (end >= start) & (end < 1 << 40)
    validate(block, lines, is_interval, "interval {start}-{end}, expected 1 ≤ start ≤ end")
    validate(block, lines, pl.col("phase").is_in([".", "0", "1", "2"]), "phase is {phase!r}, expected 0, 1, 2 or '.'")


def part_models(parts: pl.DataFrame, names: pl.DataFrame) -> Models:
    """Transcript models from parts of transcripts.

    Args:
        parts: ``key, part, chrom, strand, start, end, phase``, 1-based closed as in the file.
        names: One row per transcript: ``key``, :data:`NAMES` and ``canonical``.
    """
    numbers = names.select("key").with_row_index("tx").cast({"tx": pl.Int64})
    parts = parts.join(numbers, on="key", how="inner", maintain_order="left")
    parts = parts.drop("key").with_columns(start=pl.col("start") - 1)
    exons = parts.filter(pl.col("part") == "exon")
    without_exons = parts.filter(pl.col("part").is_in(["CDS", "stop", "UTR"]))
    without_exons = without_exons.join(exons, on="tx", how="anti", maintain_order="left")
    exons = pl.concat([exons.select(EXON), merge_parts(without_exons)])
    coding = parts.filter(pl.col("part").is_in(["CDS", "stop"])).select(
        "tx",
        "start",
        "end",
        phase=pl.col("phase").cast(pl.Int64, strict=False).fill_null(0),
        stop=pl.col("part") == "stop",
    )
    return Models(names.drop("key"), exons, coding)


def merge_parts(parts: pl.DataFrame) -> pl.DataFrame:
    """Exons of transcripts with CDS and UTR lines only: their union, adjacent pieces joined."""
    locus = ["tx", "chrom", "strand"]
    parts = parts.sort(*locus, "start", "end")
    reached = pl.col("end").cum_max().shift(1).over(locus)
    exon = (pl.col("start") > reached).fill_null(True).cum_sum().alias("exon")
    union = parts.with_columns(exon).group_by(*locus, "exon", maintain_order=True)
    return union.agg(pl.col("start").min(), pl.col("end").max()).select(EXON)


def _with_version(name: str, version: str) -> pl.Expr:
    """An id with the version that Ensembl writes in an attribute of its own."""
    suffix = "." + pl.col(version)
    bare = pl.col(version).is_not_null() & ~pl.col(name).str.ends_with(suffix)
    return pl.when(bare).then(pl.col(name) + suffix).otherwise(pl.col(name))


# GTF


def read_gtf(path: Path) -> Annotation:
    """Read the transcripts of a GTF file.

    The CDS of GENCODE, Ensembl and RefSeq excludes the stop codon, which has lines of its own (two, if an intron
    splits it): the CDS is the union of both. Files whose CDS includes the stop codon give the same result.
    """
    parts, names = [], []
    for block in blocks(path):
        lines = _gtf_lines(block)
        names.append(_gtf_names(lines))
        parts.append(lines.drop("row", "feature", "attributes"))
    return annotate(part_models(pl.concat(parts), _merge_names(pl.concat(names))), "gtf")


def gtf_attribute(lines: pl.DataFrame, name: str) -> pl.Series:
    """Values of an attribute, quoted (may contain semicolons) or not; the first of a repeated key."""
    text = lines["attributes"]
    if not text.str.contains(f"{name} ", literal=True).any():
        return pl.Series(name, [None], pl.String).new_from_index(0, len(text))
    values = text.str.extract(rf'(?:^|;)\s*{name}\s+"([^"]*)"')
    if values.null_count():
        values = values.fill_null(text.str.extract(rf'(?:^|;)\s*{name}\s+([^\s;"]+)'))
    return values.set(values == "", None).alias(name)


def _gtf_lines(block: Block) -> pl.DataFrame:
    """Lines of transcripts and their parts, with the transcript's id as ``key``."""
    lines = parse(block, COLUMNS, KEPT).with_columns(_part(GTF_PARTS))
    lines = lines.filter(pl.col("part").is_not_null())
    _validate(block, lines)
    lines = lines.with_columns(gtf_attribute(lines, "transcript_id").alias("key"))
    validate(block, lines, pl.col("key").is_not_null(), "no transcript_id attribute")
    return lines


def _gtf_names(lines: pl.DataFrame) -> pl.DataFrame:
    """Names of each transcript according to its transcript line (``own``), and to the first of its parts."""
    own = (pl.col("part") == "transcript").alias("own")
    lines = lines.with_columns(own).unique(["key", "own"], keep="first", maintain_order=True)
    names = ("gene_id", "gene_version", "transcript_version", *GTF_SYMBOL, *BIOTYPE)
    lines = lines.select(
        "key",
        "own",
        *(gtf_attribute(lines, name) for name in names),
        entrez=lines["attributes"].str.extract(r'(?:^|;)\s*db_xref\s+"GeneID:(\d+)"'),
        canonical=lines["attributes"].str.contains(GTF_CANONICAL),
    )
    return lines.select(
        "key",
        "own",
        transcript_id=_with_version("key", "transcript_version"),
        gene_id=pl.coalesce("entrez", _with_version("gene_id", "gene_version")),
        gene_symbol=pl.coalesce(GTF_SYMBOL),
        biotype=pl.coalesce(BIOTYPE),
        canonical="canonical",
    )


def _merge_names(names: pl.DataFrame) -> pl.DataFrame:
    """One row per transcript: names on its own line, else on the first of its parts."""
    own, parts = (names.filter(pl.col("own") == own).unique("key", keep="first") for own in (True, False))
    table = names.select("key").unique(maintain_order=True)
    table = table.join(own, on="key", how="left", maintain_order="left")
    table = table.join(parts, on="key", how="left", maintain_order="left", suffix="_part")
    canonical = pl.any_horizontal("canonical", "canonical_part").fill_null(False).alias("canonical")
    table = table.select("key", *(pl.coalesce(name, f"{name}_part") for name in NAMES), canonical)
    return table.with_columns(
        pl.col("gene_id").fill_null(pl.col("transcript_id")), pl.col("gene_symbol", "biotype").fill_null("")
    )


# GFF3


def read_gff3(path: Path) -> Annotation:
    """Read the transcripts of a GFF3 file: features with exons (or CDS, or UTRs) that are not genes.

    A gene with a CDS but no transcript (RefSeq's mitochondrial genes) is its own transcript. The CDS of GFF3 includes
    the stop codon; if a file has stop codon lines too, the union is used. The gene id is NCBI's
    (``Dbxref=GeneID:…``) if there is one.
    """
    parts, nodes = [], []
    for block in _without_fasta(blocks(path)):
        lines = parse(block, COLUMNS, KEPT).with_columns(_part(GFF3_PARTS))
        parts.append(_gff3_parts(block, lines.filter(pl.col("part").is_not_null())))
        nodes.append(_gff3_nodes(lines.filter(pl.col("part").is_null())))
    tree = pl.concat(nodes).unique("key", keep="first", maintain_order=True)
    all_parts = pl.concat(parts)
    dropped: Counter[str] = Counter()
    orphans = all_parts.filter(pl.col("part") == "exon").join(tree, on="key", how="anti")
    count(dropped, "no_transcript_line", orphans["key"].n_unique())
    names = _gff3_names(_transcripts(tree, all_parts), tree)
    return annotate(part_models(all_parts, names), "gff3", dropped)


def _without_fasta(stream: Iterator[Block]) -> Iterator[Block]:
    """The blocks up to the genome sequence at the end of some files."""
    for block in stream:
        text = b"\n" + block.text
        ends = [at for at in (text.find(b"\n##FASTA"), text.find(b"\n>")) if at >= 0]
        if ends:
            yield replace(block, text=block.text[: min(ends)])
            return
        yield block


def gff3_attribute(name: str) -> pl.Expr:
    """Value of an attribute, escapes included; null if absent or empty."""
    value = pl.col("attributes").str.extract(rf"(?:^|;)\s*{name}=([^;]+)")
    return value.str.strip_chars().alias(name)


def _gff3_parts(block: Block, lines: pl.DataFrame) -> pl.DataFrame:
    """Exons, CDS and UTRs: one row for each parent, with its id as ``key``."""
    _validate(block, lines)
    lines = lines.with_columns(key=gff3_attribute("Parent").str.split(",")).explode("key")
    return lines.filter(pl.col("key").is_not_null()).drop("row", "feature", "attributes")


def _gff3_nodes(lines: pl.DataFrame) -> pl.DataFrame:
    """Potential genes and transcripts: ``feature, attributes, key, parent``."""
    lines = lines.filter(~pl.col("feature").str.contains(_NOT_A_NODE))
    parent = gff3_attribute("Parent").str.split(",").list.first()
    lines = lines.select("feature", "attributes", key=gff3_attribute("ID"), parent=parent)
    return lines.filter(pl.col("key").is_not_null())


def _transcripts(tree: pl.DataFrame, parts: pl.DataFrame) -> pl.DataFrame:
    """The nodes that are transcripts."""
    is_gene = pl.col("parent").is_null() & pl.col("feature").str.contains(r"gene$")
    used = tree.join(parts.select("key").unique(), on="key", how="semi", maintain_order="left")
    transcripts = used.filter(~is_gene)
    coding = parts.filter(pl.col("part") == "CDS").select("key").unique()
    lone_genes = used.filter(is_gene).join(coding, on="key", how="semi")
    lone_genes = lone_genes.join(transcripts, left_on="key", right_on="parent", how="anti")
    keys = pl.concat([transcripts.select("key"), lone_genes.select("key")])
    return tree.join(keys, on="key", how="semi", maintain_order="left")


def _gff3_names(transcripts: pl.DataFrame, tree: pl.DataFrame) -> pl.DataFrame:
    """``key``, :data:`NAMES` and ``canonical`` of every transcript."""
    entrez = gff3_attribute("Dbxref").str.extract(r"(?:^|,)GeneID:(\d+)")
    own = transcripts.select(
        "key",
        "feature",
        *(gff3_attribute(name) for name in ("transcript_id", "gene_id", "version", *GFF3_BIOTYPE)),
        gene=_genes_above(transcripts, tree),
        own_entrez=entrez,
        canonical=pl.col("attributes").str.contains(GFF3_CANONICAL),
        own_symbol=pl.coalesce(gff3_attribute(name) for name in ("gene_name", "gene")),
    )
    genes = tree.select(
        gene="key",
        entrez=entrez,
        gene_gene_id=gff3_attribute("gene_id"),
        gene_version=gff3_attribute("version"),
        symbol=pl.coalesce(gff3_attribute(name) for name in GFF3_SYMBOL),
    )
    gene_id = pl.coalesce(
        "entrez",
        "own_entrez",
        _with_version("gene_gene_id", "gene_version"),
        "gene_id",
        pl.col("gene").str.replace(_ID_PREFIX, ""),
    )
    transcript_id = pl.coalesce(_with_version("transcript_id", "version"), pl.col("key").str.replace(_ID_PREFIX, ""))
    names = own.join(genes, on="gene", how="left", maintain_order="left").select(
        "key",
        transcript_id=transcript_id,
        gene_id=gene_id,
        gene_symbol=pl.coalesce("own_symbol", "symbol", pl.lit("")),
        biotype=pl.coalesce(*GFF3_BIOTYPE, "feature"),
        canonical="canonical",
    )
    return _unescape(names)


def _genes_above(transcripts: pl.DataFrame, tree: pl.DataFrame) -> pl.Series:
    """The gene of each transcript: two levels up where a transcript (miRNA) is part of another one."""
    above = tree.select("key", grandparent="parent")
    parents = transcripts.select(pl.coalesce("parent", "key").alias("gene")).join(
        above, left_on="gene", right_on="key", how="left", maintain_order="left"
    )
    return parents.select(pl.coalesce("grandparent", "gene").alias("gene")).to_series()


def _unescape(names: pl.DataFrame) -> pl.DataFrame:
    """Names with ``%2C`` escapes resolved."""
    for column in NAMES:
        escaped = names[column].filter(names[column].str.contains("%", literal=True)).unique()
        names = names.with_columns(pl.col(column).replace({text: unquote(text) for text in escaped}))
    return names
