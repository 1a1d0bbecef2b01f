"""How often the nearest neighbour of an RNA is an isoform of its gene, a paralog, or the ortholog."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.errors import InputError
from isoclr.latent.chance import count
from isoclr.latent.intervals import mean_intervals
from isoclr.latent.kinship import ISOFORM, ORTHOLOG, PARALOG, RELATIONS, Relatives
from isoclr.latent.nearest import Nearest, Numbers, directions, nearest

Row = dict[str, str | int | float | None]
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
    known: Relatives
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
    known: Relatives,
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
    _check(methods, known)
    queries = _draw(len(known), sample, seed)
    apart = _apart(known)
    found = {
        name: nearest(directions(features), queries, max(k), apart, progress)
        for name, features in methods.items()
    }
    rows = [
        row
        for name, scopes in found.items()
        for row in _rows(name, scopes, queries, known, k, apart)
    ]
    table = pl.DataFrame(rows, infer_schema_length=None)
    return Retrieval(tuple(k), queries, found, known, table)


def _check(methods: Mapping[str, NDArray[np.floating]], known: Relatives) -> None:
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


def _apart(known: Relatives) -> dict[str, Numbers]:
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
    known: Relatives,
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
    known: Relatives,
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
