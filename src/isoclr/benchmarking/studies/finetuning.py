"""Networks trained on the labels (the paper's Table 3): fine-tuned, from scratch, and Saluki."""

from isoclr.benchmarking.bench import Bench
from isoclr.benchmarking.cell import Cell, Outcome
from isoclr.benchmarking.plan import Asked, Tuned
from isoclr.benchmarking.tuning import (
    Training,
    check_same_samples,
    name_of_network,
    results_by_split,
    summary_rows,
    trained,
)
from isoclr.probing.grouping import SplitName

STUDY = "finetuning"


def cells(bench: Bench, study: Tuned) -> list[Cell]:
    """One result for every task, split and method."""
    check_same_samples(bench, study.tasks)
    return [
        _cell(bench, study, bench.plan.tasks[name], split, method)
        for name in study.tasks
        for split in study.splits or bench.plan.tasks[name].splits
        for method in study.methods
    ]


def _cell(bench: Bench, study: Tuned, asked: Asked, split: SplitName, method: str) -> Cell:
    training = Training(
        asked, method, split, study.seeds, bench.plan.seed, share=1.0, options=study.options
    )

    def compute() -> Outcome:
        means, each = summary_rows(bench, training, STUDY)
        return Outcome(means, {"trainings": each, "by_split": results_by_split(bench, training)})

    title = f"{asked.name}, {split} split: {name_of_network(bench, method)}"
    inputs = {"trained": trained(bench, training).key, "method": name_of_network(bench, method)}
    return Cell(STUDY, title, inputs, compute)
