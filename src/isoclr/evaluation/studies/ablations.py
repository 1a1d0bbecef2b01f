"""Pre-training with parts of the method left out (the paper's Table 4), all for equally many steps."""

import inspect
from functools import partial
from typing import Any

import polars as pl

from isoclr.errors import InputError
from isoclr.evaluation.cache import Artifact, CachedResult, Context, Outcome
from isoclr.evaluation.methods import (
    Frozen,
    derived_corpus,
    named_corpus,
    pretraining,
    run_embeddings,
)
from isoclr.evaluation.plan import Ablation, Ablations, TaskEntry
from isoclr.evaluation.studies.linear_probe import by_split, probe, summary_rows
from isoclr.pretraining.pretrain import pretrain
from isoclr.tasks._legacy import Prepared
from isoclr.tasks.splits import SplitKind

STUDY = "ablations"


def cells(bench: Context, study: Ablations) -> list[CachedResult]:
    """One result for every run, task and split."""
    _check_equal_lengths(bench, study)
    labelled = _labelled(bench, study)
    found = []
    for ablation in study.runs:
        run = _run(bench, study, ablation)
        embedding = run_embeddings(bench, run, labelled)
        for name in study.tasks:
            asked = bench.plan.tasks[name]
            found += [
                _cell(bench, asked, split, ablation, run, embedding) for split in asked.splits
            ]
    return found


def _run(bench: Context, study: Ablations, ablation: Ablation) -> Artifact:
    """The pre-training run; ablations with equal options are one run."""
    corpus = None
    if ablation.corpus:
        title = f"the corpus for {ablation.name!r}"
        corpus = derived_corpus(bench, ablation.corpus, title)
    options = {**study.pretrain, **ablation.pretrain}
    return pretraining(bench, corpus, options, f"pre-training {ablation.name!r}")


def _labelled(bench: Context, study: Ablations) -> Artifact:
    """The labelled RNAs alone: all that has to be embedded by every run."""
    names: set[str] = set()
    for name in study.tasks:
        asked = bench.plan.tasks[name]
        if asked.task.construct is not None:
            raise InputError(
                f"{bench.plan.path}: [ablations]: tasks has {name}, whose RNAs are no corpus'; expected other tasks"
            )
        for split in asked.splits:
            names |= set(bench.samples(asked, split, asked.repeats).samples.table["transcript_id"])
    return named_corpus(bench, sorted(names), "the labelled part of the corpus")


def _cell(
    bench: Context,
    asked: TaskEntry,
    split: SplitKind,
    ablation: Ablation,
    run: Artifact,
    embedding: Artifact,
) -> CachedResult:
    inputs = {**bench.sample_inputs(asked, split, asked.repeats), "embedding": embedding.key}
    inputs["name"] = ablation.name

    def compute() -> Outcome:
        prepared = bench.samples(asked, split, asked.repeats)
        method = Frozen(ablation.name, "ridge", {}, partial(_features, bench, embedding))
        report = probe(method, prepared)
        details = {"by_split": by_split(report), "run": run.key, "options": run.inputs}
        return Outcome(summary_rows(report, prepared, STUDY), details)

    return CachedResult(STUDY, f"{ablation.name}: {asked.name}, {split} split", inputs, compute)


def _features(bench: Context, embedding: Artifact, prepared: Prepared) -> Any:
    """The samples' embeddings, found by name: the file has the labelled RNAs only."""
    read = bench.read(embedding.path())
    key = ["species", "transcript_id"]
    places = read.table.select(*key, place=pl.int_range(pl.len()))
    found = prepared.samples.table.select(key).join(
        places, on=key, how="left", maintain_order="left"
    )
    return read.matrix[found["place"].to_numpy()]


def _check_equal_lengths(bench: Context, study: Ablations) -> None:
    """Runs of different lengths tell nothing of what was left out."""
    for run in study.runs:
        for key in ("minutes", "epochs"):
            if {**study.pretrain, **run.pretrain}.get(key) is not None:
                raise InputError(
                    f"{bench.plan.path}: [ablations]: {key} is given for {run.name!r}, expected steps alone, "
                    "which are equal for all runs"
                )
    defaults = inspect.signature(pretrain).parameters
    lengths = {
        tuple(
            {**study.pretrain, **run.pretrain}.get(key, defaults[key].default)
            for key in ("steps", "batch_size")
        )
        for run in study.runs
    }
    if len(lengths) > 1 or next(iter(lengths))[0] is None:
        raise InputError(
            f"{bench.plan.path}: [ablations]: pretrain.steps must be given, and be equal for all runs, "
            f"as must batch_size; found (steps, batch_size) {', '.join(map(str, sorted(lengths, key=str)))}"
        )
