"""Alignment and uniformity: are related RNAs close, and do all RNAs spread over the sphere?

After Wang and Isola (2020), on features standardised and scaled to length 1. Alignment is the mean squared distance of
related RNAs (0: on one spot, 2: as far as random directions); uniformity the logarithm of the mean of exp(−2 d²) over
RNAs of different gene sets, −4 for random directions in many dimensions, 0 when all lie on one spot.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.analysis.neighbors import Numbers, Vectors, normalize
from isoclr.analysis.relations import (
    ISOFORM,
    LIKE_LENGTH,
    ORTHOLOG,
    PARALOG,
    RELATIONS,
    GeneRelations,
    Row,
)
from isoclr.genomics.encoding import EXON_END, NUCLEOTIDE_BITS, C, Codes, G, N, region_lengths
from isoclr.probing.linear import decompose, standardize
from isoclr.tasks.metrics import mean_intervals, over_folds
from isoclr.tasks.splits import Split, group_folds

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


def alignment_uniformity(
    methods: Mapping[str, NDArray[np.floating]], known: GeneRelations, *, seed: int = 0
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
        vectors = normalize(features)
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


def _pairs(known: GeneRelations, rng: np.random.Generator) -> dict[str, tuple[Numbers, Numbers]]:
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


def _unrelated(known: GeneRelations, first: Numbers, second: Numbers) -> tuple[Numbers, Numbers]:
    keep = known.gene_set[first] != known.gene_set[second]
    return first[keep], second[keep]


def _of_like_length(known: GeneRelations, rows: Numbers, rng: np.random.Generator) -> Numbers:
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


FOLDS = 5
SAMPLE = 6_000
PROPERTIES = (
    "log2 length",
    "G+C content",
    "share of CDS",
    "log2 length of 5' UTR",
    "log2 number of exons",
)
Values = NDArray[np.float64]


@dataclass(frozen=True)
class PropertyProbe:
    """How much of the variance of a property a ridge regression of an embedding explains.

    Attributes:
        metrics: one row a number: study, method, property, metric (``r2``, on held-out gene sets), value, low, high, n.
    """

    metrics: pl.DataFrame

    def rows(self) -> list[Row]:
        """One row a number."""
        return self.metrics.to_dicts()


def properties(codes: Codes) -> tuple[float, ...]:
    """The values of :data:`PROPERTIES` of one RNA; NaN for what it has not or what is unknown.

    >>> from isoclr.genomics.encoding import encode, nucleotides
    >>> properties(encode(nucleotides("GATGTAAC"), np.array([3, 5]), (1, 7)))
    (3.0, 0.375, 0.75, 0.0, 1.0)
    """
    bases = codes & NUCLEOTIDE_BITS
    known = int((bases != N).sum())
    utr5, cds, _ = region_lengths(codes)
    exons = int(((codes & EXON_END) > 0).sum())
    return (
        float(np.log2(len(codes))),
        float(((bases == C) | (bases == G)).sum() / known) if known else np.nan,
        cds / len(codes) if cds else np.nan,
        float(np.log2(utr5)) if cds and utr5 else np.nan,
        float(np.log2(exons)) if exons else np.nan,
    )


def probe_properties(
    methods: Mapping[str, NDArray[np.floating]],
    known: GeneRelations,
    codes: Callable[[int], Codes],
    *,
    sample: int | None = SAMPLE,
    seed: int = 0,
    progress: Callable[[int], None] = lambda _: None,
) -> PropertyProbe:
    """Read length, composition, coding share and exons off embeddings, in cross-validation by whole gene sets.

    Args:
        methods: name → features ``(n, d)``.
        known: who the RNAs are, in the same order.
        codes: the codes of an RNA by its number.
        sample: how many RNAs, each of another gene, to draw; None: one of every gene.
        seed: of the draw and the folds.
        progress: called after every fit.

    Raises:
        InputError: too few gene sets for the folds.
    """
    rows = _one_a_gene(known.gene, sample, seed)
    values = np.array([properties(codes(int(i))) for i in rows])
    groups = known.gene_set[rows].astype(np.str_)
    splits = group_folds(groups, FOLDS, seed)
    found: list[Row] = []
    for method, features in methods.items():
        wide = np.asarray(features[rows], np.float64)
        explained = np.stack(
            [_explained(wide, values, groups, split, progress) for split in splits]
        )
        for name, over, column in zip(PROPERTIES, explained.T, values.T, strict=True):
            if np.isfinite(over).all():
                mean = over_folds(over.tolist())
                row: Row = {"study": "encoded", "method": method, "property": name, "metric": "r2"}
                interval: Row = {"value": mean.mean, "low": mean.low, "high": mean.high}
                found.append(row | interval | {"n": int(np.isfinite(column).sum())})
    return PropertyProbe(pl.DataFrame(found, infer_schema_length=None))


def _one_a_gene(gene: Numbers, sample: int | None, seed: int) -> Numbers:
    order = np.random.default_rng(seed).permutation(len(gene))
    _, first = np.unique(gene[order], return_index=True)
    return np.sort(order[np.sort(first)[:sample]])


def _explained(
    features: Values,
    values: Values,
    groups: NDArray[np.str_],
    split: Split,
    progress: Callable[[int], None],
) -> Values:
    """R² of every property on the test part; NaN where too few RNAs have it."""
    found = np.full(values.shape[1], np.nan)
    for column, value in enumerate(values.T):
        train = split.train[np.isfinite(value[split.train])]
        test = split.test[np.isfinite(value[split.test])]
        if (
            len(train) > 2
            and len(test) > 1
            and np.ptp(value[train]) > 0
            and np.ptp(value[test]) > 0
        ):
            mean, scale = standardize(features[train])
            fitted = decompose((features[train] - mean) * scale).fit(value[train], groups[train])
            left = value[test] - fitted.predict((features[test] - mean) * scale)
            found[column] = 1.0 - (left**2).mean() / value[test].var()
        progress(1)
    return found
