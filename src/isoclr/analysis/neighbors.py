"""Exact nearest neighbours by cosine similarity: those of given RNAs, and the search that benchmarks use."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from isoclr._io import check_output
from isoclr._report import Report, Row, Table
from isoclr.analysis.relations import Numbers, add_corpus_columns
from isoclr.corpus.corpus import open_corpus
from isoclr.embedding.embeddings import Embeddings
from isoclr.embedding.io import read_embeddings
from isoclr.errors import InputError
from isoclr.genomics.species import suggest, without_version, without_versions
from isoclr.probing.linear import standardize
from isoclr.tasks.join import gene_key, representatives

Vectors = NDArray[np.float32]
Among = Literal["all", "other-genes", "other-species"]
MAX_BLOCK = 1 << 26  # Similarities computed at a time: 256 MB
ID_COLUMNS = ("transcript_id", "gene_id", "gene_symbol")
"""Columns that an RNA or gene can be named by, in order of preference."""


def normalize(features: NDArray[np.floating], *, whiten: bool = False) -> Vectors:
    """Standardize every feature, then scale every RNA's vector to length 1, so that products are cosines.

    Features that hardly vary become 0, and so does the vector of an RNA whose features are all average.

    Args:
        whiten: Also decorrelate the features with their covariance shrunk towards the identity (Ledoit and Wolf 2004).
            Directions that many features share then count once.
    """
    wide = np.asarray(features, np.float64)
    mean, scale = standardize(wide)
    scaled = (wide - mean) * scale
    if whiten:
        scaled = scaled @ _whitening(scaled)
    norms = np.linalg.norm(scaled, axis=1, keepdims=True)
    return (scaled / np.where(norms > 0, norms, 1.0)).astype(np.float32)


def _whitening(centered: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse square root ``(d, d)`` of the shrunk covariance of features ``(n, d)`` of mean 0."""
    from sklearn.covariance import ledoit_wolf

    covariance, _ = ledoit_wolf(centered, assume_centered=True)
    spectrum, axes = np.linalg.eigh(covariance)
    floor = spectrum[-1] * len(spectrum) * np.finfo(np.float64).eps
    inverse = np.where(spectrum > floor, 1.0 / np.sqrt(np.maximum(spectrum, floor or 1.0)), 0.0)
    return np.asarray((axes * inverse) @ axes.T)


@dataclass(frozen=True)
class Nearest:
    """The nearest neighbours of some RNAs."""

    rows: Numbers  # (q, k) rows of the neighbours, the nearest first
    similarity: NDArray[np.float32]  # (q, k) cosine similarities


def nearest(
    vectors: Vectors,
    queries: Numbers,
    k: int,
    exclude: Mapping[str, Numbers],
    progress: Callable[[int], None] = lambda _: None,
) -> dict[str, Nearest]:
    """The k nearest neighbours of RNAs among several sets of candidates, in one pass over all similarities.

    Args:
        vectors: ``(n, d)`` of length 1.
        exclude: By name of a candidate set, groups ``(n,)``: RNAs of a query's own group are no candidates. The groups
            of each set must be unions of those of the set before, as species are of genes and genes of RNAs.
    """
    names = list(exclude)
    order = np.lexsort([exclude[name] for name in names])  # groups become contiguous
    spans = {name: _spans(exclude[name][order]) for name in names}
    for name, (first, end) in spans.items():
        fewest = len(first) - int((end - first).max())
        if k > fewest:
            raise InputError(f"--k {k}: some RNA has only {fewest:,} candidates among {name}; expected at most as many")
    rank = np.argsort(order)
    base = torch.from_numpy(vectors[order])
    shape = (len(queries), k)
    results = {name: Nearest(np.empty(shape, np.int64), np.empty(shape, np.float32)) for name in names}
    step = max(1, MAX_BLOCK // len(vectors))
    for start in range(0, len(queries), step):
        block = queries[start : start + step]
        similarity = torch.from_numpy(vectors[block]) @ base.T
        for name, result in results.items():
            firsts, ends = (bounds[rank[block]].tolist() for bounds in spans[name])
            for row, first, end in zip(similarity.numpy(), firsts, ends, strict=True):
                row[first:end] = -np.inf
            top = similarity.topk(k)
            result.rows[start : start + step] = order[top.indices.numpy()]
            result.similarity[start : start + step] = top.values.numpy()
        progress(len(block))
    return results


def _spans(groups: Numbers) -> tuple[Numbers, Numbers]:
    """For every row the first row of its contiguous group, and the end."""
    begins = np.flatnonzero(np.append(True, groups[1:] != groups[:-1]))
    sizes = np.diff(np.append(begins, len(groups)))
    return np.repeat(begins, sizes), np.repeat(begins + sizes, sizes)


@dataclass(frozen=True)
class Neighbors(Report):
    """The result of :func:`neighbours`."""

    table: pl.DataFrame
    """One row per query and neighbour, the nearest first: ``query`` (transcript id), ``rank``, ``transcript_id``,
    ``gene_id``, ``species``, ``length`` (nt), ``similarity`` (cosine), ``distance`` (1 − cosine)."""
    notes: tuple[str, ...] = ()

    def rows(self) -> list[Row]:
        """One record per query and neighbour."""
        return self.table.to_dicts()

    def to_frame(self) -> pl.DataFrame:
        """The table."""
        return self.table

    def messages(self) -> Iterator[str]:
        """Which transcript stands for each gene."""
        return iter(self.notes)

    def tables(self) -> Iterator[Table]:
        """The neighbours, one table per query."""
        columns = [name for name in self.table.columns if name not in ("query", "distance")]
        for (query,), part in self.table.group_by("query", maintain_order=True):
            lines = [
                [f"{cell:.4f}" if isinstance(cell, float) else cell or "" for cell in row]
                for row in part.select(columns).iter_rows()
            ]
            yield Table(f"nearest neighbours of {query}", columns, lines)


def neighbours(
    embeddings: Path,
    *,
    of: tuple[str, ...],
    k: int = 10,
    among: Among = "all",
    corpus: Path | None = None,
    species: str | None = None,
    whiten: bool = False,
    out: Path | None = None,
    overwrite: bool = False,
) -> Neighbors:
    """List the nearest neighbours of RNAs or genes in the embedding space.

    Neighbours have the largest cosine similarity of standardized features, searched exactly. For a gene, its
    representative transcript is the query, and every other gene is listed once, with its nearest RNA.

    Args:
        embeddings: Embeddings that ``isoclr embed`` wrote; in Python also those it returned.
        of: Transcript ids, gene ids or gene symbols; versions are optional.
        k: Number of neighbours of each.
        among: Where to search: all other RNAs, RNAs of other genes, or RNAs of other species.
        corpus: Corpus that was embedded; it adds gene symbols.
        species: Only RNAs of this species.
        whiten: Decorrelate the features before the search, which finds more isoforms and homologs.
        out: Table of neighbours, as Parquet, TSV or CSV by the extension.
        overwrite: Replace an existing output.

    Raises:
        InputError: No such RNA or gene, or a file that cannot be used.
    """
    if out is not None:
        check_output(Path(out), overwrite=overwrite)
    opened = read_embeddings(embeddings)
    if corpus is not None:
        table = add_corpus_columns(opened.table, open_corpus(Path(corpus)), ("gene_symbol",))
        opened = replace(opened, table=table)
    names = (of,) if isinstance(of, str) else of
    report = find_neighbors(opened.select(species), names, k=k, among=among, whiten=whiten)
    if out is not None:
        report.save(Path(out), overwrite=overwrite)
    return report


def find_neighbors(
    embeddings: Embeddings, names: Sequence[str], *, k: int = 10, among: Among = "all", whiten: bool = False
) -> Neighbors:
    """The nearest neighbours of RNAs or genes; see :func:`neighbours`.

    Args:
        embeddings: The RNAs; their table may have a column ``gene_symbol``.
    """
    if k < 1:
        raise InputError(f"--k {k}: expected 1 or more")
    if not names:
        raise InputError("--of: give the id of an RNA or gene")
    table = embeddings.table.with_row_index("row").with_columns(gene_key())
    queries = [_resolve(name, table) for name in names]
    vectors = normalize(embeddings.matrix, whiten=whiten)
    parts, notes = [], []
    for name, (rows, is_gene) in zip(names, queries, strict=True):
        for row in rows:
            if is_gene:
                notes.append(f"{name}: represented by {table['transcript_id'][row]}")
            parts.append(_neighbors_of(row, vectors, table, k, among, once_per_gene=is_gene))
    return Neighbors(pl.concat(parts), tuple(notes))


def _resolve(name: str, table: pl.DataFrame) -> tuple[list[int], bool]:
    """Rows of the RNAs that a name stands for, one per species, and whether it names a gene."""
    for column in (one for one in ID_COLUMNS if one in table.columns):
        matches = table.filter(pl.col(column) == name)
        if not matches.height:
            matches = table.filter(without_versions(pl.col(column)) == without_version(name))
        if matches.height:
            chosen = representatives(matches, "species").sort("row")
            return chosen["row"].to_list(), column != "transcript_id"
    names = [one for column in ID_COLUMNS if column in table.columns for one in table[column]]
    raise InputError(f"--of {name}: no such RNA or gene among the {table.height:,} embedded RNAs{suggest(name, names)}")


def _neighbors_of(
    row: int, vectors: Vectors, table: pl.DataFrame, k: int, among: Among, *, once_per_gene: bool
) -> pl.DataFrame:
    """The k nearest neighbours of one RNA."""
    similarity = pl.Series("similarity", vectors @ vectors[row]).cast(pl.Float64)
    query = table.row(row, named=True)
    candidates = table.with_columns(similarity).filter(pl.col("row") != row)
    if among == "other-species":
        candidates = candidates.filter(pl.col("species") != query["species"])
    elif among == "other-genes" or once_per_gene:
        candidates = candidates.filter(pl.col("gene") != query["gene"])
    candidates = candidates.sort("similarity", descending=True, maintain_order=True)
    if once_per_gene:
        candidates = candidates.unique("gene", keep="first", maintain_order=True)
    return candidates.head(k).select(
        pl.lit(query["transcript_id"]).alias("query"),
        pl.int_range(1, pl.len() + 1).alias("rank"),
        *(name for name in ID_COLUMNS if name in table.columns),
        "species",
        "length",
        "similarity",
        (1.0 - pl.col("similarity")).alias("distance"),
    )
