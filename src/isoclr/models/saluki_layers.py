"""The layers of Saluki on ragged rows: what lies between RNAs stays zero after each of them."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from isoclr.models import kernels
from isoclr.models.chunk import Extent, sent
from isoclr.models.convolution import Convolution
from isoclr.models.norm import trimmed
from isoclr.models.pooling import max_pool


class LayerNorm(nn.Module):
    """Normalisation of every position over its channels, and the ReLU behind it.

    Args:
        channels: number of channels.
        eps: added to the variance; Saluki's is large.
    """

    def __init__(self, channels: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x: Float[Tensor, "b l c"], extent: Extent) -> Float[Tensor, "b l c"]:
        """Zero between RNAs, where a norm alone would leave its bias."""
        weight, bias = self.weight.to(x.dtype), self.bias.to(x.dtype)
        y = F.layer_norm(x, x.shape[-1:], weight, bias, self.eps)
        return trimmed(y, extent, relu=True)


class FirstConvolution(Convolution):
    """The convolution over the six tracks: it has no bias, so that padding gives zero."""

    def __init__(self, tracks: int, channels: int, kernel_size: int) -> None:
        super().__init__(tracks, channels, kernel_size)
        del self.bias
        self.register_buffer("bias", torch.zeros(channels), persistent=False)


class PoolingBlock(nn.Module):
    """``layer norm → ReLU → convolution → dropout → max-pool``: half as many positions.

    Args:
        channels: number of channels.
        kernel_size: odd.
        dropout: probability, in training only.
        eps: of the layer norm.
    """

    def __init__(self, channels: int, kernel_size: int, dropout: float, eps: float) -> None:
        super().__init__()
        self.norm = LayerNorm(channels, eps)
        self.convolution = Convolution(channels, channels, kernel_size)
        self.dropout = dropout

    def forward(
        self, x: Float[Tensor, "b l c"], extent: Extent
    ) -> tuple[Float[Tensor, "b half c"], Extent]:
        """Pooled activations, and where the RNAs lie in them."""
        (y,) = self.convolution([self.norm(x, extent)], [extent])
        dropped = round(256 * self.dropout) if self.training else 0
        if dropped:
            (mask,) = kernels.dropout_masks([y.shape], dropped, y)
            y = y * mask.mul_(256 / (256 - dropped))
        return max_pool(y), extent.halved()


class GruTowardsCap(nn.Module):
    """A recurrent network that reads every RNA from its 3' end, so that its last state is at the 5' cap.

    Args:
        channels: size of input and state.
    """

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

    def forward(
        self, xs: Sequence[Float[Tensor, "_b _l c"]], extents: Sequence[Extent]
    ) -> Float[Tensor, "n c"]:
        """The last state of every RNA of every chunk, float32 (float64 for float64 activations)."""
        rows = torch.cat([x.flatten(0, 1) for x in xs])
        before = np.cumsum([0, *(extent.size for extent in extents[:-1])])
        starts = [extent.starts + shift for extent, shift in zip(extents, before, strict=True)]
        first, lengths = np.concatenate(starts), np.concatenate([e.lengths for e in extents])
        steps = np.arange(lengths.max())
        places = np.maximum((first + lengths - 1)[:, None] - steps, first[:, None])  # (n, longest)
        padded = rows.index_select(0, sent(places.reshape(-1), rows.device))
        padded = padded.view(*places.shape, -1).to(kernels.wide(rows.dtype))
        packed = nn.utils.rnn.pack_padded_sequence(
            padded, torch.from_numpy(lengths), batch_first=True, enforce_sorted=False
        )
        _, last = self.gru(packed)
        state: Tensor = last[0]
        return state
