"""tangermeme and captum: an encoder and a head as one module of standard layers.

Both packages take a module whose input is the one-hot bases ``X`` ``(n, 4, L)``. The two other tracks are an extra
argument ``(n, 2, L)``, which tangermeme passes on as ``args=(marks,)`` and captum as ``additional_forward_args``:

>>> import isoclr, torch
>>> model = isoclr.create("isoclr-s", seed=0)
>>> predictor = SequencePredictor(model, torch.ones(model.dim))
>>> X, marks = predictor.inputs(["AUGGCUUGA" * 5])
>>> predictor(X, marks).shape
torch.Size([1, 1])

All RNAs of a call have the same length, as both packages require. Every ReLU is a module of its own, as hooks of
DeepLIFT need it. A shipped head reads means of activations, so that all operations are known to DeepLIFT; a read-out
with standard deviations or square roots is not, and its attributions are approximate.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from isoclr.errors import InputError
from isoclr.genomics.encoding import Codes, tracks
from isoclr.models.encoder import Encoder, codes_of
from isoclr.models.layers import Convolution
from isoclr.models.norm import BatchNorm
from isoclr.models.resnet import Block


class SequencePredictor(nn.Module):
    """``(n, 4, L)`` bases and ``(n, 2, L)`` marks of codons and exons → predictions ``(n, targets)``.

    The module holds a copy of the weights in evaluation. Its predictions equal those of the encoder and the head.

    Args:
        encoder: Encoder of 4, 5 or 6 tracks.
        head: Head from :func:`isoclr.load_head`, all of whose labels are predicted (log-odds for two classes); or
            coefficients ``(dim,)`` or ``(targets, dim)``.

    Raises:
        InputError: A head of other embeddings, or of another encoder's.
    """

    def __init__(self, encoder: Encoder, head: Any) -> None:
        super().__init__()
        network = encoder.network
        self.marks = encoder.tracks - 4
        self.readout = network.architecture.readout
        self.reads = [network.architecture.reads(i) for i in range(len(network.blocks))]
        stem = network.stem
        self.stem = nn.Sequential(_Same(stem.weight, stem.bias, 1), _Affine(stem.norm), nn.ReLU(), _halve())
        self.blocks = nn.ModuleList(_Block(block) for block in network.blocks if isinstance(block, Block))
        if hasattr(head, "targets"):
            head.check_weights(encoder.name, encoder.sha256)
        weight, bias = _coefficients(head)
        if weight.shape[1] != network.dim:
            raise InputError(f"a head for embeddings of {weight.shape[1]}, expected {network.dim} for {encoder!r}")
        self.head = nn.Linear(network.dim, len(weight))
        self.head.load_state_dict({"weight": weight, "bias": bias})
        self.to(stem.weight.device).eval().requires_grad_(False)

    def forward(self, X: Float[Tensor, "n 4 l"], marks: Float[Tensor, "n 2 l"] | None = None) -> Float[Tensor, "n t"]:
        """Predictions; without marks, for RNAs with no known codons and exons."""
        if marks is None:
            marks = X.new_zeros(len(X), 2, X.shape[2])
        x = self.stem(torch.cat([X, marks[:, : self.marks].to(X.dtype)], 1))
        columns = []
        for block, reads in zip(self.blocks, self.reads, strict=True):
            x = block(x)
            if reads:
                mean = x.mean(2)
                var = None
                if self.readout.statistics == "mean+std":
                    var = (x - mean[:, :, None]).square().mean(2)
                columns.append(self.readout.combine(mean, var))
        predictions: Tensor = self.head(torch.cat(columns, 1))
        return predictions

    def inputs(
        self, rnas: Sequence[str | Codes], *, orf: bool = True
    ) -> tuple[Float[Tensor, "n 4 l"], Float[Tensor, "n 2 l"]]:
        """Bases and marks of RNAs of one length.

        Args:
            rnas: Letters, or codes with marks.
            orf: For letters, mark the longest open reading frame.

        Raises:
            InputError: RNAs of different lengths, or a letter that no RNA has.
        """
        codes = [
            codes_of(rna, orf=orf, name=f"sequence {i + 1}") if isinstance(rna, str) else rna
            for i, rna in enumerate(rnas)
        ]
        if len({len(one) for one in codes}) != 1:
            raise InputError("RNAs of different lengths, expected one length; call once for each")
        x = torch.from_numpy(np.stack([tracks(one) for one in codes]))
        x = x.to(self.head.weight.device)
        return x[:, :4].contiguous(), x[:, 4:].contiguous()


def _coefficients(head: Any) -> tuple[Tensor, Tensor]:
    """Weights ``(targets, dim)`` and biases ``(targets,)``."""
    if hasattr(head, "targets"):
        head = [head.linear(target.name) for target in head.targets]
    elif hasattr(head, "coefficients"):
        head = [head]
    else:
        weight = torch.from_numpy(np.atleast_2d(np.asarray(head, np.float32)))
        return weight, torch.zeros(len(weight))
    weights = np.stack([one.coefficients for one in head]).astype(np.float32)
    return torch.from_numpy(weights), torch.tensor([one.intercept for one in head]).float()


def _halve() -> nn.MaxPool1d:
    """Max-pooling by two; an odd last position is pooled alone."""
    return nn.MaxPool1d(2, ceil_mode=True)


class _Same(nn.Module):
    """Convolution with as many positions out as in; the odd one of the padding is at the 3' end."""

    def __init__(self, weight: Tensor, bias: Tensor, dilation: int) -> None:
        super().__init__()
        total = (weight.shape[2] - 1) * dilation
        self.padding = total // 2, total - total // 2
        self.conv = nn.Conv1d(weight.shape[1], weight.shape[0], weight.shape[2], dilation=dilation)
        self.conv.load_state_dict({"weight": weight, "bias": bias})

    @classmethod
    def of(cls, layer: Convolution) -> "_Same":
        return cls(layer.weight, layer.bias, layer.dilation)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(F.pad(x, self.padding))
        return y


class _Affine(nn.Module):
    """Batch norm in evaluation."""

    scale: Tensor
    shift: Tensor

    def __init__(self, norm: BatchNorm) -> None:
        super().__init__()
        scale, shift = (one.detach().clone()[:, None] for one in norm.affine())
        self.register_buffer("scale", scale)
        self.register_buffer("shift", shift)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale + self.shift


class _Block(nn.Module):
    """A residual block of :class:`isoclr.models.resnet.Block`."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        self.main = nn.Sequential(
            *(_Same.of(block.conv1), nn.ReLU(), _Affine(block.norm1), nn.ReLU()),
            *(_Same.of(block.conv2), nn.ReLU(), _Affine(block.norm2)),
        )
        self.shortcut: nn.Module = nn.Identity()
        if block.shortcut is not None and block.shortcut_norm is not None:
            self.shortcut = nn.Sequential(_Same.of(block.shortcut), _Affine(block.shortcut_norm))
        self.relu = nn.ReLU()
        self.pool: nn.Module = _halve() if block.pools else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.pool(self.relu(self.main(x) + self.shortcut(x)))
        return y
