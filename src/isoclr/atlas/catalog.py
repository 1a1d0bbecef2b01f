"""The RNAs of an atlas in its order: gene sets, genes and isoforms lie next to each other."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.analysis.relations import add_corpus_columns, corpus_rows, gene_relations
from isoclr.corpus.corpus import Corpus
from isoclr.embedding.embeddings import SCHEMA
from isoclr.errors import InputError
from isoclr.genomics.encoding import EXON_END, NUCLEOTIDE_BITS, Codes
from isoclr.genomics.species import without_version

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Catalog:
    """RNAs and genes; a gene's first isoform has the longest coding sequence and represents it."""

    table: pl.DataFrame  # One row per RNA: the columns of embeddings and CORPUS_COLUMNS
    order: Rows  # (n,) row in the embeddings of every RNA of the atlas
    starts: Rows  # (genes + 1,) row of the first RNA of every gene, and n
    gene_set: Rows  # (genes,) number of each gene's set, ascending
    corpus: Corpus
    corpus_rows: Rows  # (n,) row of every RNA in the corpus; −1 if it has none, or another of this name

    def __len__(self) -> int:
        return self.table.height

    @property
    def genes(self) -> int:
        """Number of genes."""
        return len(self.gene_set)

    def codes(self, row: int) -> Codes | None:
        """Codes of an RNA; None if the corpus does not have it."""
        at = int(self.corpus_rows[row])
        if at < 0:
            return None
        codes, starts, ends = self._corpus_codes
        return codes[starts[at] : ends[at]]

    @cached_property
    def _corpus_codes(self) -> tuple[Codes, Rows, Rows]:
        """Codes of the corpus, and start and end of every RNA, as plain arrays: memory maps take ten times as long."""
        starts, lengths = (np.array(self.corpus.index[name], np.int64) for name in ("offset", "length"))
        return np.asarray(self.corpus.codes), starts, starts + lengths

    def isoforms(self, gene: int) -> range:
        """Rows of a gene's isoforms."""
        return range(int(self.starts[gene]), int(self.starts[gene + 1]))

    def find_genes(self, name: str) -> list[int]:
        """Numbers of the genes that a symbol, gene id or transcript id stands for; versions may be left out."""
        wanted = without_version(name).lower()
        for column in ("gene_symbol", "gene_id", "transcript_id"):
            plain = [without_version(one or "").lower() for one in self.table[column].to_list()]
            rows = [row for row, one in enumerate(plain) if one == wanted]
            if rows:
                return sorted(set((np.searchsorted(self.starts, rows, "right") - 1).tolist()))
        raise InputError(f"{name}: no gene or transcript of this name among the embedded RNAs")


def make_catalog(table: pl.DataFrame, corpus: Corpus) -> Catalog:
    """Bring embedded RNAs into the order of the atlas."""
    full = add_corpus_columns(table, corpus).with_columns(
        pl.col("gene_symbol", "gene_set", "biotype").fill_null(""), pl.col("n_exons").replace(0, None)
    )
    relations = gene_relations(full.select(SCHEMA.names()), corpus)
    cds, length = full["cds_length"].to_numpy(), full["length"].to_numpy()
    order = np.lexsort((-length, -cds, relations.gene, relations.gene_set))
    gene, sets = relations.gene[order], relations.gene_set[order]
    starts = np.flatnonzero(np.append(True, (gene[1:] != gene[:-1]) | (sets[1:] != sets[:-1])))
    rows = corpus_rows(full, corpus)
    return Catalog(full[order], order, np.append(starts, len(order)), sets[starts], corpus, rows[order])


def exon_lengths(codes: Codes) -> list[int]:
    """Lengths of an RNA's exons; empty if they are unknown."""
    ends = np.flatnonzero(codes & EXON_END) + 1
    if not len(ends) or ends[-1] != len(codes):
        return []
    lengths: list[int] = np.diff(ends, prepend=0).tolist()
    return lengths


def number_exons(isoforms: list[Codes | None], lengths: list[list[int]]) -> list[list[int]]:
    """Numbers of every isoform's exons of these lengths, equal for exons of equal sequence."""
    numbers: dict[bytes, int] = {}
    result = []
    for codes, exons in zip(isoforms, lengths, strict=True):
        own: list[int] = []
        if codes is not None:
            bases, start = (codes & NUCLEOTIDE_BITS).tobytes(), 0
            for length in exons:
                sequence = bases[start : start + length]
                own.append(numbers.setdefault(sequence, len(numbers)))
                start += length
        result.append(own)
    return result
