"""What is known of every simulated transcript: the truth that readers and corpora are tested against."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import polars as pl

from isoclr.corpus.codes import letters
from isoclr.simulation import motifs, names
from isoclr.simulation.families import Member
from isoclr.simulation.isoforms import Isoform
from isoclr.simulation.loci import Locus
from isoclr.simulation.stability import Causes, Floats

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
    **{motif.name: pl.Int64() for motif in motifs.MOTIFS},
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
            "species": names.species(member.species),
            "transcript_id": names.transcript(member, number),
            "gene_id": names.gene(member),
            "gene_symbol": names.symbol(member),
            "biotype": isoform.biotype,
            "family": member.family,
            "gene_set": names.gene_set(member),
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
            **dict(zip((m.name for m in motifs.MOTIFS), motifs.count(utr3), strict=True)),
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
            "species": [names.species(gene.species) for gene in genes],
            "gene_id": [names.gene(gene) for gene in genes],
            "family": [gene.family for gene in genes],
            "gene_set": [names.gene_set(gene) for gene in genes],
            "optimality": [cause.optimality for cause in causes],
            "junctions": [cause.junctions for cause in causes],
            **{
                motif.name: [cause.motifs[i] for cause in causes]
                for i, motif in enumerate(motifs.MOTIFS)
            },
            "half_life_true": true,
            "half_life": measured,
        }
    )
