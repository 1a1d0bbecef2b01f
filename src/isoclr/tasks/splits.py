"""Which samples must stay on one side of a split, and the splits."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.corpus.corpus import Corpus
from isoclr.errors import InputError
from isoclr.tasks.labels import Labels, Samples, gene_key, locate

Indices = NDArray[np.int64]
SplitKind = Literal["random", "fold", "homology", "chromosome"]
"""What a split keeps on one side: genes, the label table's own folds, homologous gene sets, or chromosomes."""

FRACTIONS = (0.70, 0.15, 0.15)
"""Shares of training, validation and test genes in the paper's random splits."""


@dataclass(frozen=True)
class Split:
    """Sample numbers of one split; a cross-validation fold has no validation part.

    Attributes:
        name: such as ``seed 3`` or ``fold 8``.
        train: sample numbers to fit on.
        valid: sample numbers kept aside for choices.
        test: sample numbers to report on.
    """

    name: str
    train: Indices
    valid: Indices
    test: Indices


def random_split(
    groups: Sequence[str] | NDArray[np.str_],
    seed: int,
    fractions: tuple[float, float, float] = FRACTIONS,
) -> Split:
    """Deal whole groups at random to training, validation and test, by default 70/15/15 as the paper.

    Groups are shuffled and dealt one after the other: to training until it has its share of the samples, then to
    validation, then to test.

    Args:
        groups: ``(n,)`` the group of every sample: its gene, or its gene set for a homology-aware split.
        seed: of the shuffle.
        fractions: shares of the samples.

    Raises:
        InputError: too few groups to fill the three parts.
    """
    _, numbers = np.unique(np.asarray(groups), return_inverse=True)
    sizes = np.bincount(numbers)
    order = np.random.default_rng(seed).permutation(len(sizes))
    middles = np.empty(len(sizes))
    middles[order] = (np.cumsum(sizes[order]) - sizes[order] / 2) / sizes.sum()
    part = np.searchsorted(np.cumsum(fractions)[:2], middles, side="right")[numbers]
    train, valid, test = (np.flatnonzero(part == i) for i in range(3))
    if min(len(train), len(valid), len(test)) == 0:
        raise InputError(
            f"split: {len(sizes)} genes, gene sets or chromosomes are too few for training, validation and test parts"
        )
    return Split(f"seed {seed}", train, valid, test)


def group_folds(groups: Sequence[str] | NDArray[np.str_], folds: int, seed: int) -> list[Split]:
    """K-fold cross-validation that keeps whole groups together and the folds equally large.

    Groups are shuffled, then the larger ones dealt first, each to the fold that has the fewest samples.

    Args:
        groups: ``(n,)`` the group of every sample.
        folds: number of folds.
        seed: of the shuffle.

    Raises:
        InputError: fewer groups than folds.
    """
    _, numbers = np.unique(np.asarray(groups), return_inverse=True)
    sizes = np.bincount(numbers)
    if not 2 <= folds <= len(sizes):
        raise InputError(
            f"folds: {folds}, expected 2 to {len(sizes)} (the genes, gene sets or chromosomes)"
        )
    order = np.random.default_rng(seed).permutation(len(sizes))
    filled = np.zeros(folds, np.int64)
    fold_of_group = np.empty(len(sizes), np.int64)
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        fold_of_group[group] = np.argmin(filled)
        filled[fold_of_group[group]] += sizes[group]
    return named_folds([str(fold + 1) for fold in fold_of_group[numbers]])


def named_folds(folds: Sequence[str]) -> list[Split]:
    """Cross-validation over given folds: each is the test part once, all others are the training part.

    Args:
        folds: ``(n,)`` name of every sample's fold.

    Raises:
        InputError: there is only one fold.
    """
    array = np.asarray(folds)
    names = sorted(
        set(folds), key=lambda name: (not name.isdigit(), int(name) if name.isdigit() else 0, name)
    )
    if len(names) < 2:
        raise InputError(f"folds: all samples are in fold {names[0]!r}, expected two folds or more")
    nobody = np.empty(0, np.int64)
    return [
        Split(f"fold {name}", np.flatnonzero(array != name), nobody, np.flatnonzero(array == name))
        for name in names
    ]


WHOLE = {"random": "genes", "homology": "gene sets", "chromosome": "chromosomes"}


@dataclass(frozen=True)
class SplitGroups:
    """What a split must not tear apart.

    Attributes:
        groups: ``(n,)`` gene, gene set or chromosome of every sample.
        keep: ``(n,)`` whether a sample can be dealt: for a split by chromosome, whether its chromosome is known.
        gene_sets: ``(n,)`` homologous gene set of every sample; None when they are not known.
        counts: what was found on the way, and what has to be left out, by reason.
    """

    groups: NDArray[np.str_]
    keep: NDArray[np.bool_]
    gene_sets: NDArray[np.str_] | None
    counts: dict[str, int]


def split_groups(
    samples: Samples, corpus: Corpus | None, split: SplitKind, chromosomes: Sequence[Path] = ()
) -> SplitGroups:
    """What a split keeps together, one way for probes, fine-tuning and benchmarks.

    Args:
        samples: labelled RNAs.
        corpus: knows the gene sets; they are found for the leak audit whatever the split is.
        split: ``homology`` keeps gene sets together, ``chromosome`` chromosomes, the others genes.
        chromosomes: files that say where the genes lie, for labels that do not.

    Raises:
        InputError: the split needs what is not there.
    """
    genes = samples.table["gene"].to_numpy().astype(np.str_)
    everything = np.ones(len(samples), bool)
    if split == "homology":
        if corpus is None:
            raise InputError(
                "--split homology: the labelled RNAs are of no corpus, which would know their gene sets; "
                "expected a corpus, or another split"
            )
        sets, unknown = gene_sets(samples, corpus)
        return SplitGroups(sets, everything, sets, {"genes that the corpus does not know": unknown})
    known = None if corpus is None else gene_sets_if_known(samples, corpus)
    if split == "chromosome":
        found = locate(samples, chromosomes)
        counts = {
            "labelled RNAs whose chromosome is not known": found.unknown,
            "ids that the files put on several chromosomes": found.several,
        }
        return SplitGroups(found.groups, found.groups != "", known, counts)
    if split == "fold":
        folds = samples.table.group_by("gene").agg(pl.col("fold").n_unique())["fold"]
        torn = {"genes with RNAs in several of the label file's folds": int((folds > 1).sum())}
        return SplitGroups(genes, everything, known, torn)
    return SplitGroups(genes, everything, known, {})


def gene_sets(samples: Samples, corpus: Corpus) -> tuple[NDArray[np.str_], int]:
    """The homologous gene set of every sample, and how many genes the corpus does not know.

    A gene that the corpus does not know is a set of its own, all its isoforms in it. Where the embeddings do not say
    the species, a gene is found by its id alone, if only one species of the corpus has it.

    Raises:
        InputError: the corpus knows no homologs, or none of the genes.
    """
    _check_homology(samples, corpus)
    known = corpus.transcripts.select(gene_key(), "gene_id", "gene_set").unique("gene")
    by_id = known.with_columns(gene="|" + pl.col("gene").str.splitn("|", 2).struct[1])
    by_id = by_id.filter(pl.col("gene").is_unique())
    sets = pl.concat([known, by_id]).unique("gene", keep="first", maintain_order=True)
    found = samples.table.select("gene").join(sets, on="gene", how="left", maintain_order="left")
    unknown = found.filter(pl.col("gene_set").is_null())["gene"].n_unique()
    if found["gene_set"].null_count() == found.height:
        raise InputError(
            f"{corpus.path}: knows none of the {unknown:,} labelled genes ({found['gene'][0]}, …); "
            "expected a corpus of the same species, named as in the embeddings"
        )
    return found["gene_set"].fill_null(found["gene"]).to_numpy().astype(np.str_), unknown


def gene_sets_if_known(samples: Samples, corpus: Corpus) -> NDArray[np.str_] | None:
    """The same; None for a corpus without homologs or of other genes: an audit says that it does not know."""
    try:
        return gene_sets(samples, corpus)[0]
    except InputError:
        return None


def check_folds(labels: Labels) -> None:
    """A cross-validation over the label table's own folds needs one in every row.

    Raises:
        InputError: there is none, or a row has none.
    """
    if labels.table["fold"].null_count():
        bad = labels.table.filter(pl.col("fold").is_null())
        where = f"line {bad['line'][0]} has no fold" if labels.has_folds else "no column 'fold'"
        raise InputError(f"{labels.path}: {where}, which --split fold needs")


def check_chromosomes(split: SplitKind, files: Sequence[Path]) -> None:
    """Files that say where genes lie are for a split by chromosome.

    Raises:
        InputError: they are given for another split.
    """
    if files and split != "chromosome":
        raise InputError(f"--chromosomes is for --split chromosome, not for --split {split}")


def check_parts(splits: Sequence[Split], values: NDArray[np.float64], labels: Labels) -> None:
    """Every part needs two different values, or nothing can be learnt from it, or no correlation is known on it.

    Raises:
        InputError: naming the split and the part.
    """
    for split in splits:
        for part, rows in (("training", split.train), ("test", split.test)):
            if len(rows) == 0 or np.ptp(values[rows]) == 0:
                raise InputError(
                    f"{labels.path}: {split.name}: the {part} part ({len(rows)} of {len(values)} RNAs) has one "
                    f"value of {labels.name} only; expected two or more: give more labels or larger test parts"
                )


def _check_homology(samples: Samples, corpus: Corpus) -> None:
    """Gene sets that could not keep homologs together would pass for a homology-aware split."""
    if corpus.meta["homology"] is None:
        raise InputError(
            f"{corpus.path}: built without --homology, so its gene sets are single genes; "
            "expected a corpus with homologs for --split homology"
        )
    species = sorted(samples.table["gene"].str.split("|").list.first().unique())
    if corpus.meta["options"]["scope"] == "within-species" and len(species) > 1:
        raise InputError(
            f"{corpus.path}: its gene sets are within species, the labelled RNAs are of {', '.join(species)}; "
            "choose one with --species, or expected a corpus of scope across-species"
        )


def make_splits(
    split: SplitKind,
    groups: NDArray[np.str_],
    samples: Samples,
    *,
    folds: int | None,
    seeds: int,
    seed: int,
) -> tuple[list[Split], str]:
    """The splits, and what they are in words."""
    if split == "fold":
        return named_folds(samples.table["fold"].to_list()), "the label file's own folds"
    whole = WHOLE[split]
    if folds is not None:
        return group_folds(groups, folds, seed), f"{folds}-fold cross-validation by whole {whole}"
    splits = [random_split(groups, seed + i) for i in range(seeds)]
    times = "" if seeds == 1 else f" × {seeds}"
    return splits, f"random 70/15/15{times} by whole {whole}"
