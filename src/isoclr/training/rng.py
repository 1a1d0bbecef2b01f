"""Random numbers by purpose and key, so that a run has no random state to save."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import numpy as np
import torch
from torch import Tensor


class RngStream(IntEnum):
    """What random numbers are for; each purpose has numbers of its own."""

    PAIRS = 0
    MASK = 1
    SHIFT = 2
    DROPOUT = 3
    HELD_OUT = 4
    TRACKS = 5
    COMPOSITION = 6


def keyed_rng(seed: int, stream: RngStream, *key: int) -> np.random.Generator:
    """Random numbers that depend on the run's seed, their purpose and a key, and on nothing drawn before."""
    return np.random.default_rng((seed, int(stream), *key))


class Purpose(IntEnum):
    """What random numbers are for."""

    WEIGHTS = 0
    ORDER = 1
    DROPOUT = 2
    SHIFT = 3
    SHARE = 4


def drawn(seed: int, purpose: Purpose, *key: int) -> np.random.Generator:
    """Random numbers that depend on seed, purpose and key, and on nothing drawn before."""
    return np.random.default_rng((seed, 100 + int(purpose), *key))


def torch_seed(seed: int, purpose: Purpose, *key: int) -> int:
    """A seed for torch's generator."""
    return int(drawn(seed, purpose, *key).integers(2**63))


@contextmanager
def seeded(seed: int, purpose: Purpose, *key: int) -> Iterator[None]:
    """While torch draws weights: its generator is as it was afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(seed, purpose, *key))
        yield


WORDS = 2**32
_WEYL = 0x1E37_79B9
"""Odd, so that positions stay distinct when multiplied by it modulo 2³²."""
_FIRST, _SECOND, _THIRD = 0x3184_8BAB, 0x21F0_AAAD, 0x735A_2D97
"""Odd, with irregular bits; after two rounds every bit of the input has reached every bit of the word."""


def hash_uint32(position: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """One random 32-bit word for every position of a view.

    The low half of the key says where the view's sequence of counters begins, the high half enters after the first
    of three rounds of mixing: two views share their words only when both halves agree.

    Args:
        position: int32, counted from the view's first base.
        low: int32, low half of the view's key; ``position`` and the two halves are broadcast together.
        high: int32, high half.

    Returns:
        int32, uniform over all 2³² values.
    """
    x = _folded(position * _WEYL + low).mul_(_FIRST)
    x = _folded(x ^ high).mul_(_SECOND)
    return _folded(_folded(x).mul_(_THIRD))


def _folded(x: Tensor) -> Tensor:
    """``x ^ (x >> 15)`` in place, shifting bits; torch shifts a signed number, whose copies of the sign are cut off."""
    return x.bitwise_xor_((x >> 15).bitwise_and_(0x1_FFFF))


def bernoulli(drawn: Tensor, probability: float) -> Tensor:
    """Which words are among the lowest ``probability`` of all: bool, true with that probability.

    Args:
        drawn: int32 words.
        probability: 0 to 1, exact to 2⁻³².
    """
    chosen = round(probability * WORDS)
    if chosen == 0:
        return torch.zeros_like(drawn, dtype=torch.bool)
    return drawn <= chosen - 1 - WORDS // 2
