"""Retrieval: is the nearest neighbour of an RNA its isoform, a paralog, the ortholog?"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr._console import info, progress, table
from isoclr._io import as_paths, check_output, write_table
from isoclr._threads import use_threads
from isoclr.analysis.geometry import (
    FOLDS,
    PROPERTIES,
    Geometry,
    PropertyProbe,
    alignment_uniformity,
    probe_properties,
)
from isoclr.analysis.neighbors import Nearest, Numbers, nearest, normalize
from isoclr.analysis.relations import (
    ISOFORM,
    LIKE_LENGTH,
    ORTHOLOG,
    PARALOG,
    RELATIONS,
    CommonRnas,
    GeneRelations,
    Row,
    baselines,
    features_of,
    gene_relations,
    intersect_rnas,
)
from isoclr.corpus.corpus import open_corpus
from isoclr.embedding.embed import nt_progress
from isoclr.embedding.embeddings import Embeddings
from isoclr.embedding.io import read_embeddings
from isoclr.errors import InputError
from isoclr.plotting import check_format, neighbours_figure
from isoclr.tasks.metrics import mean_intervals

Values = NDArray[np.float64]


@dataclass(frozen=True)
class RandomBaseline:
    """For some RNAs, how many candidates there are and how many of them are relatives.

    Attributes:
        relatives: ``(q,)`` candidates of the relation.
        candidates: ``(q,)``.
        relatives_of_like_length: ``(q,)`` those of them within :data:`LIKE_LENGTH`.
        of_like_length: ``(q,)`` candidates within it.
    """

    relatives: Numbers
    candidates: Numbers
    relatives_of_like_length: Numbers
    of_like_length: Numbers

    def chance(self, k: int) -> Values:
        """``(q,)`` probability that k candidates drawn without replacement have a relative among them."""
        misses = np.ones(len(self.relatives))
        for drawn in range(k):
            left = np.maximum(self.candidates - self.relatives - drawn, 0)
            misses *= left / np.maximum(self.candidates - drawn, 1)
        return 1.0 - misses

    def chance_of_like_length(self) -> Values:
        """``(q,)`` probability that one drawn among the candidates of like length is a relative; NaN without any."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.relatives_of_like_length / self.of_like_length.astype(np.float64)


def count(known: GeneRelations, queries: Numbers, relation: int, apart: Numbers) -> RandomBaseline:
    """Count candidates and relatives.

    Args:
        known: who all RNAs are.
        queries: ``(q,)`` numbers of some.
        relation: a number of :data:`isoclr.analysis.relations.RELATIONS`, not that of unrelated RNAs.
        apart: ``(n,)`` a number for every RNA; those of a query's own are no candidates.
    """
    pairs, n = known.pairs, len(known)
    kept = (pairs.relation == relation) & (apart[pairs.first] != apart[pairs.second])
    first, second = pairs.first[kept], pairs.second[kept]
    like = _are_like(known.length[first], known.length[second])
    total = np.bincount(apart)[apart]
    alike = _of_like_length(known.length, np.zeros(n, np.int64)) - _of_like_length(
        known.length, apart
    )
    return RandomBaseline(
        relatives=np.bincount(first, minlength=n)[queries],
        candidates=(n - total)[queries],
        relatives_of_like_length=np.bincount(first[like], minlength=n)[queries],
        of_like_length=alike[queries],
    )


def _are_like(a: Numbers, b: Numbers) -> NDArray[np.bool_]:
    return np.maximum(a, b) <= LIKE_LENGTH * np.minimum(a, b)


def _of_like_length(length: Numbers, labels: Numbers) -> Numbers:
    """For every RNA, how many of its label are of like length, itself included."""
    found = np.empty(len(length), np.int64)
    order = np.lexsort((length, labels))
    edges = np.flatnonzero(np.diff(labels[order])) + 1
    for rows in np.split(order, edges):
        own = length[rows]
        lowest = np.searchsorted(LIKE_LENGTH * own, own, side="left")  # own <= 1.1 · shorter
        highest = np.searchsorted(own, LIKE_LENGTH * own, side="right")
        found[rows] = highest - lowest
    return found


Column = tuple[str, int, str]
"""Relation, k and metric."""
SCOPES = {
    "all RNAs": (ISOFORM, PARALOG, ORTHOLOG),
    "RNAs of other genes": (PARALOG, ORTHOLOG),
    "RNAs of other species": (ORTHOLOG,),
}
"""Among whom a neighbour is looked for, and what it can be there besides unrelated."""
LENGTH_BINS = (0, 500, 1_000, 2_000, 4_000)
"""nt; the last bin has no end."""


@dataclass(frozen=True)
class Retrieval:
    """The neighbours of some RNAs under several kinds of features.

    Attributes:
        k: how many neighbours were looked at.
        queries: ``(q,)`` numbers of the RNAs.
        neighbours: method → scope → the nearest RNAs.
        known: who the RNAs are.
        metrics: one row a number; see :meth:`rows`.
    """

    k: tuple[int, ...]
    queries: Numbers
    neighbours: Mapping[str, Mapping[str, Nearest]]
    known: GeneRelations
    metrics: pl.DataFrame

    def rows(self) -> list[Row]:
        """Columns study, method, scope, relation, length, k, metric, value, low, high, n.

        - ``share``: of all queries, those whose nearest neighbour is of the relation.
        - ``found``: of the queries that have such a relative, those with one among the k nearest; beside it ``chance``,
          if neighbours were drawn from all candidates, and ``chance of like length``, from those within 10 % in length.
        - ``length ratio``: of nearest neighbour and query, the longer by the shorter, as the median.
        """
        return self.metrics.to_dicts()


def retrieval(
    methods: Mapping[str, NDArray[np.floating]],
    known: GeneRelations,
    *,
    k: Sequence[int] = (1, 5, 10),
    sample: int | None = None,
    seed: int = 0,
    progress: Callable[[int], None] = lambda _: None,
) -> Retrieval:
    """Nearest neighbours by cosine of standardised features, searched exactly among all RNAs.

    Args:
        methods: name → features ``(n, d)``.
        known: who the RNAs are, in the same order.
        k: for which numbers of neighbours to count.
        sample: how many RNAs to look for the neighbours of, drawn at random; None: all.
        seed: of the draw.
        progress: called with the number of queries done since the last call.

    Raises:
        InputError: features of other RNAs, or fewer RNAs than neighbours.
    """
    check_draw(k, sample, seed)
    _check_retrieving(methods, known)
    queries = _draw(len(known), sample, seed)
    apart = _apart(known)
    found = {
        name: nearest(normalize(features), queries, max(k), apart, progress)
        for name, features in methods.items()
    }
    rows = [
        row
        for name, scopes in found.items()
        for row in _rows(name, scopes, queries, known, k, apart)
    ]
    table = pl.DataFrame(rows, infer_schema_length=None)
    return Retrieval(tuple(k), queries, found, known, table)


def _check_retrieving(methods: Mapping[str, NDArray[np.floating]], known: GeneRelations) -> None:
    for name, features in methods.items():
        if len(features) != len(known):
            raise InputError(f"{name}: features of {len(features):,} RNAs, expected {len(known):,}")


def check_draw(k: Sequence[int], sample: int | None, seed: int) -> None:
    """Refuse numbers that mean nothing, before features are computed.

    Raises:
        InputError: no number of neighbours or one below 1, no RNA to look for, or a seed below 0.
    """
    if not k or min(k) < 1:
        raise InputError(f"--k {' '.join(map(str, k)) or 'nothing'}: expected numbers from 1")
    if sample is not None and sample < 1:
        raise InputError(f"--sample {sample}: expected 1 or more RNAs")
    if seed < 0:
        raise InputError(f"--seed {seed}: expected 0 or more")


def _draw(n: int, sample: int | None, seed: int) -> Numbers:
    if sample is None or sample >= n:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, sample, replace=False))


def _apart(known: GeneRelations) -> dict[str, Numbers]:
    """What is no candidate, by scope; another species is only looked for when there is one."""
    labels = (np.arange(len(known)), known.gene, known.species)
    found = dict(zip(SCOPES, labels, strict=True))
    if len(np.unique(known.species)) < 2:
        del found["RNAs of other species"]
    return found


def _rows(
    method: str,
    scopes: Mapping[str, Nearest],
    queries: Numbers,
    known: GeneRelations,
    k: Sequence[int],
    apart: Mapping[str, Numbers],
) -> Iterator[Row]:
    """All numbers of one method."""
    groups = known.gene_set[queries]
    for scope, close in scopes.items():
        relation = known.relation(queries[:, None], close.rows)
        columns = _columns(scope, relation, queries, known, k, apart[scope])
        columns |= _composition(scope, relation)
        ratio = known.length[close.rows[:, 0]] / known.length[queries]
        for name, inside in _length_bins(known.length[queries]).items():
            common: Row = {"study": "neighbours", "method": method, "scope": scope, "length": name}
            yield from _means(common, columns, inside, groups)
            if inside.any():
                middle = float(np.median(np.maximum(ratio, 1 / ratio)[inside]))
                yield common | _told(("any", 1, "length ratio"), (middle, None, None), inside.sum())


def _means(
    common: Row,
    columns: Mapping[Column, NDArray[np.float64]],
    inside: NDArray[np.bool_],
    groups: Numbers,
) -> Iterator[Row]:
    """Means over some of the queries; nothing of a column that none of them counts for."""
    values = np.stack([*columns.values()], axis=1)[inside]
    counts = np.isfinite(values).sum(0)
    if len(values):
        intervals = mean_intervals(values, groups[inside]).tolist()
        for column, interval, n in zip(columns, intervals, counts, strict=True):
            if n:
                yield common | _told(column, interval, n)


def _told(column: Column, interval: Sequence[float | None], n: int) -> Row:
    relation, k, metric = column
    value, low, high = interval
    named: Row = {"relation": relation, "k": k, "metric": metric}
    return named | {"value": value, "low": low, "high": high, "n": int(n)}


def _columns(
    scope: str,
    relation: NDArray[np.int8],
    queries: Numbers,
    known: GeneRelations,
    k: Sequence[int],
    apart: Numbers,
) -> dict[Column, NDArray[np.float64]]:
    """Per query, whether a relative was found and the chance of it; NaN for a query without such a relative."""
    columns: dict[Column, NDArray[np.float64]] = {}
    for number in SCOPES[scope]:
        name = RELATIONS[number]
        counts = count(known, queries, number, apart)
        lacking = counts.relatives == 0
        for some in k:
            hit = (relation[:, :some] == number).any(1).astype(np.float64)
            columns[name, some, "found"] = np.where(lacking, np.nan, hit)
            columns[name, some, "chance"] = np.where(lacking, np.nan, counts.chance(some))
        if 1 in k:
            alike = counts.chance_of_like_length()
            columns[name, 1, "chance of like length"] = np.where(lacking, np.nan, alike)
    return columns


def _composition(scope: str, relation: NDArray[np.int8]) -> dict[Column, NDArray[np.float64]]:
    """What the nearest neighbour is, of all queries."""
    numbers = (*SCOPES[scope], RELATIONS.index("unrelated"))
    return {
        (RELATIONS[number], 1, "share"): (relation[:, 0] == number).astype(np.float64)
        for number in numbers
    }


def _length_bins(length: Numbers) -> dict[str, NDArray[np.bool_]]:
    bins = {"all": np.ones(len(length), bool)}
    for low, high in zip(LENGTH_BINS, (*LENGTH_BINS[1:], None), strict=True):
        name = f"{low:,} nt or more" if high is None else f"{low:,} to {high - 1:,} nt"
        bins[name] = (length >= low) & (length < (high or np.inf))
    return bins


Methods = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Neighbours:
    """The result of :func:`neighbours`.

    Attributes:
        retrieval: what the nearest neighbours are.
        geometry: alignment and uniformity.
        encoded: what can be read off the embeddings.
    """

    retrieval: Retrieval
    geometry: Geometry
    encoded: PropertyProbe

    def rows(self) -> list[Row]:
        """The rows of all three, told apart by the column study."""
        return [*self.retrieval.rows(), *self.geometry.rows(), *self.encoded.rows()]

    def print(self) -> None:
        """Print retrieval, geometry and property probes."""
        queries = len(self.retrieval.queries)
        title = (
            f"RNAs with a relative among their k nearest, of those that have one ({queries:,} RNAs)"
        )
        columns = ["neighbours among", "relative", "method", "k", "found (%)", "chance (%)"]
        table(title, [*columns, "of similar length (%)"], _relatives(self))
        geometry = [_display_row(row, "relation") for row in self.geometry.rows()]
        title = "squared distance of pairs, and spread of all"
        table(title, ["method", "pairs", "metric", "value"], geometry)
        encoded = [_display_row(row, "property") for row in self.encoded.rows()]
        table(
            "what a ridge regression predicts", ["method", "property", "metric", "value"], encoded
        )


def neighbours(
    embeddings: Path,
    *,
    corpus: Path,
    out: Path,
    beside: tuple[Path, ...] = (),
    simple: bool = True,
    k: tuple[int, ...] = (1, 5, 10),
    sample: int | None = None,
    seed: int = 0,
    plot: Path | None = None,
    threads: int | None = None,
    overwrite: bool = False,
) -> Neighbours:
    """Is the nearest neighbour of an RNA its isoform, a paralog, the ortholog, or just as long?

    Neighbours are by cosine of standardised features, searched exactly among all embedded RNAs; chance is that of
    random candidates, and of candidates of like length. Beside it stand alignment and uniformity, and how well length,
    G+C content, coding share and exons can be read off the embedding. Intervals are bootstrapped over gene sets.

    Args:
        embeddings: what isoclr embed wrote.
        corpus: the corpus that was embedded; it knows the gene sets and the sequences.
        out: the table, one number a row, as Parquet, TSV or CSV by the extension.
        beside: embeddings of the same RNAs by other models, to compare.
        simple: compare with k-mers + codons and with the encoder at random weights; on a large corpus computing them
            takes minutes.
        k: for which numbers of neighbours to count.
        sample: look for the neighbours of so many RNAs only, drawn at random; by default of all.
        seed: of all draws.
        plot: draw it, as PNG, PDF or SVG.
        threads: of the CPU; by default as many as torch chooses.
        overwrite: replace an output that exists.

    Raises:
        InputError: a file that cannot be used, or embeddings of other RNAs than the corpus'.
    """
    out = Path(out)
    check_output(out, overwrite=overwrite)
    if plot is not None:
        check_format(Path(plot))
    check_draw(k, sample, seed)
    use_threads(threads)
    files = [Path(embeddings), *as_paths(beside)]
    opened = [read_embeddings(path) for path in files]
    rnas, rows = intersect_rnas(opened, open_corpus(Path(corpus)))
    if rnas.missing:
        info(f"left out: {rnas.missing:,} RNAs that not all embeddings and the corpus have")
    names = _names(files, opened)
    methods = {name: some.matrix[own] for name, some, own in zip(names, opened, rows, strict=True)}
    if simple:
        methods |= _simple(opened[0], rnas)
    found = _studies(methods, rnas, k, sample, seed)
    write_table(pl.DataFrame(found.rows(), infer_schema_length=None), out)
    if plot is not None:
        neighbours_figure(Path(plot), found.retrieval.metrics)
    return found


def _names(files: list[Path], opened: list[Embeddings]) -> list[str]:
    """What tables call the embeddings: by their model, where that tells them apart."""
    models = [some.meta["model"] for some in opened]
    if len(set(models)) == len(models):
        return models
    stems = [path.name for path in files]
    if len(set(stems)) == len(stems):
        return stems
    return [str(path) for path in files]


def _simple(first: Embeddings, rnas: CommonRnas) -> Methods:
    total = int(rnas.table["length"].sum())
    found = {}
    with nt_progress() as bar:
        for embedder in baselines(first):
            task = bar.add_task(embedder.name, total=total)
            found[embedder.name] = features_of(embedder, rnas, partial(bar.advance, task))
    return found


def _studies(
    methods: Methods, rnas: CommonRnas, k: tuple[int, ...], sample: int | None, seed: int
) -> Neighbours:
    known = gene_relations(rnas.table, rnas.corpus)
    with progress() as bar:
        queries = len(known) if sample is None else min(sample, len(known))
        task = bar.add_task("neighbours", total=queries * len(methods))
        found = retrieval(
            methods, known, k=k, sample=sample, seed=seed, progress=lambda n: bar.advance(task, n)
        )
        spread = alignment_uniformity(methods, known, seed=seed)
        fits = bar.add_task("properties", total=FOLDS * len(PROPERTIES) * len(methods))
        read = probe_properties(
            methods, known, rnas.codes, seed=seed, progress=lambda n: bar.advance(fits, n)
        )
    return Neighbours(found, spread, read)


def _relatives(found: Neighbours) -> Iterator[list[object]]:
    rows = found.retrieval.metrics.filter(length="all")
    for scope in SCOPES:
        for own in (
            rows.filter(scope=scope, metric="found")
            .sort("relation", "k", maintain_order=True)
            .to_dicts()
        ):
            same = rows.filter(**{key: own[key] for key in ("scope", "relation", "method", "k")})
            value = dict(same.select("metric", "value").rows())
            alike = value.get("chance of like length")
            yield [
                scope, own["relation"], own["method"], own["k"],
                f"{100 * own['value']:.1f} [{100 * own['low']:.1f}, {100 * own['high']:.1f}]",
                f"{100 * value['chance']:.2f}", "" if alike is None else f"{100 * alike:.2f}",
            ]  # fmt: skip


def _display_row(row: dict[str, str | int | float | None], what: str) -> list[object]:
    ends = "" if row["low"] is None else f" [{row['low']:.3f}, {row['high']:.3f}]"
    return [row["method"], row[what], row["metric"], f"{row['value']:.3f}{ends}"]
