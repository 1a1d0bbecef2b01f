"""What a study of gene ontology terms found, as a table, as rows and as JSON."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from isoclr.files import atomic_path
from isoclr.probing.multilabel import MultiLabelReport
from isoclr.tasks.audit import LeakAudit
from isoclr.tasks.ontology import Hierarchy

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
    leaks: LeakAudit


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


def _finite(value: str | int | float | None) -> str | int | float | None:
    """Null for what JSON has no number for."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
