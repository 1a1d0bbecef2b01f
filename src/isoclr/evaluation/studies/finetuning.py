"""Networks trained on the labels: fine-tuned, from scratch, and Saluki (the paper's Table 3)."""

from isoclr.errors import InputError
from isoclr.evaluation.cache import CachedResult, Outcome
from isoclr.evaluation.context import Context
from isoclr.evaluation.networks import NetworkRun, check_same_samples
from isoclr.evaluation.plan import FineTuning
from isoclr.tasks.splits import SplitKind

STUDY = "finetuning"
MULTITASK = "fine-tuned"  # The network that learns several tasks together


def results(context: Context, study: FineTuning) -> list[CachedResult]:
    """One result for every task, split and network, then one for every task that is learned with others."""
    groups = [study.tasks, *study.multitask]
    check_same_samples(context, list(dict.fromkeys(name for group in groups for name in group)))
    single = [
        _result(_run(context, study, (name,), kind, network), 0)
        for name in study.tasks
        for kind in study.split or context.plan.tasks[name].split
        for network in study.methods
    ]
    return single + [
        _result(_run(context, study, group, kind, MULTITASK), task)
        for group in study.multitask
        for kind in study.split or _common_splits(context, group)
        for task in range(len(group))
    ]


def _common_splits(context: Context, names: tuple[str, ...]) -> list[SplitKind]:
    """The kinds of splits that all tasks have."""
    first, *others = (context.plan.tasks[name].split for name in names)
    common = [kind for kind in first if all(kind in other for other in others)]
    if not common:
        raise InputError(
            f"{context.plan.path}: finetuning.multitask: {' and '.join(names)} have no split in common; "
            "expected finetuning.split"
        )
    return common


def _run(
    context: Context, study: FineTuning, names: tuple[str, ...], kind: SplitKind, network: str
) -> NetworkRun:
    entries = tuple(context.plan.tasks[name] for name in names)
    config = entries[0].split_config(kind, context.plan.seed, study.splits)
    return NetworkRun(context, entries, network, config, study.finetune)


def _result(run: NetworkRun, task: int) -> CachedResult:
    entry, multitask = run.entries[task], len(run.entries) > 1

    def compute() -> Outcome:
        details = {"trainings": run.rows_by_split(STUDY, task)}
        if not multitask or run.is_tested_as_alone(task):
            details["by_split"] = run.by_split(task)
        return Outcome(run.summary_rows(STUDY, task), details)

    inputs = {"network": run.artifact.key, "method": run.name}
    if multitask:
        inputs["task"] = entry.name
    return CachedResult(
        STUDY, f"{entry.name}, {run.config.kind} split: {run.name}", inputs, compute
    )
