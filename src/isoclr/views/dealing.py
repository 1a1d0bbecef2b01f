"""Which process embeds which views."""

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


def deal(lengths: Rows, ranks: int) -> list[Rows]:
    """Deal views to ranks so that all get as many nucleotides, up to less than one view.

    The views are sorted by length and dealt to and fro (0 1 2 2 1 0 …): a rank never sees only the long ones.

    Args:
        lengths: ``(n,)`` nt.
        ranks: number of processes.

    Returns:
        For each rank the numbers of its views, longest first.

    >>> [rank.tolist() for rank in deal(np.array([10, 40, 30, 20]), 2)]
    [[1, 0], [2, 3]]
    """
    order = np.argsort(-lengths, kind="stable")
    place = np.arange(len(order)) % (2 * ranks)
    owner = np.where(place < ranks, place, 2 * ranks - 1 - place)
    return [order[owner == rank] for rank in range(ranks)]
