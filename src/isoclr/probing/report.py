"""What a study of gene ontology terms found, as a table, as rows and as JSON."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoclr._console import info, table
from isoclr._io import atomic_path
from isoclr._report import count_lines
from isoclr.probing.evaluate import MethodReport, MultiLabelReport, SplitResult
from isoclr.tasks.gene_ontology import Hierarchy
from isoclr.tasks.leakage import LeakageReport
from isoclr.tasks.metrics import Difference, Interval

Row = dict[str, str | int | float | None]


@dataclass(frozen=True)
class HierarchyReport:
    """How well the terms of one hierarchy are predicted.

    Attributes:
        hierarchy: the classes and samples.
        methods: one a kind of feature, the embedding first.
        leaks: what the test parts share with the training parts.
    """

    hierarchy: Hierarchy
    methods: Sequence[MultiLabelReport]
    leaks: LeakageReport


@dataclass(frozen=True)
class OntologyReport:
    """The result of :func:`ontology`.

    Attributes:
        task: name of the task.
        split: how the samples were dealt, in words.
        counts: what was left out, by reason.
        hierarchies: one a hierarchy.
    """

    task: str
    split: str
    counts: dict[str, int]
    hierarchies: Sequence[HierarchyReport]

    def columns(self) -> list[str]:
        """Heads of the table."""
        return [
            "hierarchy",
            "features",
            "genes",
            "ROC AUC",
            "cross-entropy",
            "embedding minus this",
        ]

    def table(self) -> list[list[object]]:
        """A row for every hierarchy and kind of feature."""
        return [
            [
                one.hierarchy.namespace.replace("_", " "),
                method.name,
                len(one.hierarchy.samples),
                str(method.summary["roc_auc"]),
                str(method.summary["cross_entropy"]),
                str(method.lead or ""),
            ]
            for one in self.hierarchies
            for method in one.methods
        ]

    def rows(self) -> list[Row]:
        """A row for every hierarchy, kind of feature, metric and class; class ``all`` is the mean over classes."""
        return [
            row
            for one in self.hierarchies
            for method in one.methods
            for row in self._rows(one.hierarchy, method)
        ]

    def save(self, path: Path) -> None:
        """Write the rows, the leak audits and the counts as JSON, under its name only when whole."""
        told = {
            "task": self.task,
            "split": self.split,
            "counts": self.counts,
            "leaks": {one.hierarchy.namespace: one.leaks.as_dict() for one in self.hierarchies},
            "rows": [{key: _finite(value) for key, value in row.items()} for row in self.rows()],
        }
        text = json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False)
        with atomic_path(path) as partial:
            partial.write_text(text + "\n", encoding="utf-8")

    def _rows(self, hierarchy: Hierarchy, method: MultiLabelReport) -> list[Row]:
        told: Row = {"study": "ontology", "task": self.task, "hierarchy": hierarchy.namespace}
        told |= {"method": method.name, "split": self.split}
        found: list[Row] = []
        for metric, mean in method.summary.items():
            ends: Row = {"value": mean.mean, "low": mean.low, "high": mean.high}
            samples: Row = {
                "n": len(hierarchy.samples),
                "p": method.lead.p if method.lead else None,
            }
            everything: Row = {"metric": metric, "term_id": "all", "term": "mean over classes"}
            found.append({**told, **everything, **ends, **samples})
            for i, (term, value) in enumerate(
                zip(hierarchy.terms, method.by_class[metric], strict=True)
            ):
                ends = {"value": value.mean, "low": value.low, "high": value.high}
                samples = {"n": int(hierarchy.labels[:, i].sum()), "p": None}
                one: Row = {"metric": metric, "term_id": term.id, "term": term.name}
                found.append({**told, **one, **ends, **samples})
        return found

    def print(self) -> None:
        """Print the comparison and the leak audits."""
        for line in count_lines(self.counts):
            info(line)
        table(f"{self.task}: {self.split}", self.columns(), self.table())
        for one in self.hierarchies:
            one.leaks.print(of=f", {one.hierarchy.namespace.replace('_', ' ')}")


def _finite(value: str | int | float | None) -> str | int | float | None:
    """Null for what JSON has no number for."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


TITLES = {"pearson": "Pearson R", "spearman": "Spearman R", "mse": "MSE", "roc_auc": "ROC AUC"}


@dataclass(frozen=True)
class ProbeReport:
    """The result of :func:`isoclr.probe`.

    Attributes:
        label: name of the label.
        split: how the samples were dealt, in words.
        interval: what the intervals are, in words.
        counts: numbers of samples, of genes or gene sets kept together, and of everything left out, by reason.
        methods: one a kind of feature, the embedding first.
        ids: ``(n,)`` transcript id of every sample.
        provenance: versions, hashes of the inputs, and options.
        leaks: what the test parts share with the training parts.
    """

    label: str
    split: str
    interval: str
    counts: dict[str, int]
    methods: Sequence[MethodReport]
    ids: Sequence[str]
    provenance: dict[str, Any]
    leaks: LeakageReport | None = None

    @property
    def metric(self) -> str:
        """The main metric."""
        return next(iter(self.methods[0].summary))

    @property
    def title(self) -> str:
        """One line above the table."""
        return f"{self.label}: {self.counts['samples']:,} RNAs, {self.split}; {self.interval}"

    def columns(self) -> list[str]:
        """Heads of the table; with baselines, the last column is the embedding's lead over each in the main metric."""
        heads = ["features", "probe", *(TITLES[name] for name in self.methods[0].summary)]
        return [*heads, "embedding minus this"] if len(self.methods) > 1 else heads

    def rows(self) -> list[list[object]]:
        """The table: a row for every kind of feature, its main metric with the interval."""
        return [
            [
                method.name,
                method.model,
                str(method.summary[self.metric]),
                *(f"{method.summary[name].mean:.3f}" for name in list(method.summary)[1:]),
                *([str(method.lead or "")] if len(self.methods) > 1 else []),
            ]
            for method in self.methods
        ]

    def tidy(self) -> list[dict[str, str | int | float | None]]:
        """A row for every method, metric and split, and for its mean (split ``all``), for a CSV file."""
        found: list[dict[str, str | int | float | None]] = []
        for method in self.methods:
            told = {
                "study": "probe",
                "task": self.label,
                "method": method.name,
                "model": method.model,
            }
            for name, mean in method.summary.items():
                found += [
                    {
                        **told,
                        "split": o.split,
                        "metric": name,
                        "value": o.metrics[name],
                        "n": len(o.test),
                    }
                    for o in method.outcomes
                ]
                ends = {"low": mean.low, "high": mean.high}
                n = self.counts["samples"]
                found.append(
                    {**told, "split": "all", "metric": name, "value": mean.mean, **ends, "n": n}
                )
        return found

    def held_out(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Truth and prediction of the embedding on held-out samples, each once.

        All folds of a cross-validation, the first of repeated random splits.
        """
        outcomes = self.methods[0].outcomes
        chosen = outcomes if outcomes[0].split.startswith("fold") else outcomes[:1]
        true = np.concatenate([outcome.true for outcome in chosen])
        return true, np.concatenate([outcome.predicted for outcome in chosen])

    def as_dict(self) -> dict[str, Any]:
        """Everything, as JSON takes it."""
        return {
            "label": self.label,
            "metric": self.metric,
            "split": self.split,
            "interval": self.interval,
            "counts": self.counts,
            "leaks": None if self.leaks is None else self.leaks.as_dict(),
            "methods": [self._method(method) for method in self.methods],
            **self.provenance,
        }

    def save(self, path: Path) -> None:
        """Write everything as JSON, under its name only when whole."""
        text = json.dumps(
            _finite_report(self.as_dict()), indent=1, ensure_ascii=False, allow_nan=False
        )
        with atomic_path(path) as partial:
            partial.write_text(text + "\n", encoding="utf-8")

    def _method(self, method: MethodReport) -> dict[str, Any]:
        return {
            "name": method.name,
            "probe": method.model,
            "dim": method.dim,
            "summary": {name: _interval(value) for name, value in method.summary.items()},
            "embedding_minus_this": None if method.lead is None else _interval(method.lead),
            "splits": [self._outcome(outcome) for outcome in method.outcomes],
        }

    def _outcome(self, outcome: SplitResult) -> dict[str, Any]:
        return {
            "split": outcome.split,
            "train": outcome.train,
            "test": len(outcome.test),
            "penalty": outcome.penalty,
            **outcome.metrics,
        }

    def print(self) -> None:
        """Print the comparison and the leak audit."""
        for line in count_lines(self.counts):
            info(line)
        table(self.title, self.columns(), self.rows())
        if self.leaks is not None:
            self.leaks.print()


def _interval(value: Interval) -> dict[str, float]:
    told = {"mean": value.mean, "low": value.low, "high": value.high}
    return {**told, "p": value.p} if isinstance(value, Difference) else told


def _finite_report(value: Any) -> Any:
    """The same with null for what JSON has no number for."""
    if isinstance(value, dict):
        return {key: _finite_report(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite_report(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
