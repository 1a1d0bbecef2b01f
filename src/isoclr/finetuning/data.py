"""What is learnt: RNAs with one or more measured labels, and what must not be torn apart."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.corpus.corpus import Corpus
from isoclr.embedding.embeddings import RnaChoice
from isoclr.errors import InputError
from isoclr.finetuning.config import SplitConfig
from isoclr.genomics.encoding import Codes
from isoclr.tasks.labels import Labels, Samples
from isoclr.tasks.leakage import LeakageReport, audit_leakage
from isoclr.tasks.splits import Split, SplitGroups, SplitKind, make_splits, split_groups
from isoclr.tasks.task import RnaSource, label_rnas, of_corpus, of_task
from isoclr.tasks.task import Task as TaskFile
from isoclr.training.rng import Purpose, drawn


@dataclass(frozen=True)
class LabelSpec:
    """One label to predict.

    Attributes:
        labels: the table.
        species: the species it was measured in; None: any of the corpus.
        name: what it is called in results.
        rnas: which transcripts may stand for a gene.
        file: the task file that it comes from; None for a table as it is.
    """

    labels: Labels
    species: str | None
    name: str
    rnas: RnaChoice = "all"
    file: TaskFile | None = None

    @property
    def construct(self) -> bool:
        """Whether it is of a reporter assay's RNAs, which are no corpus'."""
        return self.file is not None and self.file.construct is not None


def name_tasks(labels: Sequence[Labels], species: Sequence[str | None]) -> list[LabelSpec]:
    """Give every table a name: the label's, with the species or the file's name where that alone is not clear."""
    tasks: list[LabelSpec] = []
    for table, kind in zip(labels, species, strict=True):
        name = table.name if kind is None else f"{table.name} ({kind})"
        if any(task.name == name for task in tasks):
            name = f"{name} [{table.path.name}]"
        if any(task.name == name for task in tasks):
            raise InputError(f"{table.path}: {name} is given twice, expected every label once")
        tasks.append(LabelSpec(table, kind, name))
    return tasks


def rna_sources(
    tasks: Sequence[LabelSpec], corpus: Corpus | None
) -> tuple[list[RnaSource], list[int]]:
    """The sources of RNAs, and for every task the number of its own; labels of one assay share their RNAs.

    Raises:
        InputError: a task's RNAs are a corpus', and there is none.
    """
    keys: list[object] = []
    pools: list[RnaSource] = []
    places: list[int] = []
    for task in tasks:
        key = (task.labels.path, task.file.construct) if task.construct and task.file else None
        if key not in keys:
            keys.append(key)
            pools.append(_pool(task, corpus))
        places.append(keys.index(key))
    return pools, places


def _pool(task: LabelSpec, corpus: Corpus | None) -> RnaSource:
    if task.construct and task.file is not None:
        return of_task(task.file)
    if corpus is None:
        raise InputError(
            f"{task.labels.path}: its RNAs are a corpus', which --corpus must name; only a reporter assay's task "
            "brings its own"
        )
    return of_corpus(corpus)


def group_rnas(
    table: pl.DataFrame, pools: Sequence[RnaSource], split: SplitKind, chromosomes: Sequence[Path]
) -> SplitGroups:
    """What a split keeps together, see :func:`isoclr.tasks.splits.split_groups`.

    Beside a corpus' RNAs, a construct, which has no homologs, is a gene set of its own.

    Args:
        table: one row an RNA, with ``pool``, the number of its source.
        pools: the sources.
        split: of the RNAs.
        chromosomes: files that say where the genes lie.
    """
    whole, parts, rows = Samples(table, 0, 0, 0), [], []
    beside = any(pool.corpus is not None for pool in pools)
    counts: Counter[str] = Counter()
    for number, pool in enumerate(pools):
        mine = (table["pool"] == number).to_numpy()
        alone = pool.corpus is not None or not beside
        of_pool = split_groups if alone else _group_constructs
        parts.append(of_pool(whole.select(mine), pool.corpus, split, chromosomes))
        rows.append(np.flatnonzero(mine))
        counts.update(parts[-1].counts)
    order = np.argsort(np.concatenate(rows))
    sets = [part.gene_sets for part in parts if part.gene_sets is not None]
    return SplitGroups(
        groups=np.concatenate([part.groups for part in parts])[order],
        keep=np.concatenate([part.keep for part in parts])[order],
        gene_sets=np.concatenate(sets)[order] if len(sets) == len(parts) else None,
        counts=dict(counts),
    )


def _group_constructs(
    samples: Samples, corpus: Corpus | None, split: SplitKind, chromosomes: Sequence[Path]
) -> SplitGroups:
    """Constructs beside a corpus' RNAs: each a gene, and a gene set, of its own."""
    found = split_groups(samples, corpus, "random" if split == "homology" else split, chromosomes)
    return replace(found, gene_sets=samples.table["gene"].to_numpy().astype(np.str_))


Array = NDArray[np.float64]


@dataclass(frozen=True)
class Dataset:
    """RNAs with labels.

    Attributes:
        table: one row an RNA: ``pool`` and ``row`` (its source, and where it is there), ``transcript_id``, ``gene_id``,
            ``species``, ``gene``, ``fold`` and ``chromosome`` (String or null).
        codes: the codes of every RNA.
        targets: ``(n, tasks)`` labels as measured; NaN where a task has none for an RNA.
        groups: ``(n,)`` gene, gene set or chromosome: what a split keeps on one side.
        tasks: names of the labels.
        counts: numbers of RNAs and groups, and of what was left out, by reason.
        gene_sets: ``(n,)`` homologous gene set of every RNA; None when they are not known.
        compared: ``(n,)`` what the leak audit compares: the sequence of every RNA, or of the insert of a construct.
        compared_named: that in words.
    """

    table: pl.DataFrame
    codes: Sequence[Codes]
    targets: Array
    groups: NDArray[np.str_]
    tasks: tuple[str, ...]
    counts: dict[str, int]
    gene_sets: NDArray[np.str_] | None
    compared: Sequence[Codes]
    compared_named: str

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """``(n,)`` nt."""
        return np.array([len(codes) for codes in self.codes], np.int64)

    @property
    def samples(self) -> Samples:
        """The RNAs as :mod:`isoclr.tasks.splits` takes them."""
        return Samples(self.table, 0, 0, 0)


def gather(
    tasks: Sequence[LabelSpec],
    corpus: Corpus | None,
    *,
    split: SplitKind,
    chromosomes: Sequence[Path] = (),
) -> Dataset:
    """Join the labels with the RNAs that they are of: the corpus', or the constructs of a reporter assay.

    Of a gene whose label is measured by gene, the same transcript stands for it as in a probe.

    Args:
        tasks: the labels.
        corpus: has the sequences and knows the gene sets; None when all tasks bring their RNAs along.
        split: ``homology`` keeps gene sets together, ``chromosome`` chromosomes, the others genes.
        chromosomes: files that say where the genes lie, for a split by chromosome of labels that do not.

    Raises:
        InputError: a task and the corpus have nothing in common, the split needs what is not there, or for ``fold`` a
            gene is in two folds.
    """
    pools, places = rna_sources(tasks, corpus)
    every, counts = _labelled(tasks, [pools[place] for place in places], places)
    if split == "fold":
        _refuse_torn(every, tasks)
    table = _one_row_an_rna(every)
    found = group_rnas(table, pools, split, chromosomes)
    table, groups = table.filter(pl.Series(found.keep)), found.groups[found.keep]
    rows = [(pools[pool], row) for pool, row in table.select("pool", "row").iter_rows()]
    sizes = {"RNAs": table.height, "groups": len(np.unique(groups))}
    return Dataset(
        table=table,
        codes=[pool.codes_of(row) for pool, row in rows],
        targets=_targets(every, table, len(tasks)),
        groups=groups,
        tasks=tuple(task.name for task in tasks),
        counts={**sizes, **counts, **found.counts},
        gene_sets=None if found.gene_sets is None else found.gene_sets[found.keep],
        compared=[pool.compared_of(row) for pool, row in rows],
        compared_named=" or ".join(dict.fromkeys(pool.compared for pool in pools)),
    )


def _labelled(
    tasks: Sequence[LabelSpec], pools: Sequence[RnaSource], places: Sequence[int]
) -> tuple[pl.DataFrame, dict[str, int]]:
    """A row for every RNA and label of it, with the numbers of the task and the RNAs' source; what is left out."""
    counts: dict[str, int] = {}
    joined = []
    for number, (task, pool, place) in enumerate(zip(tasks, pools, places, strict=True)):
        samples = label_rnas(task.labels, pool.choose(task.species, task.rnas))
        prefix = f"{task.name}: " if len(tasks) > 1 else ""
        counts[f"{prefix}label rows without a value"] = task.labels.missing
        if pool.corpus is not None:
            counts |= {
                f"{prefix}labels without an RNA in the corpus": samples.unmatched,
                f"{prefix}RNAs for which another of their gene stands": samples.not_representative,
            }
        numbers = {"task": pl.lit(number, pl.Int64), "pool": pl.lit(place, pl.Int64)}
        joined.append(samples.table.with_columns(**numbers))
    return pl.concat(joined), counts


def _targets(every: pl.DataFrame, table: pl.DataFrame, tasks: int) -> Array:
    """``(n, tasks)`` the labels of every RNA of the table."""
    places = table.select("pool", "row").with_row_index("place")
    known = every.join(places, on=["pool", "row"], how="inner")
    targets = np.full((table.height, tasks), np.nan)
    targets[known["place"].to_numpy(), known["task"].to_numpy()] = known["value"].to_numpy()
    return targets


def _refuse_torn(every: pl.DataFrame, tasks: Sequence[LabelSpec]) -> None:
    """A gene whose RNAs are in several folds, of one table or of all together, would be tested on itself."""
    folds = pl.col("fold").drop_nulls().unique().sort()
    genes = every.group_by("gene").agg(folds, pl.col("gene_id").first())
    torn = genes.filter(pl.col("fold").list.len() > 1).sort("gene")
    if torn.height:
        files = " and ".join(str(task.labels.path) for task in tasks)
        raise InputError(
            f"{files}: RNAs of gene {torn['gene_id'][0]} are in folds {', '.join(torn['fold'][0])}, of "
            f"{torn.height - 1:,} more genes too; --split fold needs every gene in one fold, or use --split random"
        )


def _one_row_an_rna(every: pl.DataFrame) -> pl.DataFrame:
    """The RNAs of all tasks, each once, ordered by gene; for a split by fold, the tables agree on it."""
    table = every.group_by("pool", "row").agg(
        pl.col("transcript_id", "gene_id", "species", "gene").first(),
        pl.col("fold", "chromosome").drop_nulls().first(),
    )
    return table.sort("gene", "pool", "row")


FEWEST_FOLDS = 3
"""One to test, one to validate, one to train."""


@dataclass(frozen=True)
class Trial:
    """One training.

    Attributes:
        number: of the split, from 0.
        split: sample numbers; the validation part decides when to stop.
        seed: of the weights, the order of the RNAs, dropout, and which labels are kept of a share.
    """

    number: int
    split: Split
    seed: int

    @property
    def name(self) -> str:
        """Unique in a study, and fit for a file's name."""
        return f"{self.split.name.replace(' ', '-')}.{self.seed}"


def make_trials(dataset: Dataset, dealing: SplitConfig) -> tuple[list[Trial], str]:
    """Every training, and in words how the RNAs are dealt.

    In a cross-validation one fold tests, the next one validates and all others train.

    Raises:
        InputError: too few groups or folds, or a part without two different labels of every task.
    """
    seeds, seed = range(dealing.repeats), dealing.seed
    made, words = make_trial_splits(dataset, dealing)
    if dealing.in_folds:
        made = [_with_validation(made, i) for i in range(len(made))]
        jobs = [Trial(i, one, seed + j) for i, one in enumerate(made) for j in seeds]
    else:
        jobs = [Trial(i, one, seed + i) for i, one in enumerate(made)]
    if dealing.splits is not None and dealing.splits < len(made):
        jobs = [job for job in jobs if job.number < dealing.splits]
        words += f" (the first {dealing.splits})"
    jobs = [with_share(job, dealing.train_share) for job in jobs]
    for job in jobs:
        _check(dataset, job)
    return jobs, words


def make_trial_splits(dataset: Dataset, dealing: SplitConfig) -> tuple[list[Split], str]:
    """The splits, and what they are in words.

    Tasks that share no group, as those of two species, are each dealt as they would be alone, so that a network of
    several tasks is tested on the very RNAs of the networks of one.
    """
    whole = np.ones(len(dataset), bool)
    dealt = []
    for part in [whole] if dealing.split == "fold" else _apart(dataset):
        splits, words = make_splits(
            dealing.split,
            dataset.groups[part],
            dataset.samples.select(part),
            folds=dealing.folds,
            seeds=dealing.repeats,
            seed=dealing.seed,
        )
        dealt.append([(split, np.flatnonzero(part)) for split in splits])
    return [_united(same) for same in zip(*dealt, strict=True)], words


def _apart(dataset: Dataset) -> list[NDArray[np.bool_]]:
    """The dataset, parted so that no group is in two parts: tasks with a group in common are in one."""
    parts: list[NDArray[np.bool_]] = []
    for known in np.isfinite(dataset.targets).T:
        mine = np.isin(dataset.groups, dataset.groups[known])
        others = [part for part in parts if (part & mine).any()]
        mine = np.logical_or.reduce([mine, *others])
        parts = [part for part in parts if not (part & mine).any()] + [mine]
    return parts


def _united(parts: Sequence[tuple[Split, NDArray[np.int64]]]) -> Split:
    """Splits of parts of the dataset, each with its rows, as one of the whole."""
    train, valid, test = (
        np.sort(np.concatenate([rows[getattr(split, side)] for split, rows in parts]))
        for side in ("train", "valid", "test")
    )
    return Split(parts[0][0].name, train, valid, test)


def with_share(job: Trial, share: float) -> Trial:
    """Train on a uniform subset of the training RNAs; validation and test stay whole.

    Args:
        job: of which subsets are drawn by seed and split.
        share: of the training RNAs, above 0 and up to 1.
    """
    train = job.split.train
    count = max(round(share * len(train)), 2)
    if count >= len(train):
        return job
    rng = drawn(job.seed, Purpose.SHARE, job.number)
    chosen = np.sort(rng.choice(train, count, replace=False))
    return replace(job, split=replace(job.split, train=chosen))


def _with_validation(folds: Sequence[Split], i: int) -> Split:
    if len(folds) < FEWEST_FOLDS:
        raise InputError(
            f"folds: there are {len(folds)}, expected {FEWEST_FOLDS} or more: one to test, one to validate, "
            "the others to train"
        )
    valid = folds[(i + 1) % len(folds)].test
    train = np.setdiff1d(folds[i].train, valid)
    return Split(folds[i].name, train, valid, folds[i].test)


def _check(dataset: Dataset, job: Trial) -> None:
    """Every part needs two different labels of every task: to learn from, to stop by, to judge by."""
    parts = {"training": job.split.train, "validation": job.split.valid, "test": job.split.test}
    for part, rows in parts.items():
        for name, values in zip(dataset.tasks, dataset.targets[rows].T, strict=True):
            if _different(values) < 2:
                raise InputError(
                    f"{name}: {job.split.name}: the {part} part ({len(rows)} of {len(dataset)} RNAs) has "
                    f"{_different(values)} different values of it; expected two or more: give more labels, "
                    "or a larger --train-share"
                )


def _different(values: NDArray[np.float64]) -> int:
    return len(np.unique(values[np.isfinite(values)]))


def leaks_of(jobs: Sequence[Trial], dataset: Dataset) -> LeakageReport:
    """The leak audit of a probe, over every split once.

    Args:
        jobs: the trainings; of several on one split, which may have drawn different shares of it, the first counts.
        dataset: RNAs and labels.
    """
    splits: dict[int, Split] = {}
    for job in jobs:
        splits.setdefault(job.number, job.split)
    genes = dataset.table["gene"].to_numpy().astype(np.str_)
    return audit_leakage(
        list(splits.values()),
        genes,
        dataset.gene_sets,
        dataset.compared,
        compared=dataset.compared_named,
    )
