"""Linear probes of frozen features on the same RNAs and splits (the paper's Table 2), and a leakage audit."""

import polars as pl

from isoclr._report import Row
from isoclr.evaluation.cache import CachedResult, Outcome
from isoclr.evaluation.context import Context, Dataset
from isoclr.evaluation.methods import FrozenMethod, frozen_methods
from isoclr.evaluation.plan import Main, TaskEntry
from isoclr.probing.evaluate import FeatureSet, MethodReport, evaluate
from isoclr.tasks.rnas import INSERT, WHOLE_RNA
from isoclr.tasks.splits import SplitConfig

STUDY = "main"


def results(context: Context, study: Main) -> list[CachedResult]:
    """One result for every task, split and method, and one leakage audit for every task and split."""
    listed = []
    for name in study.tasks:
        entry = context.plan.tasks[name]
        for kind in entry.split:
            config = entry.split_config(kind, context.plan.seed)
            methods = frozen_methods(context, entry, study.methods, study.probes)
            listed += [_result(context, entry, config, method) for method in methods]
            listed.append(_leakage(context, entry, config))
    return listed


def _result(context: Context, entry: TaskEntry, config: SplitConfig, method: FrozenMethod) -> CachedResult:
    inputs = context.dataset_inputs(entry, config)
    inputs |= {"probe": method.probe, "method": method.name, **method.inputs}

    def compute() -> Outcome:
        dataset = context.dataset(entry, config)
        report = probe(method, dataset)
        details = {
            "counts": dataset.rnas.counts,
            "how": config.describe(),
            "by_split": [result.to_dict() for result in report.results],
        }
        rows = summary_rows(report, dataset, STUDY)
        return Outcome(rows, details, {"predictions": _predictions(report, dataset)})

    title = f"{entry.name}, {config.kind} split: {method.name} ({method.probe})"
    return CachedResult(STUDY, title, inputs, compute)


def probe(method: FrozenMethod, dataset: Dataset) -> MethodReport:
    """Fit on every training part, predict every test part."""
    features = FeatureSet(method.name, method.features(dataset), method.probe, method.blocks)
    rnas = dataset.rnas
    (report,) = evaluate([features], rnas.values, rnas.groups, dataset.splits, dataset.metrics)
    return report


def summary_rows(report: MethodReport, dataset: Dataset, study: str) -> list[Row]:
    """Mean over splits of every metric with its 95 % interval."""
    return [
        {
            "study": study,
            "task": dataset.entry.name,
            "split": dataset.config.kind,
            "method": report.name,
            "model": report.probe,
            "dim": report.dim,
            "metric": metric,
            **value.row(),
            "n": len(dataset.rnas),
        }
        for metric, value in report.summary.items()
    ]


def _predictions(report: MethodReport, dataset: Dataset) -> pl.DataFrame:
    """Label and prediction of held-out samples, each once: of all folds, or of the first random split."""
    shown = report.results if dataset.config.cross_validation else report.results[:1]
    names = dataset.rnas.table.select("transcript_id", "gene_id")
    return pl.concat(
        names[result.test].with_columns(
            split=pl.lit(result.split), measured=pl.Series(result.true), predicted=pl.Series(result.predicted)
        )
        for result in shown
    )


def _leakage(context: Context, entry: TaskEntry, config: SplitConfig) -> CachedResult:
    inputs = context.dataset_inputs(entry, config)
    inputs["audit"] = WHOLE_RNA if entry.task.construct is None else INSERT

    def compute() -> Outcome:
        dataset = context.dataset(entry, config)
        report = dataset.rnas.leakage(dataset.splits)
        keys: Row = {"task": entry.name, "split": config.kind, "study": "leaks"}
        rows: list[Row] = [{**row, "fold": row["split"], **keys} for row in report.rows()]
        return Outcome(rows, report.to_dict())

    title = f"{entry.name}, {config.kind} split: leakage audit"
    return CachedResult("leaks", title, inputs, compute)
