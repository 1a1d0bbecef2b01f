"""Files of a simulated data set: genome FASTA, GENCODE-style GTF, homology, gene ids, labels and the truth."""

import gzip
import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from isoclr.genomics.encoding import LETTERS, Codes, N, letters
from isoclr.simulation.families import Gene, Purpose, ancestor, descend, keyed_rng, species_name
from isoclr.simulation.genes import MOTIFS, Floats, Size, count_motifs, optimality
from isoclr.simulation.splicing import Isoform, Locus, background, make_locus

CEILING = 0.75  # R² between half-lives without and with noise
FOLDS = 10
_CODONS, _JUNCTIONS = 0.6, 0.35  # effects on the half-life, next to those of the motifs
_TELOMERE = 500  # unknown bases at both ends of a chromosome
_BATCH = 2000  # genes that are compressed together
_LINE = 60
_LETTERS = np.frombuffer(LETTERS, np.uint8)
_LOWER_CASE = 0x20

Span = tuple[int, int]  # Part of a transcript or gene, 0-based half-open


# Genome and annotation


def genome_name(size: Size) -> str:
    """File name of a genome."""
    return "genome.fa.gz" if size.bgzip else "genome.fa"


def write_species(
    size: Size,
    seed: int,
    genes: Sequence[Gene],
    folder: Path,
    truth: list[pl.DataFrame],
    advance: Callable[[int], object],
) -> list["HalfLifeFactors"]:
    """Write genome and annotation of one species; returns what determines the half-lives of its coding genes.

    Args:
        truth: Parts of the truth table, added to in place.
    """
    factors = []
    species = genes[0].species
    parts = np.array_split(np.arange(len(genes)), min(size.chromosomes, len(genes)))
    with (
        _open_genome(folder / genome_name(size), bgzip=size.bgzip) as genome,
        _open_gzip(folder / "annotation.gtf.gz") as annotation,
    ):
        annotation.write(
            f"##description: simulated gene annotation of {species_name(species)}\n"
            "##provider: isoclr simulate\n##format: gtf\n".encode()
        )
        for number, part in enumerate(parts, 1):
            chrom = f"chr{number}"
            rng = keyed_rng(seed, Purpose.CHROMOSOME, species, number)
            pieces: list[Codes] = [np.full(_TELOMERE, N, np.uint8)]
            start, texts = _TELOMERE, list[str]()
            rows: list[dict[str, Any]] = []
            for gene in genes[part[0] : part[-1] + 1]:
                locus = _locus(size, seed, gene)
                pieces += [background(rng, locus.gap), locus.forward()]
                start += locus.gap
                rows += truth_rows(locus, chrom, start)
                texts.append("".join(gtf_lines(locus, chrom, start)))
                start += len(locus.bases)
                if gene.coding:
                    factors.append(half_life_factors(locus))
                advance(1)
                if len(texts) == _BATCH:
                    annotation.write("".join(texts).encode())
                    texts.clear()
            annotation.write("".join(texts).encode())
            truth.append(pl.DataFrame(rows, schema=TRUTH_SCHEMA))
            pieces += [background(rng, 1000), pieces[0]]
            write_fasta(genome, chrom, np.concatenate(pieces), rng)
    return factors


def _locus(size: Size, seed: int, gene: Gene) -> Locus:
    template = descend(ancestor(size, seed, gene.family, gene.coding), gene, seed)
    rng = keyed_rng(seed, Purpose.LOCUS, gene.species, gene.number)
    return make_locus(gene, template, size, rng)


@contextmanager
def _open_gzip(path: Path) -> Iterator[Any]:
    """A gzip file without name and time, so that its bytes depend on the content only."""
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 2, raw, mtime=0) as stream:
        yield stream


@contextmanager
def _open_genome(path: Path, *, bgzip: bool) -> Iterator[Any]:
    if bgzip:
        import pysam

        with pysam.BGZFile(str(path), "wb", None) as stream:
            yield stream
    else:
        with path.open("wb") as stream:
            yield stream


def write_fasta(stream: Any, name: str, codes: Codes, rng: np.random.Generator) -> None:
    """Write one sequence in lines of 60, with random stretches in lower case, as repeats are in real genomes."""
    text = _LETTERS[codes]
    for start in rng.integers(0, len(text), len(text) // 2500).tolist():
        text[start : start + 300] |= _LOWER_CASE
    stream.write(f">{name}\n".encode())
    whole = len(text) // _LINE * _LINE
    lines = np.full((whole // _LINE, _LINE + 1), ord("\n"), np.uint8)
    lines[:, :_LINE] = text[:whole].reshape(-1, _LINE)
    stream.write(lines.tobytes())
    if whole < len(text):
        stream.write(text[whole:].tobytes() + b"\n")


def gtf_lines(locus: Locus, chrom: str, start: int) -> Iterator[str]:
    """The GTF lines of a gene whose lowest coordinate on its chromosome is ``start`` (0-based)."""
    gene, end = locus.gene, start + len(locus.bases)
    source = "HAVANA" if gene.number % 3 else "ENSEMBL"

    def line(feature: str, span: Span, frame: str, attributes: str) -> str:
        low, high = start + span[0], start + span[1]
        if locus.strand == "-":
            low, high = end - span[1], end - span[0]
        return f"{chrom}\t{source}\t{feature}\t{low + 1}\t{high}\t.\t{locus.strand}\t{frame}\t{attributes}\n"

    spans = [(int(i.exons[0, 0]), int(i.exons[-1, 1])) for i in locus.isoforms]
    biotype = "protein_coding" if gene.coding else "lncRNA"
    names = f'gene_type "{biotype}"; gene_name "{gene.symbol}";'
    gene_span = (min(low for low, _ in spans), max(high for _, high in spans))
    yield line("gene", gene_span, ".", f'gene_id "{gene.gene_id}"; {names} level 2;')
    exon_ids: dict[Span, str] = {}
    for number, (isoform, span) in enumerate(zip(locus.isoforms, spans, strict=True)):
        head = (
            f'gene_id "{gene.gene_id}"; transcript_id "{gene.transcript_id(number)}"; {names} '
            f'transcript_type "{isoform.biotype}"; transcript_name "{gene.symbol}-{201 + number}";'
        )
        tail = _transcript_tags(gene, number, isoform)
        yield line("transcript", span, ".", head + tail)
        for order, feature, part, frame, exon in _features(isoform):
            exon_id = exon_ids.setdefault(exon, gene.exon_id(len(exon_ids)))
            attributes = f'{head} exon_number {order}; exon_id "{exon_id}";{tail}'
            yield line(feature, part, frame, attributes)


def _transcript_tags(gene: Gene, number: int, isoform: Isoform) -> str:
    """Attributes at the end of the lines of a transcript."""
    text = f' level 2; transcript_support_level "{1 + number % 5}";'
    if isoform.cds:
        text += f' protein_id "{gene.protein_id(number)}";'
    text += ' tag "basic"; tag "Ensembl_canonical";' if number == 0 else ' tag "alternative";'
    if isoform.cds and not isoform.has_start:
        text += ' tag "cds_start_NF"; tag "mRNA_start_NF";'
    if isoform.cds and not isoform.has_stop:
        text += ' tag "cds_end_NF"; tag "mRNA_end_NF";'
    return text


def _features(isoform: Isoform) -> Iterator[tuple[int, str, Span, str, Span]]:
    """Exon number, feature, span along the gene, frame and exon of the lines of a transcript; UTRs come last."""
    features: list[tuple[str, Span]] = []
    utrs: list[tuple[str, Span]] = []
    if isoform.cds:
        start, end = isoform.cds
        body = end - 3 if isoform.has_stop else end
        features = [("CDS", (start, body))]
        features += [("start_codon", (start, start + 3))] if isoform.has_start else []
        features += [("stop_codon", (body, end))] if isoform.has_stop else []
        utrs = [("UTR", (0, start)), ("UTR", (body, isoform.length))]
    last = []
    before = 0
    for order, (low, high) in enumerate(isoform.exons.tolist(), 1):
        exon = (low, high)
        yield order, "exon", exon, ".", exon
        for feature, region in features + utrs:
            first, end = max(region[0], before), min(region[1], before + high - low)
            if first >= end:
                continue
            span = (low + first - before, low + end - before)
            if feature == "UTR":
                last.append((order, feature, span, ".", exon))
            else:
                yield order, feature, span, str((isoform.codons[0] - first) % 3), exon
        before += high - low
    yield from last


# Half-lives


@dataclass(frozen=True)
class HalfLifeFactors:
    """What determines the half-life of a gene."""

    optimality: float  # Mean codon optimality, −1 to 1
    junctions: float  # Exon junctions per kilobase of coding sequence
    motifs: tuple[int, ...]  # Copies of each of MOTIFS in the 3' UTR


def half_life_factors(locus: Locus) -> HalfLifeFactors:
    """The factors of a coding gene, from its principal isoform."""
    isoform = locus.isoforms[0]
    assert isoform.cds is not None
    start, end = isoform.cds
    mature = locus.mature(isoform)
    return HalfLifeFactors(
        optimality=optimality(mature[start:end]),
        junctions=(len(isoform.exons) - 1) / (end - start) * 1000,
        motifs=count_motifs(mature[end:]),
    )


def half_lives(factors: Sequence[HalfLifeFactors], rng: np.random.Generator) -> tuple[Floats, Floats]:
    """True and measured half-life ``(genes,)`` of one species, z-scored: the sum of the effects, and with noise."""
    features = np.array([[gene.optimality, gene.junctions, *gene.motifs] for gene in factors])
    effects = np.array([_CODONS, _JUNCTIONS, *(motif.effect for motif in MOTIFS)])
    true = _z_score(np.apply_along_axis(_z_score, 0, features) @ effects)
    noise = rng.standard_normal(len(factors))
    return true, _z_score(np.sqrt(CEILING) * true + np.sqrt(1 - CEILING) * noise)


def _z_score(values: Floats) -> Floats:
    """Values with mean 0 and standard deviation 1; zeros if they are all the same."""
    std = values.std()
    return (values - values.mean()) / std if std > 0 else np.zeros(len(values))


# Tables


def write_homologene(genomes: Sequence[Sequence[Gene]], path: Path) -> None:
    """Write NCBI's six columns: group, taxid, gene id, symbol, protein gi, protein accession (blank)."""
    genes = [gene for genome in genomes for gene in genome if gene.in_homologene]
    genes.sort(key=lambda gene: (gene.family, gene.species, gene.number))
    rows = (f"{g.family + 1}\t{g.taxid}\t{g.entrez}\t{g.symbol}\t\t\n" for g in genes)
    path.write_text("".join(rows))


def write_gene_ids(genome: Sequence[Gene], path: Path) -> None:
    """Write the table of gene id, Entrez id, symbol and biotype."""
    rows = (f"{g.bare_id}\t{g.entrez}\t{g.symbol}\t{'protein_coding' if g.coding else 'lncRNA'}\n" for g in genome)
    path.write_text("ensembl_gene_id\tentrez_gene_id\tsymbol\tbiotype\n" + "".join(rows))


def write_labels(
    genome: Sequence[Gene], factors: Sequence[HalfLifeFactors], rng: np.random.Generator, path: Path
) -> pl.DataFrame:
    """Write gene id, z-scored half-life and cross-validation fold, which homologous genes share.

    Returns:
        One row per coding gene: what determines its half-life, and the half-life without and with noise.
    """
    genes = [gene for gene in genome if gene.coding]
    true, measured = half_lives(factors, rng)
    rows = (
        f"{gene.bare_id}\t{value:.6f}\t{gene.family % FOLDS}\n" for gene, value in zip(genes, measured, strict=True)
    )
    path.write_text("gene_id\thalf_life\tfold\n" + "".join(rows))
    return pl.DataFrame(
        {
            "species": [gene.species_name for gene in genes],
            "gene_id": [gene.gene_id for gene in genes],
            "family": [gene.family for gene in genes],
            "gene_set": [gene.gene_set for gene in genes],
            "optimality": [gene.optimality for gene in factors],
            "junctions": [gene.junctions for gene in factors],
            **{motif.name: [gene.motifs[i] for gene in factors] for i, motif in enumerate(MOTIFS)},
            "half_life_true": true,
            "half_life": measured,
        }
    )


def write_inputs(species: Sequence[str], genome: str, path: Path) -> None:
    """Write the TOML file for ``isoclr build``."""
    ids = ", ".join(f'{name} = "ids/{name}.tsv"' for name in species)
    lines = ['homology = "homologene.data"', f"gene_ids = {{ {ids} }}"]
    for name in species:
        lines += ["", "[[input]]", f'species = "{name}"', f'genome = "{name}/{genome}"']
        lines.append(f'annotation = "{name}/annotation.gtf.gz"')
    path.write_text("\n".join(lines) + "\n")


TRUTH_SCHEMA: dict[str, pl.DataType] = {
    "species": pl.String(),
    "transcript_id": pl.String(),
    "gene_id": pl.String(),
    "gene_symbol": pl.String(),
    "biotype": pl.String(),
    "family": pl.Int64(),
    "gene_set": pl.String(),
    "principal": pl.Boolean(),
    "chrom": pl.String(),
    "strand": pl.String(),
    "exon_starts": pl.List(pl.Int64()),
    "exon_lengths": pl.List(pl.Int64()),
    "length": pl.Int64(),
    "cds_start": pl.Int64(),
    "cds_end": pl.Int64(),
    "has_start": pl.Boolean(),
    "has_stop": pl.Boolean(),
    "sha256": pl.String(),
    **{motif.name: pl.Int64() for motif in MOTIFS},
}
"""Columns of ``truth.parquet``, one row per transcript. ``exon_starts`` are the lowest coordinates (0-based), in
transcript order; ``cds_start`` is the start of the first whole codon; ``sha256`` that of the mature sequence in
upper-case DNA letters; the motif columns count copies in the 3' UTR."""


def truth_rows(locus: Locus, chrom: str, start: int) -> Iterator[dict[str, Any]]:
    """Rows of the truth table for a gene whose lowest coordinate is ``start`` (0-based)."""
    gene = locus.gene
    for number, isoform in enumerate(locus.isoforms):
        mature = locus.mature(isoform)
        exons = isoform.exons
        low = start + (exons[:, 0] if locus.strand == "+" else len(locus.bases) - exons[:, 1])
        utr3 = mature[isoform.cds[1] :] if isoform.cds and isoform.has_stop else mature[:0]
        yield {
            "species": gene.species_name,
            "transcript_id": gene.transcript_id(number),
            "gene_id": gene.gene_id,
            "gene_symbol": gene.symbol,
            "biotype": isoform.biotype,
            "family": gene.family,
            "gene_set": gene.gene_set,
            "principal": number == 0,
            "chrom": chrom,
            "strand": locus.strand,
            "exon_starts": low.tolist(),
            "exon_lengths": (exons[:, 1] - exons[:, 0]).tolist(),
            "length": len(mature),
            "cds_start": isoform.codons[0],
            "cds_end": isoform.codons[1],
            "has_start": isoform.has_start,
            "has_stop": isoform.has_stop,
            "sha256": hashlib.sha256(letters(mature).encode()).hexdigest(),
            **dict(zip((motif.name for motif in MOTIFS), count_motifs(utr3), strict=True)),
        }
