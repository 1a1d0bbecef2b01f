"""What is probed: the samples, what must stay together, and what was left out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.corpus import Corpus
from isoclr.corpus.codes import Codes
from isoclr.embedding import Embeddings
from isoclr.errors import InputError
from isoclr.probing.grouping import SplitName, gene_sets
from isoclr.tasks import Labels, Samples, match


@dataclass(frozen=True)
class Study:
    """The samples of one probe.

    Attributes:
        samples: RNAs with labels.
        groups: ``(n,)`` gene, or gene set: what a split keeps on one side.
        codes: the sequence of every sample; None when baselines are not asked for.
        counts: numbers of samples and groups, and of what was left out, by reason.
    """

    samples: Samples
    groups: NDArray[np.str_]
    codes: Sequence[Codes] | None
    counts: dict[str, int]


def plan(
    labels: Labels,
    embeddings: Embeddings,
    corpus: Corpus | None,
    *,
    split: SplitName,
    sequences: bool,
) -> Study:
    """Join everything: labels, embeddings, and from the corpus the gene sets and sequences.

    Args:
        labels: what was measured.
        embeddings: the RNAs.
        corpus: needed for gene sets and sequences.
        split: ``homology`` keeps gene sets together, the others genes.
        sequences: whether the baselines need them; RNAs that the corpus has not are left out, for all methods alike.

    Raises:
        InputError: nothing in common.
    """
    samples = match(labels, embeddings.table)
    counts = {
        "labels without an embedded RNA": samples.unmatched,
        "label rows without a value": labels.missing,
        "RNAs without a label": samples.without_label,
        "RNAs for which another of their gene stands": samples.not_representative,
    }
    codes = None
    if sequences and corpus is not None:
        found = _sequences(samples, embeddings, corpus)
        samples = samples.select(np.array([one is not None for one in found]))
        codes = [one for one in found if one is not None]
        counts["labelled RNAs whose sequence the corpus has not"] = len(found) - len(codes)
        if not codes:
            raise InputError(
                f"{corpus.path}: has the sequence of none of the {len(found):,} labelled RNAs"
            )
    groups = samples.table["gene"].to_numpy().astype(np.str_)
    if split == "homology" and corpus is not None:
        groups, unknown = gene_sets(samples, corpus)
        counts["genes that the corpus does not know"] = unknown
    if split == "fold":
        folds = samples.table.group_by("gene").agg(pl.col("fold").n_unique())["fold"]
        counts["genes with RNAs in several of the label file's folds"] = int((folds > 1).sum())
    n_groups = len(np.unique(groups))
    return Study(samples, groups, codes, {"samples": len(samples), "groups": n_groups, **counts})


def _sequences(samples: Samples, embeddings: Embeddings, corpus: Corpus) -> list[Codes | None]:
    """The codes of every sample; None where the corpus has no such transcript, or one of another length."""
    lengths = embeddings.table["length"].to_numpy()[samples.rows]
    found: list[Codes | None] = []
    for name, length in zip(samples.table["transcript_id"], lengths, strict=True):
        try:
            codes = corpus.codes_of(corpus.find(name))
        except InputError:
            found.append(None)
        else:
            found.append(codes if len(codes) == length else None)
    return found
