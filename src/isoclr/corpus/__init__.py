"""Corpora: transcripts of many species as six tracks, one byte per nucleotide, grouped into gene sets."""
