"""Networks trained on labels, each a directory that fine-tuning can go on with."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from isoclr.benchmarking.bench import Bench
from isoclr.benchmarking.cell import Row
from isoclr.benchmarking.plan import Asked
from isoclr.benchmarking.product import Product
from isoclr.errors import InputError
from isoclr.finetuning import finetune
from isoclr.finetuning.finetune import REPORT
from isoclr.finetuning.starting import SALUKI, Tune
from isoclr.probing.grouping import SplitName

NETWORKS: dict[str, str] = {
    "fine-tuned": "{}, fine-tuned",
    "last-stage": "{}, last stage fine-tuned",
    "supervised": "{}, same architecture from scratch",
    "saluki": "Saluki",
}
"""Methods as plans name them, and what tables call them."""
_TUNE: dict[str, Tune] = {"last-stage": "last-stage"}


@dataclass(frozen=True)
class Training:
    """What to train: a network on the labels of one task.

    Attributes:
        asked: the task.
        method: one of :data:`NETWORKS`.
        split: how the samples are dealt.
        seeds: trainings.
        seed: of the first.
        share: of the training labels, at most 1.
        options: more options of :func:`isoclr.finetuning.finetune`.
    """

    asked: Asked
    method: str
    split: SplitName
    seeds: int
    seed: int
    share: float
    options: Mapping[str, Any]


def name_of_network(bench: Bench, method: str) -> str:
    """What tables call a method: with the name of the first model."""
    return NETWORKS[method].format(bench.plan.models[0].name)


def trained(bench: Bench, training: Training) -> Product:
    """The directory of a training; its ``encoder`` is a model."""
    task = training.asked.task
    if task.construct is not None:
        raise InputError(
            f"{bench.plan.path}: {task.name} cannot be fine-tuned on, as its RNAs are no corpus'; expected other tasks"
        )
    if task.columns:
        raise InputError(
            f"{bench.plan.path}: {task.name} cannot be fine-tuned on, as {task.source} renames columns; "
            "expected a label table with the columns gene_id or transcript_id, fold, chromosome"
        )
    model = bench.plan.models[0]
    inputs = bench.sample_inputs(training.asked, training.split, training.seeds)
    inputs |= {"method": training.method, "seed": training.seed, "share": training.share}
    inputs |= {"options": dict(training.options)}
    if training.method != SALUKI:
        inputs |= bench.facts(model)

    def make(path: Path) -> None:
        found = finetune(
            (task.table,),
            corpus=bench.plan.corpus,
            out=path,
            model=SALUKI if training.method == SALUKI else model.path,
            scratch=training.method == "supervised",
            tune=_TUNE.get(training.method, "full"),
            species=None if task.species is None else (task.species,),
            label=None if task.label is None else (task.label,),
            rnas=task.rnas,
            split=training.split,
            seeds=training.seeds,
            seed=training.seed,
            train_share=training.share,
            threads=bench.plan.threads,
            resume=True,
            **_options(training),
        )
        if found.stopped_by:
            raise KeyboardInterrupt

    title = f"training {name_of_network(bench, training.method)} on {task.name}"
    return Product(
        bench.out / "tuned", title, inputs, make, whole=lambda path: (path / REPORT).is_file()
    )


def _options(training: Training) -> dict[str, Any]:
    """Those of a plan are for all its networks; Saluki's are without what only an encoder has."""
    idle = ("hidden", "pooling") if training.method == SALUKI else ()
    return {name: value for name, value in training.options.items() if name not in idle}


def check_same_samples(bench: Bench, tasks: Sequence[str]) -> None:
    """Networks train on all labelled RNAs: beside probes of fewer, they could not be compared.

    Raises:
        InputError: an embedding made elsewhere has not all RNAs of a task.
    """
    for name in tasks:
        if bench.restricted(bench.plan.tasks[name]):
            raise InputError(
                f"{bench.plan.path}: [[embeddings]] have not all labelled RNAs of {name}, and networks train on all of "
                "them; expected embeddings of all, or a plan without networks or without [[embeddings]]"
            )


def results_by_split(bench: Bench, training: Training) -> list[dict[str, Any]]:
    """Every split's metrics, means over its trainings, from which paired differences are made."""
    told = json.loads((trained(bench, training).path() / REPORT).read_text(encoding="utf-8"))
    (label,) = told["summary"]
    parts: dict[str, list[dict[str, Any]]] = {}
    for one in told["trainings"]:
        parts.setdefault(one["split"], []).append(one)
    return [
        {
            "split": name,
            "train": part[0]["train"],
            "test": part[0]["test"],
            **{
                metric: _mean([one["metrics"][label][metric] for one in part])
                for metric in told["summary"][label]
            },
        }
        for name, part in parts.items()
    ]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None


def summary_rows(bench: Bench, training: Training, study: str) -> tuple[list[Row], list[Row]]:
    """Means over the trainings with intervals, and every training's metrics; it is trained when it is not there."""
    told = json.loads((trained(bench, training).path() / REPORT).read_text(encoding="utf-8"))
    (label,) = told["summary"]
    common: Row = {
        "study": study,
        "task": training.asked.name,
        "split": training.split,
        "method": name_of_network(bench, training.method),
        "model": training.method,
        "share": training.share * 100,
    }
    each: list[Row] = [
        {
            **common,
            "seed": one["seed"],
            "fold": one["split"],
            "metric": metric,
            "value": one["metrics"][label][metric],
            "train": one["train"],
            "n": one["test"],
        }
        for one in told["trainings"]
        for metric in told["summary"][label]
    ]
    n = sum(one["test"] for one in told["trainings"])
    means = [
        cast("Row", {**common, "metric": metric, **_ends(found), "n": n})
        for metric, found in told["summary"][label].items()
    ]
    return means, each


def _ends(found: Mapping[str, float | None]) -> Row:
    return {"value": found["mean"], "low": found["low"], "high": found["high"]}
