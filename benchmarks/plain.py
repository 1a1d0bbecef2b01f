"""The baselines' network: a straightforward PyTorch implementation of the encoder and its projection head.

Six float tracks pass through ``Conv1d``, ``BatchNorm1d``, ``ReLU`` and ``MaxPool1d``: channels first, eager, float32.
It shares no code with the package's kernels and loads the package's weights by name, so it also checks them: for an RNA
without padding both must give the same embedding.
"""

from collections.abc import Mapping
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPS, MOMENTUM = 0.01, 0.1
STRIDE = 32


class MaskedBatchNorm(nn.BatchNorm1d):
    """Batch norm whose statistics leave out padding."""

    def masked(self, x: Tensor, real: Tensor) -> Tensor:
        """Normalize ``x (b, c, l)``; in training by the mean and variance where ``real (b, 1, l)`` is 1."""
        if not self.training:
            return self.forward(x)
        count = real.sum()
        mean = (x * real).sum((0, 2), keepdim=True) / count
        var = ((x - mean) ** 2 * real).sum((0, 2), keepdim=True) / count
        return (x - mean) * torch.rsqrt(var + self.eps) * self.weight[:, None] + self.bias[:, None]


class Convolution(nn.Conv1d):
    """1-D convolution with 'same' padding, odd padding at the 3' end (like ``padding="same"``, which warns)."""

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
    """Batch norm over all positions, as in the original procedure, or over the real positions only."""
    if real is not None:
        return norm.masked(x, real)
    normalized: Tensor = norm(x)
    return normalized


def _mask(x: Tensor, real: Tensor | None) -> Tensor:
    return x if real is None else x * real


def _max_pool(x: Tensor) -> Tensor:
    """Maximum of two neighbors; an odd last position stays."""
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
        h = _mask(F.relu(self.conv1(x)), real)
        h = self.dropout(F.relu(_apply(self.norm1, h, real)))
        h = _mask(F.relu(self.conv2(_mask(h, real))), real)
        shortcut = x
        if self.shortcut is not None and self.shortcut_norm is not None:
            shortcut = _apply(self.shortcut_norm, _mask(self.shortcut(x), real), real)
        y = _mask(F.relu(_apply(self.norm2, h, real) + shortcut), real)
        return _max_pool(y) if self.pools else y


class PlainEncoder(nn.Module):
    """Tracks ``(b, 6, l)`` and lengths → embeddings ``(b, d)``.

    The defaults are IsoCLR-S.

    Args:
        filters: Channels of each stage.
        blocks: Blocks in each stage.
        dilations: Dilation of each stage.
        dropout: Dropout probability inside the blocks.
        tracks: Number of input tracks.
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
        """Mean of the last block's activations over each RNA's real positions.

        Args:
            tracks: (b, 6, l) float32, zero beyond each RNA's end.
            lengths: (b,) nucleotides.
            masked: Keep padding out of convolutions and batch statistics, as the package does. The original procedure
                keeps it out of the mean only.
        """
        real = _positions(lengths, tracks.shape[2])
        mask = real if masked else None
        h = _max_pool(_mask(F.relu(_apply(self.stem_norm, self.stem(tracks), mask)), mask))
        real = _max_pool(real)
        for block in self.blocks:
            h = block(h, real if masked else None)
            if block.pools:
                real = _max_pool(real)
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
    """Load the package's weights by name.

    Args:
        module: A :class:`PlainEncoder` or a :class:`PlainProjector`.
        tensors: The package's tensors by name.
        prefix: Common prefix of the names in ``tensors``; tensors without it are ignored.

    Raises:
        ValueError: weights are missing or left over.
    """
    renamed = {
        name.removeprefix(prefix).replace("stem.norm.", "stem_norm."): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }
    keys = module.load_state_dict(renamed, strict=False)
    missing = [name for name in keys.missing_keys if not name.endswith("num_batches_tracked")]
    if missing or keys.unexpected_keys:
        raise ValueError(f"weights do not fit: missing {missing}, unexpected {keys.unexpected_keys}")
