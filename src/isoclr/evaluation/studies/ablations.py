"""Pre-training with parts of the method left out, all for the same number of steps (the paper's Table 4)."""

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
        config, title = study.config(ablation, context.plan.seed), f"pre-training {ablation.name!r}"
        run = pretraining(context, corpus, config, study.steps, study.runtime, title)  # equal ablations share it
        embedding = run_embeddings(context, run, labelled)
        listed += [
            _result(context, entry, config, ablation.name, run, embedding)
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
    context: Context, entry: TaskEntry, config: SplitConfig, name: str, run: Artifact, embedding: Artifact
) -> CachedResult:
    inputs = context.dataset_inputs(entry, config) | {"embedding": embedding.key, "name": name}

    def compute() -> Outcome:
        dataset = context.dataset(entry, config)
        features = features_by(KEYS, context.read(embedding.path()), dataset)  # of the labelled RNAs only
        report = probe(FrozenMethod(name, "ridge", {}, lambda _: features), dataset)
        by_split = [result.to_dict() for result in report.results]
        details = {"by_split": by_split, "run": run.key, "options": run.inputs}
        return Outcome(summary_rows(report, dataset, STUDY), details)

    return CachedResult(STUDY, f"{name}: {entry.name}, {config.kind} split", inputs, compute)
