"""Saluki, the published supervised model of mRNA half-life (Agarwal and Kelley, Genome Biology 2022).

Six tracks go through a convolution and six blocks that halve the length. A recurrent network then reads the RNA from
its 3' end to its 5' end, and two dense layers follow. Sizes, order of layers, initialization and training
(:mod:`isoclr.finetuning.config`) are those of the paper and its released configuration.

One difference: the paper pads every mRNA to 12,288 nt and convolves without padding. Here every RNA, of any length, has
zeros at both ends, so neither its neighbors in a chunk nor padding change the result, and the recurrent network begins
at the RNA's own 3' end.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from isoclr.genomics.encoding import NUM_TRACKS, TRACKS
from isoclr.models import kernels
from isoclr.models.layers import Convolution
from isoclr.models.norm import mask_padding_
from isoclr.models.packing import PackedBatch, PackLayout, Segments, plan_layouts, round_up, to_device
from isoclr.models.pooling import max_pool


class LayerNorm(nn.Module):
    """Layer normalization of every position over its channels, followed by a ReLU."""

    def __init__(self, channels: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x: Float[Tensor, "b l c"], extent: Segments) -> Float[Tensor, "b l c"]:
        """Normalized activations; zero between RNAs, where the norm alone would leave its bias."""
        weight, bias = self.weight.to(x.dtype), self.bias.to(x.dtype)
        y = F.layer_norm(x, x.shape[-1:], weight, bias, self.eps)
        return mask_padding_(y, extent, relu=True)


class FirstConvolution(Convolution):
    """The convolution over the six tracks, without bias, so that padding gives zero."""

    def __init__(self, tracks: int, channels: int, kernel_size: int) -> None:
        super().__init__(tracks, channels, kernel_size)
        del self.bias
        self.register_buffer("bias", torch.zeros(channels), persistent=False)


class PoolingBlock(nn.Module):
    """``layer norm → ReLU → convolution → dropout → max-pool``: half as many positions.

    Args:
        kernel_size: Width of the convolution, an odd number.
    """

    def __init__(self, channels: int, kernel_size: int, dropout: float, eps: float) -> None:
        super().__init__()
        self.norm = LayerNorm(channels, eps)
        self.convolution = Convolution(channels, channels, kernel_size)
        self.dropout = dropout

    def forward(self, x: Float[Tensor, "b l c"], extent: Segments) -> tuple[Float[Tensor, "b half c"], Segments]:
        """Pooled activations, and where the RNAs lie in them."""
        (y,) = self.convolution([self.norm(x, extent)], [extent])
        dropped = round(256 * self.dropout) if self.training else 0
        if dropped:
            mask = kernels.DropoutPool(y.shape[-1], dropped, y).mask(extent)
            y = y * mask.mul_(256 / (256 - dropped)).view(y.shape)
        return max_pool(y), extent.halved()


class ReverseGRU(nn.Module):
    """A recurrent network that reads every RNA from its 3' end, so that its last state is at the 5' cap."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gru = nn.GRU(channels, channels, batch_first=True)
        for name, parameter in self.gru.named_parameters():
            if name.startswith("weight_ih"):
                nn.init.kaiming_normal_(parameter, nonlinearity="relu")
            elif name.startswith("weight_hh"):
                for gate in parameter.detach().chunk(3):
                    nn.init.orthogonal_(gate)
            else:
                nn.init.zeros_(parameter)

    def forward(self, xs: Sequence[Float[Tensor, "_b _l c"]], extents: Sequence[Segments]) -> Float[Tensor, "n c"]:
        """The last state of every RNA of every chunk, float32 (float64 for float64 activations)."""
        rows = torch.cat([x.flatten(0, 1) for x in xs])
        before = np.cumsum([0, *(extent.size for extent in extents[:-1])])
        starts = [extent.starts + shift for extent, shift in zip(extents, before, strict=True)]
        first, lengths = np.concatenate(starts), np.concatenate([e.lengths for e in extents])
        steps = np.arange(lengths.max())
        reversed_ = np.maximum((first + lengths - 1)[:, None] - steps, first[:, None])  # (n, longest)
        padded = rows.index_select(0, to_device(reversed_.reshape(-1), rows.device))
        padded = padded.view(*reversed_.shape, -1).to(kernels.wide(rows.dtype))
        packed = nn.utils.rnn.pack_padded_sequence(
            padded, torch.from_numpy(lengths), batch_first=True, enforce_sorted=False
        )
        _, last = self.gru(packed)
        state: Tensor = last[0]
        return state


FILTERS, KERNEL_SIZE, BLOCKS = 64, 5, 6
DROPOUT, NORM_EPS = 0.3, 0.007
STRIDE = 2**BLOCKS  # nt per step of the recurrent network
GAP = KERNEL_SIZE // 2 * STRIDE // 2
"""nt of padding between two RNAs that keep every convolution from seeing both."""
BATCH_EPS = 1e-3  # Added to the variance in batch norms: the default of the paper's framework


class Saluki(nn.Module):
    """Codes of RNAs → the 64 features that Saluki's last layer reads.

    Args:
        dropout: Dropout probability in every block and after the dense layer, in training only.
    """

    tracks: Tensor
    dim = FILTERS  # Number of features

    def __init__(self, *, tracks: int = NUM_TRACKS, dropout: float = DROPOUT) -> None:
        super().__init__()
        table = torch.tensor(TRACKS[:, :tracks])
        self.register_buffer("tracks", table, persistent=False)
        self.first = FirstConvolution(tracks, FILTERS, KERNEL_SIZE)
        self.blocks = nn.ModuleList(PoolingBlock(FILTERS, KERNEL_SIZE, dropout, NORM_EPS) for _ in range(BLOCKS))
        self.norm = LayerNorm(FILTERS, NORM_EPS)
        self.recurrent = ReverseGRU(FILTERS)
        self.state_norm = nn.BatchNorm1d(FILTERS, eps=BATCH_EPS)
        self.dense = nn.Linear(FILTERS, FILTERS)
        self.dense_norm = nn.BatchNorm1d(FILTERS, eps=BATCH_EPS)
        self.dropout = dropout
        nn.init.kaiming_normal_(self.dense.weight, nonlinearity="relu")
        nn.init.zeros_(self.dense.bias)

    def forward(self, chunks: Sequence[PackedBatch], dtype: torch.dtype = torch.float32) -> Float[Tensor, "n d"]:
        """Features of every RNA of every chunk, in order; convolutions in ``dtype``, the rest in at least float32.

        In training the two batch norms need at least two RNAs. RNAs must begin at multiples of ``STRIDE`` with ``GAP``
        between them (:func:`pack_for_saluki`).
        """
        xs, extents = zip(*(self._positions(chunk, dtype) for chunk in chunks), strict=True)
        state = self.recurrent(xs, extents)
        state = self.dense(F.relu(self.state_norm(state)))
        state = F.dropout(state, self.dropout, self.training)
        return F.relu(self.dense_norm(state))

    def _positions(self, chunk: PackedBatch, dtype: torch.dtype) -> tuple[Float[Tensor, "b _l d"], Segments]:
        """Activations of one chunk, one position per ``STRIDE`` nt."""
        extent = Segments.of(chunk)
        (x,) = self.first([F.embedding(chunk.codes.int(), self.tracks.to(dtype))], [extent])
        for block in self.blocks:
            x, extent = block(x, extent)
        return self.norm(x, extent), extent


def pack_for_saluki(lengths: NDArray[np.int64], *, chunk_nt: int, round_to: int = STRIDE) -> list[PackLayout]:
    """Pack RNAs as Saluki needs them: :func:`plan_layouts` with its own stride and gap.

    >>> for layout in pack_for_saluki(np.array([100, 40]), chunk_nt=512):
    ...     print(layout.rows, layout.starts, layout.shape)
    [0 1] [  0 192] (1, 256)
    """
    rounded = -(-np.asarray(lengths, np.int64) // STRIDE) * STRIDE
    return plan_layouts(rounded, gap=GAP, chunk_nt=round_up(chunk_nt, STRIDE), round_to=round_up(round_to, STRIDE))
