"""Retrieval benchmark: is the nearest neighbour of an RNA its isoform, a paralog, the ortholog?"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr._console import info, progress
from isoclr._report import Report, Row, Table
from isoclr._threads import use_threads
from isoclr.analysis.geometry import FOLDS, PROPERTIES, Features, alignment_uniformity, probe_properties
from isoclr.analysis.neighbors import Nearest, nearest, normalize
from isoclr.analysis.relations import (
    ISOFORM,
    ORTHOLOG,
    PARALOG,
    RELATIONS,
    SIMILAR_LENGTH,
    UNRELATED,
    GeneRelations,
    Numbers,
    gene_relations,
    intersect_rnas,
)
from isoclr.baselines.features import Length, default_baselines, embed_with_progress
from isoclr.corpus.corpus import open_corpus
from isoclr.embedding.embeddings import Embeddings
from isoclr.embedding.inputs import as_inputs
from isoclr.embedding.io import read_embeddings
from isoclr.errors import InputError
from isoclr.genomics.encoding import Codes
from isoclr.plotting.methods import neighbours_figure
from isoclr.plotting.style import check_outputs
from isoclr.tasks.join import draw_rows
from isoclr.tasks.metrics import mean_intervals

SCOPES = {
    "all RNAs": (ISOFORM, PARALOG, ORTHOLOG),
    "RNAs of other genes": (PARALOG, ORTHOLOG),
    "RNAs of other species": (ORTHOLOG,),
}
"""Candidates of a search, and how they can be related to the query."""
LENGTH_BINS = (0, 500, 1_000, 2_000, 4_000)  # Lower ends of the length bins (nt)
MIN_QUERIES = 30  # With fewer queries a warning says that the hit rate is uncertain

NUMBERS = ("relation", "k", "metric", "value", "low", "high", "n")
Values = NDArray[np.float64]


@dataclass(frozen=True)
class CandidateCounts:
    """For some queries, the number of candidates, and of relatives among them; ``(q,)`` each."""

    relatives: Numbers
    candidates: Numbers
    matched_relatives: Numbers  # Relatives within SIMILAR_LENGTH
    matched_candidates: Numbers  # Candidates within SIMILAR_LENGTH

    def chance(self, k: int) -> Values:
        """``(q,)`` probability that k candidates drawn without replacement include a relative."""
        misses = np.ones(len(self.relatives))
        for drawn in range(k):
            left = np.maximum(self.candidates - self.relatives - drawn, 0)
            misses *= left / np.maximum(self.candidates - drawn, 1)
        return 1.0 - misses

    def length_matched_chance(self) -> Values:
        """``(q,)`` probability that a random length-matched candidate is a relative; NaN without candidates."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.matched_relatives / self.matched_candidates.astype(np.float64)


def count_candidates(relations: GeneRelations, queries: Numbers, relation: int, exclude: Numbers) -> CandidateCounts:
    """Count candidates and relatives.

    Args:
        relation: Index of :data:`RELATIONS`, but not that of unrelated RNAs.
        exclude: Groups ``(n,)``: RNAs of a query's own group are no candidates.
    """
    pairs, length, n = relations.pairs, relations.length, len(relations)
    keep = (pairs.relation == relation) & (exclude[pairs.first] != exclude[pairs.second])
    first, second = pairs.first[keep], pairs.second[keep]
    shorter, longer = np.sort([length[first], length[second]], axis=0)
    matched = longer <= SIMILAR_LENGTH * shorter
    all_matched = _count_matched(length, np.zeros(n, np.int64)) - _count_matched(length, exclude)
    return CandidateCounts(
        relatives=np.bincount(first, minlength=n)[queries],
        candidates=(n - np.bincount(exclude)[exclude])[queries],
        matched_relatives=np.bincount(first[matched], minlength=n)[queries],
        matched_candidates=all_matched[queries],
    )


def _count_matched(length: Numbers, groups: Numbers) -> Numbers:
    """For every RNA, how many RNAs of its group are length-matched, itself included."""
    counts = np.empty(len(length), np.int64)
    order = np.lexsort((length, groups))
    edges = np.flatnonzero(np.diff(groups[order])) + 1
    for rows in np.split(order, edges):
        own = length[rows]
        lowest = np.searchsorted(SIMILAR_LENGTH * own, own, side="left")
        highest = np.searchsorted(own, SIMILAR_LENGTH * own, side="right")
        counts[rows] = highest - lowest
    return counts


@dataclass(frozen=True)
class Retrieval(Report):
    """The nearest neighbours of some RNAs with several kinds of features, and the geometry of these features."""

    queries: Numbers  # (q,) rows of the RNAs
    neighbors: Mapping[str, Mapping[str, Nearest]]  # Nearest RNAs by features and scope
    metrics: pl.DataFrame
    """Columns study, method, scope, relation, length, k, metric, value, low, high, n. Metrics:

    - ``share``: of all queries, those whose nearest neighbour has the relation.
    - ``hit rate``: of the queries that have such a relative, those with one among the k nearest; ``chance`` is that of
      random candidates, ``length-matched chance`` that of random candidates within 10 % in length.
    - ``length ratio``: of nearest neighbour and query, the longer by the shorter, as the median.
    """
    geometry: Sequence[Row] = ()  # Alignment and uniformity
    properties: Sequence[Row] = ()  # How well properties of the RNAs can be predicted from the features

    def rows(self) -> list[Row]:
        """All numbers, distinguished by the column study."""
        return [*self.metrics.to_dicts(), *self.geometry, *self.properties]

    def messages(self) -> Iterator[str]:
        """Warnings about hit rates of few RNAs."""
        hits = self._hit_rates().unique(["scope", "relation"], maintain_order=True)
        for row in hits.filter(pl.col("n") < MIN_QUERIES).iter_rows(named=True):
            yield (
                f"warning: only {row['n']} RNAs have a relative of kind {row['relation']} among {row['scope']}; "
                "their hit rate is uncertain"
            )

    def tables(self) -> Iterator[Table]:
        """Retrieval, geometry and property probes."""
        queries = f"{len(self.queries):,} queries"
        title = f"RNAs with a relative among their k nearest, of those that have one ({queries})"
        columns = ["among", "relative", "features", "k", "hit rate (%)", "RNAs", "chance", "same length"]
        yield Table(title, columns, [*self._hit_rate_lines()])
        columns = ["metric", "value", "n"]
        lines = [_line(row, "relation") for row in self.geometry]
        yield Table("distances of pairs, and spread", ["features", "pairs", *columns], lines)
        lines = [_line(row, "property") for row in self.properties]
        title = "properties predicted by ridge regression"
        yield Table(title, ["features", "property", *columns], lines)

    def _hit_rates(self) -> pl.DataFrame:
        return self.metrics.filter(length="all", metric="hit rate")

    def _hit_rate_lines(self) -> Iterator[list[object]]:
        hits = self._hit_rates().with_columns(pl.col("scope").cast(pl.Enum(list(SCOPES))))
        for hit in hits.sort("scope", "relation", "k", maintain_order=True).iter_rows(named=True):
            keys = {key: hit[key] for key in ("scope", "relation", "method", "k")}
            same = self.metrics.filter(length="all", **keys)
            value = {metric: f"{100 * value:.2f}" for metric, value in same.select("metric", "value").iter_rows()}
            rate, low, high = (f"{100 * hit[key]:.1f}" for key in ("value", "low", "high"))
            matched = value.get("length-matched chance", "")
            yield [*keys.values(), f"{rate} [{low}, {high}]", hit["n"], value["chance"], matched]


def _line(row: Row, what: str) -> list[object]:
    interval = "" if row["low"] is None else f" [{row['low']:.3f}, {row['high']:.3f}]"
    return [row["method"], row[what], row["metric"], f"{row['value']:.3f}{interval}", row["n"]]


def evaluate_retrieval(
    features: Features,
    relations: GeneRelations,
    *,
    k: Sequence[int] = (1, 5, 10),
    sample: int | None = None,
    seed: int = 0,
    whiten: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> Retrieval:
    """Evaluate nearest neighbours by cosine of standardized features, searched exactly among all RNAs."""
    check_options(k, sample, seed)
    for name, matrix in features.items():
        if len(matrix) != len(relations):
            raise InputError(f"{name}: features of {len(matrix):,} RNAs, expected {len(relations):,}")
    queries = draw_rows(np.arange(len(relations)), sample, seed)
    exclude = _excluded_groups(relations)
    neighbors = {
        name: nearest(normalize(matrix, whiten=whiten), queries, max(k), exclude, progress)
        for name, matrix in features.items()
    }
    rows: list[Row] = []
    for name, scopes in neighbors.items():
        for scope, close in scopes.items():
            keys: Row = {"study": "retrieval", "method": name, "scope": scope}
            rows += _scope_rows(keys, close, queries, relations, k, exclude[scope])
    return Retrieval(queries, neighbors, pl.DataFrame(rows, infer_schema_length=None))


def check_options(k: Sequence[int], sample: int | None, seed: int) -> None:
    """Check options before features are computed."""
    if not k or min(k) < 1:
        raise InputError(f"--k {' '.join(map(str, k)) or 'nothing'}: expected numbers from 1")
    if sample is not None and sample < 1:
        raise InputError(f"--sample {sample}: expected 1 or more RNAs")
    if seed < 0:
        raise InputError(f"--seed {seed}: expected 0 or more")


def _excluded_groups(relations: GeneRelations) -> dict[str, Numbers]:
    """Groups that are no candidates, by scope; other species are searched only if there are any."""
    groups = (np.arange(len(relations)), relations.gene, relations.species)
    exclude = dict(zip(SCOPES, groups, strict=True))
    if len(np.unique(relations.species)) < 2:
        del exclude["RNAs of other species"]
    return exclude


def _scope_rows(
    keys: Row, close: Nearest, queries: Numbers, relations: GeneRelations, k: Sequence[int], exclude: Numbers
) -> Iterator[Row]:
    """All metrics of one kind of features in one scope, by length of the query."""
    relation = relations.relation(queries[:, None], close.rows)
    numbers = SCOPES[str(keys["scope"])]
    columns: dict[tuple[str, int, str], Values] = {}  # By relation, k and metric; NaN for queries without a relative
    for number in numbers:
        name, counts = RELATIONS[number], count_candidates(relations, queries, number, exclude)
        lacking = counts.relatives == 0
        for some in k:
            hit = (relation[:, :some] == number).any(1).astype(np.float64)
            columns[name, some, "hit rate"] = np.where(lacking, np.nan, hit)
            columns[name, some, "chance"] = np.where(lacking, np.nan, counts.chance(some))
        if 1 in k:
            matched = counts.length_matched_chance()
            columns[name, 1, "length-matched chance"] = np.where(lacking, np.nan, matched)
    for number in (*numbers, UNRELATED):
        columns[RELATIONS[number], 1, "share"] = (relation[:, 0] == number).astype(np.float64)
    values, groups = np.stack([*columns.values()], axis=1), relations.gene_set[queries]
    ratio = relations.length[close.rows[:, 0]] / relations.length[queries]
    ratio = np.maximum(ratio, 1 / ratio)
    for length, inside in _length_bins(relations.length[queries]).items():
        if not inside.any():
            continue
        intervals = mean_intervals(values[inside], groups[inside]).tolist()
        counted = np.isfinite(values[inside]).sum(0).tolist()
        lines = [(*column, *interval, n) for column, interval, n in zip(columns, intervals, counted, strict=True) if n]
        lines.append(("any", 1, "length ratio", float(np.median(ratio[inside])), None, None, int(inside.sum())))
        for line in lines:
            yield {**keys, "length": length, **dict(zip(NUMBERS, line, strict=True))}


def _length_bins(length: Numbers) -> dict[str, NDArray[np.bool_]]:
    """Which queries are in which bin."""
    bins = {"all": np.ones(len(length), bool)}
    for low, high in zip(LENGTH_BINS, (*LENGTH_BINS[1:], None), strict=True):
        name = f"{low:,} nt or more" if high is None else f"{low:,} to {high - 1:,} nt"
        bins[name] = (length >= low) & (length < (high or np.inf))
    return bins


def retrieval(
    embeddings: tuple[Path, ...],
    *,
    corpus: Path,
    out: Path | None = None,
    baselines: bool = False,
    whiten: bool = False,
    k: tuple[int, ...] = (1, 5, 10),
    sample: int | None = None,
    seed: int = 0,
    plot: Path | None = None,
    threads: int | None = None,
    overwrite: bool = False,
) -> Retrieval:
    """Evaluate retrieval: is the nearest neighbour of an RNA its isoform, a paralog, the ortholog?

    Neighbours are by cosine of standardized features, searched exactly among all embedded RNAs. Chance is that of
    random candidates, and of candidates of similar length. Also reported: alignment and uniformity, and how well
    length, G+C content, CDS fraction and exons can be predicted from the features. Intervals are bootstrapped over gene
    sets.

    Args:
        embeddings: Embeddings that ``isoclr embed`` wrote; several of the same RNAs are compared.
        corpus: Corpus that was embedded, with the gene sets and the sequences.
        out: Table with one number per row, as Parquet, TSV or CSV by the extension. Optional in Python.
        baselines: Compare with k-mers + codons, sequence features and the untrained encoder.
        whiten: Decorrelate the features before the search.
        k: Numbers of neighbours to evaluate.
        sample: Number of random queries (default: all RNAs).
        seed: Random seed.
        plot: Figure, as PNG, PDF or SVG.
        threads: Number of CPU threads (default: PyTorch's choice).
        overwrite: Replace existing outputs.

    Raises:
        InputError: A file that cannot be used, or embeddings of other RNAs than the corpus'.
    """
    check_outputs(figure=plot, tables=[out], overwrite=overwrite)
    check_options(k, sample, seed)
    use_threads(threads)
    files = as_inputs(embeddings)
    if not files:
        raise InputError("nothing to evaluate: give embeddings")
    opened = [read_embeddings(path) for path in files]
    rnas, rows = intersect_rnas(opened, open_corpus(Path(corpus)))
    if rnas.missing:
        info(f"left out: {rnas.missing:,} RNAs that the corpus or other embeddings do not have")
    names = _distinct_names(files, opened)
    features = {name: one.matrix[own] for name, one, own in zip(names, opened, rows, strict=True)}
    if baselines:
        codes = [rnas.codes(row) for row in range(len(rnas))]
        for embedder in default_baselines(opened[0].meta, seed=seed):
            if embedder.name != Length.name:  # one feature has no direction
                features[embedder.name] = embed_with_progress(embedder, codes)
    relations = gene_relations(rnas.table, rnas.corpus)
    report = evaluate_space(features, relations, rnas.codes, k=k, sample=sample, seed=seed, whiten=whiten)
    if out is not None:
        report.save(Path(out), overwrite=overwrite)
    if plot is not None:
        neighbours_figure(Path(plot), report.metrics)
    return report


def _distinct_names(files: Sequence[Path], opened: Sequence[Embeddings]) -> list[str]:
    """Names of the embeddings: their models, or where these are equal, their files."""
    paths = [Path(str(one)) for one in files]
    for names in ([one.meta["model"] for one in opened], [path.name for path in paths]):
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in files]


def evaluate_space(
    features: Features,
    relations: GeneRelations,
    codes: Callable[[int], Codes],
    *,
    k: Sequence[int] = (1, 5, 10),
    sample: int | None = None,
    seed: int = 0,
    whiten: bool = False,
) -> Retrieval:
    """Retrieval, geometry and property probes with progress bars; ``codes`` gives those of an RNA by its row."""
    with progress() as bar:
        queries = len(relations) if sample is None else min(sample, len(relations))
        searches = bar.add_task("neighbours", total=queries * len(features))
        retrieved = evaluate_retrieval(
            features, relations, k=k, sample=sample, seed=seed, whiten=whiten, progress=partial(bar.advance, searches)
        )
        geometry = alignment_uniformity(features, relations, seed=seed, whiten=whiten)
        fits = bar.add_task("properties", total=FOLDS * len(PROPERTIES) * len(features))
        properties = probe_properties(features, relations, codes, seed=seed, progress=partial(bar.advance, fits))
    return replace(retrieved, geometry=geometry, properties=properties)
