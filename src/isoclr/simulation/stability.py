"""How long an mRNA lives, and why: the labels of a simulated world.

A gene's half-life (log scale) is a sum of what its principal isoform carries: optimal codons stabilise, 3' UTR
motifs stabilise or destabilise, and exon junctions for each kilobase of coding sequence stabilise, as in mammals.
Length as such has no effect. Noise bounds what any predictor can reach: R² = :data:`CEILING`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoclr.simulation import genetic_code, motifs
from isoclr.simulation.loci import Locus

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
        optimality=genetic_code.optimality(mature[start:end]),
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
