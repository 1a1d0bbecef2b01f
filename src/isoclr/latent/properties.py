"""What is written in an embedding: how well a linear model reads plain properties of the RNA off it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.baselines.regions import region_lengths
from isoclr.corpus.codes import EXON_END, NUCLEOTIDE_BITS, C, Codes, G, N
from isoclr.latent.kinship import Relatives
from isoclr.latent.nearest import Numbers
from isoclr.latent.retrieving import Row
from isoclr.probing.fitting import scaling
from isoclr.probing.ridge import decompose
from isoclr.tasks.metrics import over_folds
from isoclr.tasks.splits import Split, group_folds

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
class Encoded:
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

    >>> from isoclr.corpus.codes import encode, nucleotides
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


def encoded(
    methods: Mapping[str, NDArray[np.floating]],
    known: Relatives,
    codes: Callable[[int], Codes],
    *,
    sample: int | None = SAMPLE,
    seed: int = 0,
    progress: Callable[[int], None] = lambda _: None,
) -> Encoded:
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
    return Encoded(pl.DataFrame(found, infer_schema_length=None))


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
            mean, scale = scaling(features[train])
            fitted = decompose((features[train] - mean) * scale).fit(value[train], groups[train])
            left = value[test] - fitted.predict((features[test] - mean) * scale)
            found[column] = 1.0 - (left**2).mean() / value[test].var()
        progress(1)
    return found
