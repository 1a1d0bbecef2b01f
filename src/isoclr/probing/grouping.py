"""Which samples must stay on one side of a split, and the splits."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.corpus import Corpus
from isoclr.errors import InputError
from isoclr.tasks.chromosomes import locate
from isoclr.tasks.labels import Labels
from isoclr.tasks.samples import Samples, gene_key
from isoclr.tasks.splits import Split, SplitKind, group_folds, named_folds, random_split

WHOLE = {"random": "genes", "homology": "gene sets", "chromosome": "chromosomes"}


@dataclass(frozen=True)
class Groups:
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


def group(
    samples: Samples, corpus: Corpus | None, split: SplitKind, chromosomes: Sequence[Path] = ()
) -> Groups:
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
        return Groups(sets, everything, sets, {"genes that the corpus does not know": unknown})
    known = None if corpus is None else gene_sets_if_known(samples, corpus)
    if split == "chromosome":
        found = locate(samples, chromosomes)
        counts = {
            "labelled RNAs whose chromosome is not known": found.unknown,
            "ids that the files put on several chromosomes": found.several,
        }
        return Groups(found.groups, found.groups != "", known, counts)
    if split == "fold":
        folds = samples.table.group_by("gene").agg(pl.col("fold").n_unique())["fold"]
        torn = {"genes with RNAs in several of the label file's folds": int((folds > 1).sum())}
        return Groups(genes, everything, known, torn)
    return Groups(genes, everything, known, {})


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
