"""How methods fare with few labels (the paper's Figure 3b): uniform subsets of the training labels, repeated."""

import numpy as np

from isoclr.evaluation.cache import CachedResult, Context, Outcome, Row
from isoclr.evaluation.methods import KINDS, Frozen, frozen_methods
from isoclr.evaluation.networks import (
    NETWORKS,
    NetworkRun,
    check_same_samples,
    name_of_network,
    split_of,
    summary_rows,
    trained,
)
from isoclr.evaluation.plan import LowData, TaskEntry
from isoclr.probing.linear import fit_predict
from isoclr.tasks._legacy import Prepared
from isoclr.tasks.splits import Indices, Split, SplitKind

STUDY = "low_data"
FEWEST = 8
"""A probe needs a few samples; a share that leaves fewer is not run."""


def cells(bench: Context, study: LowData) -> list[CachedResult]:
    """One result for every task, method, share and repeat; what trains a network comes last."""
    kinds = tuple(kind for kind in study.methods if kind in KINDS)
    if len(kinds) < len(study.methods):
        check_same_samples(bench, study.tasks)
    found = []
    for name in study.tasks:
        asked = bench.plan.tasks[name]
        split = split_of(asked)
        for method in frozen_methods(bench, asked, kinds, ("ridge",)):
            found += [
                _cell(bench, asked, split, study.repeats, method, share, repeat)
                for share in study.shares
                for repeat in range(study.repeats)
            ]
    return found + [
        _trained(bench, study, bench.plan.tasks[name], method, share, repeat)
        for name in study.tasks
        for method in study.methods
        if method in NETWORKS
        for share in study.shares
        for repeat in range(study.tuned_repeats)
    ]


def _trained(
    bench: Context, study: LowData, asked: TaskEntry, method: str, share: float, repeat: int
) -> CachedResult:
    """A network trained on a share of the labels, on the split of the probes' repeat of the same number."""
    seed = bench.plan.seed + repeat
    training = NetworkRun(
        asked, method, split_of(asked), 1, seed, share=share / 100, options=study.options
    )

    def compute() -> Outcome:
        return Outcome(summary_rows(bench, training, STUDY)[1])

    inputs = {"trained": trained(bench, training).key, "method": name_of_network(bench, method)}
    title = f"{asked.name}, {share:g} % of the labels, repeat {repeat + 1}: {method}"
    return CachedResult(STUDY, title, inputs, compute)


def thinned(split: Split, share: float, seed: int) -> Split:
    """The split with a uniform subset of its training part: of one seed, a smaller share is part of a larger one.

    Args:
        split: the whole.
        share: percentage of the training samples.
        seed: of the draw.
    """
    order = np.random.default_rng([seed, 17]).permutation(len(split.train))
    kept: Indices = np.sort(split.train[order[: round(len(order) * share / 100)]])
    return Split(f"{split.name}, {share:g} %", kept, split.valid, split.test)


def _cell(
    bench: Context,
    asked: TaskEntry,
    split: SplitKind,
    repeats: int,
    method: Frozen,
    share: float,
    repeat: int,
) -> CachedResult:
    inputs = bench.sample_inputs(asked, split, repeats)
    inputs |= {
        "probe": method.probe,
        "method": method.name,
        "share": share,
        "repeat": repeat,
        **method.inputs,
    }

    def compute() -> Outcome:
        prepared = bench.samples(asked, split, repeats)
        return Outcome(_rows(prepared, method, share, repeat, bench.plan.seed + repeat))

    title = f"{asked.name}, {share:g} % of the labels, repeat {repeat + 1}: {method.name}"
    return CachedResult(STUDY, title, inputs, compute)


def _rows(prepared: Prepared, method: Frozen, share: float, repeat: int, seed: int) -> list[Row]:
    thin = thinned(prepared.splits[repeat], share, seed)
    values = prepared.samples.values
    if len(thin.train) < FEWEST or np.ptp(values[thin.train]) == 0:
        return []
    scaled = (values - values[thin.train].mean()) / values[thin.train].std()
    predicted, _ = fit_predict(
        method.probe, method.features(prepared), scaled, prepared.groups, thin.train, thin.test
    )
    return [
        {
            "study": STUDY,
            "task": prepared.task.name,
            "split": prepared.split,
            "method": method.name,
            "model": method.probe,
            "share": share,
            "seed": seed,
            "metric": name,
            "value": metric(scaled[thin.test], predicted),
            "train": len(thin.train),
            "n": len(thin.test),
        }
        for name, metric in prepared.metrics.items()
    ]
