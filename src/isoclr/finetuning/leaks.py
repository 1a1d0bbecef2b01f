"""What the test parts of a study share with its training parts."""

from collections.abc import Sequence

import numpy as np

from isoclr.finetuning.dataset import Dataset
from isoclr.finetuning.jobs import Job
from isoclr.tasks.audit import LeakAudit, audit
from isoclr.tasks.splits import Split


def leaks_of(jobs: Sequence[Job], dataset: Dataset) -> LeakAudit:
    """The leak audit of a probe, over every split once.

    Args:
        jobs: the trainings; of several on one split, which may have drawn different shares of it, the first counts.
        dataset: RNAs and labels.
    """
    splits: dict[int, Split] = {}
    for job in jobs:
        splits.setdefault(job.number, job.split)
    genes = dataset.table["gene"].to_numpy().astype(np.str_)
    return audit(
        list(splits.values()),
        genes,
        dataset.gene_sets,
        dataset.compared,
        compared=dataset.compared_named,
    )
