"""Who is related to whom: isoforms of one gene, paralogs and orthologs of one gene set."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.baselines.features import Embedder, KmersAndCodons, RandomInit
from isoclr.corpus.corpus import Corpus
from isoclr.embedding.embeddings import Embeddings
from isoclr.errors import InputError
from isoclr.genomics.encoding import Codes
from isoclr.models.encoder import MODELS
from isoclr.models.resnet import Pooling
from isoclr.tasks.labels import gene_key

RELATIONS = ("isoform", "paralog", "ortholog", "unrelated")
"""Same gene; same gene set and species, another gene; same gene set, another species; another gene set."""
ISOFORM, PARALOG, ORTHOLOG, UNRELATED = range(4)

LIKE_LENGTH = 1.1
"""Two RNAs are of similar length when the longer is at most this many times as long as the other."""

Numbers = NDArray[np.int64]
Row = dict[str, str | int | float | None]


@dataclass(frozen=True)
class Pairs:
    """All pairs of related RNAs, each pair in both directions.

    Attributes:
        first: ``(p,)`` ascending.
        second: ``(p,)``.
        relation: ``(p,)`` what the second is to the first: a number of :data:`RELATIONS`.
    """

    first: Numbers
    second: Numbers
    relation: NDArray[np.int8]


@dataclass(frozen=True)
class GeneRelations:
    """Gene, gene set, species and length of RNAs.

    Attributes:
        gene: ``(n,)`` number of the gene.
        gene_set: ``(n,)`` number of the gene set.
        species: ``(n,)`` number of the species.
        length: ``(n,)`` nt.
        unknown: how many RNAs the corpus does not have: their gene is taken for the whole of its gene set.
    """

    gene: Numbers
    gene_set: Numbers
    species: Numbers
    length: Numbers
    unknown: int = 0

    def __len__(self) -> int:
        return len(self.gene)

    def relation(self, first: Numbers, second: Numbers) -> NDArray[np.int8]:
        """What RNAs ``second`` are to RNAs ``first`` (broadcast): numbers of :data:`RELATIONS`."""
        same_set = self.gene_set[first] == self.gene_set[second]
        same_species = self.species[first] == self.species[second]
        found = np.where(same_set, np.where(same_species, PARALOG, ORTHOLOG), UNRELATED)
        found[self.gene[first] == self.gene[second]] = ISOFORM
        return found.astype(np.int8)

    @cached_property
    def pairs(self) -> Pairs:
        """Every RNA with every other one of its gene set."""
        order = np.argsort(self.gene_set, kind="stable")
        sizes = np.bincount(self.gene_set)
        starts = np.cumsum(sizes) - sizes
        partners = sizes[self.gene_set]  # itself among them
        first = np.repeat(np.arange(len(self)), partners)
        within = np.arange(len(first)) - np.repeat(np.cumsum(partners) - partners, partners)
        second = order[starts[self.gene_set[first]] + within]
        keep = first != second
        first, second = first[keep], second[keep]
        return Pairs(first, second, self.relation(first, second))


def gene_relations(table: pl.DataFrame, corpus: Corpus | None = None) -> GeneRelations:
    """Who the RNAs of a table are.

    Genes of one species and gene set that have the same symbol are one gene: alternative haplotypes of a genome give a
    gene an id each, and would pass for paralogs that hardly differ.

    Args:
        table: ``transcript_id, gene_id, species, length``, one row an RNA, as embeddings have it.
        corpus: knows gene sets and symbols; None: every gene is a set of its own.

    Raises:
        InputError: the corpus has none of the RNAs.
    """
    named = table.with_columns(gene_key())
    gene, sets, unknown = named["gene"], named["gene"], 0
    if corpus is not None:
        found = _in_corpus(named, corpus)
        unknown = found["gene_set"].null_count()
        gene, sets = found["gene"], found["gene_set"].fill_null(found["gene"])
    return GeneRelations(
        gene=_numbers(gene),
        gene_set=_numbers(sets),
        species=_numbers(named["species"]),
        length=named["length"].to_numpy().astype(np.int64),
        unknown=unknown,
    )


def _in_corpus(named: pl.DataFrame, corpus: Corpus) -> pl.DataFrame:
    """Gene and gene set of every RNA; the latter null where the corpus does not have it."""
    keys = ["species", "transcript_id"]
    known = corpus.transcripts.select(*keys, "gene_set", "gene_symbol")
    known = known.unique(keys, keep="first", maintain_order=True)
    found = named.join(known, on=keys, how="left", maintain_order="left")
    if found["gene_set"].null_count() == found.height:
        raise InputError(
            f"{corpus.path}: has none of the {found.height:,} embedded RNAs ({named['transcript_id'][0]} of species "
            f"{named['species'][0]!r}, …); expected the corpus that was embedded"
        )
    symbol = (
        pl.col("gene_symbol").fill_null("").max().over("gene")
    )  # some RNAs of a gene may lack it
    called = pl.concat_str("species", "gene_set", symbol, separator="|")
    return found.with_columns(
        gene=pl.when((symbol != "") & pl.col("gene_set").is_not_null())
        .then(called)
        .otherwise("gene")
    )


def _numbers(names: pl.Series) -> Numbers:
    """0, 1, … in the order of the names."""
    return names.rank("dense").to_numpy().astype(np.int64) - 1


KEYS = ("species", "transcript_id")


@dataclass(frozen=True)
class CommonRnas:
    """RNAs that both the embeddings and the corpus have.

    Attributes:
        table: one row an RNA, as in the embeddings.
        places: ``(n,)`` their numbers in the corpus.
        corpus: where they are.
        missing: how many of the embedded RNAs the corpus does not have.
    """

    table: pl.DataFrame
    places: Numbers
    corpus: Corpus
    missing: int

    def __len__(self) -> int:
        return self.table.height

    def codes(self, row: int) -> Codes:
        """The codes of one of them."""
        return self.corpus.codes_of(int(self.places[row]))


def intersect_rnas(
    embeddings: Sequence[Embeddings], corpus: Corpus
) -> tuple[CommonRnas, list[Numbers]]:
    """The RNAs that all embeddings and the corpus have, and their rows in each of the embeddings.

    Raises:
        InputError: there are none.
    """
    known = corpus.transcripts.select(*KEYS, "length").with_row_index("place")
    known = known.unique(KEYS, keep="first", maintain_order=True)
    joined = (
        embeddings[0]
        .table.with_row_index("row0")
        .join(known, on=[*KEYS, "length"], how="inner", maintain_order="left")
    )
    for i, others in enumerate(embeddings[1:], 1):
        rows = others.table.select(*KEYS).with_row_index(f"row{i}").unique(KEYS, keep="first")
        joined = joined.join(rows, on=KEYS, how="inner", maintain_order="left")
    if not joined.height:
        raise InputError(
            f"{corpus.path}: no RNA with the species, name and length of an embedded one ({_first(embeddings[0])}, …); "
            "expected the corpus that was embedded"
        )
    rnas = CommonRnas(
        joined.select(embeddings[0].table.columns),
        joined["place"].to_numpy().astype(np.int64),
        corpus,
        len(embeddings[0]) - joined.height,
    )
    return rnas, [joined[f"row{i}"].to_numpy().astype(np.int64) for i in range(len(embeddings))]


def _first(embeddings: Embeddings) -> str:
    if not len(embeddings):
        return "there is none"
    name, species, length = embeddings.table.select("transcript_id", "species", "length").row(0)
    return f"{name} of {species!r}, {length:,} nt"


def baselines(embeddings: Embeddings) -> list[Embedder]:
    """The features that stand beside embeddings: k-mers and codons, and the same encoder with random weights.

    An encoder that is none of ours has no random twin here.
    """
    found: list[Embedder] = [KmersAndCodons()]
    meta = embeddings.meta
    if meta["model"] in MODELS and meta["n_tracks"] in ("4", "5", "6"):
        pooling: Pooling = "all" if meta["pooling"] == "all" else "last"
        found.append(RandomInit(meta["model"], tracks=int(meta["n_tracks"]), pooling=pooling))
    return found


def features_of(
    embedder: Embedder, rnas: CommonRnas, progress: Callable[[int], None] | None = None
) -> NDArray[np.float32]:
    """A baseline's features ``(n, d)`` of all RNAs.

    Args:
        embedder: the baseline.
        rnas: the RNAs.
        progress: called with the number of nucleotides done since the last call.
    """
    return embedder.embed([rnas.codes(i) for i in range(len(rnas))], progress)
