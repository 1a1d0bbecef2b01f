"""Cross-validated evaluation of feature sets by linear probes, for one label or many classes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from isoclr.baselines.features import (
    KmersAndCodons,
    SequenceFeatures,
    StrongFeatures,
    default_baselines,
    embed_with_progress,
)
from isoclr.embedding.embeddings import Embeddings
from isoclr.probing.blocks import fit_predict_blocks
from isoclr.probing.linear import Array, Features, Probe, ProbeKind, fit_predict, fit_predict_classes
from isoclr.tasks.dataset import LabelledRnas
from isoclr.tasks.metrics import (
    CLASSES,
    Difference,
    Interval,
    Metric,
    bootstrap,
    bootstrap_difference,
    cross_entropy,
    over_folds,
    over_seeds,
    paired,
)
from isoclr.tasks.splits import Groups, Indices, Split

Targets = NDArray[np.float64] | NDArray[np.bool_]
MULTILABEL: dict[str, Metric] = {**CLASSES, "cross_entropy": cross_entropy}
"""Metrics of many classes; each is averaged over the classes."""


@dataclass(frozen=True)
class FeatureSet:
    """Features to probe."""

    name: str
    features: Features  # (n, d)
    probe: ProbeKind
    blocks: tuple[int, ...] = ()
    """Widths of the last blocks of features, for a probe with a penalty for each; those before them are one block."""


@dataclass(frozen=True)
class SplitResult:
    """Predictions and metrics on the test part of one split."""

    split: str
    train: int  # Number of training samples
    test: Indices  # (m,) sample numbers of the test part
    true: Array
    """``(m,)`` labels in standard deviations of the training labels from their mean, or ``(m, c)`` classes, 0 and 1."""
    predicted: Array  # Predictions of the same shape; log-odds for a logistic probe
    penalties: Array  # (1,) or (c,) penalties chosen in training, 0 for none
    metrics: dict[str, float]  # Metric → value on the test part, averaged over classes

    def to_dict(self) -> dict[str, str | int | float]:
        """Everything but the predictions."""
        row: dict[str, str | int | float] = {"split": self.split, "train": self.train}
        return row | {"test": len(self.test), "penalty": float(self.penalties[0]), **self.metrics}


@dataclass(frozen=True)
class MethodReport:
    """How well one feature set predicts."""

    name: str
    probe: ProbeKind
    dim: int  # Number of features
    results: Sequence[SplitResult]  # One per split
    summary: dict[str, Interval]  # Metric → mean over the splits with its 95 % interval
    difference: Difference | None
    """The main metric of the first method minus this one's, paired by split; None for the first method."""
    by_class: dict[str, list[Interval]] = field(default_factory=dict)
    """Metric → summary of each of the ``c`` classes; empty for one label."""


def evaluate(
    methods: Sequence[FeatureSet],
    targets: Targets,
    groups: Groups,
    splits: Sequence[Split],
    metrics: Mapping[str, Metric] = MULTILABEL,
    advance: Callable[[], None] = lambda: None,
) -> list[MethodReport]:
    """Probe feature sets on the same splits and compare the first with the others.

    Args:
        methods: Feature sets with rows in the order of the targets.
        targets: ``(n,)`` a label, or ``(n, c)`` membership of classes (bool), of which a sample can have several.
        splits: One gives bootstrap intervals over the groups of the test part, several give intervals over splits.

    Raises:
        ValueError: features and targets of different numbers of samples.
    """
    for method in methods:
        if len(method.features) != len(targets):
            raise ValueError(f"{method.name}: features of {len(method.features)} samples, targets of {len(targets)}")
    reports: list[MethodReport] = []
    for method in methods:
        results = []
        for split in splits:
            results.append(_evaluate_split(method, targets, groups, split, metrics))
            advance()
        by_class = {}
        if targets.ndim == 2:
            for name, metric in metrics.items():
                by_class[name] = [_summary(metric, results, groups, splits, [c]) for c in range(targets.shape[1])]
        main = next(iter(metrics.values()))
        reports.append(
            MethodReport(
                name=method.name,
                probe=method.probe,
                dim=method.features.shape[1],
                results=results,
                summary={name: _summary(metric, results, groups, splits) for name, metric in metrics.items()},
                difference=_difference(main, reports[0].results, results, groups, splits) if reports else None,
                by_class=by_class,
            )
        )
    return reports


def fit_predict_features(
    method: FeatureSet, values: Array, groups: Groups, train: Indices, test: Indices
) -> tuple[Array, float]:
    """Predictions ``(m,)`` for the test samples, and the chosen penalty (0 without one, or with several)."""
    if method.probe == "grouped":
        return fit_predict_blocks(method.features, values, train, test, method.blocks), 0.0
    return fit_predict(method.probe, method.features, values, groups, train, test)


def _evaluate_split(
    method: FeatureSet, targets: Targets, groups: Groups, split: Split, metrics: Mapping[str, Metric]
) -> SplitResult:
    if targets.ndim == 1:
        mean, std = targets[split.train].mean(), targets[split.train].std()
        scaled = (targets - mean) / (std or 1.0)
        predicted, penalty = fit_predict_features(method, scaled, groups, split.train, split.test)
        true, penalties = scaled[split.test], np.array([penalty])
    else:
        predicted, penalties = fit_predict_classes(method.features, targets == 1, groups, split.train, split.test)
        true = targets[split.test].astype(np.float64)
    return SplitResult(
        split=split.name,
        train=len(split.train),
        test=split.test,
        true=true,
        predicted=predicted,
        penalties=penalties,
        metrics={name: _mean(metric, true, predicted) for name, metric in metrics.items()},
    )


def _mean(metric: Metric, true: Array, predicted: Array, classes: Sequence[int] | None = None) -> float:
    """A metric of one label, or its mean over the classes for which it is defined."""
    if true.ndim == 1:
        return metric(true, predicted)
    columns = range(true.shape[1]) if classes is None else classes
    values = np.array([metric(true[:, c], predicted[:, c]) for c in columns])
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else float("nan")


def _summary(
    metric: Metric,
    results: Sequence[SplitResult],
    groups: Groups,
    splits: Sequence[Split],
    classes: Sequence[int] | None = None,
) -> Interval:
    def score(one: SplitResult, rows: Indices | slice = slice(None)) -> float:
        return _mean(metric, one.true[rows], one.predicted[rows], classes)

    if len(results) > 1:
        return over_splits([score(result) for result in results], splits)
    (one,) = results
    return bootstrap(lambda rows: score(one, rows), groups[one.test], resamples=_resamples(one))


def _difference(
    metric: Metric,
    first: Sequence[SplitResult],
    results: Sequence[SplitResult],
    groups: Groups,
    splits: Sequence[Split],
) -> Difference:
    """The metric of the first method minus this one's, on the same test samples."""

    def gain(a: SplitResult, b: SplitResult, rows: Indices | slice = slice(None)) -> float:
        return _mean(metric, a.true[rows], a.predicted[rows]) - _mean(metric, b.true[rows], b.predicted[rows])

    if len(results) > 1:
        return paired(list(map(gain, first, results)), *mean_sizes(splits))
    a, b = first[0], results[0]
    return bootstrap_difference(lambda rows: gain(a, b, rows), groups[a.test], resamples=_resamples(a))


def _resamples(result: SplitResult) -> int:
    return 1000 if result.true.ndim == 1 else 200


def over_splits(values: Sequence[float], splits: Sequence[Split]) -> Interval:
    """Mean of a metric over splits with its 95 % interval.

    Folds share no test sample. Random splits, which have a validation part, overlap, which widens the interval.
    """
    if len(splits[0].valid) == 0:
        return over_folds(values)
    return over_seeds(values, *mean_sizes(splits))


def mean_sizes(splits: Sequence[Split]) -> tuple[float, float]:
    """Mean numbers of training and of test samples."""
    train = float(np.mean([len(split.train) for split in splits]))
    return train, float(np.mean([len(split.test) for split in splits]))


def baselines_for(
    dataset: LabelledRnas, embeddings: Embeddings, probe: Probe, seed: int, *, trees: bool = False
) -> Iterator[FeatureSet]:
    """The baselines of :func:`isoclr.baselines.features.default_baselines`, combinations, and the strong features.

    The random-init encoder gets the same probe as the embedding. The others always get a penalty, because k-mers are
    many and correlated. ``trees`` adds gradient-boosted trees on the features, and on k-mers and features.
    """
    embedding = embeddings.matrix[dataset.rows]
    penalized: Probe = "logistic" if probe == "logistic" else "ridge"
    features = {}
    for baseline in default_baselines(embeddings.meta, seed=seed):
        features[baseline.name] = embed_with_progress(baseline, dataset.sequences)
        simple = baseline.name != "random-init encoder"
        yield FeatureSet(baseline.name, features[baseline.name], penalized if simple else probe)
    kmers, structure = features[KmersAndCodons.name], features[SequenceFeatures.name]
    both = np.hstack([kmers, structure])
    yield FeatureSet("k-mers + features", both, penalized)
    yield FeatureSet("embedding + k-mers", np.hstack([embedding, kmers]), penalized)
    yield FeatureSet("embedding + k-mers + features", np.hstack([embedding, both]), penalized)
    if penalized == "ridge":
        strong = StrongFeatures()
        every = embed_with_progress(strong, dataset.sequences)
        yield FeatureSet(strong.name, every, "grouped", strong.blocks)
        together = np.hstack([embedding, every])
        yield FeatureSet(f"embedding + {strong.name}", together, "grouped", strong.blocks)
    if trees:
        yield FeatureSet("trees on features", structure, "trees")
        yield FeatureSet("trees on k-mers + features", both, "trees")
