"""Random numbers of fine-tuning by purpose and key, so that a resumed run draws what an unbroken one would."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import numpy as np
import torch


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
