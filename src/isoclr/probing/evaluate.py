"""One kind of feature, probed over all splits."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from isoclr.baselines.features import Embedder, KmersAndCodons, Length, RandomInit, SequenceFeatures
from isoclr.embedding.embed import nt_progress
from isoclr.embedding.embeddings import Embeddings
from isoclr.genomics.encoding import Codes
from isoclr.probing.linear import (
    INNER_FOLDS,
    INVERSE_PENALTIES,
    Array,
    Model,
    ProbeKind,
    fit_many,
    fit_predict,
    standardize,
)
from isoclr.tasks.dataset import LabelledRnas
from isoclr.tasks.metrics import (
    Difference,
    Interval,
    Metric,
    bootstrap,
    bootstrap_difference,
    over_folds,
    over_seeds,
    paired,
    roc_auc,
)
from isoclr.tasks.splits import Split, group_folds


@dataclass(frozen=True)
class FeatureSet:
    """Features to probe.

    Attributes:
        name: what they are.
        features: ``(n, d)``.
        model: what reads them.
    """

    name: str
    features: NDArray[np.floating]
    model: ProbeKind


@dataclass(frozen=True)
class SplitResult:
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
    model: ProbeKind
    dim: int
    outcomes: Sequence[SplitResult]
    summary: dict[str, Interval]
    lead: Difference | None


def evaluate(
    methods: Sequence[FeatureSet],
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
    method: FeatureSet,
    values: Array,
    groups: NDArray[np.str_],
    split: Split,
    metrics: Mapping[str, Metric],
) -> SplitResult:
    mean, deviation = values[split.train].mean(), values[split.train].std()
    scaled = (values - mean) / (deviation or 1.0)
    predicted, penalty = fit_predict(
        method.model, method.features, scaled, groups, split.train, split.test
    )
    true = scaled[split.test]
    return SplitResult(
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
    outcomes: Sequence[SplitResult],
    groups: NDArray[np.str_],
    splits: Sequence[Split],
) -> Interval:
    if len(outcomes) > 1:
        return over_splits([outcome.metrics[name] for outcome in outcomes], splits)
    (one,) = outcomes
    return bootstrap(lambda rows: metric(one.true[rows], one.predicted[rows]), groups[one.test])


def _lead(
    main: tuple[str, Metric],
    first: Sequence[SplitResult] | None,
    outcomes: Sequence[SplitResult],
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


def baselines_for(
    study: LabelledRnas, embeddings: Embeddings, model: Model, seed: int, *, trees: bool = False
) -> list[FeatureSet]:
    """The embedding; then, when the study has sequences, the baselines.

    These are a random-init encoder of the same architecture (when the embedding is one of ours), k-mers and codons,
    length alone, features of the RNA's structure, and k-mers and features beside the embedding. The random-init encoder
    is read by the same probe as the embedding. The others always get a penalty, because k-mers are many and correlated.

    Args:
        study: the samples.
        embeddings: their vectors, and what made them.
        model: the probe of the embedding.
        seed: of the random weights.
        trees: gradient-boosted trees on the features, and on the k-mers and features, too.
    """
    embedding = embeddings.matrix[study.samples.rows]
    first = FeatureSet("embedding", embedding, model)
    if study.codes is None:
        return [first]
    penalised: Model = "logistic" if model == "logistic" else "ridge"
    kmers = _features(KmersAndCodons(), study.codes)
    structure = _features(SequenceFeatures(), study.codes)
    simple = np.hstack([kmers, structure])
    found = [
        first,
        *_untrained(study.codes, embeddings, model, seed),
        FeatureSet(KmersAndCodons.name, kmers, penalised),
        FeatureSet(Length.name, _features(Length(), study.codes), penalised),
        FeatureSet(SequenceFeatures.name, structure, penalised),
        FeatureSet("k-mers + features", simple, penalised),
        FeatureSet("embedding + k-mers", np.hstack([embedding, kmers]), penalised),
        FeatureSet("embedding + k-mers + features", np.hstack([embedding, simple]), penalised),
    ]
    if trees:
        found.append(FeatureSet("trees on features", structure, "trees"))
        found.append(FeatureSet("trees on k-mers + features", simple, "trees"))
    return found


def _untrained(
    rnas: Sequence[Codes], embeddings: Embeddings, model: Model, seed: int
) -> list[FeatureSet]:
    """The random-init encoder of an embedding of ours; nothing for one made elsewhere."""
    from isoclr.models.encoder import MODELS

    made_by = embeddings.meta
    if made_by["model"] not in MODELS:
        return []
    pooling: Literal["last", "all"] = "all" if made_by["pooling"] == "all" else "last"
    untrained = RandomInit(made_by["model"], int(made_by["n_tracks"]), seed, pooling)
    return [FeatureSet(RandomInit.name, _features(untrained, rnas), model)]


def _features(embedder: Embedder, rnas: Sequence[Codes]) -> NDArray[np.float32]:
    total = sum(len(codes) for codes in rnas)
    with nt_progress() as bar:
        task = bar.add_task(embedder.name, total=total)
        return embedder.embed(rnas, progress=lambda done: bar.advance(task, done))


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
                summary={
                    m: _summary_multilabel(m, predictions, labels, groups, splits) for m in METRICS
                },
                by_class={
                    m: [
                        _summary_multilabel(m, predictions, labels, groups, splits, [c])
                        for c in range(labels.shape[1])
                    ]
                    for m in METRICS
                },
                lead=_lead_multilabel(first, predictions, labels, groups, splits),
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
    mean, scale = standardize(x)
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


def _summary_multilabel(
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


def _lead_multilabel(
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
