"""What an embedding knows of what genes do: gene ontology terms, read by linear probes."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr._console import progress
from isoclr._io import atomic_path, check_file
from isoclr.baselines.features import Embedder, KmersAndCodons, RandomInit, SequenceFeatures
from isoclr.corpus.corpus import Corpus, open_corpus
from isoclr.embedding.embed import nt_progress
from isoclr.embedding.embeddings import Embeddings
from isoclr.embedding.io import read_embeddings
from isoclr.errors import InputError
from isoclr.genomics.encoding import Codes
from isoclr.plotting import check_format, ontology_figure
from isoclr.probing.evaluate import evaluate_classes
from isoclr.probing.report import HierarchyReport, OntologyReport
from isoclr.tasks.gene_ontology import Hierarchy, hierarchies
from isoclr.tasks.leakage import audit_leakage
from isoclr.tasks.splits import Split, gene_sets, group_folds, random_split
from isoclr.tasks.task import OntologyTask, read_ontology_task

OntologySplit = Literal["homology", "random"]
SHUFFLED = "shuffled labels"
"""The floor: the embedding's rows are dealt anew to the genes, so that nothing is left to be read."""


def ontology(
    embeddings: Path,
    task: str = "gene-ontology-human",
    *,
    corpus: Path,
    data: Path | None = None,
    split: OntologySplit | None = None,
    seeds: int = 5,
    folds: int | None = None,
    seed: int = 0,
    evidence: tuple[str, ...] = (),
    classes: int | None = None,
    others: tuple[Path, ...] = (),
    csv: Path | None = None,
    json: Path | None = None,
    plot: Path | None = None,
) -> OntologyReport:
    """Embeddings + gene ontology → how well a linear probe tells what a gene does, beside simple baselines.

    For each of the three hierarchies: the most common terms three steps below the root are the classes of a multi-label
    task; one RNA stands for every gene that is annotated there; every class gets a logistic regression on the frozen
    features, its penalty chosen within the training part by leaving out whole groups.

    Args:
        embeddings: what ``isoclr embed`` wrote, of the corpus.
        task: a task of gene ontology terms: a name (``isoclr tasks`` lists them) or a TOML file.
        corpus: knows the gene sets, and the sequences for the baselines.
        data: the folder that the task's files are in (default: that of ISOCLR_DATA, or ``data``, for a task that ships,
            else the task file's own).
        split: homology: 70/15/15 by homologous gene set; random: by gene; default: what the task says.
        seeds: number of random splits.
        folds: this many cross-validation folds instead.
        seed: of the first split, the random-init encoder and the shuffled labels.
        evidence: use annotations of these evidence codes only, such as EXP IDA IMP.
        classes: number of terms of each hierarchy; default: what the task says, ten as the paper.
        others: embeddings of other models to compare with, of the same RNAs.
        csv: write every number to this file.
        json: write the table, the leak audit and the counts to this file.
        plot: draw the ROC AUCs to this PNG, PDF or SVG.

    Raises:
        InputError: a file that cannot be used, or nothing in common.
    """
    if plot is not None:
        check_format(Path(plot))
    for path in (csv, json):
        if path is not None:
            check_file(Path(path))
    if seeds < 1:
        raise InputError(f"--seeds {seeds}: expected 1 or more")
    if classes is not None and classes < 1:
        raise InputError(f"--classes {classes}: expected 1 or more")
    if seed < 0:
        raise InputError(f"--seed {seed}: expected 0 or more")
    named = {Path(path).name: read_embeddings(Path(path)) for path in others}
    if len(named) < len(others):
        raise InputError(
            "--others: two files have the same name, by which the table would call both"
        )
    report = ontology_study(
        read_embeddings(Path(embeddings)),
        open_corpus(corpus),
        read_ontology_task(task, data),
        split=split,
        seeds=seeds,
        folds=folds,
        seed=seed,
        evidence=evidence or None,
        classes=classes,
        others=named,
    )
    if csv is not None:
        with atomic_path(Path(csv)) as partial:
            pl.DataFrame(report.rows(), infer_schema_length=None).write_csv(partial)
    if json is not None:
        report.save(Path(json))
    if plot is not None:
        ontology_figure(Path(plot), report.rows())
    return report


def ontology_study(
    embeddings: Embeddings,
    corpus: Corpus,
    task: OntologyTask,
    *,
    split: OntologySplit | None = None,
    seeds: int = 5,
    folds: int | None = None,
    seed: int = 0,
    evidence: Sequence[str] | None = None,
    classes: int | None = None,
    others: Mapping[str, Embeddings] | None = None,
    baselines: bool = True,
) -> OntologyReport:
    """The study of :func:`ontology` on what is in memory.

    Args:
        embeddings: one vector an RNA of the corpus.
        corpus: knows gene sets and sequences.
        task: the ontology.
        split: by gene set or by gene; None: what the task says.
        seeds: number of random splits.
        folds: this many cross-validation folds instead.
        seed: of the first split, the random-init encoder and the shuffled labels.
        evidence: use annotations of these evidence codes only.
        classes: number of terms of each hierarchy.
        others: name → embeddings of other models; an RNA that one of them has not is left out for all.
        baselines: compare with k-mers, sequence features, a random-init encoder, and the embedding with its labels
            shuffled.

    Raises:
        InputError: nothing in common, or a gene ontology that cannot be used.
    """
    others = others or {}
    read = embeddings.select(task.species, task.rnas)
    shared, codes, lost = _known_to_all(read, corpus, others)
    found, counts = hierarchies(task, shared.table, evidence=evidence, classes=classes)
    used = np.unique(np.concatenate([one.samples.rows for one in found]))
    features = _features(shared, codes, used, others, seed=seed, baselines=baselines)
    by_gene_set = (split or task.split) == "homology"
    reports = []
    with progress() as bar:
        total = len(found) * (len(features) + baselines) * (folds or seeds)
        line = bar.add_task("probes of gene ontology terms", total=total)
        for one in found:
            rows = np.searchsorted(used, one.samples.rows)
            own = {name: matrix[rows] for name, matrix in features.items()}
            if baselines:
                own[SHUFFLED] = np.random.default_rng(seed).permutation(own["embedding"])
            reports.append(
                _report(
                    one,
                    own,
                    [codes[row] for row in one.samples.rows],
                    corpus,
                    by_gene_set=by_gene_set,
                    make=lambda groups: _splits(groups, folds, seeds, seed),
                    advance=lambda: bar.advance(line),
                )
            )
    whole = "gene sets" if by_gene_set else "genes"
    how = f"{folds}-fold cross-validation" if folds else f"random 70/15/15 × {seeds}"
    return OntologyReport(task.name, f"{how} by whole {whole}", {**counts, **lost}, reports)


def _report(
    hierarchy: Hierarchy,
    features: Mapping[str, NDArray[np.float32]],
    codes: Sequence[Codes],
    corpus: Corpus,
    *,
    by_gene_set: bool,
    make: Callable[[NDArray[np.str_]], list[Split]],
    advance: Callable[[], None],
) -> HierarchyReport:
    genes = hierarchy.samples.table["gene"].to_numpy().astype(np.str_)
    sets = gene_sets(hierarchy.samples, corpus)[0] if by_gene_set else None
    groups = genes if sets is None else sets
    splits = make(groups)
    methods = evaluate_classes(list(features.items()), hierarchy.labels, groups, splits, advance)
    return HierarchyReport(hierarchy, methods, audit_leakage(splits, genes, sets, codes))


def _splits(groups: NDArray[np.str_], folds: int | None, seeds: int, seed: int) -> list[Split]:
    if folds is not None:
        return group_folds(groups, folds, seed)
    return [random_split(groups, seed + i) for i in range(seeds)]


def _known_to_all(
    embeddings: Embeddings, corpus: Corpus, others: Mapping[str, Embeddings]
) -> tuple[Embeddings, list[Codes], dict[str, int]]:
    """The RNAs of which the corpus has the sequence and every other model a vector, and those sequences."""
    kept, codes = [], []
    known = [set(other.table["transcript_id"]) for other in others.values()]
    rows = zip(embeddings.table["transcript_id"], embeddings.table["length"], strict=True)
    for row, (name, length) in enumerate(rows):
        try:
            sequence = corpus.codes_of(corpus.find(name))
        except InputError:
            continue
        if len(sequence) == length and all(name in names for names in known):
            kept.append(row)
            codes.append(sequence)
    if not kept:
        raise InputError(
            f"{corpus.path}: has the sequence of none of the {len(embeddings):,} embedded RNAs that all models know"
        )
    lost = {"embedded RNAs that the corpus or another model has not": len(embeddings) - len(kept)}
    return Embeddings(embeddings.table[kept], embeddings.matrix[kept], embeddings.meta), codes, lost


def _features(
    embeddings: Embeddings,
    codes: Sequence[Codes],
    used: NDArray[np.int64],
    others: Mapping[str, Embeddings],
    *,
    seed: int,
    baselines: bool,
) -> dict[str, NDArray[np.float32]]:
    """Name → features of the used rows, the embedding first."""
    names = embeddings.table["transcript_id"].to_numpy()[used]
    found = {"embedding": embeddings.matrix[used]}
    for title, other in others.items():
        row_of = {name: row for row, name in enumerate(other.table["transcript_id"])}
        found[title] = other.matrix[[row_of[name] for name in names]]
    if baselines:
        rnas = [codes[row] for row in used]
        for embedder in _baselines(embeddings, seed):
            found[embedder.name] = _embedded(embedder, rnas)
    return found


def _baselines(embeddings: Embeddings, seed: int) -> list[Embedder]:
    from isoclr.models.encoder import MODELS

    made_by = embeddings.meta
    found: list[Embedder] = [KmersAndCodons(), SequenceFeatures()]
    if made_by["model"] in MODELS:
        pooling: Literal["last", "all"] = "all" if made_by["pooling"] == "all" else "last"
        found.insert(0, RandomInit(made_by["model"], int(made_by["n_tracks"]), seed, pooling))
    return found


def _embedded(embedder: Embedder, rnas: Sequence[Codes]) -> NDArray[np.float32]:
    with nt_progress() as bar:
        task = bar.add_task(embedder.name, total=sum(map(len, rnas)))
        return embedder.embed(rnas, progress=lambda done: bar.advance(task, done))
