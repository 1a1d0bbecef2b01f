"""Random numbers keyed by seed, purpose and position, so that a run has no random state to save."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import numpy as np
import torch
from torch import Tensor


class RngStream(IntEnum):
    """What random numbers are used for; every stream is independent of the others."""

    # pre-training
    PAIRS = 0
    MASK = 1
    SHIFT = 2
    DROPOUT = 3
    VALIDATION = 4
    TRACKS = 5
    AUXILIARY = 6
    ISOFORMS = 7
    # fine-tuning
    NEW_WEIGHTS = 100
    BATCH_ORDER = 101
    TRIAL_DROPOUT = 102
    TRIAL_SHIFT = 103
    TRAIN_FRACTION = 104


def keyed_rng(seed: int, stream: RngStream, *key: int) -> np.random.Generator:
    """A generator that depends on seed, stream and key alone, not on what was drawn before."""
    return np.random.default_rng((seed, int(stream), *key))


def torch_seed(seed: int, stream: RngStream, *key: int) -> int:
    """A seed for PyTorch's generator."""
    return int(keyed_rng(seed, stream, *key).integers(2**63))


@contextmanager
def seeded(seed: int, stream: RngStream, *key: int) -> Iterator[None]:
    """Seed PyTorch's generator within the block and restore its state afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(seed, stream, *key))
        yield


UINT32 = 2**32
_WEYL = 0x1E37_79B9  # Odd, so that multiplying by it modulo 2³² keeps positions distinct
_FIRST, _SECOND, _THIRD = 0x3184_8BAB, 0x21F0_AAAD, 0x735A_2D97
"""Odd multipliers with irregular bits; after two rounds every input bit has reached every output bit."""


def hash_uint32(position: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """One random 32-bit number for every position of a view.

    The low half of a view's key sets where its sequence of counters begins; the high half enters after the first of
    three rounds of mixing. Two views share their numbers only if both halves agree.

    Args:
        position: int32 position from the view's first base; broadcast with the two halves of the key.
        low: int32 low half of the view's key.
        high: int32 high half.

    Returns:
        int32, uniform over all 2³² values.
    """
    x = _xor_shift_(position * _WEYL + low).mul_(_FIRST)
    x = _xor_shift_(x ^ high).mul_(_SECOND)
    return _xor_shift_(_xor_shift_(x).mul_(_THIRD))


def _xor_shift_(x: Tensor) -> Tensor:
    """``x ^ (x >> 15)`` in place with a logical shift: PyTorch's is arithmetic, so the sign bits are masked out."""
    return x.bitwise_xor_((x >> 15).bitwise_and_(0x1_FFFF))


def bernoulli(numbers: Tensor, probability: float) -> Tensor:
    """True for a fraction ``probability`` of uniform int32 numbers, exact to 2⁻³²."""
    threshold = round(probability * UINT32)
    if threshold == 0:
        return torch.zeros_like(numbers, dtype=torch.bool)
    return numbers <= threshold - 1 - UINT32 // 2
