"""Length alone: what an embedding must beat to have learnt anything."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from isoclr.corpus.codes import Codes


class Length:
    """One feature: the logarithm (base 2) of the RNA's length in nt."""

    name = "length alone"

    def embed(
        self, rnas: Sequence[Codes], progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """``(n, 1)`` float32."""
        lengths = np.array([len(codes) for codes in rnas])
        if progress is not None:
            progress(int(lengths.sum()))
        return np.asarray(np.log2(lengths)[:, None], np.float32)
