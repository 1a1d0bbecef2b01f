"""Effects of point mutations and of inserted motifs on a prediction from the embedding."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from isoclr._console import progress_bar
from isoclr.analysis.ism import scan
from isoclr.analysis.motifs import MOTIFS, coding_rnas, insert_motifs
from isoclr.analysis.readout import LinearPredictor, linear_readout
from isoclr.errors import InputError
from isoclr.evaluation.cache import Artifact, CachedResult, Outcome
from isoclr.evaluation.context import Context
from isoclr.evaluation.methods import embeddings
from isoclr.evaluation.plan import Mutagenesis, TaskEntry
from isoclr.genomics.encoding import Codes
from isoclr.probing.fit import fit
from isoclr.probing.head import METADATA, load_head

STUDY = "mutagenesis"
MIN_NT, MAX_NT = 600, 2_500
"""Preferred length of a scanned mRNA: long enough for all three regions, short enough to scan quickly."""


def results(context: Context, study: Mutagenesis) -> list[CachedResult]:
    """Inserted motifs, and scans of a few mRNAs, for every task."""
    listed = []
    for name in study.tasks:
        entry, task = context.plan.tasks[name], context.plan.tasks[name].task
        if task.construct is not None or task.columns:  # heads need the table as it is, and mRNAs of the corpus
            reason = "its RNAs are in no corpus" if task.construct else f"{task.source} renames columns"
            raise InputError(f"{context.plan.path}: mutagenesis.tasks: {name}: {reason}; expected other tasks")
        listed.append(_motifs(context, study, entry))
        listed += [_scan(context, entry, number) for number in range(study.scans)]
    return listed


def head(context: Context, entry: TaskEntry) -> Artifact:
    """A head of the first model for the task's label."""
    embedding = embeddings(context, context.plan.models[0], entry)
    task, seed = entry.task, context.plan.seed
    options: dict[str, Any] = {"species": task.species, "rnas": task.rnas, "seed": seed}

    def make(path: Path) -> None:
        label = () if task.label is None else (task.label,)
        fit(embedding.path(), task.table, out=path, label=label, name=task.name, **options)

    inputs = {"embedding": embedding.key, "labels": context.digest(task.table), "label": task.label, **options}
    return Artifact(context.out / "heads", f"a head for {entry.name}", inputs, make, marker=METADATA)


def _motifs(context: Context, study: Mutagenesis, entry: TaskEntry) -> CachedResult:
    fitted, seed = head(context, entry), context.plan.seed

    def compute() -> Outcome:
        rnas = coding_rnas(context.corpus, species=entry.task.species, count=study.sample, seed=seed)
        codes = [one for _, one in rnas]
        with progress_bar("inserting motifs", len(codes) * (2 * len(MOTIFS) + 1)) as advance:
            predictor = _predictor(context, fitted)
            effects = insert_motifs(predictor, codes, seed=seed, progress=advance)
        names = {"study": STUDY, "part": "motifs", "task": entry.name}
        return Outcome([{**row, **names} for row in effects.rows()])

    inputs = {
        "head": fitted.key,
        "corpus": context.corpus_identity,
        "what": "motifs",
        "sample": study.sample,
        "seed": seed,
    }
    return CachedResult(STUDY, f"{entry.name}: inserted motifs", inputs, compute)


def _scan(context: Context, entry: TaskEntry, number: int) -> CachedResult:
    fitted = head(context, entry)

    def compute() -> Outcome:
        name, codes = _mrna(context, entry, number)
        with progress_bar(f"mutating {name}", 3 * len(codes)) as advance:
            predictor = _predictor(context, fitted)
            scanned = scan(predictor, codes, transcript_id=name, progress=advance)
        names = {"study": STUDY, "part": "every base", "task": entry.name}
        details = {
            "transcript": name,
            "task": entry.name,
            "target": scanned.target,
            "value": scanned.value,
            "coding": list(scanned.coding),
        }
        ends = np.isin(np.arange(len(codes)), scanned.exon_ends)
        bases = scanned.base_table().with_columns(exon_end=pl.Series(ends))
        return Outcome([{**row, **names} for row in scanned.rows()], details, {"mutations": bases})

    inputs = {
        "head": fitted.key,
        "corpus": context.corpus_identity,
        "what": "every base",
        "number": number,
        "seed": context.plan.seed,
    }
    return CachedResult(STUDY, f"{entry.name}: every base of mRNA {number + 1}", inputs, compute)


def _predictor(context: Context, fitted: Artifact) -> LinearPredictor:
    model, target = linear_readout(load_head(fitted.path()))
    return LinearPredictor(context.encoder(context.plan.models[0]), model, target)


def _mrna(context: Context, entry: TaskEntry, number: int) -> tuple[str, Codes]:
    """One of the sampled mRNAs, those of preferred length first."""
    rnas = coding_rnas(context.corpus, species=entry.task.species, seed=context.plan.seed)
    rnas.sort(key=lambda one: not MIN_NT <= len(one[1]) <= MAX_NT)
    if number >= len(rnas):
        raise InputError(f"{context.plan.path}: mutagenesis.scans: the corpus has {len(rnas)} suitable mRNAs")
    return rnas[number]
