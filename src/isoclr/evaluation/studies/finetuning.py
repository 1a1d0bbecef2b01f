"""Networks trained on the labels (the paper's Table 3): fine-tuned, from scratch, and Saluki."""

from isoclr.errors import InputError
from isoclr.evaluation.cache import CachedResult, Context, Outcome
from isoclr.evaluation.networks import (
    NetworkRun,
    check_same_samples,
    name_of_network,
    results_by_split,
    summary_rows,
    tested_as_alone,
    trained,
)
from isoclr.evaluation.plan import Tuned
from isoclr.tasks.splits import SplitKind

STUDY = "finetuning"
MULTI_TASK = "fine-tuned"
"""The network that learns several tasks at once."""


def cells(bench: Context, study: Tuned) -> list[CachedResult]:
    """One result for every task, split and method, then one for every task of those that are learnt together."""
    learnt = [study.tasks, *study.together]
    check_same_samples(bench, list(dict.fromkeys(name for some in learnt for name in some)))
    alone = [
        _cell(bench, _training(bench, study, (name,), split, method), 0)
        for name in study.tasks
        for split in study.splits or bench.plan.tasks[name].splits
        for method in study.methods
    ]
    return alone + [
        _cell(bench, _training(bench, study, some, split, MULTI_TASK), place)
        for some in study.together
        for split in study.splits or _shared_splits(bench, some)
        for place in range(len(some))
    ]


def _shared_splits(bench: Context, names: tuple[str, ...]) -> list[SplitKind]:
    """Those that all tasks have."""
    first, *others = (bench.plan.tasks[name].splits for name in names)
    shared = [split for split in first if all(split in other for other in others)]
    if not shared:
        raise InputError(
            f"{bench.plan.path}: [finetuning]: together has {' and '.join(names)}, which have no split in common; "
            "expected splits of [finetuning]"
        )
    return shared


def _training(
    bench: Context, study: Tuned, names: tuple[str, ...], split: SplitKind, method: str
) -> NetworkRun:
    asked, *beside = (bench.plan.tasks[name] for name in names)
    return NetworkRun(
        asked,
        method,
        split,
        study.seeds,
        bench.plan.seed,
        share=1.0,
        options=study.options,
        beside=tuple(beside),
    )


def _cell(bench: Context, training: NetworkRun, place: int) -> CachedResult:
    asked, together = training.tasks[place], training.tasks if training.beside else ()
    name = name_of_network(bench, training.method, together)

    def compute() -> Outcome:
        means, each = summary_rows(bench, training, STUDY, place)
        details = {"trainings": each}
        if not together or tested_as_alone(bench, training, place):
            details["by_split"] = results_by_split(bench, training, place)
        return Outcome(means, details)

    inputs = {"trained": trained(bench, training).key, "method": name}
    if together:
        inputs["task"] = asked.name
    return CachedResult(STUDY, f"{asked.name}, {training.split} split: {name}", inputs, compute)
