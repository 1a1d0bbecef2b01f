"""Geometry of an embedding space: alignment, uniformity, and properties that a ridge regression can predict."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from isoclr._report import Row
from isoclr.analysis.neighbors import Vectors, normalize
from isoclr.analysis.relations import ISOFORM, ORTHOLOG, PARALOG, RELATIONS, SIMILAR_LENGTH, GeneRelations, Numbers
from isoclr.genomics.encoding import EXON_END, NUCLEOTIDE_BITS, Codes, N, region_lengths
from isoclr.genomics.features import gc_fraction
from isoclr.probing.linear import Array, Decomposition, decompose, standardize
from isoclr.tasks.metrics import mean_intervals, over_folds
from isoclr.tasks.splits import Split, group_folds

UNIFORMITY_SAMPLE = 4_000  # RNAs, each of another gene set, whose pairwise distances uniformity averages
PROBE_SAMPLE = 6_000
FOLDS = 5
PROPERTIES = ("log2 length", "G+C content", "share of CDS", "log2 length of 5' UTR", "log2 number of exons")
Features = Mapping[str, NDArray[np.floating]]


def alignment_uniformity(
    features: Features, relations: GeneRelations, *, seed: int = 0, whiten: bool = False
) -> list[Row]:
    """How close related RNAs are, and how evenly all RNAs spread over the sphere (Wang and Isola 2020).

    Features are standardized and scaled to length 1. Alignment is the mean squared distance of pairs: 0 if they
    coincide, 2 for random directions. Uniformity is the logarithm of the mean of exp(−2 d²) over RNAs of different gene
    sets: −4 for random directions in many dimensions, 0 if all coincide. Pairs are drawn at random, one per gene
    (isoforms) or gene set (paralogs, orthologs). For comparison there are unrelated pairs, random and length-matched.

    Returns:
        One row per number: study, method, relation, metric, value, low, high, n.
    """
    rng = np.random.default_rng(seed)
    pairs = _draw_pairs(relations, rng)
    spread = _one_per_group(relations.gene_set, rng)[:UNIFORMITY_SAMPLE]
    rows: list[Row] = []
    for method, matrix in features.items():
        vectors = normalize(matrix, whiten=whiten)
        keys: Row = {"study": "geometry", "method": method}
        for relation, (first, second) in pairs.items():
            if len(first):
                squared = ((vectors[first] - vectors[second]) ** 2).sum(1)[:, None]
                ((mean, low, high),) = mean_intervals(squared, relations.gene_set[first]).tolist()
                numbers: Row = {"value": mean, "low": low, "high": high, "n": len(first)}
                rows.append({**keys, "relation": relation, "metric": "alignment", **numbers})
        numbers = {"value": _uniformity(vectors[spread]), "low": None, "high": None, "n": len(spread)}
        rows.append({**keys, "relation": "unrelated", "metric": "uniformity", **numbers})
    return rows


def _draw_pairs(relations: GeneRelations, rng: np.random.Generator) -> dict[str, tuple[Numbers, Numbers]]:
    """Pairs of RNAs of every relation."""
    drawn: dict[str, tuple[Numbers, Numbers]] = {}
    pairs = relations.pairs
    for relation in (ISOFORM, PARALOG, ORTHOLOG):
        rows = np.flatnonzero(pairs.relation == relation)
        groups = relations.gene if relation == ISOFORM else relations.gene_set
        rows = rows[_one_per_group(groups[pairs.first[rows]], rng)]
        drawn[RELATIONS[relation]] = pairs.first[rows], pairs.second[rows]
    first = _one_per_group(relations.gene_set, rng)
    others = {
        "unrelated": rng.integers(len(relations), size=len(first)),
        "unrelated, length-matched": _length_matched(relations.length, first, rng),
    }
    for name, second in others.items():
        keep = relations.gene_set[first] != relations.gene_set[second]
        drawn[name] = first[keep], second[keep]
    return drawn


def _one_per_group(groups: Numbers, rng: np.random.Generator) -> Numbers:
    """One random row of every group, in random order."""
    order = rng.permutation(len(groups))
    _, first = np.unique(groups[order], return_index=True)
    return order[np.sort(first)]


def _length_matched(length: Numbers, rows: Numbers, rng: np.random.Generator) -> Numbers:
    """For each RNA a random one of similar length, perhaps itself."""
    order = np.argsort(length, kind="stable")
    ordered = length[order]
    low = np.searchsorted(ordered, length[rows] / SIMILAR_LENGTH, side="left")
    high = np.searchsorted(ordered, length[rows] * SIMILAR_LENGTH, side="right")
    return order[rng.integers(low, np.maximum(high, low + 1))]


def _uniformity(vectors: Vectors) -> float:
    wide = vectors.astype(np.float64)
    squared = np.maximum(2.0 - 2.0 * (wide @ wide.T), 0.0)
    upper = np.triu_indices(len(wide), 1)
    return float(np.log(np.exp(-2.0 * squared[upper]).mean())) if len(upper[0]) else float("nan")


def properties(codes: Codes) -> tuple[float, ...]:
    """Values of :data:`PROPERTIES` of one RNA; NaN where unknown.

    >>> from isoclr.genomics.encoding import encode, nucleotides
    >>> properties(encode(nucleotides("GATGTAAC"), np.array([3, 5]), (1, 7)))
    (3.0, 0.375, 0.75, 0.0, 1.0)
    """
    is_known = (codes & NUCLEOTIDE_BITS) != N
    utr5, cds, _ = region_lengths(codes)
    exons = int(((codes & EXON_END) > 0).sum())
    return (
        float(np.log2(len(codes))),
        gc_fraction(codes) if is_known.any() else np.nan,
        cds / len(codes) if cds else np.nan,
        float(np.log2(utr5)) if cds and utr5 else np.nan,
        float(np.log2(exons)) if exons else np.nan,
    )


def probe_properties(
    features: Features,
    relations: GeneRelations,
    codes: Callable[[int], Codes],
    *,
    sample: int | None = PROBE_SAMPLE,
    seed: int = 0,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Row]:
    """R² of ridge regressions that predict :data:`PROPERTIES`, in cross-validation by whole gene sets.

    Args:
        sample: Number of random RNAs, each of another gene; None: one of every gene.

    Returns:
        One row per number: study, method, property, metric, value, low, high, n.
    """
    rows = np.sort(_one_per_group(relations.gene, np.random.default_rng(seed))[:sample])
    values = np.array([properties(codes(int(row))) for row in rows])
    groups = relations.gene_set[rows].astype(np.str_)
    splits = group_folds(groups, FOLDS, seed)
    counts = np.isfinite(values).sum(0).tolist()
    results: list[Row] = []
    for method, matrix in features.items():
        wide = np.asarray(matrix[rows], np.float64)
        by_fold = np.stack([_r2(wide, values, groups, split, progress) for split in splits])
        for name, r2, n in zip(PROPERTIES, by_fold.T, counts, strict=True):
            if np.isfinite(r2).all():
                mean = over_folds(r2.tolist())
                keys: Row = {"study": "properties", "method": method, "property": name}
                results.append({**keys, "metric": "r2", **mean.row(), "n": n})
    return results


def _r2(
    features: Array, values: Array, groups: NDArray[np.str_], split: Split, progress: Callable[[int], None]
) -> Array:
    """R² of every property on the test part; NaN if too few RNAs have it or it does not vary."""
    r2 = np.full(values.shape[1], np.nan)
    decomposed: dict[bytes, tuple[Array, Array, Decomposition]] = {}  # by the RNAs that have the property
    for column, value in enumerate(values.T):
        train = split.train[np.isfinite(value[split.train])]
        test = split.test[np.isfinite(value[split.test])]
        if min(len(train) - 1, len(test)) > 1 and min(np.ptp(value[train]), np.ptp(value[test])) > 0:
            if train.tobytes() not in decomposed:
                mean, scale = standardize(features[train])
                decomposed[train.tobytes()] = mean, scale, decompose((features[train] - mean) * scale)
            mean, scale, axes = decomposed[train.tobytes()]
            residual = value[test] - axes.fit(value[train], groups[train]).predict((features[test] - mean) * scale)
            r2[column] = 1.0 - (residual**2).mean() / value[test].var()
        progress(1)
    return r2
