"""What single bases and planted motifs do to a prediction from the embedding."""

from typing import Any

import numpy as np
import polars as pl

from isoclr._console import progress
from isoclr.analysis.ism import MutationScan, scan
from isoclr.analysis.motifs import MOTIFS, coding_rnas, insert_motifs
from isoclr.analysis.readout import LinearPredictor, linear_readout
from isoclr.errors import InputError
from isoclr.evaluation.cache import Artifact, CachedResult, Context, Outcome, Row
from isoclr.evaluation.methods import embeddings
from isoclr.evaluation.plan import Mutagenesis, TaskEntry
from isoclr.genomics.encoding import Codes
from isoclr.probing.head import load_head

STUDY = "mutagenesis"
SHORTEST, LONGEST = 600, 2_500
"""nt of an mRNA whose every base is mutated: with room for all three regions, and quickly done."""


def cells(bench: Context, study: Mutagenesis) -> list[CachedResult]:
    """Planted motifs, and every base of a few mRNAs, for every task."""
    found = []
    for name in study.tasks:
        asked = bench.plan.tasks[name]
        found.append(_motifs(bench, study, asked))
        found += [_scan(bench, asked, number) for number in range(study.shown)]
    return found


def _motifs(bench: Context, study: Mutagenesis, asked: TaskEntry) -> CachedResult:
    fitted = head(bench, asked)

    def compute() -> Outcome:
        predictor = _predictor(bench, fitted)
        drawn = coding_rnas(
            bench.corpus, species=asked.task.species, count=study.rnas, seed=bench.plan.seed
        )
        with progress() as bar:
            task = bar.add_task("planting motifs", total=len(drawn) * (2 * len(MOTIFS) + 1))
            found = insert_motifs(
                predictor,
                [codes for _, codes in drawn],
                seed=bench.plan.seed,
                progress=lambda done: bar.advance(task, done),
            )
        rows: list[Row] = [_told(row, asked, "motifs") for row in found.rows()]
        return Outcome(rows)

    inputs = {"head": fitted.key, "corpus": bench.identity, "rnas": study.rnas}
    inputs |= {"seed": bench.plan.seed, "what": "motifs"}
    return CachedResult(STUDY, f"{asked.name}: planted motifs", inputs, compute)


def _scan(bench: Context, asked: TaskEntry, number: int) -> CachedResult:
    fitted = head(bench, asked)

    def compute() -> Outcome:
        predictor = _predictor(bench, fitted)
        name, codes = _shown(bench, asked, number)
        with progress() as bar:
            task = bar.add_task(f"mutating {name}", total=3 * len(codes))
            found = scan(
                predictor,
                codes,
                transcript_id=name,
                progress=lambda done: bar.advance(task, done),
            )
        rows: list[Row] = [_told(row, asked, "every base") for row in found.rows()]
        return Outcome(rows, _facts(found, asked), {"mutations": _bases(found)})

    inputs = {"head": fitted.key, "corpus": bench.identity, "number": number}
    inputs |= {"seed": bench.plan.seed, "what": "every base"}
    return CachedResult(STUDY, f"{asked.name}: every base of mRNA {number + 1}", inputs, compute)


def _predictor(bench: Context, fitted: Artifact) -> LinearPredictor:
    encoder = bench.encoder(bench.plan.models[0])
    return LinearPredictor(encoder, *linear_readout(load_head(fitted.path())))


def head(bench: Context, asked: TaskEntry) -> Artifact:
    """A head of the first model that predicts the task's label."""
    from isoclr.probing.fit import fit

    _check(bench, asked)
    embedding = embeddings(bench, bench.plan.models[0], asked)
    task = asked.task

    def make(path: Any) -> None:
        fit(
            embedding.path(),
            task.table,
            out=path,
            label=() if task.label is None else (task.label,),
            name=task.name,
            species=task.species,
            rnas=task.rnas,
            seed=bench.plan.seed,
        )

    inputs: dict[str, Any] = {
        "embedding": embedding.key,
        "labels": bench.digest(task.table),
        "label": task.label,
    }
    inputs |= {"species": task.species, "rnas": task.rnas, "seed": bench.plan.seed}
    return Artifact(bench.out / "heads", f"a head for {asked.name}", inputs, make)


def _check(bench: Context, asked: TaskEntry) -> None:
    """Heads are fitted to a table as it is, and motifs planted in the corpus' mRNAs.

    Raises:
        InputError: the task is of constructs, or renames columns of its table.
    """
    task = asked.task
    if task.construct is not None or task.columns:
        why = "its RNAs are no corpus'" if task.construct else f"{task.source} renames columns"
        raise InputError(
            f"{bench.plan.path}: [mutagenesis]: tasks has {task.name}, but {why}; expected other tasks"
        )


def _shown(bench: Context, asked: TaskEntry, number: int) -> tuple[str, Codes]:
    """The mRNA of a number: of the drawn ones, those of a length that is neither very short nor very long, first."""
    drawn = coding_rnas(bench.corpus, species=asked.task.species, seed=bench.plan.seed)
    drawn.sort(key=lambda one: not SHORTEST <= len(one[1]) <= LONGEST)
    if number >= len(drawn):
        raise InputError(
            f"{bench.plan.path}: [mutagenesis] shown is more than the {len(drawn)} suitable mRNAs of the corpus"
        )
    return drawn[number]


def _bases(found: MutationScan) -> pl.DataFrame:
    ends = np.zeros(len(found), bool)
    ends[found.exon_ends] = True
    return found.base_table().with_columns(exon_end=pl.Series(ends))


def _facts(found: MutationScan, asked: TaskEntry) -> dict[str, Any]:
    return {
        "transcript": found.transcript_id,
        "task": asked.name,
        "target": found.target,
        "value": found.value,
        "coding": list(found.coding),
    }


def _told(row: Row, asked: TaskEntry, part: str) -> Row:
    return {**row, "study": STUDY, "part": part, "task": asked.name}
