"""Pre-training with parts of the method left out, all for the same number of steps (the paper's Table 4)."""

from collections.abc import Sequence
from functools import partial
from statistics import fmean, stdev
from typing import Any

from isoclr._report import Row
from isoclr.analysis.relations import KEYS
from isoclr.errors import InputError
from isoclr.evaluation.cache import Artifact, CachedResult, Outcome
from isoclr.evaluation.context import Context
from isoclr.evaluation.methods import (
    FrozenMethod,
    corpus_of_transcripts,
    corpus_part,
    features_by,
    pretraining,
    run_embeddings,
)
from isoclr.evaluation.plan import Ablations, CorpusOptions, TaskEntry
from isoclr.evaluation.studies.linear_probe import probe, summary_rows
from isoclr.probing.evaluate import MethodReport
from isoclr.tasks.splits import SplitConfig

STUDY = "ablations"


def results(context: Context, study: Ablations) -> list[CachedResult]:
    """One result for every run, task and split."""
    entries = [context.plan.tasks[name] for name in study.tasks]
    labelled = _labelled_corpus(context, entries)
    listed = []
    for ablation in study.run:
        corpus = None
        if ablation.corpus != CorpusOptions():
            corpus = corpus_part(context, ablation.corpus, f"the corpus for {ablation.name!r}")
        trainings = []
        for seed in range(context.plan.seed, context.plan.seed + study.seeds):
            title = f"pre-training {ablation.name!r}, seed {seed}"
            run = pretraining(context, corpus, study.config(ablation, seed), study.steps, study.runtime, title)
            trainings.append((run, run_embeddings(context, run, labelled)))  # equal runs share one training
        listed += [
            _result(context, entry, config, ablation.name, trainings)
            for entry in entries
            for config in _configs(context, entry)
        ]
    return listed


def _configs(context: Context, entry: TaskEntry) -> list[SplitConfig]:
    return [entry.split_config(kind, context.plan.seed) for kind in entry.split]


def _labelled_corpus(context: Context, entries: list[TaskEntry]) -> Artifact:
    """The labelled RNAs alone: all that has to be embedded by every run."""
    names: set[str] = set()
    for entry in entries:
        if entry.task.construct is not None:
            raise InputError(
                f"{context.plan.path}: ablations.tasks: the RNAs of {entry.name} are in no corpus; expected other tasks"
            )
        for config in _configs(context, entry):
            names |= set(context.dataset(entry, config).rnas.table["transcript_id"])
    return corpus_of_transcripts(context, sorted(names), "the labelled part of the corpus")


def _result(
    context: Context, entry: TaskEntry, config: SplitConfig, name: str, trainings: list[tuple[Artifact, Artifact]]
) -> CachedResult:
    keys = [embedding.key for _, embedding in trainings]
    inputs = context.dataset_inputs(entry, config) | {"embeddings": keys, "name": name}

    def compute() -> Outcome:
        dataset = context.dataset(entry, config)
        reports = []
        for _, embedding in trainings:
            features = partial(features_by, KEYS, context.read(embedding.path()))  # of the labelled RNAs only
            reports.append(probe(FrozenMethod(name, "ridge", {}, features), dataset))
        rows = [_over_seeds(same) for same in zip(*(summary_rows(one, dataset, STUDY) for one in reports), strict=True)]
        by_split = [_mean(same) for same in zip(*(_splits(one) for one in reports), strict=True)]
        details = {
            "by_split": by_split,
            "by_seed": [_splits(one) for one in reports],
            "runs": [run.key for run, _ in trainings],
            "options": trainings[0][0].inputs,
        }
        return Outcome(rows, details)

    return CachedResult(STUDY, f"{name}: {entry.name}, {config.kind} split", inputs, compute)


def _splits(report: MethodReport) -> list[dict[str, Any]]:
    return [result.to_dict() for result in report.results]


def _over_seeds(rows: Sequence[dict[str, Any]]) -> Row:
    """Means over seeds of a metric and of its interval over splits, and the metric's standard deviation over seeds."""
    spread = stdev(row["value"] for row in rows) if len(rows) > 1 else None
    return {**_mean(rows), "seeds": len(rows), "seed_sd": spread}


def _mean(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The first row with the means of all numbers."""
    first = rows[0]
    return {name: fmean(row[name] for row in rows) if isinstance(first[name], float) else first[name] for name in first}
