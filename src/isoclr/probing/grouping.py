"""Which samples must stay on one side of a split, and the splits."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.corpus import Corpus
from isoclr.errors import InputError
from isoclr.tasks.labels import Labels
from isoclr.tasks.samples import Samples, gene_key
from isoclr.tasks.splits import Split, SplitKind, group_folds, named_folds, random_split

SplitName = Literal["random", "fold", "homology"]
"""The splits of a probe that need nothing but labels and a corpus; :data:`SplitKind` has one more."""

WHOLE = {"random": "genes", "homology": "gene sets", "chromosome": "chromosomes"}


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
