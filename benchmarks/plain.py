"""The encoder, its projection head and its batch norm as one would write them down first: the baselines' network.

Six float tracks go through ``Conv1d``, ``BatchNorm1d``, ``ReLU`` and ``MaxPool1d`` in channels-first tensors, eager
and in float32. It shares no code with the package's kernels and loads the package's weights by name, so that it
is also a check of them: for an RNA without padding both must give the same embedding.
"""

from collections.abc import Mapping
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPS, MOMENTUM = 0.01, 0.1
STRIDE = 32


class MaskedBatchNorm(nn.BatchNorm1d):
    """Batch norm whose statistics leave out the padding; ``real`` is (b, 1, l), 1 at real positions."""

    def over(self, x: Tensor, real: Tensor) -> Tensor:
        """Normalise ``x (b, c, l)``; in training by the mean and variance of its real positions."""
        if not self.training:
            return self.forward(x)
        count = real.sum()
        mean = (x * real).sum((0, 2), keepdim=True) / count
        var = ((x - mean) ** 2 * real).sum((0, 2), keepdim=True) / count
        return (x - mean) * torch.rsqrt(var + self.eps) * self.weight[:, None] + self.bias[:, None]


class Convolution(nn.Conv1d):
    """1-D convolution with 'same' padding, the odd one at the 3' end (``padding="same"`` does this and warns)."""

    def __init__(self, c_in: int, c_out: int, kernel_size: int = 2, dilation: int = 1) -> None:
        total = (kernel_size - 1) * dilation
        super().__init__(c_in, c_out, kernel_size, dilation=dilation, padding=total // 2)
        self.odd = total % 2

    def forward(self, input: Tensor) -> Tensor:
        """``(b, c_in, l)`` → ``(b, c_out, l)``."""
        return super().forward(F.pad(input, (0, self.odd)) if self.odd else input)


def _norm(channels: int) -> MaskedBatchNorm:
    return MaskedBatchNorm(channels, eps=EPS, momentum=MOMENTUM)


def _apply(norm: MaskedBatchNorm, x: Tensor, real: Tensor | None) -> Tensor:
    """Batch norm over everything, as the original has it, or over the real positions only."""
    if real is not None:
        return norm.over(x, real)
    normalised: Tensor = norm(x)
    return normalised


def _trim(x: Tensor, real: Tensor | None) -> Tensor:
    return x if real is None else x * real


def _pooled(x: Tensor) -> Tensor:
    """The larger of two neighbours; a last odd position stays."""
    return F.max_pool1d(x, 2, ceil_mode=True)


class PlainBlock(nn.Module):
    """``conv → ReLU → BN → ReLU → dropout → conv → ReLU → BN → + shortcut → ReLU (→ max-pool)``."""

    def __init__(self, c_in: int, c_out: int, dilation: int, pools: bool, dropout: float) -> None:
        super().__init__()
        self.conv1 = Convolution(c_in, c_out, dilation=dilation)
        self.norm1 = _norm(c_out)
        self.conv2 = Convolution(c_out, c_out, dilation=dilation)
        self.norm2 = _norm(c_out)
        self.shortcut = nn.Conv1d(c_in, c_out, 1) if c_in != c_out else None
        self.shortcut_norm = _norm(c_out) if c_in != c_out else None
        self.dropout = nn.Dropout(dropout)
        self.pools = pools

    def forward(self, x: Tensor, real: Tensor | None) -> Tensor:
        """``(b, c_in, l)`` → ``(b, c_out, l)``, or half the length."""
        h = _trim(F.relu(self.conv1(x)), real)
        h = self.dropout(F.relu(_apply(self.norm1, h, real)))
        h = _trim(F.relu(self.conv2(_trim(h, real))), real)
        straight = x
        if self.shortcut is not None and self.shortcut_norm is not None:
            straight = _apply(self.shortcut_norm, _trim(self.shortcut(x), real), real)
        y = _trim(F.relu(_apply(self.norm2, h, real) + straight), real)
        return _pooled(y) if self.pools else y


class PlainEncoder(nn.Module):
    """Tracks ``(b, 6, l)`` and lengths → embeddings ``(b, d)``.

    The defaults are IsoCLR-S.

    Args:
        filters: channels of the four stages.
        blocks: blocks in each stage.
        dilations: dilation of each stage.
        dropout: inside the blocks, in training.
        tracks: how many of the six tracks.
    """

    def __init__(
        self,
        filters: tuple[int, ...] = (64, 128, 128, 256),
        blocks: tuple[int, ...] = (2, 2, 2, 2),
        dilations: tuple[int, ...] = (1, 2, 4, 8),
        *,
        dropout: float = 0.1,
        tracks: int = 6,
    ) -> None:
        super().__init__()
        self.stem = Convolution(tracks, filters[0])
        self.stem_norm = _norm(filters[0])
        channels = list(pairwise((filters[0], *filters)))
        self.blocks = nn.ModuleList(
            PlainBlock(c_out if i else c_in, c_out, dilation, i == 0, dropout)
            for (c_in, c_out), number, dilation in zip(channels, blocks, dilations, strict=True)
            for i in range(number)
        )

    def forward(self, tracks: Tensor, lengths: Tensor, *, masked: bool = False) -> Tensor:
        """Mean of the last activations over each RNA's real positions.

        Args:
            tracks: (b, 6, l) float32, zero beyond each RNA's end.
            lengths: (b,) nt.
            masked: keep padding out of convolutions and statistics, as the package does, instead of the original's
                way, which only leaves it out of the mean.
        """
        real = _positions(lengths, tracks.shape[2])
        seen = real if masked else None
        h = _pooled(_trim(F.relu(_apply(self.stem_norm, self.stem(tracks), seen)), seen))
        real = _pooled(real)
        for block in self.blocks:
            h = block(h, real if masked else None)
            if block.pools:
                real = _pooled(real)
        mean: Tensor = (h * real).sum(2) / real.sum(2)
        return mean


def _positions(lengths: Tensor, width: int) -> Tensor:
    """(b, 1, width): 1 at real positions."""
    return (torch.arange(width) < lengths[:, None])[:, None].float()


class PlainProjector(nn.Module):
    """``Linear → BN → ReLU`` twice, then ``Linear`` without bias."""

    def __init__(self, dim: int, hidden: int = 2048, out: int = 512) -> None:
        super().__init__()
        self.hidden = nn.ModuleList([nn.Linear(dim, hidden), nn.Linear(hidden, hidden)])
        self.norms = nn.ModuleList([_norm(hidden), _norm(hidden)])
        self.last = nn.Linear(hidden, out, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(n, d) → (n, 512)."""
        for linear, norm in zip(self.hidden, self.norms, strict=True):
            x = F.relu(norm(linear(x)))
        projected: Tensor = self.last(x)
        return projected


def load_weights(module: nn.Module, tensors: Mapping[str, Tensor], prefix: str = "") -> None:
    """Take over the package's weights by name; none may be missing or left over.

    Args:
        module: a :class:`PlainEncoder` or a :class:`PlainProjector`.
        tensors: by the package's names.
        prefix: what the names begin with in ``tensors``.
    """
    renamed = {
        name.removeprefix(prefix).replace("stem.norm.", "stem_norm."): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }
    found = module.load_state_dict(renamed, strict=False)
    lacking = [name for name in found.missing_keys if not name.endswith("num_batches_tracked")]
    if lacking or found.unexpected_keys:
        raise ValueError(
            f"weights do not fit: lacking {lacking}, left over {found.unexpected_keys}"
        )
