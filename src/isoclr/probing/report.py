"""What a probe found, as a table and as JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoclr.files import atomic_path
from isoclr.probing.evaluation import MethodReport, Outcome
from isoclr.tasks.metrics import Interval

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
    """

    label: str
    split: str
    interval: str
    counts: dict[str, int]
    methods: Sequence[MethodReport]
    ids: Sequence[str]
    provenance: dict[str, Any]

    @property
    def metric(self) -> str:
        """The main metric."""
        return next(iter(self.methods[0].summary))

    @property
    def title(self) -> str:
        """One line above the table."""
        return f"{self.label}: {self.counts['samples']:,} RNAs, {self.split}; {self.interval}"

    def columns(self) -> list[str]:
        """Heads of the table."""
        return ["features", "probe", *(TITLES[name] for name in self.methods[0].summary)]

    def rows(self) -> list[list[object]]:
        """The table: a row for every kind of feature, its main metric with the interval."""
        return [
            [
                method.name,
                method.model,
                str(method.summary[self.metric]),
                *(f"{method.summary[name].mean:.3f}" for name in list(method.summary)[1:]),
            ]
            for method in self.methods
        ]

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
            "methods": [self._method(method) for method in self.methods],
            **self.provenance,
        }

    def save(self, path: Path) -> None:
        """Write everything as JSON, under its name only when whole."""
        text = json.dumps(_finite(self.as_dict()), indent=1, ensure_ascii=False, allow_nan=False)
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

    def _outcome(self, outcome: Outcome) -> dict[str, Any]:
        return {
            "split": outcome.split,
            "train": outcome.train,
            "test": len(outcome.test),
            "penalty": outcome.penalty,
            **outcome.metrics,
        }


def _interval(value: Interval) -> dict[str, float]:
    return {"mean": value.mean, "low": value.low, "high": value.high}


def _finite(value: Any) -> Any:
    """The same with null for what JSON has no number for."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
