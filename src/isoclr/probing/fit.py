"""The verb: embeddings and labels in, a head that predicts the labels of other RNAs out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr._console import info, progress, table
from isoclr._io import sha256
from isoclr._report import count_lines
from isoclr.corpus.corpus import Corpus, open_corpus
from isoclr.embedding.embeddings import Embeddings, RnaChoice
from isoclr.embedding.io import read_embeddings
from isoclr.errors import InputError
from isoclr.probing.conformal import (
    CrossFitter,
    CrossValidation,
    CVPlusRegressor,
    cross_validate_classes,
    cross_validate_regression,
    largest_coverage,
)
from isoclr.probing.head import Head, Target, check_target, save_head
from isoclr.probing.linear import Array, LinearModel, fit_classes
from isoclr.probing.ood import fit_ood_detector
from isoclr.tasks.dataset import build_dataset
from isoclr.tasks.labels import Labels, read_labels
from isoclr.tasks.splits import WHOLE, Split, SplitKind, check_chromosomes, group_folds, named_folds

FEWEST_FOLDS = 3
"""One to judge on, one to calibrate on, one to fit on."""


@dataclass(frozen=True)
class Training:
    """The labelled RNAs of one target.

    Attributes:
        labels: what was measured.
        features: ``(n, d)`` their embeddings.
        values: ``(n,)`` their labels.
        groups: ``(n,)`` gene, gene set or chromosome: what stays together.
        folds: ``(n,)`` fold numbers from 0.
        split: the folds in words.
        lengths: ``(n,)`` nt.
        species: of these RNAs, sorted.
        counts: numbers of samples and groups, and of what was left out, by reason.
    """

    labels: Labels
    features: NDArray[np.float32]
    values: Array
    groups: NDArray[np.str_]
    folds: NDArray[np.int64]
    split: str
    lengths: NDArray[np.int64]
    species: tuple[str, ...]
    counts: dict[str, int]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def classes(self) -> bool:
        """Whether the label is a class, 0 or 1."""
        return set(np.unique(self.values)) == {0.0, 1.0}


def gather(
    labels: Labels,
    embeddings: Embeddings,
    corpus: Corpus | None,
    *,
    split: SplitKind | None,
    folds: int | None,
    seed: int,
    chromosomes: Sequence[Path] = (),
) -> Training:
    """Join labels and embeddings and deal them to folds.

    Args:
        labels: what was measured.
        embeddings: the RNAs.
        corpus: knows the gene sets.
        split: by gene set, by the labels' own folds, at random by gene, or by chromosome; None takes the first of
            these that can be made. Folds of the labels that divide the RNAs of a gene are not taken.
        folds: how many, for a split by gene set, chromosome or at random.
        seed: of the dealing.
        chromosomes: files that say where the genes lie, for a split by chromosome of labels that do not.

    Raises:
        InputError: nothing in common, or labels that cannot be dealt so, as when the RNAs of a gene are in several of
            the folds that were asked for.
    """
    chosen = split or default_split(labels, corpus)
    _check_split(chosen, labels, corpus, folds)
    check_chromosomes(chosen, chromosomes)
    study = build_dataset(
        labels, embeddings, corpus, split=chosen, sequences=False, chromosomes=chromosomes
    )
    divided = _divided(study.samples.table) if chosen == "fold" else {}
    if divided and split is not None:
        gene, names = next(iter(divided.items()))
        gene = gene.partition("|")[2]  # after the species
        raise InputError(
            f"{labels.path}: RNAs of gene {gene} are in folds {', '.join(names)}; --split fold needs every gene in "
            "one fold, or use --split random"
        )
    if chosen == "fold" and not divided:
        splits, how = named_folds(study.samples.table["fold"].to_list()), "the label file's own"
    else:
        splits = group_folds(study.groups, folds or 10, seed)
        whole = WHOLE.get(chosen, "genes")  # given folds that divide genes are left
        how = f"at random by whole {whole}" if whole == "genes" else f"by whole {whole}"
    if divided:
        how += f" (the label file's own folds divide {len(divided):,} of them)"
    rows = study.samples.rows
    training = Training(
        labels=labels,
        features=embeddings.matrix[rows],
        values=study.samples.values,
        groups=study.groups,
        folds=_numbers(splits, len(rows)),
        split=f"{len(splits)} folds, {how}",
        lengths=embeddings.table["length"].to_numpy()[rows],
        species=tuple(study.samples.table["species"].unique().sort()),
        counts=study.counts,
    )
    _check_folds(training, splits)
    return training


def default_split(labels: Labels, corpus: Corpus | None) -> SplitKind:
    """The strictest split that the inputs allow: by gene set, else by given folds, else at random by gene.

    Given folds that divide the RNAs of a gene are found out, and left, only when labels and RNAs are joined.
    """
    if corpus is not None:
        return "homology"
    return "fold" if labels.table["fold"].null_count() == 0 else "random"


def check_calibration(training: Training, coverage: float) -> None:
    """Intervals need enough RNAs, even when the largest fold is held out.

    Raises:
        InputError: there are too few.
    """
    n = len(training) - int(np.bincount(training.folds).max())
    if not 0 < coverage <= largest_coverage(n):
        raise InputError(
            f"{training.labels.path}: {len(training):,} RNAs with a {training.labels.name} are too few to calibrate "
            f"intervals of coverage {coverage:g} (a fold held out, {n:,}); expected a coverage of at most "
            f"{largest_coverage(n):.3g}, or more labels"
        )


def _check_split(
    split: SplitKind, labels: Labels, corpus: Corpus | None, folds: int | None
) -> None:
    if split == "homology" and corpus is None:
        raise InputError("--split homology needs --corpus, which knows the gene sets")
    if split == "fold":
        if folds is not None:
            raise InputError(
                "--folds is for random, homology and chromosome splits; --split fold takes the table's own"
            )
        lacking = labels.table.filter(pl.col("fold").is_null())
        if lacking.height:
            where = (
                f"line {lacking['line'][0]} has no fold" if labels.has_folds else "no column 'fold'"
            )
            raise InputError(f"{labels.path}: {where}, which --split fold needs")
    elif folds is not None and folds < FEWEST_FOLDS:
        raise InputError(f"--folds {folds}: expected {FEWEST_FOLDS} or more")


def _divided(samples: pl.DataFrame) -> dict[str, list[str]]:
    """Genes whose RNAs are in several of the labels' folds, with those folds: a gene would be tested on itself."""
    folds = samples.group_by("gene", maintain_order=True).agg(pl.col("fold").unique().sort())
    several = folds.filter(pl.col("fold").list.len() > 1)
    return dict(several.select("gene", "fold").iter_rows())


def _numbers(splits: Sequence[Split], n: int) -> NDArray[np.int64]:
    numbers = np.empty(n, np.int64)
    for number, split in enumerate(splits):
        numbers[split.test] = number
    return numbers


def _check_folds(training: Training, splits: Sequence[Split]) -> None:
    """Nothing can be judged on a fold of one value, nor learnt from it."""
    path: Path = training.labels.path
    if len(splits) < FEWEST_FOLDS:
        raise InputError(
            f"{path}: the labels are in {len(splits)} folds, expected {FEWEST_FOLDS} or more"
        )
    for split in splits:
        if np.ptp(training.values[split.test]) == 0:
            raise InputError(
                f"{path}: {split.name} ({len(split.test)} of {len(training)} RNAs) has one value of "
                f"{training.labels.name} only; expected two or more: give more labels or take fewer folds"
            )


JUDGED = (0.8, 0.9, 0.95)
"""Coverages whose intervals are judged on held-out folds, beside the one asked for."""


@dataclass(frozen=True)
class FitReport:
    """The result of :func:`isoclr.fit`.

    Attributes:
        out: the head's directory.
        head: the head.
        counts: label → numbers of samples and of what was left out, by reason.
        quality: label → how well held-out folds were predicted.
    """

    out: Path
    head: Head
    counts: dict[str, dict[str, int]]
    quality: dict[str, CrossValidation]

    @property
    def folds(self) -> str:
        """How the RNAs were dealt, in words."""
        return "; ".join(dict.fromkeys(target.facts["split"] for target in self.head.targets))

    def columns(self) -> list[str]:
        """Heads of the table of targets."""
        return ["label", "n", "metric", "held out", "the mean alone"]

    def rows(self) -> Iterable[list[object]]:
        """One row a label and metric."""
        for name, found in self.quality.items():
            for metric, value in found.metrics.items():
                alone = found.baseline.get(metric)
                told = "" if alone is None else f"{alone:.3f}"
                yield [self._title(name), self.counts[name]["samples"], metric, value, told]

    def coverage_columns(self) -> list[str]:
        """Heads of the table of intervals."""
        return ["label", "coverage", "achieved", "mean width", "width without features"]

    def coverage_rows(self) -> Iterable[list[object]]:
        """One row a label and nominal coverage."""
        for name, found in self.quality.items():
            for one in found.coverages:
                widths = (f"{width:.4g}" for width in (one.width, one.without_features))
                yield [self._title(name), f"{one.nominal:g}", one.achieved, *widths]

    def _title(self, name: str) -> str:
        return next(target.title for target in self.head.targets if target.name == name)

    def print(self) -> None:
        """Print what held-out folds show."""
        for label, counts in self.counts.items():
            for line in count_lines(counts, of=f"{label}: "):
                info(line)
        info(f"{self.out}: {self.head}")
        table(f"held-out folds: {self.folds}", self.columns(), self.rows())
        if any(self.coverage_rows()):
            table("prediction intervals", self.coverage_columns(), self.coverage_rows())


def fit(
    embeddings: Path,
    labels: Path,
    *,
    out: Path,
    target: tuple[str, ...] = (),
    name: str | None = None,
    units: str = "",
    species: str | None = None,
    rnas: RnaChoice = "all",
    split: SplitKind | None = None,
    corpus: Path | None = None,
    chromosomes: tuple[Path, ...] = (),
    folds: int | None = None,
    coverage: float = 0.9,
    seed: int = 0,
    overwrite: bool = False,
) -> FitReport:
    """Embeddings + labels → a head that predicts the label of any RNA, with a calibrated interval.

    A quantity is predicted by ridge regression; its interval comes from the errors of RNAs that were left out of
    fitting (CV+), and is wider for RNAs whose label is harder to predict. A label of 0 and 1 is predicted by logistic
    regression: a probability, without interval. How well it does is measured on folds that took part in neither fitting
    nor calibration, and written into the head.

    Args:
        embeddings: what ``isoclr embed`` wrote: Parquet, h5ad or npz, or a folder of Parquet shards.
        labels: table (TSV, CSV, Parquet; plain or gz) with a column gene_id or transcript_id and numeric columns.
        out: the head, a directory.
        target: the labels' columns, one predictor each; may be left out when the table has one.
        name: of the task; by default the first label's column.
        units: what the labels are measured in, such as hours; it is written into the head.
        species: use only the RNAs of this species.
        rnas: use all RNAs, only those with a coding sequence, or only those whose coding sequence is annotated.
        split: what a fold keeps together. homology: gene sets, which needs --corpus; fold: the table's column fold;
            random: genes; chromosome: chromosomes, of the table's column chromosome or of --chromosomes. By default
            homology with --corpus, else fold if the table has it and no gene has RNAs in several of its folds, else
            random.
        corpus: corpus with the gene sets.
        chromosomes: annotations (GTF, GFF3, genePred, BED12) or tables with gene_id and chromosome, for a split by
            chromosome.
        folds: how many, 3 or more, for homology, random and chromosome; by default 10.
        coverage: of the intervals: the share 1 − α of RNAs whose label usually lies within (theory guarantees about
            1 − 2α of RNAs like the training ones); predict may ask for another.
        seed: of dealing genes to folds.
        overwrite: replace a head that exists; nothing else is ever replaced.

    Returns:
        The head, how many RNAs it learnt from, and how well it predicts held-out ones.

    Raises:
        InputError: a file that cannot be used, nothing in common, too few labels, or labels of one value.

    >>> import isoclr, random, tempfile
    >>> folder, rng = Path(tempfile.mkdtemp()), random.Random(0)
    >>> rnas = ["".join(rng.choices("ACGU", [1, i % 7, 1, 1], k=99)) for i in range(100)]
    >>> _ = (folder / "rnas.fa").write_text("".join(f">t{i}\\n{rna}\\n" for i, rna in enumerate(rnas)))
    >>> rows = [f"t{i}\\t{rna.count('G') + rna.count('C')}\\n" for i, rna in enumerate(rnas)]
    >>> _ = (folder / "labels.tsv").write_text("transcript_id\\tgc\\n" + "".join(rows))
    >>> model = isoclr.create("isoclr-s", seed=0).save(folder / "model")
    >>> found = isoclr.embed((folder / "rnas.fa",), model=str(model), out=folder / "e.parquet")
    >>> report = isoclr.fit(found, folder / "labels.tsv", out=folder / "head")
    >>> report.head
    Head('gc': gc; species unnamed, isoclr-s)
    >>> report.quality["gc"].metrics["pearson"].mean > 0.9
    True
    """
    out, labels = Path(out), Path(labels)
    _check_request(out, coverage, seed, overwrite)
    tables = [read_labels(labels, column) for column in _columns(target)]
    read = read_embeddings(Path(embeddings)).select(species, rnas)
    known = open_corpus(corpus) if corpus is not None else None
    trainings = [
        gather(table, read, known, split=split, folds=folds, seed=seed, chromosomes=chromosomes)
        for table in tables
    ]
    for training in trainings:
        if not training.classes:
            check_calibration(training, coverage)
    found = [_target(training, coverage, units) for training in trainings]
    facts = _facts(name or tables[0].name, trainings, [one for one, _ in found], read, labels)
    facts |= {"rnas": rnas, "coverage": coverage, "seed": seed}
    head = _head(facts, [one for one, _ in found])
    save_head(head, out, overwrite=overwrite)
    return FitReport(
        out=out,
        head=head,
        counts={training.labels.name: training.counts for training in trainings},
        quality={one.name: quality for one, quality in found},
    )


def _check_request(out: Path, coverage: float, seed: int, overwrite: bool) -> None:
    """Refuse at once what could only fail later."""
    check_target(out, overwrite)
    if not 0 < coverage < 1:
        raise InputError(f"--coverage {coverage:g}: expected a share between 0 and 1, such as 0.9")
    if seed < 0:
        raise InputError(f"--seed {seed}: expected 0 or more")


def _columns(target: tuple[str, ...] | str) -> list[str | None]:
    """The labels' columns, or None for the only one; one name is as good as a tuple of one."""
    names = [target] if isinstance(target, str) else list(target)
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        raise InputError(f"--target {twice}: given twice, expected every column once")
    return [*names] or [None]


def _target(training: Training, coverage: float, units: str) -> tuple[Target, CrossValidation]:
    """One label's predictor, and how well it does on folds that it did not see."""
    predictor, penalty, quality = (
        _classes(training) if training.classes else _quantity(training, coverage)
    )
    lengths = int(training.lengths.min()), int(training.lengths.max())
    facts = {
        "name": training.labels.name,
        "units": units,
        "kind": "class" if training.classes else "quantity",
        "n": len(training),
        "penalty": penalty,
        "split": training.split,
        "lengths": list(lengths),
        "held_out": quality.as_dict(),
        "counts": training.counts,
    }
    novelty = fit_ood_detector(training.features, training.folds)
    return Target(training.labels.name, predictor, novelty, lengths, facts), quality


def _quantity(
    training: Training, coverage: float
) -> tuple[CVPlusRegressor | LinearModel, float, CrossValidation]:
    """Ridge regression with intervals."""
    fewest = len(training) - int(np.bincount(training.folds).max())
    judged = sorted({c for c in JUDGED if c <= largest_coverage(fewest)} | {coverage})
    with progress() as bar:
        task = bar.add_task(training.labels.name, total=None)
        leaving = CrossFitter(
            training.features,
            training.values,
            training.groups,
            training.folds,
            lambda: bar.advance(task),
        )
        bar.update(task, total=leaving.fits)
        quality = cross_validate_regression(leaving, judged)
        predictor = leaving.regression()
    return predictor, predictor.penalty, quality


def _classes(training: Training) -> tuple[CVPlusRegressor | LinearModel, float, CrossValidation]:
    """Logistic regression."""
    features, values, groups = training.features, training.values, training.groups
    with progress() as bar:
        task = bar.add_task(training.labels.name, total=int(training.folds.max()) + 2)
        quality = cross_validate_classes(
            features, values, groups, training.folds, lambda: bar.advance(task)
        )
        predictor, penalty = fit_classes(features, values == 1, groups)
        bar.advance(task)
    return predictor, penalty, quality


def _facts(
    name: str,
    trainings: Sequence[Training],
    targets: Sequence[Target],
    embeddings: Embeddings,
    labels: Path,
) -> dict[str, Any]:
    """What ``head.json`` says of the whole head."""
    return {
        "name": name,
        "species": sorted({species for training in trainings for species in training.species}),
        "model": dict(embeddings.meta),
        "features": {"kind": "embedding", "dim": embeddings.dim},
        "labels": {"file": labels.name, "sha256": sha256(labels)},
        "held_out": "every fold predicted by a head fitted and calibrated on the other folds only",
        "intervals": "95 %; mean over folds: Student's t; coverage: as each says",
        "targets": [target.facts for target in targets],
    }


def _head(facts: dict[str, Any], targets: Sequence[Target]) -> Head:
    return Head(
        name=facts["name"],
        targets=tuple(targets),
        model=facts["model"],
        species=tuple(facts["species"]),
        rnas=facts["rnas"],
        coverage=facts["coverage"],
        facts=facts,
    )
