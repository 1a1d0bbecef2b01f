"""Saluki, the published supervised model of mRNA half-life (Agarwal and Kelley, Genome Biology 2022).

Six tracks go through a convolution and six blocks that halve the length, then a recurrent network reads the RNA from
its 3' end to its 5' end, and two dense layers follow. Sizes, order of layers, initialisation and training rules
(:mod:`isoclr.finetuning.rules`) are the paper's and its released configuration's.

Ours: RNAs are ragged. The paper pads every mRNA to 12,288 nt and convolves without padding; here every RNA has zeros
at both of its ends, whatever its length, so that 100 nt and 100,000 nt work, and neither a neighbour nor padding
changes what is computed. The recurrent network begins at the RNA's own 3' end, not at the end of the padding.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from isoclr.corpus.codes import NUM_TRACKS, TRACKS
from isoclr.models.chunk import Chunk, Extent
from isoclr.models.packing import Layout, lay_out, up
from isoclr.models.saluki_layers import FirstConvolution, GruTowardsCap, LayerNorm, PoolingBlock

FILTERS, KERNEL_SIZE, BLOCKS = 64, 5, 6
DROPOUT, NORM_EPS = 0.3, 0.007
STRIDE = 2**BLOCKS
"""nt that one step of the recurrent network stands for."""
GAP = KERNEL_SIZE // 2 * STRIDE // 2
"""nt of padding between two RNAs of a row that keep every convolution from seeing both."""
BATCH_EPS = 1e-3
"""Added to the variance in batch norms: the default of the framework that the paper used."""


class Saluki(nn.Module):
    """Codes of RNAs → the 64 numbers that Saluki's last layer reads.

    Args:
        tracks: 4, 5 or 6 of the six tracks; the paper's model has all six.
        dropout: probability in every block and behind the dense layer, in training only.
    """

    tracks: Tensor

    def __init__(self, *, tracks: int = NUM_TRACKS, dropout: float = DROPOUT) -> None:
        super().__init__()
        table = torch.tensor(TRACKS[:, :tracks])
        self.register_buffer("tracks", table, persistent=False)
        self.first = FirstConvolution(tracks, FILTERS, KERNEL_SIZE)
        self.blocks = nn.ModuleList(
            PoolingBlock(FILTERS, KERNEL_SIZE, dropout, NORM_EPS) for _ in range(BLOCKS)
        )
        self.norm = LayerNorm(FILTERS, NORM_EPS)
        self.recurrent = GruTowardsCap(FILTERS)
        self.state_norm = nn.BatchNorm1d(FILTERS, eps=BATCH_EPS)
        self.dense = nn.Linear(FILTERS, FILTERS)
        self.dense_norm = nn.BatchNorm1d(FILTERS, eps=BATCH_EPS)
        self.dropout = dropout
        nn.init.kaiming_normal_(self.dense.weight, nonlinearity="relu")
        nn.init.zeros_(self.dense.bias)

    @property
    def dim(self) -> int:
        """How many numbers stand for an RNA."""
        return FILTERS

    def forward(
        self, chunks: Sequence[Chunk], dtype: torch.dtype = torch.float32
    ) -> Float[Tensor, "n d"]:
        """Every RNA of every chunk, in their order; convolutions in ``dtype``, the rest in at least float32.

        In training the two batch norms need two RNAs at least. RNAs must begin at multiples of ``STRIDE`` with ``GAP``
        between them (:func:`lay_out_for_saluki`).
        """
        read = [self._positions(chunk, dtype) for chunk in chunks]
        state = self.recurrent([x for x, _ in read], [extent for _, extent in read])
        state = self.dense(F.relu(self.state_norm(state)))
        state = F.dropout(state, self.dropout, self.training)
        return F.relu(self.dense_norm(state))

    def _positions(
        self, chunk: Chunk, dtype: torch.dtype
    ) -> tuple[Float[Tensor, "b _l d"], Extent]:
        """Activations of one chunk, one position for ``STRIDE`` nt."""
        extent = Extent.of(chunk)
        (x,) = self.first([F.embedding(chunk.codes.int(), self.tracks.to(dtype))], [extent])
        for block in self.blocks:
            x, extent = block(x, extent)
        return self.norm(x, extent), extent


def lay_out_for_saluki(
    lengths: NDArray[np.int64], *, chunk_nt: int, round_to: int = STRIDE
) -> list[Layout]:
    """Put RNAs end to end as Saluki needs them, in chunks of about ``chunk_nt`` codes.

    Args:
        lengths: ``(n,)`` nt.
        chunk_nt: most codes in a chunk; an RNA that is longer has a chunk alone.
        round_to: chunks are as wide as a multiple of this and of the stride.

    >>> for layout in lay_out_for_saluki(np.array([100, 40]), chunk_nt=512):
    ...     print(layout.rows, layout.starts, layout.shape)
    [0 1] [  0 192] (1, 256)
    """
    rounded = -(-np.asarray(lengths, np.int64) // STRIDE) * STRIDE
    return lay_out(rounded, gap=GAP, chunk_nt=up(chunk_nt, STRIDE), round_to=up(round_to, STRIDE))
