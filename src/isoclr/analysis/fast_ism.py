"""Incremental in-silico mutagenesis: embeddings of mutants from the few activations that a mutation can change.

The encoder is local (Nair et al. 2022, fastISM): a base changes one or two positions of the first layer, a few more in
every block, and 33 positions of the last block of IsoCLR-S. All other activations are those of the unmutated RNA, the
*reference*, computed once. Mutations at positions that are equal modulo the network's stride (32 nt) change windows of
the same widths, so they go through the network as one batch. Windows of different positions are widened to a common
one. The result is exact up to rounding.

Shapes: m mutants, w positions of a window, n positions of the reference at a layer, c channels, d embedding size.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64, UInt8
from numpy.typing import NDArray
from torch import Tensor

from isoclr.genomics.encoding import NUCLEOTIDE_BITS, PAD, Codes
from isoclr.models.kernels import affine
from isoclr.models.layers import Convolution, Stem, kernel_image
from isoclr.models.packing import STRIDE
from isoclr.models.resnet import Block, DilatedResNet

BATCH = 192  # Mutants computed at a time: few enough for the processor's caches, enough to hide Python's overhead
_TRACK_BITS = 0xFF ^ NUCLEOTIDE_BITS  # Codon and exon marks of a code


@dataclass(frozen=True)
class Reference:
    """Activations of the unmutated RNA at one layer."""

    values: Float[Tensor, "n_and_1 c"]
    """One row per position, then a row of zeros that stands for every position outside the RNA."""

    @classmethod
    def of(cls, x: Float[Tensor, "n c"]) -> "Reference":
        """Append the row of zeros."""
        return cls(torch.cat([x, x.new_zeros(1, x.shape[1])]))

    def __len__(self) -> int:
        return len(self.values) - 1

    def at(self, positions: Int64[Tensor, "m w"]) -> Float[Tensor, "m w c"]:
        """Activations at positions; zero outside the RNA."""
        n = len(self)
        inside = (positions >= 0) & (positions < n)
        return torch.nn.functional.embedding(torch.where(inside, positions, n), self.values)


@dataclass(frozen=True)
class Windows:
    """The activations of mutants that can differ from the reference: one window per mutant, all of the same width."""

    values: Float[Tensor, "m w c"]  # Activations; zero outside the RNA
    starts: Int64[Tensor, " m"]  # First position of each window; equal modulo the stride of the layers above

    @property
    def width(self) -> int:
        """Positions of a window."""
        return int(self.values.shape[1])

    def positions(self, before: int = 0, after: int = 0) -> Int64[Tensor, "m w"]:
        """Positions of the windows, extended by some positions before and after."""
        steps = torch.arange(-before, self.width + after, device=self.starts.device)
        return self.starts[:, None] + steps

    def extended(self, reference: Reference, before: int, after: int) -> Float[Tensor, "m wider c"]:
        """The windows with reference activations before and after."""
        if before == after == 0:
            return self.values
        wider = reference.at(self.positions(before, after))
        wider[:, before : before + self.width] = self.values
        return wider

    def zero_outside_(self, n: int) -> "Windows":
        """Zero, in place, positions outside an RNA of ``n`` positions."""
        positions = self.positions()
        outside = (positions < 0) | (positions >= n)
        if bool(outside.any()):  # only near the RNA's ends
            self.values.masked_fill_(outside[..., None], 0)
        return self

    def change(self, reference: Reference, *, squared: bool = False) -> Float[Tensor, "m c"]:
        """Difference of the activations, or of their squares, from the reference, summed over positions."""
        before = reference.at(self.positions())
        difference = self.values - before
        return (difference * (self.values + before) if squared else difference).sum(1)


@dataclass(frozen=True)
class _Convolution:
    """A convolution with a kernel of two and no padding: ``(m, w + dilation, c)`` → ``(m, w, d)``.

    An output depends on the inputs ``left`` positions before and ``right`` positions after it.
    """

    kernel: Float[Tensor, "d c 1 k"]
    bias: Float[Tensor, " d"]
    dilation: int

    @classmethod
    def of(cls, conv: Convolution) -> "_Convolution":
        weight = conv.weight.detach()
        return cls(kernel_image(weight, weight.dtype), conv.bias.detach(), conv.dilation)

    @property
    def left(self) -> int:
        return self.dilation // 2

    @property
    def right(self) -> int:
        return self.dilation - self.left

    def __call__(self, x: Float[Tensor, "m wider c"]) -> Float[Tensor, "m w d"]:
        if x.is_cuda:  # cuDNN would round to tf32
            taps = self.kernel.squeeze(2).unbind(2)
            n = x.shape[1] - self.dilation
            first, last = x[:, :n], x[:, self.dilation :]
            return first @ taps[0].T + last @ taps[1].T + self.bias
        image = x.unsqueeze(1).permute(0, 3, 1, 2)  # (m, c, 1, w)
        y = torch.conv2d(image, self.kernel, self.bias, dilation=(1, self.dilation))
        return y.permute(0, 2, 3, 1).squeeze(1)


def _scaled(x: Float[Tensor, "m w c"], norm: tuple[Tensor, Tensor]) -> Float[Tensor, "m w c"]:
    """A batch norm in evaluation mode, with its scale and shift ``(c,)``."""
    return affine(x.reshape(-1, x.shape[2]), *norm).view(x.shape)


class _ResidualBlock:
    """A residual block in two steps, so that each can be computed on a window."""

    def __init__(self, block: Block) -> None:
        self.conv1, self.conv2 = _Convolution.of(block.conv1), _Convolution.of(block.conv2)
        self.norm1, self.norm2 = block.norm1.affine(), block.norm2.affine()
        self.pools = block.pools
        self.shortcut: tuple[Tensor, Tensor] | None = None
        if block.shortcut is not None and block.shortcut_norm is not None:
            scale, shift = block.shortcut_norm.affine()
            weight = block.shortcut.weight.detach()[:, :, 0] * scale[:, None]
            self.shortcut = weight.T.contiguous(), block.shortcut.bias.detach() * scale + shift

    def hidden(self, x: Float[Tensor, "m wider c"]) -> Float[Tensor, "m w d"]:
        """The first convolution, ReLU, norm and ReLU."""
        return _scaled(self.conv1(x).relu_(), self.norm1).relu_()

    def summed(self, hidden: Float[Tensor, "m wider d"], x: Float[Tensor, "m w c"]) -> Float[Tensor, "m w d"]:
        """The second convolution, ReLU and norm, plus the shortcut; before pooling and the last ReLU."""
        if self.shortcut is not None:
            weight, bias = self.shortcut
            x = torch.addmm(bias, x.reshape(-1, x.shape[2]), weight).view(*x.shape[:2], -1)
        return _scaled(self.conv2(hidden).relu_(), self.norm2) + x


@dataclass(frozen=True)
class _BlockReference:
    """Reference activations of one block."""

    inputs: Reference
    hidden: Reference
    summed: Reference
    outputs: Reference

    @classmethod
    def of(cls, block: _ResidualBlock, inputs: Reference) -> "_BlockReference":
        """Compute the block on the whole RNA: one window with zeros around it."""
        start = torch.zeros(1, dtype=torch.int64, device=inputs.values.device)
        whole = Windows(inputs.values[None, :-1], start)
        left, right = block.conv1.left, block.conv1.right  # conv2 has the same
        hidden = block.hidden(whole.extended(Reference(inputs.values[-1:]), left, right))
        zeros = Reference(hidden.new_zeros(1, hidden.shape[2]))
        summed = block.summed(Windows(hidden, start).extended(zeros, left, right), whole.values)
        outputs = summed
        if block.pools:
            even = torch.nn.functional.pad(summed, (0, 0, 0, summed.shape[1] % 2))
            outputs = torch.maximum(even[:, 0::2], even[:, 1::2])
        rest = (Reference.of(x[0]) for x in (hidden, summed, outputs.relu()))
        return cls(inputs, *rest)


def mutation_batches(positions: NDArray[np.int64], span: int = 1) -> list[NDArray[np.int64]]:
    """Numbers of the mutations to compute together: at positions within the same ``span`` modulo the stride."""
    groups = positions % STRIDE // span
    order = np.argsort(groups, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    return [rows for part in parts for rows in np.split(part, range(BATCH, len(part), BATCH))]


class IncrementalEncoder:
    """A network prepared for :class:`ReferenceRna`, in the type of its weights.

    Args:
        network: Its weights are copied; later changes to them have no effect.
    """

    @torch.no_grad()
    def __init__(self, network: DilatedResNet) -> None:
        self.architecture = network.architecture
        self.device = network.stem.weight.device
        self.stem_table = network.stem.table()
        blocks = (block for block in network.blocks if isinstance(block, Block))
        self.blocks = [_ResidualBlock(block) for block in blocks]


class ReferenceRna:
    """The activations of one RNA, and how mutations change its embedding.

    Args:
        codes: Codes of the unmutated RNA ``(L,)``. Memory grows by about 2 KB per nucleotide.
    """

    @torch.inference_mode()
    def __init__(self, encoder: IncrementalEncoder, codes: Codes) -> None:
        self.encoder = encoder
        padded = torch.full((len(codes) + 1,), PAD, dtype=torch.uint8)
        padded[:-1] = torch.from_numpy(codes.copy())
        self._codes = padded.to(encoder.device)
        even = torch.nn.functional.pad(self._codes[None, :-1], (0, len(codes) % 2), value=PAD)
        self._stem = layer = Reference.of(Stem.look_up(even, encoder.stem_table)[0])
        self._blocks: list[_BlockReference] = []
        for block in encoder.blocks:
            self._blocks.append(_BlockReference.of(block, layer))
            layer = self._blocks[-1].outputs

    @property
    def embedding(self) -> Float64[Tensor, " d"]:
        """Embedding of the unmutated RNA."""
        return torch.cat([self._read_out(i)[0] for i in self._moments])

    @cached_property
    def _moments(self) -> dict[int, tuple[Float64[Tensor, "1 c"], Float64[Tensor, "1 c"]]]:
        """Means of ``x`` and ``x²`` over positions, for every block that the embedding is read off."""
        moments = {}
        for i, block in enumerate(self._blocks):
            if self.encoder.architecture.reads(i):
                x = block.outputs.values[:-1].double()
                moments[i] = x.mean(0, keepdim=True), x.square().mean(0, keepdim=True)
        return moments

    @torch.inference_mode()
    def changes(self, positions: Int64[Tensor, " m"], bases: UInt8[Tensor, " m"]) -> Float[Tensor, "m d"]:
        """Embedding of each mutant minus that of the unmutated RNA.

        Args:
            positions: 0-based positions from the 5' end. The nearer they are modulo the network's stride, the less is
                computed for each; equal ones are best for many mutants, a few different ones for few.
            bases: Nucleotide code of the new base at each; codon and exon marks stay as they are.
        """
        windows = self._mutate_stem(positions, bases)
        changes = []
        for i, (block, reference) in enumerate(zip(self.encoder.blocks, self._blocks, strict=True)):
            windows = _mutate_block(block, reference, windows)
            if self.encoder.architecture.reads(i):
                changes.append(self._change(i, windows))
        return torch.cat(changes, 1)

    def _change(self, block: int, windows: Windows) -> Float[Tensor, "m k"]:
        """Change of one block's columns of the embedding."""
        reference, readout = self._blocks[block].outputs, self.encoder.architecture.readout
        change = windows.change(reference) / len(reference)
        if readout.is_mean:
            return change
        squares = windows.change(reference, squared=True) / len(reference)
        mutated = self._read_out(block, change.double(), squares.double())
        return (mutated - self._read_out(block)).to(change.dtype)

    def _read_out(
        self, block: int, change: Tensor | float = 0.0, change_of_squares: Tensor | float = 0.0
    ) -> Float64[Tensor, "m k"]:
        """One block's columns of the embedding, after changes ``(m, c)`` of the means of ``x`` and ``x²``."""
        mean, squares = self._moments[block]
        mean = mean + change
        var = (squares + change_of_squares - mean * mean).clamp_min(0)
        return self.encoder.architecture.readout.combine(mean, var)

    def _mutate_stem(self, positions: Tensor, bases: Tensor) -> Windows:
        """The positions of the first layer that can depend on a mutated base: one or two, if all are equal modulo 32.

        An even base changes the position of its pair and the one before, an odd base that of its pair.
        """
        phases = positions % STRIDE
        low, high = int(phases.min()), int(phases.max())
        first = low // 2 - (1 - low % 2)
        width = high // 2 - first + 1
        starts = (positions - phases) // 2 + first
        seen = 2 * starts[:, None] + torch.arange(2 * width + 2, device=positions.device)
        n = len(self._codes) - 1
        codes = self._codes[torch.where((seen >= 0) & (seen < n), seen, n)]
        mutated = seen == positions[:, None]
        codes[mutated] = (codes[mutated] & _TRACK_BITS) | bases
        # the last position looked up lacks its right neighbour and only serves as the others' neighbour
        values = Stem.look_up(codes, self.encoder.stem_table)[:, :-1].contiguous()
        return Windows(values, starts).zero_outside_(len(self._stem))


def _mutate_block(block: _ResidualBlock, reference: _BlockReference, windows: Windows) -> Windows:
    """Outputs of a block for changed inputs.

    A changed input changes the outputs from ``right`` positions before to ``left`` positions after it, in each of the
    two convolutions, and each of those outputs needs inputs up to a dilation away on either side.
    """
    left, right, d = block.conv1.left, block.conv1.right, block.conv1.dilation
    n, w = len(reference.inputs), windows.width
    x = windows.extended(reference.inputs, 2 * right, d)
    hidden = Windows(block.hidden(x[:, 2 * right - d :]), windows.starts - right).zero_outside_(n)
    wider = hidden.extended(reference.hidden, d, d)
    summed = block.summed(wider, x[:, : w + 2 * (left + right)])
    windows = Windows(summed, hidden.starts - right).zero_outside_(n)
    if block.pools:
        windows = _max_pool(windows, reference.summed)
    windows.values.relu_()
    return windows


def _max_pool(windows: Windows, summed: Reference) -> Windows:
    """Max pooling by two; at a window's edge one of the two may be a reference activation."""
    first = int(windows.starts[0])
    before, after = first % 2, (first + windows.width) % 2
    whole = windows.extended(summed, before, after)
    pooled = torch.maximum(whole[:, 0::2], whole[:, 1::2])
    return Windows(pooled, (windows.starts - before) // 2)
