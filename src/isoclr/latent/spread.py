"""Alignment and uniformity: are related RNAs close, and do all RNAs spread over the sphere?

After Wang and Isola (2020), on features standardised and scaled to length 1. Alignment is the mean squared distance of
related RNAs (0: on one spot, 2: as far as random directions); uniformity the logarithm of the mean of exp(−2 d²) over
RNAs of different gene sets, −4 for random directions in many dimensions, 0 when all lie on one spot.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.latent.chance import LIKE_LENGTH
from isoclr.latent.intervals import mean_intervals
from isoclr.latent.kinship import ISOFORM, ORTHOLOG, PARALOG, RELATIONS, Relatives
from isoclr.latent.nearest import Numbers, Vectors, directions
from isoclr.latent.retrieving import Row

SPREAD = 4_000
"""RNAs, each of another gene set, whose distances uniformity is the mean over."""


@dataclass(frozen=True)
class Geometry:
    """Alignment and uniformity of several kinds of features.

    Attributes:
        metrics: one row a number: study, method, relation, metric, value, low, high, n.
    """

    metrics: pl.DataFrame

    def rows(self) -> list[Row]:
        """One row a number."""
        return self.metrics.to_dicts()


def geometry(
    methods: Mapping[str, NDArray[np.floating]], known: Relatives, *, seed: int = 0
) -> Geometry:
    """Measure how close related RNAs lie, and how far all others spread.

    One pair a gene (isoforms) or gene set (paralogs, orthologs), drawn at random; beside them pairs of different gene
    sets, the second drawn at random or among those of like length.

    Args:
        methods: name → features ``(n, d)``.
        known: who the RNAs are, in the same order.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    pairs = _pairs(known, rng)
    rows: list[Row] = []
    spread = _one_of_each(known.gene_set, rng)[:SPREAD]
    for method, features in methods.items():
        vectors = directions(features)
        common: Row = {"study": "geometry", "method": method}
        for name, (first, second) in pairs.items():
            if len(first):
                apart = ((vectors[first] - vectors[second]) ** 2).sum(1)[:, None]
                (interval,) = mean_intervals(apart, known.gene_set[first]).tolist()
                rows.append(common | _told(name, "alignment", interval, len(first)))
        value = _uniformity(vectors[spread])
        rows.append(common | _told("unrelated", "uniformity", (value, None, None), len(spread)))
    return Geometry(pl.DataFrame(rows, infer_schema_length=None))


def _told(
    relation: str, metric: str, interval: tuple[float, float | None, float | None], n: int
) -> Row:
    value, low, high = interval
    return {
        "relation": relation,
        "metric": metric,
        "value": value,
        "low": low,
        "high": high,
        "n": n,
    }


def _pairs(known: Relatives, rng: np.random.Generator) -> dict[str, tuple[Numbers, Numbers]]:
    """Pairs of RNAs of every relation."""
    found: dict[str, tuple[Numbers, Numbers]] = {}
    for relation in (ISOFORM, PARALOG, ORTHOLOG):
        rows = np.flatnonzero(known.pairs.relation == relation)
        first = known.pairs.first[rows]
        whole = known.gene[first] if relation == ISOFORM else known.gene_set[first]
        rows = rows[_one_of_each(whole, rng)]
        found[RELATIONS[relation]] = known.pairs.first[rows], known.pairs.second[rows]
    first = _one_of_each(known.gene_set, rng)
    found["unrelated"] = _unrelated(known, first, rng.integers(len(known), size=len(first)))
    found["unrelated, of like length"] = _unrelated(
        known, first, _of_like_length(known, first, rng)
    )
    return found


def _one_of_each(labels: Numbers, rng: np.random.Generator) -> Numbers:
    """One random row of every label, in random order."""
    order = rng.permutation(len(labels))
    _, first = np.unique(labels[order], return_index=True)
    return order[np.sort(first)]


def _unrelated(known: Relatives, first: Numbers, second: Numbers) -> tuple[Numbers, Numbers]:
    keep = known.gene_set[first] != known.gene_set[second]
    return first[keep], second[keep]


def _of_like_length(known: Relatives, rows: Numbers, rng: np.random.Generator) -> Numbers:
    """For each RNA a random one within 10 % of its length, perhaps itself."""
    order = np.argsort(known.length, kind="stable")
    ordered = known.length[order]
    low = np.searchsorted(ordered, known.length[rows] / LIKE_LENGTH, side="left")
    high = np.searchsorted(ordered, known.length[rows] * LIKE_LENGTH, side="right")
    return order[rng.integers(low, np.maximum(high, low + 1))]


def _uniformity(vectors: Vectors) -> float:
    wide = vectors.astype(np.float64)
    squared = np.maximum(2.0 - 2.0 * (wide @ wide.T), 0.0)
    upper = np.triu_indices(len(wide), 1)
    return float(np.log(np.exp(-2.0 * squared[upper]).mean())) if len(upper[0]) else float("nan")
