"""The multi-label probe: one logistic regression a class, all on the same frozen features."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoclr.probing.evaluation import mean_sizes, over_splits
from isoclr.probing.fitting import INNER_FOLDS, INVERSE_PENALTIES, scaling
from isoclr.probing.logistic import fit_many
from isoclr.tasks.metrics import (
    Difference,
    Interval,
    bootstrap,
    bootstrap_difference,
    paired,
    roc_auc,
)
from isoclr.tasks.splits import Split, group_folds

Array = NDArray[np.float64]
Labels = NDArray[np.bool_]
METRICS = ("roc_auc", "cross_entropy")
PENALTIES = 1.0 / np.array(INVERSE_PENALTIES)


@dataclass(frozen=True)
class Prediction:
    """One split's result.

    Attributes:
        split: its name.
        test: ``(m,)`` sample numbers of the test part.
        log_odds: ``(m, c)`` of every class.
        penalties: ``(c,)`` chosen in training.
        metrics: name → ``(c,)`` value of every class on the test part; NaN where a class has one value only there.
    """

    split: str
    test: NDArray[np.int64]
    log_odds: Array
    penalties: Array
    metrics: dict[str, Array]


@dataclass(frozen=True)
class MultiLabelReport:
    """How well one kind of feature predicts all classes.

    Attributes:
        name: what the features are.
        dim: number of features.
        predictions: one a split.
        summary: metric → mean over classes, then over the splits, with its 95 % interval.
        by_class: metric → the same for each of the ``c`` classes.
        lead: the first method's mean ROC AUC minus this one's, paired by split; None for the first.
    """

    name: str
    dim: int
    predictions: Sequence[Prediction]
    summary: dict[str, Interval]
    by_class: dict[str, list[Interval]]
    lead: Difference | None


def evaluate_classes(
    methods: Sequence[tuple[str, NDArray[np.floating]]],
    labels: Labels,
    groups: NDArray[np.str_],
    splits: Sequence[Split],
    advance: Callable[[], None] = lambda: None,
) -> list[MultiLabelReport]:
    """Probe every kind of feature on the same classes and splits; the first is compared with the others.

    Args:
        methods: names and features ``(n, d)``.
        labels: ``(n, c)`` which sample is of which class; a sample may be of several or none.
        groups: ``(n,)`` gene or gene set: what the splits keep together.
        splits: one gives bootstrap intervals over the test part's groups, several give intervals over splits.
        advance: called after every method and split.
    """
    reports: list[MultiLabelReport] = []
    for name, features in methods:
        predictions = []
        for split in splits:
            predictions.append(_predict(features, labels, groups, split))
            advance()
        first = reports[0].predictions if reports else None
        reports.append(
            MultiLabelReport(
                name=name,
                dim=features.shape[1],
                predictions=predictions,
                summary={m: _summary(m, predictions, labels, groups, splits) for m in METRICS},
                by_class={
                    m: [
                        _summary(m, predictions, labels, groups, splits, [c])
                        for c in range(labels.shape[1])
                    ]
                    for m in METRICS
                },
                lead=_lead(first, predictions, labels, groups, splits),
            )
        )
    return reports


def cross_entropy(positive: Labels, log_odds: Array) -> float:
    """Mean negative log-likelihood in nats; ln 2 = 0.693 is what a coin gives.

    >>> round(cross_entropy(np.array([True, False]), np.zeros(2)), 3)
    0.693
    """
    return float(np.logaddexp(0.0, np.where(positive, -log_odds, log_odds)).mean())


def _predict(
    features: NDArray[np.floating], labels: Labels, groups: NDArray[np.str_], split: Split
) -> Prediction:
    x = features[split.train].astype(np.float64)
    mean, scale = scaling(x)
    x = (x - mean) * scale
    positive = labels[split.train]
    penalties = _choose(x, positive, groups[split.train])
    fitted = fit_many(x, positive, penalties)
    log_odds = fitted.log_odds((features[split.test].astype(np.float64) - mean) * scale)
    return Prediction(
        split.name, split.test, log_odds, penalties, _metrics(labels[split.test], log_odds)
    )


def _choose(features: Array, positive: Labels, groups: NDArray[np.str_]) -> Array:
    """The penalty ``(c,)`` of every class with the least cross-entropy when whole groups are left out."""
    classes = positive.shape[1]
    problems = np.repeat(positive, len(PENALTIES), axis=1)
    penalties = np.tile(PENALTIES, classes)
    losses = np.zeros(len(penalties))
    n_groups = len(np.unique(groups))
    for inner in group_folds(groups, min(INNER_FOLDS, n_groups), 0) if n_groups > 1 else []:
        fitted = fit_many(features[inner.train], problems[inner.train], penalties)
        log_odds = fitted.log_odds(features[inner.test])
        signed = np.where(problems[inner.test], -log_odds, log_odds)
        losses += np.logaddexp(0.0, signed).sum(axis=0)
    chosen = losses.reshape(classes, len(PENALTIES)).argmin(axis=1)
    return np.asarray(PENALTIES[chosen])


def _metrics(positive: Labels, log_odds: Array) -> dict[str, Array]:
    columns = range(positive.shape[1])
    return {
        "roc_auc": np.array([_auc(positive[:, c], log_odds[:, c]) for c in columns]),
        "cross_entropy": np.array([cross_entropy(positive[:, c], log_odds[:, c]) for c in columns]),
    }


def _auc(positive: Labels, log_odds: Array) -> float:
    """ROC AUC; NaN when all samples are of the class, or none is."""
    return roc_auc(positive.astype(np.float64), log_odds) if positive.any() else float("nan")


def _mean(metric: str, positive: Labels, log_odds: Array, classes: Sequence[int] | None) -> float:
    """Mean over the classes whose metric is known."""
    columns = list(range(positive.shape[1]) if classes is None else classes)
    values = _metrics(positive[:, columns], log_odds[:, columns])[metric]
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def _summary(
    metric: str,
    predictions: Sequence[Prediction],
    labels: Labels,
    groups: NDArray[np.str_],
    splits: Sequence[Split],
    classes: Sequence[int] | None = None,
) -> Interval:
    def value(one: Prediction, rows: NDArray[np.int64] | None = None) -> float:
        positive, odds = labels[one.test], one.log_odds
        if rows is not None:
            positive, odds = positive[rows], odds[rows]
        return _mean(metric, positive, odds, classes)

    if len(predictions) > 1:
        return over_splits([value(one) for one in predictions], splits)
    (one,) = predictions
    return bootstrap(lambda rows: value(one, rows), groups[one.test], resamples=200)


def _lead(
    first: Sequence[Prediction] | None,
    predictions: Sequence[Prediction],
    labels: Labels,
    groups: NDArray[np.str_],
    splits: Sequence[Split],
) -> Difference | None:
    """The first method's mean ROC AUC minus this one's, on the same test samples."""
    if first is None:
        return None

    def difference(a: Prediction, b: Prediction, rows: NDArray[np.int64] | slice) -> float:
        positive = labels[a.test][rows]
        return _mean("roc_auc", positive, a.log_odds[rows], None) - _mean(
            "roc_auc", positive, b.log_odds[rows], None
        )

    if len(predictions) > 1:
        pairs = zip(first, predictions, strict=True)
        return paired([difference(a, b, slice(None)) for a, b in pairs], *mean_sizes(splits))
    a, b = first[0], predictions[0]
    return bootstrap_difference(lambda rows: difference(a, b, rows), groups[a.test], resamples=200)
