"""The same architecture with random weights: what the training itself adds."""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from isoclr.corpus.codes import Codes


class RandomInit:
    """An untrained encoder.

    Args:
        model: its architecture, such as ``isoclr-s``.
        tracks: how many of the six tracks it reads.
        seed: of its weights.
        pooling: what an embedding is the mean of: the ``last`` block's activations or those of ``all``.
    """

    name = "random-init encoder"

    def __init__(
        self, model: str, tracks: int = 6, seed: int = 0, pooling: Literal["last", "all"] = "last"
    ) -> None:
        from isoclr.models import create

        self.encoder = create(model, tracks=tracks, seed=seed, pooling=pooling)

    def embed(
        self, rnas: Sequence[Codes], progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """``(n, d)`` float32."""
        return self.encoder.embed_codes(rnas, progress=progress)
