"""Probes and networks trained on few labels: random subsets of the training part (the paper's Figure 3b)."""

import numpy as np

from isoclr._report import Row
from isoclr.evaluation.cache import CachedResult, Outcome
from isoclr.evaluation.context import Context
from isoclr.evaluation.methods import FrozenMethod, frozen_methods
from isoclr.evaluation.plan import FEATURE_KINDS, NETWORK_KINDS, LowData, TaskEntry
from isoclr.evaluation.studies.finetuning import NetworkRun, check_same_samples
from isoclr.probing.evaluate import FeatureSet, fit_predict_features
from isoclr.tasks.splits import Indices, Split

STUDY = "low_data"
MIN_SAMPLES = 8  # A smaller subset is not probed


def results(context: Context, study: LowData) -> list[CachedResult]:
    """One result for every task, method, percentage and split; networks come last."""
    features = [kind for kind in FEATURE_KINDS if kind in study.methods]
    features.sort(key=study.methods.index)
    networks = [kind for kind in study.methods if kind in NETWORK_KINDS]
    if networks:
        check_same_samples(context, study.tasks)
    entries = [context.plan.tasks[name] for name in study.tasks]
    probes = [
        _probe(context, entry, study.splits, method, percent, number)
        for entry in entries
        for method in frozen_methods(context, entry, features, ("ridge",))
        for percent in study.percentages
        for number in range(study.splits)
    ]
    return probes + [
        _network(context, study, entry, kind, percent, number)
        for entry in entries
        for kind in networks
        for percent in study.percentages
        for number in range(study.network_splits)
    ]


def _network(
    context: Context, study: LowData, entry: TaskEntry, kind: str, percent: float, number: int
) -> CachedResult:
    """A network trained on a subset of the labels, on the same split as the probes of the same number."""
    config = entry.split_config(entry.strictest_split, context.plan.seed + number, 1)
    run = NetworkRun(context, (entry,), kind, config, study.finetune, percent / 100)
    inputs = {"network": run.artifact.key, "method": run.name}
    return CachedResult(STUDY, _title(entry, percent, number, kind), inputs, lambda: Outcome(run.rows_by_split(STUDY)))


def _title(entry: TaskEntry, percent: float, number: int, method: str) -> str:
    return f"{entry.name}, {percent:g} % of the labels, split {number + 1}: {method}"


def subsample(split: Split, percent: float, seed: int) -> Split:
    """The split with a random subset of its training part; of one seed, smaller subsets are part of larger ones."""
    order = np.random.default_rng([seed, 17]).permutation(len(split.train))
    kept: Indices = np.sort(split.train[order[: round(len(order) * percent / 100)]])
    return Split(f"{split.name}, {percent:g} %", kept, split.valid, split.test)


def _probe(
    context: Context, entry: TaskEntry, splits: int, method: FrozenMethod, percent: float, number: int
) -> CachedResult:
    seed = context.plan.seed
    config = entry.split_config(entry.strictest_split, seed, splits)
    inputs = context.dataset_inputs(entry, config)
    inputs |= {"probe": method.probe, "method": method.name, **method.inputs}
    inputs |= {"percent": percent, "number": number}

    def compute() -> Outcome:
        dataset = context.dataset(entry, config)
        split = subsample(dataset.splits[number], percent, config.seed + number)
        values, groups = dataset.rnas.values, dataset.rnas.groups
        training = values[split.train]
        if len(training) < MIN_SAMPLES or np.ptp(training) == 0:
            return Outcome([])
        scaled = (values - training.mean()) / training.std()
        features = FeatureSet(method.name, method.features(dataset), method.probe, method.blocks)
        predicted, _ = fit_predict_features(features, scaled, groups, split.train, split.test)
        rows: list[Row] = [
            {
                "study": STUDY,
                "task": dataset.entry.name,
                "split": config.kind,
                "method": method.name,
                "model": method.probe,
                "share": percent,
                "seed": config.seed + number,
                "metric": name,
                "value": metric(scaled[split.test], predicted),
                "train": len(split.train),
                "n": len(split.test),
            }
            for name, metric in dataset.metrics.items()
        ]
        return Outcome(rows)

    return CachedResult(STUDY, _title(entry, percent, number, method.name), inputs, compute)
