"""Sequences, annotations and homology: formats of genomics as tables and six-track codes. Knows no learning."""
