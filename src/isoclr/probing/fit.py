"""The ``fit`` command: embeddings + labels → a head that predicts the labels of other RNAs."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr._console import info, progress, progress_bar
from isoclr._io import check_directory, check_output, sha256, write_table
from isoclr._report import Report, Row, Table, count_lines
from isoclr.corpus.corpus import open_corpus
from isoclr.embedding.embeddings import Embeddings, RnaChoice
from isoclr.embedding.io import read_embeddings
from isoclr.errors import InputError, counted
from isoclr.probing.conformal import (
    CrossFitter,
    CrossValidation,
    cross_validate_classes,
    cross_validate_regression,
    largest_coverage,
)
from isoclr.probing.head import FILES, Head, Predictor, Target, save_head
from isoclr.probing.linear import Array, fit_classes
from isoclr.probing.ood import fit_ood_detector
from isoclr.tasks.dataset import LabelledRnas, LabelSpec, label_rnas
from isoclr.tasks.labels import Labels, read_labels
from isoclr.tasks.rnas import RnaSource, rnas_of_embeddings
from isoclr.tasks.splits import UNITS, SplitConfig, SplitKind
from isoclr.tasks.task import is_task, read_label_task

MIN_FOLDS = 3  # One to test, one to calibrate, one to fit
DEFAULT_FOLDS = 10
COVERAGES = (0.8, 0.9, 0.95)
"""Coverages whose intervals are tested on held-out folds, in addition to the requested one."""


@dataclass(frozen=True)
class TrainingSet:
    """The labelled RNAs of one target, assigned to folds."""

    labels: Labels
    rnas: LabelledRnas
    features: NDArray[np.float32]  # (n, d) embeddings
    lengths: NDArray[np.int64]  # (n,) nt
    folds: NDArray[np.int64]  # (n,) fold numbers from 0
    split: str  # The folds in words

    @property
    def values(self) -> Array:
        """``(n,)`` labels."""
        return self.rnas.values

    @property
    def is_class(self) -> bool:
        """Whether the label is a class; the larger of its two values is the positive one."""
        return self.labels.binary

    @property
    def smallest_fit(self) -> int:
        """Number of RNAs when the largest fold is held out."""
        return len(self.rnas) - int(np.bincount(self.folds).max())


def training_set(
    labels: Labels, embeddings: Embeddings, source: RnaSource, spec: LabelSpec, config: SplitConfig
) -> TrainingSet:
    """Join labels and embeddings and assign them to folds.

    Without a split of its own, the config takes the strictest that the inputs allow: by gene set with a corpus, else
    the label table's folds if no gene has RNAs in several of them, else at random by gene.

    Args:
        source: The same RNAs with what a corpus knows of them.
    """
    default: SplitKind = "homology" if source.corpus is not None else "random"
    if source.corpus is None and labels.table["fold"].null_count() == 0 and config.folds is None:
        default = "fold"
    chosen = config.resolve(default)
    rnas = label_rnas([spec], [source], chosen)
    torn = rnas.torn_genes
    if torn and config.split == "fold":
        gene, folds = next(iter(torn.items()))
        raise InputError(
            f"{labels.path}: RNAs of gene {gene.partition('|')[2]} are in folds {', '.join(folds)}; --split fold "
            "needs every gene in one fold, or use --split random"
        )
    if torn:
        chosen = replace(chosen, split="random")
    folds_of = _folds(rnas, chosen, labels)
    lengths = embeddings.table["length"].to_numpy()[rnas.rows]
    how = f"by whole {UNITS[chosen.kind]}" if chosen.kind in UNITS else "the label file's own"
    if chosen.kind == "random":
        how = f"at random {how}"
    if torn:
        how += f" (the label file's own folds divide {len(torn):,} of them)"
    split = f"{int(folds_of.max()) + 1} folds, {how}"
    return TrainingSet(labels, rnas, embeddings.matrix[rnas.rows], lengths, folds_of, split)


def _folds(rnas: LabelledRnas, config: SplitConfig, labels: Labels) -> NDArray[np.int64]:
    if config.kind != "fold":
        groups = len(np.unique(rnas.groups))
        if groups < MIN_FOLDS:
            unit = UNITS[config.kind]
            raise InputError(
                f"{labels.path}: the labelled RNAs are of {counted(groups, unit.removesuffix('s'))}, expected "
                f"{MIN_FOLDS} or more, because whole {unit} are held out"
            )
        most = min(groups, max(MIN_FOLDS, len(rnas) // 2))  # A fold needs two labels
        config = replace(config, folds=config.folds or min(DEFAULT_FOLDS, most))
    splits = rnas.split(config)
    if len(splits) < MIN_FOLDS:
        raise InputError(f"{labels.path}: the labels are in {len(splits)} folds, expected {MIN_FOLDS} or more")
    numbers = np.empty(len(rnas), np.int64)
    for number, split in enumerate(splits):
        numbers[split.test] = number
    return numbers


@dataclass(frozen=True)
class FitReport(Report):
    """The result of :func:`isoclr.fit`."""

    out: Path | None  # The head's directory
    head: Head
    counts: dict[str, dict[str, int]]  # Label → numbers of samples, and of what was left out, by reason
    quality: dict[str, CrossValidation]  # Label → accuracy on held-out folds

    def messages(self) -> Iterator[str]:
        """What was left out, and what was made."""
        for label, counts in self.counts.items():
            yield from count_lines(counts, of=f"{label}: ")
        yield f"{self.out or 'not saved'}: {self.head}"

    def rows(self) -> list[Row]:
        """One row per label and metric, and one per label and nominal coverage."""
        rows: list[Row] = []
        for label, quality in self.quality.items():
            for metric, value in quality.metrics.items():
                rows.append({"label": label, "metric": metric, **value.row()})
            for one in quality.coverages:
                metric = f"coverage {one.nominal:g}"
                rows.append({"label": label, "metric": metric, **one.achieved.row()})
        return rows

    def tables(self) -> Iterator[Table]:
        """Accuracy on held-out folds, and that of the intervals."""
        titles = {target.name: target.title for target in self.head.targets}
        folds = "; ".join(dict.fromkeys(target.metadata["split"] for target in self.head.targets))
        metrics: list[list[object]] = []
        coverages: list[list[object]] = []
        for label, quality in self.quality.items():
            for metric, value in quality.metrics.items():
                mean = quality.baseline.get(metric)
                baseline = "" if mean is None else f"{mean:.3f}"
                samples = self.counts[label]["samples"]
                metrics.append([titles[label], samples, metric, value, baseline])
            for one in quality.coverages:
                widths = (f"{width:.4g}" for width in (one.width, one.without_features))
                coverages.append([titles[label], f"{one.nominal:g}", one.achieved, *widths])
        yield Table(f"held-out folds: {folds}", ["label", "n", "metric", "held out", "the mean alone"], metrics)
        if coverages:
            columns = ["label", "coverage", "achieved", "mean width", "width without features"]
            yield Table("prediction intervals", columns, coverages)


def fit(
    embeddings: Path,
    labels: Path,
    *,
    out: Path | None = None,
    label: tuple[str, ...] = (),
    id_column: str | None = None,
    gene_ids: Path | None = None,
    unmatched: Path | None = None,
    name: str | None = None,
    units: str = "",
    species: str | None = None,
    rnas: RnaChoice | None = None,
    split: SplitKind | None = None,
    folds: int | None = None,
    seed: int = 0,
    corpus: Path | None = None,
    chromosomes: tuple[Path, ...] = (),
    coverage: float = 0.9,
    data: Path | None = None,
    overwrite: bool = False,
) -> FitReport:
    """Embeddings + labels → a head that predicts the label of any RNA, with a calibrated interval.

    Ridge regression predicts a quantity. Its interval comes from the errors of RNAs that were left out of
    fitting (CV+), and is wider for RNAs whose label is harder to predict. A label of two values, text or numbers, is a
    class: logistic regression predicts the probability of the larger one, without interval. A text label of more
    classes gives one such target for each. Accuracy is measured on folds that took part in neither fitting nor
    calibration, and stored in the head.

    Args:
        embeddings: Embeddings from ``isoclr embed``: Parquet, h5ad or npz, or a folder of Parquet shards. In Python
            also those it returned.
        labels: Table (TSV, CSV, Parquet; plain or gz) with an id column, such as gene_id, transcript_id or symbol, and
            labels: numbers, or text of a few classes. Or a task: a TOML file, or a name that ``isoclr tasks`` lists. In
            Python also a polars or pandas data frame.
        out: Directory of the head. Optional in Python.
        label: The labels' columns, one target each; optional if the table has only one.
        id_column: The id column, if it does not have one of the usual names.
        gene_ids: Table of gene id, Entrez id and symbol, for labels by symbol or Entrez number.
        unmatched: Write the labels without a matching RNA to this table (Parquet, TSV or CSV).
        name: Name of the task (default: the first label's column).
        units: Units of the labels, such as hours, stored in the head.
        species: Use only the RNAs of this species (default: the task's, or all).
        rnas: Use all RNAs (default, unless the task says otherwise), only coding ones, or only those with an annotated
            coding sequence.
        split: What a fold keeps together. homology: gene sets, which needs --corpus; fold: the table's column fold;
            random: genes; chromosome: chromosomes, of the table's column chromosome or of --chromosomes. Default:
            homology with --corpus, else fold if the table has it and it keeps genes together, else random.
        folds: Number of folds, 3 or more, for homology, random and chromosome (default: 10, fewer if there are
            fewer than 20 RNAs).
        seed: Random seed of assigning genes to folds.
        corpus: Corpus with the gene sets.
        chromosomes: Annotations (GTF, GFF3, genePred, BED12) or tables with gene_id and chromosome, for --split
            chromosome.
        coverage: Coverage of the intervals: the fraction 1 − α of RNAs whose label usually lies inside (guaranteed
            is about 1 − 2α for RNAs like the training ones); predict can ask for another.
        data: Folder of a task's files (default: ISOCLR_DATA, or ``data``, for a built-in task, else the folder of the
            task file).
        overwrite: Replace an existing head; nothing else is ever replaced.

    Returns:
        The head, the numbers of RNAs, and the accuracy on held-out folds.

    Raises:
        InputError: a file that cannot be used, nothing in common, too few labels, or labels of one value.

    >>> import isoclr, random, tempfile
    >>> folder, rng = Path(tempfile.mkdtemp()), random.Random(0)
    >>> rnas = ["".join(rng.choices("ACGU", [1, i % 7, 1, 1], k=99)) for i in range(100)]
    >>> _ = (folder / "rnas.fa").write_text("".join(f">t{i}\\n{rna}\\n" for i, rna in enumerate(rnas)))
    >>> rows = [f"t{i}\\t{rna.count('G') + rna.count('C')}\\n" for i, rna in enumerate(rnas)]
    >>> _ = (folder / "labels.tsv").write_text("transcript_id\\tgc\\n" + "".join(rows))
    >>> model = isoclr.create("isoclr-s", seed=0).save(folder / "model")
    >>> file = isoclr.embed((folder / "rnas.fa",), model=str(model), out=folder / "e.parquet")
    >>> report = isoclr.fit(file, folder / "labels.tsv", out=folder / "head")
    >>> report.head
    Head('gc': gc; species unnamed, isoclr-s)
    >>> report.quality["gc"].metrics["pearson"].mean > 0.9
    True
    """
    out = None if out is None else Path(out)
    if out is not None:
        check_directory(out, overwrite=overwrite, contents=FILES)
    if unmatched is not None:
        check_output(Path(unmatched), overwrite=True)
    if not 0 < coverage < 1:
        raise InputError(f"--coverage {coverage:g}: expected between 0 and 1, such as 0.9")
    if folds is not None and folds < MIN_FOLDS:
        raise InputError(f"--folds {folds}: expected {MIN_FOLDS} or more")
    config = SplitConfig(split=split, folds=folds, seed=seed, chromosomes=chromosomes)
    if split == "homology" and corpus is None:
        raise InputError("--split homology needs --corpus, which has the gene sets")
    task = read_label_task(labels, data) if is_task(labels) else None
    tables = [
        read_labels(labels, column, id_column=id_column, gene_ids=gene_ids)
        if task is None
        else (task if column is None else replace(task, label=column)).labels()
        for column in _columns(label)
    ]
    if task is not None:
        name, units = name or task.name, units or task.units
        species, rnas = species or task.species, rnas or task.rnas
    rnas = rnas or "all"
    vectors = read_embeddings(embeddings)
    source = rnas_of_embeddings(vectors, open_corpus(corpus) if corpus is not None else None, task)
    sets = [
        training_set(one, vectors, source, LabelSpec(one, one.name, species, rnas, task), config)
        for table in tables
        for one in table.one_vs_rest()
    ]
    if unmatched is not None:
        rows = [one.rnas.unmatched for one in sets if one.rnas.unmatched is not None]
        write_table(pl.concat(rows), Path(unmatched))
    for training in sets:
        _check_calibration(training, coverage)
    fitted = [_fit_target(training, coverage, units) for training in sets]
    targets, table = [target for target, _ in fitted], tables[0].path
    annotated = vectors.table["cds_source"] == "annotated"
    metadata = {
        "name": name or tables[0].name,
        "species": sorted({one for part in sets for one in part.rnas.table["species"].unique()}),
        "model": dict(vectors.meta),
        "features": {"kind": "embedding", "dim": vectors.dim},
        "held_out": "every fold predicted by a head fitted and calibrated on the other folds only",
        "intervals": "95 %; mean over folds: Student's t; coverage: as each says",
        "targets": [target.metadata for target in targets],
        **({"labels": {"file": table.name, "sha256": sha256(table)}} if table.is_file() else {}),
        "rnas": rnas,
        "annotated": float(np.mean([annotated.gather(part.rnas.rows).mean() for part in sets])),
        "coverage": coverage,
        "seed": seed,
    }
    head = Head.from_metadata(metadata, targets)
    if out is not None:
        save_head(head, out, overwrite=overwrite)
    return FitReport(
        out=out,
        head=head,
        counts={training.labels.name: training.rnas.counts for training in sets},
        quality={target.name: quality for target, quality in fitted},
    )


def _columns(label: tuple[str, ...] | str) -> list[str | None]:
    """The labels' columns, or None for the only one."""
    names = [label] if isinstance(label, str) else list(label)
    repeated = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if repeated is not None:
        raise InputError(f"--label {repeated}: given twice, expected every column once")
    return [*names] or [None]


def _check_calibration(training: TrainingSet, coverage: float) -> None:
    """Intervals need enough RNAs, even when the largest fold is held out."""
    largest = largest_coverage(training.smallest_fit)
    if not training.is_class and coverage > largest:
        raise InputError(
            f"{training.labels.path}: {len(training.rnas):,} RNAs with a {training.labels.name} are too few to "
            f"calibrate intervals of coverage {coverage:g} (a fold held out, {training.smallest_fit:,}); expected a "
            f"coverage of at most {largest:.3g}, or more labels"
        )


def _fit_target(training: TrainingSet, coverage: float, units: str) -> tuple[Target, CrossValidation]:
    """One label's predictor, and its accuracy on held-out folds."""
    labels = training.labels
    if labels.classes:
        info(f"{labels.name}: probability of class {labels.classes[1]!r}, by logistic regression")
    predictor, penalty, quality = _fit_class(training) if training.is_class else _fit_quantity(training, coverage)
    lengths = int(training.lengths.min()), int(training.lengths.max())
    metadata = {
        "name": labels.name,
        "units": units,
        "kind": "class" if training.is_class else "quantity",
        "n": len(training.rnas),
        "penalty": penalty,
        "split": training.split,
        "lengths": list(lengths),
        "held_out": quality.to_dict(),
        "counts": training.rnas.counts,
        **(
            {"classes": labels.classes or [f"{value:g}" for value in np.unique(training.values)]}
            if training.is_class
            else {}
        ),
    }
    detector = fit_ood_detector(training.features, training.folds)
    return Target(labels.name, predictor, detector, lengths, metadata), quality


def _fit_quantity(training: TrainingSet, coverage: float) -> tuple[Predictor, float, CrossValidation]:
    largest = largest_coverage(training.smallest_fit)
    coverages = sorted({one for one in COVERAGES if one <= largest} | {coverage})
    with progress() as bar:
        task = bar.add_task(training.labels.name, total=None)
        fitter = CrossFitter(
            training.features, training.values, training.rnas.groups, training.folds, lambda: bar.advance(task)
        )
        bar.update(task, total=fitter.fits)
        quality = cross_validate_regression(fitter, coverages)
        predictor = fitter.regression()
    return predictor, predictor.penalty, quality


def _fit_class(training: TrainingSet) -> tuple[Predictor, float, CrossValidation]:
    features, groups = training.features, training.rnas.groups
    values = (training.values == training.values.max()).astype(np.float64)
    with progress_bar(training.labels.name, int(training.folds.max()) + 2) as advance:
        quality = cross_validate_classes(features, values, groups, training.folds, advance)
        predictor, penalty = fit_classes(features, values == 1, groups)
        advance()
    return predictor, penalty, quality
