"""The one thing every baseline can do."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from isoclr.corpus.codes import Codes


class Embedder(Protocol):
    """Turns RNAs into vectors.

    Attributes:
        name: what the vectors are, as a table calls them.
    """

    name: str

    def embed(
        self, rnas: Sequence[Codes], progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """One row an RNA.

        Args:
            rnas: the codes of each, with codon starts and exon ends (see :mod:`isoclr.corpus.codes`).
            progress: called with the number of nucleotides done since the last call.
        """
        ...
