"""The ``ontology`` command: how well embeddings predict Gene Ontology terms."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from isoclr._console import progress_bar
from isoclr._report import Report, Row, Table, count_lines
from isoclr.baselines.features import Length, default_baselines, embed_with_progress
from isoclr.corpus.corpus import Corpus, open_corpus
from isoclr.embedding.embeddings import Embeddings
from isoclr.embedding.io import read_embeddings
from isoclr.errors import InputError
from isoclr.genomics.encoding import Codes
from isoclr.plotting.methods import ontology_figure
from isoclr.plotting.style import check_outputs
from isoclr.probing.evaluate import FeatureSet, MethodReport, evaluate
from isoclr.tasks.dataset import LabelledRnas, assemble
from isoclr.tasks.gene_ontology import Aspect, read_aspects
from isoclr.tasks.leakage import LeakageReport
from isoclr.tasks.metrics import Difference
from isoclr.tasks.rnas import RnaSource, rnas_of_embeddings
from isoclr.tasks.splits import SplitConfig
from isoclr.tasks.task import OntologyTask, read_ontology_task

SHUFFLED = "shuffled labels"  # The lower bound: the rows of the embedding permuted over the genes
DEFAULT_SPLITS = SplitConfig(splits=5)


@dataclass(frozen=True)
class AspectReport:
    """How well the terms of one aspect of the Gene Ontology are predicted."""

    aspect: Aspect  # The terms, and the RNAs that have them
    methods: Sequence[MethodReport]  # One per feature set, the embedding first
    leaks: LeakageReport  # What the test parts share with the training parts


@dataclass(frozen=True)
class OntologyReport(Report):
    """The result of :func:`ontology`."""

    task: str  # Name of the task
    split: str  # How the samples were split, in words
    counts: dict[str, int]  # What was left out, by reason
    aspects: Sequence[AspectReport]  # One per aspect

    def messages(self) -> Iterator[str]:
        """What was left out."""
        return count_lines(self.counts)

    def tables(self) -> Iterator[Table]:
        """The comparison, and the leak audits."""
        columns = ["aspect", "features", "genes", "ROC AUC", "cross-entropy", "embedding minus this"]
        rows = [
            [
                one.aspect.title,
                method.name,
                len(one.aspect.samples),
                str(method.summary["roc_auc"]),
                str(method.summary["cross_entropy"]),
                str(method.difference or ""),
            ]
            for one in self.aspects
            for method in one.methods
        ]
        yield Table(f"{self.task}: {self.split}", columns, rows)
        for one in self.aspects:
            yield from one.leaks.tables(of=f", {one.aspect.title}")

    def rows(self) -> list[Row]:
        """One row per aspect, feature set, metric and term; term ``all`` is the mean over terms."""
        return [row for one in self.aspects for method in one.methods for row in self._rows(one, method)]

    def _rows(self, one: AspectReport, method: MethodReport) -> Iterator[Row]:
        key: Row = {"study": "ontology", "task": self.task, "hierarchy": one.aspect.namespace}
        key |= {"method": method.name, "split": self.split}
        members = one.aspect.labels.sum(axis=0)
        p = method.difference.p if isinstance(method.difference, Difference) else None
        compared = next(iter(method.summary))  # the main metric, that of the difference
        for metric, mean in method.summary.items():
            term = {"metric": metric, "term_id": "all", "term": "mean over classes"}
            yield {**key, **term, **mean.row(), "n": len(one.aspect.samples), "p": p if metric == compared else None}
            pairs = zip(one.aspect.terms, members, method.by_class[metric], strict=True)
            for each, n, value in pairs:
                term = {"metric": metric, "term_id": each.id, "term": each.name}
                yield {**key, **term, **value.row(), "n": int(n), "p": None}

    def to_dict(self) -> dict[str, Any]:
        """The rows, the leak audits and the counts."""
        return {
            "task": self.task,
            "split": self.split,
            "counts": self.counts,
            "leaks": {one.aspect.namespace: one.leaks.to_dict() for one in self.aspects},
            "rows": self.rows(),
        }


def ontology(
    embeddings: Path,
    task: str = "gene-ontology-human",
    *,
    corpus: Path,
    data: Path | None = None,
    splits: SplitConfig = DEFAULT_SPLITS,
    evidence: tuple[str, ...] = (),
    classes: int | None = None,
    others: tuple[Path, ...] = (),
    csv: Path | None = None,
    json: Path | None = None,
    plot: Path | None = None,
) -> OntologyReport:
    """Embeddings + Gene Ontology → accuracy of a linear probe for gene functions, compared with simple baselines.

    For each of the three aspects, the most common terms three steps below the root are the classes of a multi-label
    task. One RNA represents each gene that is annotated there. Each class gets a logistic regression on the frozen
    features, with a penalty chosen within the training part by leaving out whole groups.

    Args:
        embeddings: Embeddings of the corpus from ``isoclr embed``.
        task: Gene Ontology task: a name that ``isoclr tasks`` lists, or a TOML file.
        corpus: Corpus with the gene sets, and with the sequences for the baselines.
        data: Folder of the task's files (default: ISOCLR_DATA, or ``data``, for a built-in task, else the folder of
            the task file).
        splits: Training and test parts.
        evidence: Use only annotations of these evidence codes, such as EXP IDA IMP.
        classes: Number of terms of each aspect (default: the task's; ten in the paper).
        others: Embeddings of other models of the same RNAs, to compare with.
        csv: Write every number to this file.
        json: Write every number, the leak audits and the counts to this file.
        plot: Draw the ROC AUCs to this PNG, PDF or SVG file.

    Raises:
        InputError: a file that cannot be used, or nothing in common.
    """
    check_outputs(figure=plot, files=[csv, json])
    if classes is not None and classes < 1:
        raise InputError(f"--classes {classes}: expected 1 or more")
    by_name = {Path(path).name: read_embeddings(Path(path)) for path in others}
    if len(by_name) < len(others):
        raise InputError("--others: two files have the same name, which the table uses")
    report = evaluate_ontology(
        read_embeddings(embeddings),
        open_corpus(corpus),
        read_ontology_task(task, data),
        splits=splits,
        evidence=evidence or None,
        classes=classes,
        others=by_name,
    )
    for path in (csv, json):
        if path is not None:
            report.save(Path(path))
    if plot is not None:
        ontology_figure(Path(plot), report.rows())
    return report


def evaluate_ontology(
    embeddings: Embeddings,
    corpus: Corpus,
    task: OntologyTask,
    *,
    splits: SplitConfig = DEFAULT_SPLITS,
    evidence: Sequence[str] | None = None,
    classes: int | None = None,
    others: Mapping[str, Embeddings] | None = None,
    baselines: bool = True,
) -> OntologyReport:
    """:func:`ontology` for data in memory.

    Args:
        splits: Training and test parts; without a split, the task's.
        others: Name → embeddings of other models; RNAs that one of them lacks are left out for all.
    """
    others = others or {}
    config = splits.resolve(task.split)
    if config.kind == "fold":
        raise InputError("--split fold: Gene Ontology terms have no folds")
    selected = embeddings.select(task.species, task.rnas)
    shared, sequences = _common_rnas(selected, corpus, list(others.values()))
    source = rnas_of_embeddings(shared, corpus)
    aspects, counts = read_aspects(task, shared.table, evidence=evidence, classes=classes)
    missing = len(selected) - len(shared)
    counts |= {"embedded RNAs that the corpus or another model does not have": missing}
    used = np.unique(np.concatenate([aspect.samples.rows for aspect in aspects]))
    features = {"embedding": shared.matrix[used]}
    for name, other in others.items():
        row_of = {rna: row for row, rna in enumerate(other.ids)}
        features[name] = other.matrix[[row_of[rna] for rna in shared.table["transcript_id"][used]]]
    if baselines:
        for baseline in default_baselines(shared.meta, seed=config.seed):
            if not isinstance(baseline, Length):
                features[baseline.name] = embed_with_progress(baseline, [sequences[row] for row in used])
    reports = []
    total = len(aspects) * (len(features) + baselines) * (config.folds or config.splits)
    with progress_bar("probes of Gene Ontology terms", total) as advance:
        for every in aspects:
            rnas = _grouped(every, source, config)
            keep = np.isin(every.samples.rows, rnas.rows)
            aspect = replace(every, samples=every.samples.select(keep), labels=every.labels[keep])
            left_out = {why: n for why, n in rnas.counts.items() if n and why not in ("samples", "groups")}
            counts |= {f"{aspect.title}: {why}": n for why, n in left_out.items()}
            own = {name: matrix[np.searchsorted(used, rnas.rows)] for name, matrix in features.items()}
            if baselines:
                rng = np.random.default_rng(config.seed)
                own[SHUFFLED] = rng.permutation(own["embedding"])
            parts = config.make_splits(rnas.groups)
            methods = [FeatureSet(name, matrix, "logistic") for name, matrix in own.items()]
            found = evaluate(methods, rnas.targets == 1, rnas.groups, parts, advance=advance)
            reports.append(AspectReport(aspect, found, rnas.leakage(parts)))
    return OntologyReport(task.name, config.describe(), counts, reports)


def _grouped(aspect: Aspect, source: RnaSource, config: SplitConfig) -> LabelledRnas:
    """The RNAs of an aspect whose group is known."""
    return assemble(
        aspect.samples.table.with_columns(source=pl.lit(0, pl.Int64)),
        aspect.labels.astype(np.float64),
        [term.name for term in aspect.terms],
        [source],
        config,
    )


def _common_rnas(
    embeddings: Embeddings, corpus: Corpus, others: Sequence[Embeddings]
) -> tuple[Embeddings, list[Codes]]:
    """The RNAs whose sequence is in the corpus and that every other model embeds, and their sequences."""
    shared = set(embeddings.ids).intersection(*(other.ids for other in others))
    codes_of = rnas_of_embeddings(embeddings, corpus).codes_of or (lambda _: None)
    rows, sequences = [], []
    for row, name in enumerate(embeddings.ids):
        codes = codes_of(row) if name in shared else None
        if codes is not None:
            rows.append(row)
            sequences.append(codes)
    if not rows:
        raise InputError(
            f"{corpus.path}: has the sequence of none of the {len(embeddings):,} embedded RNAs that all models have"
        )
    return Embeddings(embeddings.table[rows], embeddings.matrix[rows], embeddings.meta), sequences
