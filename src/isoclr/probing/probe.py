"""The ``probe`` command: embeddings + labels → accuracy of a linear model."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoclr._console import info, progress_bar
from isoclr._io import sha256, write_table
from isoclr._report import Report, Row, Table, count_lines, provenance
from isoclr.corpus.corpus import open_corpus
from isoclr.embedding.embeddings import RnaChoice
from isoclr.embedding.io import read_embeddings
from isoclr.errors import InputError
from isoclr.plotting.methods import probe_figure
from isoclr.plotting.style import check_outputs
from isoclr.probing.evaluate import MULTILABEL, FeatureSet, MethodReport, baselines_for, evaluate
from isoclr.probing.linear import Probe
from isoclr.tasks.dataset import LabelledRnas, LabelSpec, label_rnas
from isoclr.tasks.labels import Labels, read_labels
from isoclr.tasks.leakage import LeakageReport
from isoclr.tasks.metrics import CLASSES, QUANTITY, TITLES
from isoclr.tasks.rnas import rnas_of_embeddings
from isoclr.tasks.splits import Split, SplitConfig
from isoclr.tasks.task import Task, is_task, read_label_task


@dataclass(frozen=True)
class ProbeReport(Report):
    """The result of :func:`isoclr.probe`."""

    label: str  # Name of the label
    split: str  # How the samples were split, in words
    interval: str  # What the intervals are, in words
    counts: dict[str, int]  # Numbers of samples and groups, and of what was left out, by reason
    methods: Sequence[MethodReport]  # One per feature set, the embedding first
    ids: Sequence[str]  # (n,) transcript id of each sample
    provenance: dict[str, Any]  # Versions, checksums of the inputs, and options
    leaks: LeakageReport  # What the test parts share with the training parts

    @property
    def metric(self) -> str:
        """The main metric."""
        return next(iter(self.methods[0].summary))

    def messages(self) -> Iterator[str]:
        """What was left out, by reason."""
        return count_lines(self.counts)

    def tables(self) -> Iterator[Table]:
        """The methods with their metrics, and the leak audit."""
        title = f"{self.label}: {self.counts['samples']:,} RNAs, {self.split}; {self.interval}"
        columns = ["features", "probe", *(TITLES[name] for name in self.methods[0].summary)]
        compare = len(self.methods) > 1
        rows = [
            [
                method.name,
                method.probe,
                str(method.summary[self.metric]),
                *(f"{method.summary[name].mean:.3f}" for name in list(method.summary)[1:]),
                *([str(method.difference or "")] if compare else []),
            ]
            for method in self.methods
        ]
        yield Table(title, [*columns, "embedding minus this"] if compare else columns, rows)
        yield from self.leaks.tables()

    def rows(self) -> list[Row]:
        """One row per method, metric and split, and one for the mean (split ``all``)."""
        rows: list[Row] = []
        for method in self.methods:
            for name, mean in method.summary.items():
                key: Row = {"study": "probe", "task": self.label, "method": method.name}
                key |= {"model": method.probe, "metric": name}
                rows += [
                    {**key, "split": one.split, "value": one.metrics[name], "n": len(one.test)}
                    for one in method.results
                ]
                rows.append({**key, "split": "all", **mean.row(), "n": self.counts["samples"]})
        return rows

    def held_out(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Labels and predictions of the embedding on held-out samples, each once.

        All folds of a cross-validation, or the first of repeated random splits; of many classes, the first.
        """
        results = self.methods[0].results
        used = results if results[0].split.startswith("fold") else results[:1]
        true = np.concatenate([result.true.reshape(len(result.test), -1)[:, 0] for result in used])
        return true, np.concatenate([result.predicted.reshape(len(result.test), -1)[:, 0] for result in used])

    def to_dict(self) -> dict[str, Any]:
        """Everything but the predictions, as JSON holds it."""
        return {
            "label": self.label,
            "metric": self.metric,
            "split": self.split,
            "interval": self.interval,
            "counts": self.counts,
            "leaks": self.leaks.to_dict(),
            "methods": [_method(method) for method in self.methods],
            **self.provenance,
        }


def _method(method: MethodReport) -> dict[str, Any]:
    difference = method.difference
    return {
        "name": method.name,
        "probe": method.probe,
        "dim": method.dim,
        "summary": {name: vars(value) for name, value in method.summary.items()},
        "embedding_minus_this": None if difference is None else vars(difference),
        "splits": [result.to_dict() for result in method.results],
    }


def probe(
    embeddings: Path,
    labels: Path,
    *,
    splits: SplitConfig = SplitConfig(),
    corpus: Path | None = None,
    probe: Probe = "ridge",
    baselines: bool = False,
    trees: bool = False,
    data: Path | None = None,
    label: str | None = None,
    id_column: str | None = None,
    gene_ids: Path | None = None,
    unmatched: Path | None = None,
    species: str | None = None,
    rnas: RnaChoice | None = None,
    json: Path | None = None,
    plot: Path | None = None,
) -> ProbeReport:
    """Embeddings + labels → accuracy of a linear probe, compared with simple baselines.

    Where a gene has a label and several RNAs, one represents it: canonical first, then RefSeq, then the longest CDS,
    then the longest RNA. Isoforms of one gene are never on both sides of a random or homology-aware split. A leak audit
    counts test RNAs that share their gene with the training part, and with --corpus their gene set or sequence.

    Args:
        embeddings: Embeddings from ``isoclr embed``: Parquet, h5ad or npz, or a folder of Parquet shards. In Python
            also those it returned.
        labels: Table (TSV, CSV, Parquet; plain or gz) with an id column, such as gene_id, transcript_id or symbol, and
            a label: numbers, or text of a few classes. Or a task: a TOML file, or a name that ``isoclr tasks`` lists.
            In Python also a polars or pandas data frame.
        splits: Training and test parts.
        corpus: Corpus with the gene sets for a homology-aware split and the sequences for baselines and the leak audit.
        probe: linear: least squares, as in the paper; ridge: with a penalty chosen in training; logistic: for a label
            of two classes, and always for text.
        baselines: Compare with a random-init encoder of the same architecture, k-mer and codon frequencies, length, and
            structural features of the RNA, on the same genes and splits; needs --corpus.
        trees: With --baselines, also fit gradient-boosted trees to the features, and to k-mers and features.
        data: Folder of a task's files (default: ISOCLR_DATA, or ``data``, for a built-in task, else the folder of the
            task file).
        label: The label's column, if the table has several.
        id_column: The id column, if it does not have one of the usual names.
        gene_ids: Table of gene id, Entrez id and symbol, for labels by symbol or Entrez number.
        unmatched: Write the labels without a matching RNA to this table (Parquet, TSV or CSV).
        species: Use only the RNAs of this species (default: the task's, or all).
        rnas: Use all RNAs (default, unless the task says otherwise), only coding ones, or only those with an annotated
            coding sequence.
        json: Write everything, split by split, to this file.
        plot: Draw the comparison and the predictions to this PNG, PDF or SVG file.

    Returns:
        Each metric on each split, with 95 % intervals. Labels and predictions are in standard deviations of the
        training labels, so that predicting the mean gives an MSE of 1.

    Raises:
        InputError: a file that cannot be used, nothing in common, or labels or groups that cannot be split.

    How well an untrained encoder predicts how much of an RNA is G or C:

    >>> import isoclr, random, tempfile
    >>> folder, rng = Path(tempfile.mkdtemp()), random.Random(0)
    >>> rnas = ["".join(rng.choices("ACGU", [1, i % 7, 1, 1], k=99)) for i in range(100)]
    >>> _ = (folder / "rnas.fa").write_text("".join(f">t{i}\\n{rna}\\n" for i, rna in enumerate(rnas)))
    >>> rows = [f"t{i}\\t{rna.count('G') + rna.count('C')}\\n" for i, rna in enumerate(rnas)]
    >>> _ = (folder / "labels.tsv").write_text("transcript_id\\tgc\\n" + "".join(rows))
    >>> model = isoclr.create("isoclr-s", seed=0).save(folder / "model")
    >>> file = isoclr.embed((folder / "rnas.fa",), model=str(model), out=folder / "e.parquet")
    >>> report = isoclr.probe(file, folder / "labels.tsv")
    >>> report.methods[0].summary["pearson"].mean > 0.9
    True
    """
    check_outputs(figure=plot, tables=[unmatched], files=[json])
    task = read_label_task(labels, data) if is_task(labels) else None
    if task is not None and label is not None:
        task = replace(task, label=label)
    config = splits.resolve(task.split if task else None)
    if trees and not baselines:
        raise InputError("--trees needs --baselines, to whose features the trees are fitted")
    if baselines and corpus is None and (task is None or task.construct is None):
        raise InputError("--baselines needs --corpus, which has the sequences")
    if config.split == "homology" and corpus is None:
        raise InputError("--split homology needs --corpus, which has the gene sets")
    table = task.labels() if task else read_labels(labels, label, id_column=id_column, gene_ids=gene_ids)
    probe = _suitable_probe(table, probe)
    species = species or (task.species if task else None)
    rnas = rnas or (task.rnas if task else "all")
    specs = [LabelSpec(one, one.name, species, rnas, task) for one in table.one_vs_rest()]
    vectors = read_embeddings(embeddings)
    source = rnas_of_embeddings(vectors, None if corpus is None else open_corpus(corpus), task)
    dataset = label_rnas(specs, [source] * len(specs), config, need_sequences=baselines)
    if unmatched is not None and dataset.unmatched is not None:
        write_table(dataset.unmatched, Path(unmatched))
    parts = dataset.split(config)
    methods = [FeatureSet("embedding", vectors.matrix[dataset.rows], probe)]
    if baselines:
        methods += baselines_for(dataset, vectors, probe, config.seed, trees=trees)
    options = {**config.flat(), "probe": probe, "species": species, "rnas": rnas, "label": label}
    files = {"embeddings": embeddings, "labels": table.path, "corpus": corpus}
    files |= {f"chromosomes {i + 1}": Path(path) for i, path in enumerate(config.chromosomes)}
    report = ProbeReport(
        label=table.name,
        split=config.describe(),
        interval=_describe_interval(parts),
        counts=dataset.counts,
        methods=_evaluate(methods, dataset, table, parts),
        ids=dataset.table["transcript_id"].to_list(),
        provenance={
            "encoder": dict(vectors.meta),
            "task": None if task is None else _describe_task(task),
            **provenance(files, {**options, "trees": trees}),
        },
        leaks=dataset.leakage(parts),
    )
    if json is not None:
        report.save(Path(json))
    if plot is not None:
        draw(report, Path(plot))
    return report


def draw(report: ProbeReport, path: Path) -> None:
    """Draw the main metric of each method, and predicted against measured labels of the embedding."""
    true, predicted = report.held_out()
    probe_figure(
        path,
        bars=[(method.name, method.summary[report.metric]) for method in report.methods],
        metric=TITLES[report.metric],
        label=report.label,
        true=true,
        predicted=predicted,
        note=f"{report.split}; {report.interval}",
    )


def _suitable_probe(table: Labels, probe: Probe) -> Probe:
    """The probe for a label: logistic for text."""
    values = table.table["value"].n_unique()
    if values == 1:
        raise InputError(f"{table.path}: {table.name} has one value in all rows, expected values that differ")
    if table.classes:
        info(f"{table.name}: classes {', '.join(table.classes)}; using a logistic probe")
        return "logistic"
    if probe == "logistic" and not table.binary:
        raise InputError(f"{table.path}: {table.name} has {values} different values, --probe logistic expects two")
    return probe


def _evaluate(
    methods: Sequence[FeatureSet], dataset: LabelledRnas, table: Labels, splits: Sequence[Split]
) -> list[MethodReport]:
    many = len(dataset.labels) > 1
    if many:
        methods = [method for method in methods if method.probe != "trees"]
    with progress_bar("linear probes", len(methods) * len(splits)) as advance:
        return evaluate(
            methods,
            dataset.targets == 1 if many else dataset.values,
            dataset.groups,
            splits,
            MULTILABEL if many else CLASSES if table.binary else QUANTITY,
            advance=advance,
        )


def _describe_interval(splits: Sequence[Split]) -> str:
    if len(splits) == 1:
        return "95 % bootstrap intervals"
    return f"95 % intervals over {len(splits)} {'splits' if len(splits[0].valid) else 'folds'}"


def _describe_task(task: Task) -> dict[str, str]:
    return {
        "name": task.name,
        "title": task.title,
        "units": task.units,
        "citation": task.citation,
        "sha256": sha256(task.source),
    }
