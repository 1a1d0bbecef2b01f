"""The verb: embeddings and labels in, how well a linear model predicts out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from isoclr._console import progress
from isoclr._io import check_file, sha256
from isoclr._version import __version__
from isoclr.corpus.corpus import open_corpus
from isoclr.embedding.embeddings import Embeddings, RnaChoice
from isoclr.embedding.io import parquet_files, read_embeddings
from isoclr.errors import InputError
from isoclr.plotting import Bar, check_format, probe_figure
from isoclr.probing.evaluate import FeatureSet, MethodReport, baselines_for, evaluate
from isoclr.probing.linear import Model
from isoclr.probing.report import TITLES, ProbeReport
from isoclr.tasks.dataset import LabelledRnas, build_dataset
from isoclr.tasks.labels import Labels, read_labels
from isoclr.tasks.metrics import CLASSES, QUANTITY, Metric
from isoclr.tasks.splits import (
    Split,
    SplitKind,
    check_chromosomes,
    check_folds,
    check_parts,
    make_splits,
)
from isoclr.tasks.task import Task, is_task, read_label_task


def probe(
    embeddings: Path,
    labels: Path,
    *,
    split: SplitKind | None = None,
    corpus: Path | None = None,
    model: Model = "linear",
    baselines: bool = False,
    trees: bool = False,
    data: Path | None = None,
    chromosomes: tuple[Path, ...] = (),
    label: str | None = None,
    species: str | None = None,
    rnas: RnaChoice | None = None,
    seeds: int = 10,
    seed: int = 0,
    folds: int | None = None,
    json: Path | None = None,
    plot: Path | None = None,
) -> ProbeReport:
    """Embeddings + labels → how well a linear model predicts, beside simple baselines.

    Where a gene has a label and several RNAs, one stands for it: RefSeq or ``RGPS_`` first, then the longest CDS, then
    the longest RNA. Isoforms of one gene are never on both sides of a random or homology-aware split. A leak audit
    counts what the test parts share with the training parts: genes; with --corpus, gene sets and sequence too.

    Args:
        embeddings: what ``isoclr embed`` wrote: Parquet, h5ad or npz, or a folder of Parquet shards.
        labels: table (TSV, CSV, Parquet; plain or gz) with a column gene_id or transcript_id and a numeric column. Or a
            task: a TOML file, or the name of one that ships with this package (``isoclr tasks`` lists them).
        split: random (the default unless the task says otherwise): 70/15/15 by gene, as the paper; fold:
            cross-validation over the table's column fold; homology: 70/15/15 by homologous gene set, which needs
            --corpus; chromosome: 70/15/15 by chromosome, of the table's column chromosome or of --chromosomes.
        corpus: corpus with the gene sets for a homology-aware split and the sequences for baselines and the leak audit.
        model: linear: least squares, as the paper; ridge: with a penalty chosen in training; logistic: for a label of
            two classes.
        baselines: probe also a random-init encoder of the same architecture, k-mer and codon frequencies, length
            alone and features of the RNA's structure, on the same genes and splits; needs --corpus.
        trees: with --baselines, gradient-boosted trees on the features, and on k-mers and features, too.
        data: the folder that a task's files are in (default: that of ISOCLR_DATA, or ``data``, for a task that ships,
            else the task file's own).
        chromosomes: annotations (GTF, GFF3, genePred, BED12) or tables with gene_id and chromosome, for a split by
            chromosome.
        label: the label's column, when the table has several.
        species: use only the RNAs of this species (default: the task's, or all).
        rnas: use all RNAs (the default unless the task says otherwise), only those with a coding sequence (for a label
            of mRNAs, a gene of which only a non-coding RNA or a fragment is at hand tells little), or only those whose
            coding sequence is annotated.
        seeds: number of random, homology-aware or chromosome splits; 1 gives bootstrap intervals over the test genes.
        seed: of the first split, of cross-validation folds and of the random-init encoder.
        folds: this many cross-validation folds instead of 70/15/15, for any split but fold.
        json: write everything, split by split, to this file.
        plot: draw the comparison and the predictions to this PNG, PDF or SVG.

    Returns:
        Every metric on every split, with 95 % intervals. Labels and predictions are in standard deviations of the
        training labels, so that an MSE of 1 is what predicting the mean gives.

    Raises:
        InputError: a file that cannot be used, nothing in common, a split that needs what is not there, or labels of
            one value only.

    How well an untrained encoder tells how much of an RNA is G or C:

    >>> import isoclr, random, tempfile
    >>> folder, rng = Path(tempfile.mkdtemp()), random.Random(0)
    >>> rnas = ["".join(rng.choices("ACGU", [1, i % 7, 1, 1], k=99)) for i in range(100)]
    >>> _ = (folder / "rnas.fa").write_text("".join(f">t{i}\\n{rna}\\n" for i, rna in enumerate(rnas)))
    >>> rows = [f"t{i}\\t{rna.count('G') + rna.count('C')}\\n" for i, rna in enumerate(rnas)]
    >>> _ = (folder / "labels.tsv").write_text("transcript_id\\tgc\\n" + "".join(rows))
    >>> model = isoclr.create("isoclr-s", seed=0).save(folder / "model")
    >>> found = isoclr.embed((folder / "rnas.fa",), model=str(model), out=folder / "e.parquet")
    >>> report = isoclr.probe(found, folder / "labels.tsv", model="ridge")
    >>> report.methods[0].summary["pearson"].mean > 0.9
    True
    """
    _check_outputs(json, plot)
    task = read_label_task(labels, data) if is_task(labels) else None
    split = split or (task.split if task else "random")
    species = species or (task.species if task else None)
    rnas = rnas or (task.rnas if task else "all")
    _check_request(split, corpus, baselines, trees, seeds, seed, folds, task)
    check_chromosomes(split, chromosomes)
    table = _with_label(task, label).labels() if task else read_labels(Path(labels), label)
    _check_label(table, model, split)
    read = read_embeddings(Path(embeddings)).select(species, rnas)
    study = build_dataset(
        table,
        read,
        open_corpus(corpus) if corpus is not None else None,
        split=split,
        sequences=baselines,
        chromosomes=chromosomes,
        task=task,
    )
    splits, how = make_splits(
        split, study.groups, study.samples, folds=folds, seeds=seeds, seed=seed
    )
    check_parts(splits, study.samples.values, table)
    options: dict[str, Any] = {"split": split, "model": model, "species": species, "rnas": rnas}
    options |= {"label": label, "seeds": seeds, "seed": seed, "folds": folds, "trees": trees}
    files: dict[str, Path | None] = {
        "embeddings": embeddings,
        "labels": table.path,
        "corpus": corpus,
    }
    files |= {f"chromosomes {i + 1}": Path(path) for i, path in enumerate(chromosomes)}
    report = ProbeReport(
        label=table.name,
        split=how,
        interval=_interval_words(splits),
        counts=study.counts,
        methods=_evaluate(
            baselines_for(study, read, model, seed, trees=trees),
            study,
            splits,
            CLASSES if table.binary else QUANTITY,
        ),
        ids=study.samples.table["transcript_id"].to_list(),
        provenance=_provenance(read, files, options, task),
        leaks=study.leaks(splits),
    )
    if json is not None:
        report.save(Path(json))
    if plot is not None:
        draw(report, Path(plot))
    return report


def _with_label(task: Task, label: str | None) -> Task:
    return task if label is None else replace(task, label=label)


def draw(report: ProbeReport, path: Path) -> None:
    """The report as a figure: every method's main metric, and the embedding's predictions beside the truth."""
    true, predicted = report.held_out()
    probe_figure(
        path,
        bars=[Bar(m.name, m.summary[report.metric]) for m in report.methods],
        metric=TITLES[report.metric],
        label=report.label,
        true=true,
        predicted=predicted,
        note=f"{report.split}; {report.interval}",
    )


def _check_request(
    split: SplitKind,
    corpus: Path | None,
    baselines: bool,
    trees: bool,
    seeds: int,
    seed: int,
    folds: int | None,
    task: Task | None,
) -> None:
    """Refuse at once what could only fail later."""
    if split == "homology" and corpus is None:
        raise InputError("--split homology needs --corpus, which knows the gene sets")
    if trees and not baselines:
        raise InputError("--trees goes with --baselines, whose features the trees read")
    if baselines and corpus is None and (task is None or task.construct is None):
        raise InputError("--baselines needs --corpus, which has the sequences")
    if split == "fold" and folds is not None:
        raise InputError(
            "--folds is for random, homology and chromosome splits; --split fold takes the table's own"
        )
    if seeds < 1:
        raise InputError(f"--seeds {seeds}: expected 1 or more")
    if seed < 0:
        raise InputError(f"--seed {seed}: expected 0 or more")


def _check_outputs(json: Path | None, plot: Path | None) -> None:
    if plot is not None:
        check_format(Path(plot))
    for path in (json, plot):
        if path is not None:
            check_file(Path(path))


def _check_label(table: Labels, model: Model, split: SplitKind) -> None:
    if table.table["value"].n_unique() == 1:
        value = table.table["value"][0]
        raise InputError(
            f"{table.path}: {table.name} is {value:g} in every row, expected values that differ"
        )
    if model == "logistic" and not table.binary:
        values = table.table["value"].n_unique()
        raise InputError(
            f"{table.path}: {table.name} has {values} different values, --model logistic expects two"
        )
    if split == "fold":
        check_folds(table)


def _evaluate(
    methods: Sequence[FeatureSet],
    study: LabelledRnas,
    splits: Sequence[Split],
    metrics: Mapping[str, Metric],
) -> list[MethodReport]:
    with progress() as bar:
        task = bar.add_task("linear probes", total=len(methods) * len(splits))
        return evaluate(
            methods,
            study.samples.values,
            study.groups,
            splits,
            metrics,
            advance=lambda: bar.advance(task),
        )


def _interval_words(splits: list[Split]) -> str:
    if len(splits) == 1:
        return "95 % bootstrap intervals"
    return f"95 % intervals over {len(splits)} {'splits' if len(splits[0].valid) else 'folds'}"


def _provenance(
    read: Embeddings, inputs: dict[str, Path | None], options: dict[str, Any], task: Task | None
) -> dict[str, Any]:
    """What went in: versions, files with their SHA-256, the encoder, the task, and the options."""
    packages = ("numpy", "polars", "scipy", "scikit-learn", "torch")
    return {
        "isoclr": __version__,
        "versions": {package: version(package) for package in packages},
        "encoder": read.meta,
        "inputs": {name: _named(Path(path)) for name, path in inputs.items() if path is not None},
        "task": None if task is None else _task(task),
        "options": options,
    }


def _task(task: Task) -> dict[str, str]:
    told = {"name": task.name, "title": task.title, "units": task.units, "citation": task.citation}
    return {**told, "sha256": sha256(task.source)}


def _named(path: Path) -> dict[str, Any]:
    """A file, or the files of a folder that say what is in it, by their content."""
    if path.is_file():
        return {"path": str(path), "sha256": sha256(path)}
    files = sorted(path.glob("corpus.json")) or parquet_files(path)
    return {"path": str(path), "sha256": {file.name: sha256(file) for file in files}}
