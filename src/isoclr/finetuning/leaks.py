"""What the test parts of a study share with its training parts."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from isoclr.corpus import Corpus
from isoclr.errors import InputError
from isoclr.finetuning.dataset import Dataset
from isoclr.finetuning.jobs import Job
from isoclr.probing.grouping import gene_sets
from isoclr.tasks.audit import LeakAudit, audit
from isoclr.tasks.splits import Split


def leaks_of(jobs: Sequence[Job], dataset: Dataset, corpus: Corpus) -> LeakAudit:
    """The leak audit of a probe, over every split once.

    Args:
        jobs: the trainings; of several on one split, which may have drawn different shares of it, the first counts.
        dataset: RNAs and labels.
        corpus: knows the gene sets.
    """
    splits: dict[int, Split] = {}
    for job in jobs:
        splits.setdefault(job.number, job.split)
    genes = dataset.table["gene"].to_numpy().astype(np.str_)
    return audit(list(splits.values()), genes, _gene_sets(dataset, corpus), dataset.codes)


def _gene_sets(dataset: Dataset, corpus: Corpus) -> NDArray[np.str_] | None:
    """None where the corpus knows no homologs, or not between these species; the audit then says so."""
    try:
        return gene_sets(dataset.samples, corpus)[0]
    except InputError:
        return None
