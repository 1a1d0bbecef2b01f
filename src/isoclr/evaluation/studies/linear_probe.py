"""The main table: what a linear model reads from frozen features of the same RNAs (the paper's Table 2)."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from isoclr.evaluation.cache import CachedResult, Context, Outcome, Row
from isoclr.evaluation.methods import Frozen, frozen_methods
from isoclr.evaluation.plan import Main, TaskEntry
from isoclr.probing.evaluate import FeatureSet, MethodReport, evaluate
from isoclr.tasks._legacy import INSERT, Prepared
from isoclr.tasks.splits import SplitKind

STUDY = "main"


def cells(bench: Context, study: Main) -> list[CachedResult]:
    """One result for every task, split and method, and one leak audit for every task and split."""
    found = []
    for name in study.tasks:
        asked = bench.plan.tasks[name]
        for split in asked.splits:
            found += [
                _cell(bench, asked, split, method)
                for method in frozen_methods(bench, asked, study.methods, study.probes)
            ]
            found.append(_audit(bench, asked, split))
    return found


def _cell(bench: Context, asked: TaskEntry, split: SplitKind, method: Frozen) -> CachedResult:
    inputs = bench.sample_inputs(asked, split, asked.repeats)

    def compute() -> Outcome:
        prepared = bench.samples(asked, split, asked.repeats)
        report = probe(method, prepared)
        return Outcome(
            summary_rows(report, prepared, STUDY),
            {"counts": prepared.counts, "how": prepared.how, "by_split": by_split(report)},
            {"predictions": predictions(report, prepared)},
        )

    title = f"{asked.name}, {split} split: {method.name} ({method.probe})"
    inputs |= {"probe": method.probe, "method": method.name, **method.inputs}
    return CachedResult(STUDY, title, inputs, compute)


def probe(method: Frozen, prepared: Prepared) -> MethodReport:
    """Fit on every training part, predict every test part."""
    features = FeatureSet(method.name, method.features(prepared), method.probe)
    values = prepared.samples.values
    (report,) = evaluate([features], values, prepared.groups, prepared.splits, prepared.metrics)
    return report


def summary_rows(report: MethodReport, prepared: Prepared, study: str) -> list[Row]:
    """A row a metric: mean over the splits with its interval."""
    return [
        {
            "study": study,
            "task": prepared.task.name,
            "split": prepared.split,
            "method": report.name,
            "model": report.probe,
            "dim": report.dim,
            "metric": metric,
            "value": value.mean,
            "low": value.low,
            "high": value.high,
            "n": len(prepared.samples),
        }
        for metric, value in report.summary.items()
    ]


def by_split(report: MethodReport) -> list[dict[str, Any]]:
    """Every split's metrics, from which paired differences are made."""
    return [
        {
            "split": outcome.split,
            "train": outcome.train,
            "test": len(outcome.test),
            "penalty": float(outcome.penalties[0]),
            **outcome.metrics,
        }
        for outcome in report.results
    ]


def predictions(report: MethodReport, prepared: Prepared) -> pl.DataFrame:
    """Truth and prediction of held-out samples, each once: all folds, or the first of repeated splits."""
    all_folds = len(prepared.splits[0].valid) == 0
    chosen = report.results if all_folds else report.results[:1]
    names = prepared.samples.table.select("transcript_id", "gene_id")
    return pl.concat(
        names[outcome.test].with_columns(
            split=pl.lit(outcome.split),
            measured=pl.Series(outcome.true),
            predicted=pl.Series(outcome.predicted),
        )
        for outcome in chosen
    )


def _audit(bench: Context, asked: TaskEntry, split: SplitKind) -> CachedResult:
    inputs = {**bench.sample_inputs(asked, split, asked.repeats), "audit": "whole RNA"}
    if asked.task.construct is not None:
        inputs["audit"] = INSERT

    def compute() -> Outcome:
        found = bench.samples(asked, split, asked.repeats).leaks()
        told = {"task": asked.name, "split": split}
        rows: Sequence[Row] = [
            {**row, "fold": row["split"], **told, "study": "leaks"} for row in found.rows()
        ]
        return Outcome(rows, found.to_dict())

    return CachedResult("leaks", f"{asked.name}, {split} split: leak audit", inputs, compute)
