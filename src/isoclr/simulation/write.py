"""Files of a simulated data set: genome FASTA, GENCODE-style GTF, homology, gene ids, labels and the truth."""

import gzip
import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pysam

from isoclr.genomics.encoding import LETTERS, Codes, N, letters, reverse_complement
from isoclr.genomics.species import SPECIES
from isoclr.simulation.families import Gene, Purpose, descend, keyed_rng
from isoclr.simulation.genes import MOTIFS, Floats, Size, count_motifs, optimality
from isoclr.simulation.splicing import Isoform, Locus, background, make_locus

CEILING = 0.75  # R² between half-lives without and with noise
FOLDS = 10
EFFECTS = {"optimality": 0.6, "junctions": 0.35, **{motif.name: motif.effect for motif in MOTIFS}}
"""What determines the half-life of a gene, and its weight."""
_TELOMERE = 500  # unknown bases at both ends of a chromosome
_LINE = 60
_LOWER_CASE = 0x20

Span = tuple[int, int]  # Part of a transcript or gene, 0-based half-open
Rows = list[dict[str, Any]]


# Genome and annotation


def genome_name(size: Size) -> str:
    """File name of a genome."""
    return "genome.fa.gz" if size.bgzip else "genome.fa"


def write_species(
    size: Size, seed: int, genes: Sequence[Gene], folder: Path, advance: Callable[[int], object]
) -> tuple[list[pl.DataFrame], Rows]:
    """Write genome and annotation of one species.

    Returns:
        Parts of the truth table, and the rows of its coding genes, see :func:`gene_row`.
    """
    truth, coding = [], []
    species = genes[0].species
    parts = np.array_split(np.arange(len(genes)), min(size.chromosomes, len(genes)))
    path = folder / genome_name(size)
    with (
        pysam.BGZFile(str(path), "wb", None) if size.bgzip else path.open("wb") as genome,
        (folder / "annotation.gtf.gz").open("wb") as raw,
        gzip.GzipFile("", "wb", 2, raw, mtime=0) as annotation,  # no name and time: the same bytes every day
    ):
        annotation.write(
            f"##description: simulated gene annotation of {genes[0].species_name}\n"
            "##provider: isoclr simulate\n##format: gtf\n".encode()
        )
        for number, part in enumerate(parts, 1):
            chrom = f"chr{number}"
            rng = keyed_rng(seed, Purpose.CHROMOSOME, species, number)
            telomere = np.full(_TELOMERE, N, np.uint8)
            pieces: list[Codes] = [telomere]
            start, rows = _TELOMERE, Rows()
            for gene in genes[part[0] : part[-1] + 1]:
                locus_rng = keyed_rng(seed, Purpose.LOCUS, species, gene.number)
                locus = make_locus(gene, descend(size, seed, gene), size, locus_rng)
                forward = locus.bases if locus.strand == "+" else reverse_complement(locus.bases)
                pieces += [background(rng, locus.gap), forward]
                start += locus.gap
                rows += truth_rows(locus, chrom, start)
                annotation.write("".join(gtf_lines(locus, chrom, start)).encode())
                start += len(locus.bases)
                if gene.coding:
                    coding.append(gene_row(locus))
                advance(1)
            truth.append(pl.DataFrame(rows, infer_schema_length=None))
            pieces += [background(rng, 1000), telomere]
            write_fasta(genome, chrom, np.concatenate(pieces), rng)
    return truth, coding


def write_fasta(stream: Any, name: str, codes: Codes, rng: np.random.Generator) -> None:
    """Write one sequence in lines of 60, with random stretches in lower case, as repeats are in real genomes."""
    text = LETTERS[codes]
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


def _features(isoform: Isoform) -> list[tuple[int, str, Span, str, Span]]:
    """Exon number, feature, span along the gene, frame and exon of the lines of a transcript; UTRs come last."""
    parts = []
    if isoform.cds:
        start, end = isoform.cds
        body = end - 3 * isoform.has_stop
        parts = [
            ("CDS", start, body),
            ("start_codon", start, start + 3 * isoform.has_start),
            ("stop_codon", body, end),
            ("UTR", 0, start),
            ("UTR", body, isoform.length),
        ]
    lines, utrs = [], []
    before = 0
    for order, (low, high) in enumerate(isoform.exons.tolist(), 1):
        exon = (low, high)
        lines.append((order, "exon", exon, ".", exon))
        for feature, start, end in parts:
            first, last = max(start, before), min(end, before + high - low)
            if first < last:
                span = (low + first - before, low + last - before)
                if feature == "UTR":
                    utrs.append((order, feature, span, ".", exon))
                else:
                    lines.append((order, feature, span, str((isoform.codons[0] - first) % 3), exon))
        before += high - low
    return lines + utrs


# Half-lives


def gene_row(locus: Locus) -> dict[str, Any]:
    """Names of a coding gene, and what determines its half-life: the keys of :data:`EFFECTS`.

    These are the mean codon optimality (−1 to 1), exon junctions per kilobase of coding sequence, and copies of each
    motif in the 3' UTR of its principal isoform.
    """
    gene, isoform = locus.gene, locus.isoforms[0]
    assert isoform.cds is not None
    start, end = isoform.cds
    mature = locus.mature(isoform)
    return {
        "species": gene.species_name,
        "gene_id": gene.gene_id,
        "family": gene.family,
        "gene_set": gene.gene_set,
        "optimality": optimality(mature[start:end]),
        "junctions": (len(isoform.exons) - 1) / (end - start) * 1000,
        **count_motifs(mature[end:]),
    }


def half_lives(factors: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """True and measured half-life ``(genes,)`` of one species, z-scored: the sum of the effects, and with noise.

    Args:
        factors: What determines them ``(genes, len(EFFECTS))``.
    """
    true = _z_score(np.apply_along_axis(_z_score, 0, factors) @ np.array([*EFFECTS.values()]))
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
    rows = (f"{g.family + 1}\t{SPECIES[g.species].taxid}\t{g.entrez}\t{g.symbol}\t\t\n" for g in genes)
    path.write_text("".join(rows))


def write_gene_ids(genome: Sequence[Gene], path: Path) -> None:
    """Write the table of gene id, Entrez id, symbol and biotype."""
    rows = (f"{g.bare_id}\t{g.entrez}\t{g.symbol}\t{'protein_coding' if g.coding else 'lncRNA'}\n" for g in genome)
    path.write_text("ensembl_gene_id\tentrez_gene_id\tsymbol\tbiotype\n" + "".join(rows))


def write_labels(genes: Rows, rng: np.random.Generator, path: Path) -> pl.DataFrame:
    """Write gene id, z-scored half-life and cross-validation fold, which homologous genes share.

    Args:
        genes: Rows of :func:`gene_row`.

    Returns:
        The same with the half-life without and with noise.
    """
    table = pl.DataFrame(genes)
    true, measured = half_lives(table.select(*EFFECTS).to_numpy(), rng)
    table = table.with_columns(half_life_true=true, half_life=measured)
    labels = table.select(
        pl.col("gene_id").str.extract(r"(\w+)"),  # without version
        pl.col("half_life"),
        fold=pl.col("family") % FOLDS,
    )
    labels.write_csv(path, separator="\t", float_precision=6)
    return table


def write_inputs(species: Sequence[str], genome: str, path: Path) -> None:
    """Write the TOML file for ``isoclr build``."""
    ids = ", ".join(f'{name} = "ids/{name}.tsv"' for name in species)
    lines = ['homology = "homologene.data"', f"gene_ids = {{ {ids} }}"]
    for name in species:
        lines += ["", "[[input]]", f'species = "{name}"', f'genome = "{name}/{genome}"']
        lines.append(f'annotation = "{name}/annotation.gtf.gz"')
    path.write_text("\n".join(lines) + "\n")


def truth_rows(locus: Locus, chrom: str, start: int) -> Iterator[dict[str, Any]]:
    """Rows of ``truth.parquet``, one per transcript, for a gene whose lowest coordinate is ``start`` (0-based).

    ``exon_starts`` are the lowest coordinates (0-based), in transcript order; ``cds_start`` is the start of the first
    whole codon; ``sha256`` that of the mature sequence in upper-case DNA letters; the motif columns count copies in the
    3' UTR.
    """
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
            **count_motifs(utr3),
        }
