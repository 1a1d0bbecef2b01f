"""Embedding RNAs: a FASTA, a corpus, or a genome and its annotation in; one vector an RNA out."""

from isoclr.embedding.converting import convert
from isoclr.embedding.embed_files import embed
from isoclr.embedding.reading import read_embeddings
from isoclr.embedding.table import Embeddings

__all__ = ["Embeddings", "convert", "embed", "read_embeddings"]
