"""Relations between RNAs: isoforms of one gene, paralogs and orthologs of one gene set."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr._console import info
from isoclr.corpus.corpus import Corpus
from isoclr.embedding.embeddings import Embeddings
from isoclr.errors import InputError
from isoclr.genomics.encoding import Codes
from isoclr.tasks.join import gene_key

RELATIONS = ("isoform", "paralog", "ortholog", "unrelated")
"""Same gene; another gene of the same gene set and species; same gene set, another species; another gene set."""
ISOFORM, PARALOG, ORTHOLOG, UNRELATED = range(4)
SIMILAR_LENGTH = 1.1  # RNAs are length-matched if the longer is at most this many times as long as the shorter
KEYS = ("species", "transcript_id")
CORPUS_COLUMNS = ("gene_symbol", "gene_set", "biotype", "n_exons")

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Pairs:
    """All pairs of related RNAs, each in both directions."""

    first: Numbers  # (p,) rows, ascending
    second: Numbers  # (p,) rows
    relation: NDArray[np.int8]  # (p,) relation of the second to the first: an index of RELATIONS


@dataclass(frozen=True)
class GeneRelations:
    """Gene, gene set, species and length of RNAs, ``(n,)`` each; the first three as numbers from 0."""

    gene: Numbers
    gene_set: Numbers
    species: Numbers
    length: Numbers  # In nt

    def __len__(self) -> int:
        return len(self.gene)

    def relation(self, first: Numbers, second: Numbers) -> NDArray[np.int8]:
        """Relation of RNAs ``second`` to RNAs ``first`` (broadcast): indices of :data:`RELATIONS`."""
        same_set = self.gene_set[first] == self.gene_set[second]
        same_species = self.species[first] == self.species[second]
        relation = np.where(same_set, np.where(same_species, PARALOG, ORTHOLOG), UNRELATED)
        relation[self.gene[first] == self.gene[second]] = ISOFORM
        return relation.astype(np.int8)

    @cached_property
    def pairs(self) -> Pairs:
        """Every RNA with every other one of its gene set."""
        order = np.argsort(self.gene_set, kind="stable")
        sizes = np.bincount(self.gene_set)
        starts = np.cumsum(sizes) - sizes
        partners = sizes[self.gene_set]  # counts the RNA itself
        first = np.repeat(np.arange(len(self)), partners)
        within = np.arange(len(first)) - np.repeat(np.cumsum(partners) - partners, partners)
        second = order[starts[self.gene_set[first]] + within]
        keep = first != second
        first, second = first[keep], second[keep]
        return Pairs(first, second, self.relation(first, second))


def gene_relations(table: pl.DataFrame, corpus: Corpus | None = None) -> GeneRelations:
    """Relations of the RNAs of a table.

    Genes of one species and gene set with the same symbol count as one gene: alternative haplotypes of a genome give a
    gene several ids, which would pass for nearly identical paralogs. The gene set of an RNA that the corpus does not
    have is taken to be its gene.

    Args:
        table: One row per RNA with ``transcript_id, gene_id, species, length``, as in embeddings.
    """
    named = table.with_columns(gene_key())
    gene = sets = named["gene"]
    if corpus is not None:
        joined = _join_gene_sets(named, corpus)
        gene, sets = joined["gene"], joined["gene_set"].fill_null(joined["gene"])
    return GeneRelations(
        gene=_numbered(gene),
        gene_set=_numbered(sets),
        species=_numbered(named["species"]),
        length=named["length"].to_numpy().astype(np.int64),
    )


def _join_gene_sets(named: pl.DataFrame, corpus: Corpus) -> pl.DataFrame:
    """Gene and gene set of every RNA; the latter is null for RNAs that the corpus does not have."""
    joined = _join_columns(named, corpus, ("gene_set", "gene_symbol"))
    if joined["gene_set"].null_count() == joined.height:
        raise InputError(
            f"{corpus.path}: has none of the {joined.height:,} embedded RNAs ({named['transcript_id'][0]} of species "
            f"{named['species'][0]!r}, …); expected the corpus that was embedded"
        )
    # some RNAs of a gene may lack its symbol
    symbol = pl.col("gene_symbol").fill_null("").max().over("gene")
    by_symbol = pl.concat_str("species", "gene_set", symbol, separator="|")
    has_symbol = (symbol != "") & pl.col("gene_set").is_not_null()
    return joined.with_columns(gene=pl.when(has_symbol).then(by_symbol).otherwise("gene"))


def _join_columns(table: pl.DataFrame, corpus: Corpus, columns: Sequence[str]) -> pl.DataFrame:
    """A table with columns of the corpus, by species and transcript id; null for RNAs that it does not have."""
    rows = corpus.transcripts.select(*KEYS, *columns)
    rows = rows.unique(KEYS, keep="first", maintain_order=True)
    table = table.drop(columns, strict=False)
    return table.join(rows, on=KEYS, how="left", maintain_order="left")


def corpus_rows(table: pl.DataFrame, corpus: Corpus) -> Numbers:
    """The row in the corpus of every RNA of a table, by species, transcript id and length; −1 if it has none."""
    rows = corpus.transcripts.select(*KEYS, "length").with_row_index("row")
    rows = rows.unique(KEYS, keep="first", maintain_order=True)
    joined = table.join(rows, on=[*KEYS, "length"], how="left", maintain_order="left")
    return joined["row"].cast(pl.Int64).fill_null(-1).to_numpy()


def _numbered(names: pl.Series) -> Numbers:
    """0, 1, … in the order of the names."""
    return names.rank("dense").to_numpy().astype(np.int64) - 1


def add_species(table: pl.DataFrame, corpus: Corpus, *, say: bool = True) -> pl.DataFrame:
    """The table with an empty ``species`` column filled from the corpus, by transcript id and length.

    Embeddings of a FASTA have no species unless ``--species`` was given. A table with any species is left as it is, and
    so are RNAs whose id and length the corpus has in several species.
    """
    if not table.height or (table["species"] != "").any():
        return table
    keys = ["transcript_id", "length"]
    known = corpus.transcripts.select(*keys, "species").unique()
    known = known.filter(pl.struct(keys).is_unique())
    joined = table.drop("species").join(known, on=keys, how="left", maintain_order="left")
    filled = joined.height - joined["species"].null_count()
    if filled and say:
        info(f"species of {filled:,} RNAs taken from {corpus.path}, by name and length")
    return joined.with_columns(pl.col("species").fill_null("")).select(table.columns)


def add_corpus_columns(table: pl.DataFrame, corpus: Corpus, columns: Sequence[str] = CORPUS_COLUMNS) -> pl.DataFrame:
    """The table of embeddings with its species (see :func:`add_species`) and further columns of the corpus."""
    return _join_columns(add_species(table, corpus), corpus, columns)


@dataclass(frozen=True)
class CommonRnas:
    """RNAs that both the embeddings and the corpus have."""

    table: pl.DataFrame  # One row per RNA, as in the embeddings
    rows: Numbers  # (n,) rows of the RNAs in the corpus
    corpus: Corpus
    missing: int  # Embedded RNAs that the corpus, or other embeddings, do not have

    def __len__(self) -> int:
        return self.table.height

    def codes(self, row: int) -> Codes:
        """Codes of one of the RNAs."""
        return self.corpus.codes_of(int(self.rows[row]))


def intersect_rnas(embeddings: Sequence[Embeddings], corpus: Corpus) -> tuple[CommonRnas, list[Numbers]]:
    """The RNAs that all embeddings and the corpus have, and their rows in each of the embeddings."""
    tables = [add_species(one.table, corpus) for one in embeddings]
    joined = tables[0].with_row_index("row0").with_columns(row=pl.Series(corpus_rows(tables[0], corpus)))
    joined = joined.filter(pl.col("row") >= 0)
    for i, table in enumerate(tables[1:], 1):
        other = table.select(KEYS).with_row_index(f"row{i}").unique(KEYS, keep="first")
        joined = joined.join(other, on=KEYS, how="inner", maintain_order="left")
    if not joined.height:
        message = f"{corpus.path}: has no embedded RNA"
        if tables[0].height:
            name, species, length = tables[0].select("transcript_id", "species", "length").row(0)
            message += f" (by species, name and length: {species!r}, {name}, {length:,} nt, …)"
            if not species and len(corpus.species) > 0:
                message += f"; embed again with --species, such as {corpus.species[0]}"
        raise InputError(message + "; expected the corpus that was embedded")
    common = CommonRnas(
        joined.select(tables[0].columns), joined["row"].to_numpy(), corpus, len(embeddings[0]) - joined.height
    )
    return common, [joined[f"row{i}"].to_numpy().astype(np.int64) for i in range(len(tables))]
