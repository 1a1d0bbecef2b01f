"""Random numbers for single positions: a hash of the view's key and the position, computed on the device.

A generator's numbers depend on how many were drawn before, so the same view would be masked otherwise in another
chunk, on another rank or on a GPU. A hash of (key, position) has no such memory. It is made of additions,
multiplications, shifts and exclusive ors of 32-bit integers, which wrap around and are exact everywhere.
"""

import torch
from torch import Tensor

WORDS = 2**32
_WEYL = 0x1E37_79B9
"""Odd, so that positions stay distinct when multiplied by it modulo 2³²."""
_FIRST, _SECOND, _THIRD = 0x3184_8BAB, 0x21F0_AAAD, 0x735A_2D97
"""Odd, with irregular bits; after two rounds every bit of the input has reached every bit of the word."""


def words(position: Tensor, low: Tensor, high: Tensor) -> Tensor:
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


def below(drawn: Tensor, probability: float) -> Tensor:
    """Which words are among the lowest ``probability`` of all: bool, true with that probability.

    Args:
        drawn: int32 words.
        probability: 0 to 1, exact to 2⁻³².
    """
    chosen = round(probability * WORDS)
    if chosen == 0:
        return torch.zeros_like(drawn, dtype=torch.bool)
    return drawn <= chosen - 1 - WORDS // 2
