"""In-silico mutagenesis: which bases of an mRNA a prediction rests on, and which motifs it has learnt."""

from isoclr.mutagenesis.heads import Predictor, line_of, predictor
from isoclr.mutagenesis.known_motifs import MOTIFS, Motif
from isoclr.mutagenesis.motif_files import motifs
from isoclr.mutagenesis.mutate_files import Mutations, mutate
from isoclr.mutagenesis.planting import PlantedMotifs, coding_rnas, planted_motifs
from isoclr.mutagenesis.scanning import MutationScan, scan

__all__ = [
    "MOTIFS",
    "Motif",
    "MutationScan",
    "Mutations",
    "PlantedMotifs",
    "Predictor",
    "coding_rnas",
    "line_of",
    "motifs",
    "mutate",
    "planted_motifs",
    "predictor",
    "scan",
]
