"""Networks trained on labels, each a directory that fine-tuning can go on with."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import polars as pl

from isoclr.errors import InputError
from isoclr.evaluation.cache import Artifact, Context, Row
from isoclr.evaluation.methods import tuned_embeddings
from isoclr.evaluation.plan import TaskEntry
from isoclr.finetuning.finetune import PREDICTIONS, REPORT, finetune
from isoclr.finetuning.models import SALUKI, Tune
from isoclr.tasks.splits import SplitKind

NETWORKS: dict[str, str] = {
    "fine-tuned": "{}, fine-tuned",
    "last-stage": "{}, last stage fine-tuned",
    "supervised": "{}, same architecture from scratch",
    "saluki": "Saluki",
}
"""Methods as plans name them, and what tables call them."""
_TUNE: dict[str, Tune] = {"last-stage": "last-stage"}


@dataclass(frozen=True)
class NetworkRun:
    """What to train: a network on the labels of one task.

    Attributes:
        asked: the task.
        method: one of :data:`NETWORKS`.
        split: how the samples are dealt.
        seeds: trainings.
        seed: of the first.
        share: of the training labels, at most 1.
        options: more options of :func:`isoclr.finetuning.finetune`.
        beside: other tasks that the same network learns at once.
    """

    asked: TaskEntry
    method: str
    split: SplitKind
    seeds: int
    seed: int
    share: float
    options: Mapping[str, Any]
    beside: tuple[TaskEntry, ...] = ()

    @property
    def tasks(self) -> tuple[TaskEntry, ...]:
        """All that the network learns."""
        return (self.asked, *self.beside)


def name_of_network(bench: Context, method: str, beside: Sequence[TaskEntry] = ()) -> str:
    """What tables call a method: with the name of the first model, and with all tasks where it learns several."""
    name = NETWORKS[method].format(bench.plan.models[0].name)
    return f"{name} on {' + '.join(asked.name for asked in beside)}" if beside else name


def trained(bench: Context, training: NetworkRun) -> Artifact:
    """The directory of a training; its ``encoder`` is a model."""
    model = bench.plan.models[0]
    inputs = bench.sample_inputs(training.asked, training.split, training.seeds)
    inputs |= {"method": training.method, "seed": training.seed, "share": training.share}
    inputs |= {"options": dict(training.options)}
    if training.beside:
        inputs["beside"] = [
            bench.sample_inputs(asked, training.split, training.seeds) for asked in training.beside
        ]
    if training.method != SALUKI:
        inputs |= bench.facts(model)
    name = name_of_network(bench, training.method, training.tasks if training.beside else ())
    return Artifact(
        bench.out / "tuned",
        f"training {name}" if training.beside else f"training {name} on {training.asked.name}",
        inputs,
        lambda path: _train(bench, training, path),
        whole=lambda path: (path / REPORT).is_file(),
    )


def _train(bench: Context, training: NetworkRun, path: Path) -> None:
    """Train, or go on with a training that was stopped."""
    tasks = [asked.task for asked in training.tasks]
    files = [file for asked in training.tasks for file in asked.chromosomes]
    found = finetune(
        tuple(task.source for task in tasks),
        data=bench.plan.data,
        corpus=None if all(task.construct for task in tasks) else bench.plan.corpus,
        out=path,
        model=SALUKI if training.method == SALUKI else bench.plan.models[0].path,
        scratch=training.method == "supervised",
        tune=_TUNE.get(training.method, "full"),
        split=training.split,
        chromosomes=tuple(dict.fromkeys(files)) if training.split == "chromosome" else (),
        seeds=training.seeds,
        seed=training.seed,
        train_share=training.share,
        threads=bench.plan.threads,
        resume=True,
        **_options(training),
    )
    if found.stopped_by:
        raise KeyboardInterrupt


def _options(training: NetworkRun) -> dict[str, Any]:
    """Those of a plan are for all its networks; Saluki's are without what only an encoder has."""
    idle = ("hidden", "pooling") if training.method == SALUKI else ()
    return {name: value for name, value in training.options.items() if name not in idle}


def check_same_samples(bench: Context, tasks: Sequence[str]) -> None:
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


def results_by_split(bench: Context, training: NetworkRun, place: int = 0) -> list[dict[str, Any]]:
    """Every split's metrics, means over its trainings, from which paired differences are made.

    Args:
        bench: the plan at work.
        training: what was trained.
        place: of the task, among those that the network learns.
    """
    told = json.loads((trained(bench, training).path() / REPORT).read_text(encoding="utf-8"))
    label = list(told["summary"])[place]
    parts: dict[str, list[dict[str, Any]]] = {}
    for one in told["trainings"]:
        parts.setdefault(one["split"], []).append(one)
    return [
        {
            "split": name,
            "train": part[0]["train"],
            "test": part[0]["metrics"][label]["n"],
            **{
                metric: _mean([one["metrics"][label][metric] for one in part])
                for metric in told["summary"][label]
            },
        }
        for name, part in parts.items()
    ]


def tested_as_alone(bench: Context, training: NetworkRun, place: int) -> bool:
    """Whether a network of several tasks was tested on the RNAs on which that of one of them is.

    It is, unless the tasks have genes, gene sets or chromosomes in common, so that they must be dealt together.
    """
    folder = trained(bench, training).path()
    told = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    label = list(told["summary"])[place]
    table = pl.read_parquet(folder / PREDICTIONS).filter(pl.col("task") == label)
    tested = set(table.select("split", "transcript_id").iter_rows())
    done = set(table["split"])
    alone = bench.samples(training.tasks[place], training.split, training.seeds)
    names = alone.samples.table["transcript_id"]
    return tested == {
        (split.name, name)
        for split in alone.splits
        if split.name in done
        for name in names.gather(split.test)
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None


def summary_rows(
    bench: Context, training: NetworkRun, study: str, place: int = 0
) -> tuple[list[Row], list[Row]]:
    """Means over the trainings with intervals, and every training's metrics; it is trained when it is not there.

    Args:
        bench: the plan at work.
        training: what to train.
        study: which study asks.
        place: of the task, among those that the network learns.
    """
    told = json.loads((trained(bench, training).path() / REPORT).read_text(encoding="utf-8"))
    label = list(told["summary"])[place]
    together = training.tasks if training.beside else ()
    common: Row = {
        "study": study,
        "task": training.tasks[place].name,
        "split": training.split,
        "method": name_of_network(bench, training.method, together),
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
            "n": one["metrics"][label]["n"],
        }
        for one in told["trainings"]
        for metric in told["summary"][label]
    ]
    n = sum(one["metrics"][label]["n"] for one in told["trainings"])
    means = [
        cast("Row", {**common, "metric": metric, **_ends(found), "n": n})
        for metric, found in told["summary"][label].items()
    ]
    return means, each


def _ends(found: Mapping[str, float | None]) -> Row:
    return {"value": found["mean"], "low": found["low"], "high": found["high"]}


METHOD = "supervised"


def supervised_embeddings(
    bench: Context, task: str | None, options: Mapping[str, Any]
) -> dict[str, Artifact]:
    """What tables call it, and embeddings of the whole corpus by its encoder; empty when no label is asked for.

    It is one training on all labels of a 70/15/15 split by the plan's seed: the very network of the low-data study
    with 100 % of the labels, first repeat, when both are given the same options; it is then trained once.

    Args:
        bench: the plan at work.
        task: the label's.
        options: of :func:`isoclr.finetuning.finetune`.
    """
    if task is None:
        return {}
    asked = bench.plan.tasks[task]
    training = NetworkRun(
        asked, METHOD, split_of(asked), 1, bench.plan.seed, share=1.0, options=options
    )
    name = f"{METHOD} on {asked.name}"
    return {name: tuned_embeddings(bench, trained(bench, training), name)}


def split_of(asked: TaskEntry) -> SplitKind:
    """70/15/15 whatever the task's own split is: the strictest of its splits that is dealt so, else by gene."""
    strict: tuple[SplitKind, ...] = ("homology", "chromosome")
    return next((split for split in strict if split in asked.splits), "random")
