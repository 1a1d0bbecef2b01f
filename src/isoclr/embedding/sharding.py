"""Dealing RNAs to machines: parts that, put one after the other, are the whole."""

import re
from collections.abc import Sequence

import numpy as np

from isoclr.embedding.sources import Rnas
from isoclr.errors import InputError


def parse_shard(text: str) -> tuple[int, int]:
    """``i/n`` as numbers, i from 1 to n.

    Raises:
        InputError: anything else.

    >>> parse_shard("2/8")
    (2, 8)
    """
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise InputError(f"--shard {text}: expected i/n with i from 1 to n, such as 1/4")
    return int(found[1]), int(found[2])


def shard_rows(rnas: Sequence[Rnas], number: int, of: int) -> list[Rnas]:
    """The rows of part ``number`` (from 1): a stretch of the inputs with about 1/of of all nucleotides.

    An RNA belongs to the part in which its middle lies.

    Args:
        rnas: the inputs, in order.
        number: which part, from 1.
        of: number of parts.
    """
    lengths = np.concatenate([part.lengths for part in rnas])
    middles = np.cumsum(lengths) - lengths / 2
    first, last = np.searchsorted(middles, lengths.sum() * np.array([number - 1, number]) / of)
    kept, row = [], 0
    for part in rnas:
        start, stop = (int(np.clip(edge - row, 0, len(part))) for edge in (first, last))
        kept.append(part.rows(start, stop))
        row += len(part)
    return kept
