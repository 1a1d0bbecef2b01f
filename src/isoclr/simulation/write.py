"""Writing a genome: letters in lines of 60, repeats in lower case, plain or bgz."""

import gzip
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.genomics.encoding import LETTERS, Codes, N, letters
from isoclr.simulation import families
from isoclr.simulation import genes as motifs
from isoclr.simulation.families import (
    Chance,
    Member,
    chance,
    entrez,
    gene,
    gene_set,
    protein,
    species,
    symbol,
    taxon,
    transcript,
)
from isoclr.simulation.families import exon as names_exon
from isoclr.simulation.families import gene as names_gene
from isoclr.simulation.families import species as names_species
from isoclr.simulation.genes import MOTIFS, Size, count
from isoclr.simulation.genes import optimality as genetic_code_optimality
from isoclr.simulation.splicing import Isoform, Locus, background, locus

_LINE = 60
_LETTERS = np.frombuffer(LETTERS, np.uint8)
_LOWER = 0x20


class FastaWriter:
    """A genome FASTA, written sequence by sequence."""

    def __init__(self, path: Path, *, bgzip: bool) -> None:
        self._stream: Any = _bgz(path) if bgzip else path.open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stream.close()

    def write(self, name: str, codes: Codes, rng: np.random.Generator) -> None:
        """Write one sequence; stretches of it are soft-masked, as repeats are in real genomes."""
        letters = _LETTERS[codes]
        for start in rng.integers(0, len(letters), len(letters) // 2500).tolist():
            letters[start : start + 300] |= _LOWER
        self._stream.write(f">{name}\n".encode())
        whole = len(letters) // _LINE * _LINE
        self._stream.write(_lines(letters[:whole]).tobytes())
        if whole < len(letters):
            self._stream.write(letters[whole:].tobytes() + b"\n")


def _lines(letters: NDArray[np.uint8]) -> NDArray[np.uint8]:
    lines = np.empty((len(letters) // _LINE, _LINE + 1), np.uint8)
    lines[:, :_LINE] = letters.reshape(-1, _LINE)
    lines[:, _LINE] = ord("\n")
    return lines


def _bgz(path: Path) -> Any:
    import pysam

    return pysam.BGZFile(str(path), "wb", None)


Part = tuple[int, int]  # a stretch of a transcript or of a gene, 0-based half-open


def header(species: str) -> str:
    """The comment lines at the top of a GENCODE file."""
    return f"##description: simulated gene annotation of {species}\n##provider: isoclr simulate\n##format: gtf\n"


class GeneLines:
    """The GTF lines of one gene on its chromosome."""

    def __init__(self, locus: Locus, chrom: str, start: int) -> None:
        self._locus = locus
        self._member = locus.member
        self._exon_ids: dict[Part, str] = {}
        self._plus = locus.strand == "+"
        self._offset = start if self._plus else start + len(locus.bases)
        self._source = f"{chrom}\t{'HAVANA' if self._member.number % 3 else 'ENSEMBL'}\t"
        self._gene_id = gene(self._member)
        self._biotype = "protein_coding" if self._member.coding else "lncRNA"
        self._symbol = symbol(self._member)

    def text(self) -> str:
        """All lines of the gene."""
        spans = [(i.exons[0, 0], i.exons[-1, 1]) for i in self._locus.isoforms]
        span = (int(min(a for a, _ in spans)), int(max(b for _, b in spans)))
        attributes = (
            f'gene_id "{self._gene_id}"; gene_type "{self._biotype}"; '
            f'gene_name "{self._symbol}"; level 2;'
        )
        lines = [self._line("gene", span, ".", attributes)]
        for number, isoform in enumerate(self._locus.isoforms):
            lines += self._transcript(number, isoform)
        return "".join(lines)

    def _transcript(self, number: int, isoform: Isoform) -> Iterator[str]:
        head, tail = self._attributes(number, isoform)
        exons = [(int(a), int(b)) for a, b in isoform.exons.tolist()]
        yield self._line("transcript", (exons[0][0], exons[-1][1]), ".", f"{head}{tail}")
        coding, start, stop, utrs = _regions(isoform)
        ahead = 0
        last: list[str] = []
        for order, exon in enumerate(exons, 1):
            here = (ahead, ahead + exon[1] - exon[0])
            exon_id = self._exon_ids.setdefault(exon, names_exon(self._member, len(self._exon_ids)))
            text = f'{head} exon_number {order}; exon_id "{exon_id}";{tail}'
            yield self._line("exon", exon, ".", text)
            for feature, region in (("CDS", coding), ("start_codon", start), ("stop_codon", stop)):
                part = (max(region[0], here[0]), min(region[1], here[1]))
                if part[0] < part[1]:
                    frame = str((isoform.codons[0] - part[0]) % 3)
                    yield self._line(feature, _along(part, here, exon), frame, text)
            for region in utrs:
                part = (max(region[0], here[0]), min(region[1], here[1]))
                if part[0] < part[1]:
                    last.append(self._line("UTR", _along(part, here, exon), ".", text))
            ahead = here[1]
        yield from last

    def _attributes(self, number: int, isoform: Isoform) -> tuple[str, str]:
        """The attributes before and after the exon's."""
        head = (
            f'gene_id "{self._gene_id}"; transcript_id "{transcript(self._member, number)}"; '
            f'gene_type "{self._biotype}"; gene_name "{self._symbol}"; '
            f'transcript_type "{isoform.biotype}"; transcript_name "{self._symbol}-{201 + number}";'
        )
        tail = f' level 2; transcript_support_level "{1 + number % 5}";'
        if isoform.cds:
            tail += f' protein_id "{protein(self._member, number)}";'
        tail += ' tag "basic"; tag "Ensembl_canonical";' if number == 0 else ' tag "alternative";'
        if isoform.cds and not isoform.has_start:
            tail += ' tag "cds_start_NF"; tag "mRNA_start_NF";'
        if isoform.cds and not isoform.has_stop:
            tail += ' tag "cds_end_NF"; tag "mRNA_end_NF";'
        return head, tail

    def _line(self, feature: str, span: Part, frame: str, attributes: str) -> str:
        if self._plus:
            start, end = self._offset + span[0] + 1, self._offset + span[1]
        else:
            start, end = self._offset - span[1] + 1, self._offset - span[0]
        strand = self._locus.strand
        return f"{self._source}{feature}\t{start}\t{end}\t.\t{strand}\t{frame}\t{attributes}\n"


def _along(part: Part, here: Part, exon: Part) -> Part:
    """A stretch of a transcript that lies in one exon, along the gene."""
    return exon[0] + part[0] - here[0], exon[0] + part[1] - here[0]


def _regions(isoform: Isoform) -> tuple[Part, Part, Part, list[Part]]:
    """CDS without the stop codon, start codon, stop codon and UTRs, in the transcript."""
    if isoform.cds is None:
        return (0, 0), (0, 0), (0, 0), []
    start, end = isoform.cds
    body = end - 3 if isoform.has_stop else end
    start_codon = (start, start + 3) if isoform.has_start else (0, 0)
    stop_codon = (body, end) if isoform.has_stop else (0, 0)
    return (start, body), start_codon, stop_codon, [(0, start), (body, isoform.length)]


CEILING = 0.75
CODONS, JUNCTIONS = 0.6, 0.35  # effects of one standard deviation, beside those of the motifs
FOLDS = 10

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Causes:
    """What sets the half-life of one gene.

    Attributes:
        optimality: mean codon optimality, −1 to 1.
        junctions: exon junctions for each kilobase of coding sequence.
        motifs: copies of each of ``motifs.MOTIFS`` in the 3' UTR.
    """

    optimality: float
    junctions: float
    motifs: tuple[int, ...]


def causes(locus: Locus) -> Causes:
    """The causes of a coding gene, read off its principal isoform."""
    isoform = locus.isoforms[0]
    assert isoform.cds is not None
    start, end = isoform.cds
    mature = locus.mature(isoform)
    return Causes(
        optimality=genetic_code_optimality(mature[start:end]),
        junctions=(len(isoform.exons) - 1) / (end - start) * 1000,
        motifs=motifs.count(mature[end:]),
    )


def half_lives(genes: Sequence[Causes], rng: np.random.Generator) -> tuple[Floats, Floats]:
    """True and measured half-life ``(genes,)`` of one species, each z-scored.

    Returns:
        The sum of the effects, and the same with noise: their correlation is the square root of the ceiling.
    """
    features = np.array([[gene.optimality, gene.junctions, *gene.motifs] for gene in genes])
    effects = np.array([CODONS, JUNCTIONS, *(motif.effect for motif in motifs.MOTIFS)])
    true = z_score(np.apply_along_axis(z_score, 0, features) @ effects)
    noise = rng.standard_normal(len(genes))
    return true, z_score(np.sqrt(CEILING) * true + np.sqrt(1 - CEILING) * noise)


def z_score(values: Floats) -> Floats:
    """Mean 0 and standard deviation 1; zeros when the values are all the same."""
    spread = values.std()
    return (values - values.mean()) / spread if spread > 0 else np.zeros(len(values))


def homologene(genomes: Sequence[Sequence[Member]], path: Path) -> None:
    """NCBI's six columns: group, taxon, gene id, symbol, protein gi, protein accession (blank)."""
    known = sorted(
        (member.family, member.species, member.number, member)
        for genome in genomes
        for member in genome
        if member.known
    )
    rows = (
        f"{m.family + 1}\t{taxon(m.species)}\t{entrez(m)}\t{symbol(m)}\t\t\n" for *_, m in known
    )
    path.write_text("".join(rows))


def gene_ids(genome: Sequence[Member], path: Path) -> None:
    """What joins an annotation's gene ids to NCBI's: Ensembl-like id, NCBI-Gene-like id, symbol, biotype."""
    rows = (
        f"{gene(m).partition('.')[0]}\t{entrez(m)}\t{symbol(m)}\t"
        f"{'protein_coding' if m.coding else 'lncRNA'}\n"
        for m in genome
    )
    path.write_text("ensembl_gene_id\tentrez_gene_id\tsymbol\tbiotype\n" + "".join(rows))


def labels(genes: Sequence[Member], half_life: Floats, path: Path) -> None:
    """Gene id (no version), z-scored half-life and cross-validation fold; a family shares its fold."""
    rows = (
        f"{gene(m).partition('.')[0]}\t{value:.6f}\t{m.family % FOLDS}\n"
        for m, value in zip(genes, half_life, strict=True)
    )
    path.write_text("gene_id\thalf_life\tfold\n" + "".join(rows))


def inputs(species: Sequence[str], genome: str, path: Path) -> None:
    """The TOML file that ``isoclr build`` takes; its paths are relative to it."""
    ids = ", ".join(f'{name} = "ids/{name}.tsv"' for name in species)
    lines = ['homology = "homologene.data"', f"gene_ids = {{ {ids} }}"]
    for name in species:
        lines += [
            "",
            "[[input]]",
            f'species = "{name}"',
            f'genome = "{name}/{genome}"',
            f'annotation = "{name}/annotation.gtf.gz"',
        ]
    path.write_text("\n".join(lines) + "\n")


SCHEMA: dict[str, pl.DataType] = {
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


class Truth:
    """Collects the rows of ``truth.parquet``, one a transcript.

    ``exon_starts`` are 0-based lowest coordinates, in transcript order, ``cds_start`` is the first base of the first
    whole codon, ``sha256`` that of the mature sequence in upper-case DNA letters, and the motif columns count
    copies in the 3' UTR (0 without one).
    """

    def __init__(self) -> None:
        self._columns: dict[str, list[Any]] = defaultdict(list)

    def add(self, locus: Locus, chrom: str, start: int) -> None:
        """Add the transcripts of a gene whose lowest coordinate is ``start`` (0-based)."""
        for number, isoform in enumerate(locus.isoforms):
            for name, value in self._row(locus, number, isoform, chrom, start).items():
                self._columns[name].append(value)

    def _row(
        self, locus: Locus, number: int, isoform: Isoform, chrom: str, start: int
    ) -> dict[str, Any]:
        member = locus.member
        mature = locus.mature(isoform)
        exons = isoform.exons
        low = start + (exons[:, 0] if locus.strand == "+" else len(locus.bases) - exons[:, 1])
        utr3 = mature[isoform.cds[1] :] if isoform.cds and isoform.has_stop else mature[:0]
        return {
            "species": species(member.species),
            "transcript_id": transcript(member, number),
            "gene_id": names_gene(member),
            "gene_symbol": symbol(member),
            "biotype": isoform.biotype,
            "family": member.family,
            "gene_set": gene_set(member),
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
            **dict(zip((m.name for m in MOTIFS), count(utr3), strict=True)),
        }

    def table(self) -> pl.DataFrame:
        """All rows so far, in the order of the genomes."""
        return pl.DataFrame(self._columns, schema=SCHEMA)


def gene_table(
    genes: Sequence[Member], causes: Sequence[Causes], true: Floats, measured: Floats
) -> pl.DataFrame:
    """One row a coding gene: the causes of its half-life, the half-life without noise and as measured."""
    return pl.DataFrame(
        {
            "species": [species(gene.species) for gene in genes],
            "gene_id": [names_gene(gene) for gene in genes],
            "family": [gene.family for gene in genes],
            "gene_set": [gene_set(gene) for gene in genes],
            "optimality": [cause.optimality for cause in causes],
            "junctions": [cause.junctions for cause in causes],
            **{motif.name: [cause.motifs[i] for cause in causes] for i, motif in enumerate(MOTIFS)},
            "half_life_true": true,
            "half_life": measured,
        }
    )


_TELOMERE = 500  # unknown bases at both ends of a chromosome
_BLOCK = 2000  # genes whose text is compressed at a time


def genome_name(size: Size) -> str:
    """File name of a species' genome."""
    return "genome.fa.gz" if size.bgzip else "genome.fa"


def write_species(
    size: Size,
    seed: int,
    genes: Sequence[Member],
    folder: Path,
    known: Truth,
    advance: Callable[[int], object],
) -> list[Causes]:
    """Write the genome and the annotation of one species.

    Args:
        size: shape of the world.
        seed: of all chance.
        genes: the species' genes, along its genome.
        folder: where ``genome.fa[.gz]`` and ``annotation.gtf.gz`` go.
        known: the truth, to which the species' transcripts are added.
        advance: told how many more genes are done.

    Returns:
        What sets the half-life of each coding gene, in the order of ``genes``.
    """
    found: list[Causes] = []
    species = genes[0].species
    parts = np.array_split(np.arange(len(genes)), min(size.chromosomes, len(genes)))
    with (
        FastaWriter(folder / genome_name(size), bgzip=size.bgzip) as fasta,
        _gzip_text(folder / "annotation.gtf.gz") as write,
    ):
        write(header(names_species(species)))
        for number, part in enumerate(parts, 1):
            rng = chance(seed, Chance.CHROMOSOME, species, number)
            pieces: list[Codes] = [np.full(_TELOMERE, N, np.uint8)]
            at, lines = _TELOMERE, []
            for gene in _loci(size, seed, genes[part[0] : part[-1] + 1]):
                pieces += [background(rng, gene.gap), gene.forward()]
                at += gene.gap
                known.add(gene, f"chr{number}", at)
                lines.append(GeneLines(gene, f"chr{number}", at).text())
                at += len(gene.bases)
                if gene.member.coding:
                    found.append(causes(gene))
                if len(lines) == _BLOCK:
                    write("".join(lines))
                    lines.clear()
                advance(1)
            write("".join(lines))
            pieces += [background(rng, 1000), pieces[0]]
            fasta.write(f"chr{number}", np.concatenate(pieces), rng)
    return found


def _loci(size: Size, seed: int, genes: Sequence[Member]) -> Iterator[Locus]:
    """Each gene as its species has it today, with introns and isoforms."""
    for member in genes:
        founder = families.ancestor(size, seed, member.family, member.coding)
        template = families.descend(founder, member, seed)
        rng = chance(seed, Chance.LOCUS, member.species, member.number)
        yield locus(member, template, size, rng)


@contextmanager
def _gzip_text(path: Path) -> Iterator[Callable[[str], object]]:
    """A function that writes text to a gzip file whose bytes depend on nothing else (no name, no time)."""
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 2, raw, mtime=0) as stream:
        yield lambda text: stream.write(text.encode())
