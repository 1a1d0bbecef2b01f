"""Random numbers by purpose and key, so that a run has no random state to save."""

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What random numbers are for; each purpose has numbers of its own."""

    PAIRS = 0
    MASK = 1
    SHIFT = 2
    DROPOUT = 3
    HELD_OUT = 4
    TRACKS = 5
    COMPOSITION = 6


def generator(seed: int, stream: Stream, *key: int) -> np.random.Generator:
    """Random numbers that depend on the run's seed, their purpose and a key, and on nothing drawn before."""
    return np.random.default_rng((seed, int(stream), *key))
