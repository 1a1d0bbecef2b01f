"""One kind of feature, probed over all splits."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoclr.probing.fitting import Array, Reader, fit_predict
from isoclr.tasks.metrics import (
    Difference,
    Interval,
    Metric,
    bootstrap,
    bootstrap_difference,
    over_folds,
    over_seeds,
    paired,
)
from isoclr.tasks.splits import Split


@dataclass(frozen=True)
class Method:
    """Features to probe.

    Attributes:
        name: what they are.
        features: ``(n, d)``.
        model: what reads them.
    """

    name: str
    features: NDArray[np.floating]
    model: Reader


@dataclass(frozen=True)
class Outcome:
    """One split's result.

    Attributes:
        split: its name.
        train: number of training samples.
        test: sample numbers of the test part.
        true: ``(m,)`` the test labels, in units of the training labels' standard deviation from their mean.
        predicted: ``(m,)`` the predictions, in the same units (log-odds for a logistic model).
        penalty: the penalty chosen in training, 0 for none.
        metrics: name → value on the test part.
    """

    split: str
    train: int
    test: NDArray[np.int64]
    true: Array
    predicted: Array
    penalty: float
    metrics: dict[str, float]


@dataclass(frozen=True)
class MethodReport:
    """How well one kind of feature predicts.

    Attributes:
        name: what the features are.
        model: what reads them.
        dim: number of features.
        outcomes: one a split.
        summary: metric → mean over the splits with its 95 % interval.
        lead: the first method's main metric minus this one's, paired by split, with its 95 % interval and p-value;
            None for the first method.
    """

    name: str
    model: Reader
    dim: int
    outcomes: Sequence[Outcome]
    summary: dict[str, Interval]
    lead: Difference | None


def evaluate(
    methods: Sequence[Method],
    values: Array,
    groups: NDArray[np.str_],
    splits: Sequence[Split],
    metrics: Mapping[str, Metric],
    advance: Callable[[], None] = lambda: None,
) -> list[MethodReport]:
    """Probe every method on the same splits; the first is the one the others are compared with.

    Args:
        methods: the features, rows in the order of ``values``.
        values: ``(n,)`` labels.
        groups: ``(n,)`` gene or gene set: what the splits keep together.
        splits: one gives bootstrap intervals over the test part's groups, several give intervals over splits.
        metrics: what to report, the main one first.
        advance: called after every fit.
    """
    reports: list[MethodReport] = []
    for method in methods:
        outcomes = []
        for split in splits:
            outcomes.append(_outcome(method, values, groups, split, metrics))
            advance()
        first = reports[0].outcomes if reports else None
        reports.append(
            MethodReport(
                name=method.name,
                model=method.model,
                dim=method.features.shape[1],
                outcomes=outcomes,
                summary={
                    name: _summary(name, metric, outcomes, groups, splits)
                    for name, metric in metrics.items()
                },
                lead=_lead(next(iter(metrics.items())), first, outcomes, groups, splits),
            )
        )
    return reports


def _outcome(
    method: Method,
    values: Array,
    groups: NDArray[np.str_],
    split: Split,
    metrics: Mapping[str, Metric],
) -> Outcome:
    mean, deviation = values[split.train].mean(), values[split.train].std()
    scaled = (values - mean) / (deviation or 1.0)
    predicted, penalty = fit_predict(
        method.model, method.features, scaled, groups, split.train, split.test
    )
    true = scaled[split.test]
    return Outcome(
        split=split.name,
        train=len(split.train),
        test=split.test,
        true=true,
        predicted=predicted,
        penalty=penalty,
        metrics={name: metric(true, predicted) for name, metric in metrics.items()},
    )


def _summary(
    name: str,
    metric: Metric,
    outcomes: Sequence[Outcome],
    groups: NDArray[np.str_],
    splits: Sequence[Split],
) -> Interval:
    if len(outcomes) > 1:
        return over_splits([outcome.metrics[name] for outcome in outcomes], splits)
    (one,) = outcomes
    return bootstrap(lambda rows: metric(one.true[rows], one.predicted[rows]), groups[one.test])


def _lead(
    main: tuple[str, Metric],
    first: Sequence[Outcome] | None,
    outcomes: Sequence[Outcome],
    groups: NDArray[np.str_],
    splits: Sequence[Split],
) -> Difference | None:
    """The first method's main metric minus this one's, on the same test samples."""
    if first is None:
        return None
    name, metric = main
    if len(outcomes) > 1:
        pairs = zip(first, outcomes, strict=True)
        return paired([a.metrics[name] - b.metrics[name] for a, b in pairs], *mean_sizes(splits))
    a, b = first[0], outcomes[0]
    return bootstrap_difference(
        lambda rows: (
            metric(a.true[rows], a.predicted[rows]) - metric(b.true[rows], b.predicted[rows])
        ),
        groups[a.test],
    )


def over_splits(values: Sequence[float], splits: Sequence[Split]) -> Interval:
    """Mean of a metric over splits with its 95 % interval.

    Folds share no test sample; random splits (they have a validation part) overlap, which widens the interval.
    """
    if len(splits[0].valid) == 0:
        return over_folds(values)
    return over_seeds(values, *mean_sizes(splits))


def mean_sizes(splits: Sequence[Split]) -> tuple[float, float]:
    """Mean number of training and of test samples."""
    train = float(np.mean([len(split.train) for split in splits]))
    return train, float(np.mean([len(split.test) for split in splits]))
