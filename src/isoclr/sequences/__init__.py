"""Genomes and transcript FASTA files as nucleotide codes."""

from isoclr.sequences.chromosomes import match_chromosomes
from isoclr.sequences.genome import Genome, open_genome
from isoclr.sequences.transcripts import Transcripts, read_transcripts

__all__ = ["Genome", "Transcripts", "match_chromosomes", "open_genome", "read_transcripts"]
