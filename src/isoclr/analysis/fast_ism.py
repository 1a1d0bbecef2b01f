"""What a point mutation does to an embedding, computed from the activations it can reach and no others.

The encoder is local: a base of the RNA reaches one or two positions of the first layer, a few more of every layer
above, and in IsoCLR-S 33 of the last one. All other activations are those of the unchanged RNA, computed once.
Mutations at positions that are equal modulo the stride of the network, 32 nt, change stretches of the same widths, so
they go through the network together, as a batch of short sequences. The result is exact, up to rounding.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64, Int64, UInt8
from torch import Tensor

from isoclr.genomics.encoding import NUCLEOTIDE_BITS, PAD, Codes
from isoclr.models.kernels import affine
from isoclr.models.layers import Convolution, Stem, laid_out
from isoclr.models.resnet import Block, DilatedResNet


@dataclass(frozen=True)
class Rows:
    """Activations of the unchanged RNA at one place of the network.

    Attributes:
        values: ``(n + 1, c)``: one row a position, and a row of zeros that stands for all positions outside the RNA.
    """

    values: Float[Tensor, "n_and_1 c"]

    @classmethod
    def of(cls, x: Float[Tensor, "n c"]) -> "Rows":
        """Add the row of zeros."""
        return cls(torch.cat([x, x.new_zeros(1, x.shape[1])]))

    def __len__(self) -> int:
        return len(self.values) - 1

    def at(self, positions: Int64[Tensor, "m w"]) -> Float[Tensor, "m w c"]:
        """The activations at positions, zero where they lie outside the RNA."""
        n = len(self)
        inside = (positions >= 0) & (positions < n)
        return torch.nn.functional.embedding(torch.where(inside, positions, n), self.values)


@dataclass(frozen=True)
class Windows:
    """The activations that differ from the unchanged RNA's: a stretch for every mutant, all of the same width.

    Attributes:
        values: ``(m, w, c)``; zero outside the RNA.
        starts: ``(m,)`` position of the first of them; those of all mutants are odd, or all are even, as far as the
            network goes on pooling.
    """

    values: Float[Tensor, "m w c"]
    starts: Int64[Tensor, " m"]

    @property
    def width(self) -> int:
        """Positions in a stretch."""
        return int(self.values.shape[1])

    def positions(self, before: int = 0, after: int = 0) -> Int64[Tensor, "m w"]:
        """Positions of the stretch and of so many before and after it."""
        steps = torch.arange(-before, self.width + after, device=self.starts.device)
        return self.starts[:, None] + steps

    def amid(self, rows: Rows, before: int, after: int) -> Float[Tensor, "m wider c"]:
        """The stretch with its unchanged neighbours."""
        if before == after == 0:
            return self.values
        wider = rows.at(self.positions(before, after))
        wider[:, before : before + self.width] = self.values
        return wider

    def within(self, n: int) -> "Windows":
        """Zero, in place, what lies outside an RNA of ``n`` positions."""
        positions = self.positions()
        outside = (positions < 0) | (positions >= n)
        if bool(outside.any()):  # only near the RNA's ends
            self.values.masked_fill_(outside[..., None], 0)
        return self

    def difference(self, rows: Rows) -> Float[Tensor, "m c"]:
        """Sum over positions of what the mutation has changed."""
        return (self.values - rows.at(self.positions())).sum(1)


_MARKS = 0xFF ^ NUCLEOTIDE_BITS


@dataclass(frozen=True)
class _Convolution:
    """A convolution without padding: ``(m, w + dilation, c)`` → ``(m, w, d)``.

    An output position sees the activations ``left`` before and ``right`` after it.
    """

    kernel: Float[Tensor, "d c 1 k"]
    bias: Float[Tensor, " d"]
    dilation: int

    @classmethod
    def of(cls, conv: Convolution) -> "_Convolution":
        weight = conv.weight.detach()
        return cls(laid_out(weight, weight.dtype), conv.bias.detach(), conv.dilation)

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


@dataclass(frozen=True)
class _Affine:
    """A batch norm in evaluation."""

    scale: Float[Tensor, " c"]
    shift: Float[Tensor, " c"]

    def __call__(self, x: Float[Tensor, "m w c"]) -> Float[Tensor, "m w c"]:
        return affine(x.reshape(-1, x.shape[2]), self.scale, self.shift).view(x.shape)


class _Block:
    """A residual block: ``hidden`` is what its second convolution sees, ``summed`` what it pools."""

    def __init__(self, block: Block) -> None:
        self.conv1, self.conv2 = _Convolution.of(block.conv1), _Convolution.of(block.conv2)
        self.norm1, self.norm2 = _Affine(*block.norm1.affine()), _Affine(*block.norm2.affine())
        self.pools = block.pools
        self.shortcut: tuple[Tensor, Tensor] | None = None
        if block.shortcut is not None and block.shortcut_norm is not None:
            scale, shift = block.shortcut_norm.affine()
            weight = block.shortcut.weight.detach()[:, :, 0] * scale[:, None]
            self.shortcut = weight.T.contiguous(), block.shortcut.bias.detach() * scale + shift

    def hidden(self, x: Tensor) -> Tensor:
        """Behind the first convolution."""
        return self.norm1(self.conv1(x).relu_()).relu_()

    def summed(self, h: Tensor, x: Tensor) -> Tensor:
        """Behind the second convolution, with the shortcut, before pooling and the last ReLU."""
        if self.shortcut is not None:
            weight, bias = self.shortcut
            x = torch.addmm(bias, x.reshape(-1, x.shape[2]), weight).view(*x.shape[:2], -1)
        return self.norm2(self.conv2(h).relu_()) + x


@dataclass(frozen=True)
class _Level:
    """The unchanged RNA's activations around one block."""

    inputs: Rows
    hidden: Rows
    summed: Rows
    outputs: Rows


class IncrementalEncoder:
    """A network's evaluation in the type of its weights, ready for :class:`Mutants`.

    Args:
        network: whose weights are taken over; later changes to them are not seen.
    """

    @torch.no_grad()
    def __init__(self, network: DilatedResNet) -> None:
        self.architecture = network.architecture
        self.device = network.stem.weight.device
        self.table = network.stem.table()
        self.blocks = [_Block(block) for block in network.blocks if isinstance(block, Block)]

    def pooled(self, block: int) -> bool:
        """Whether the embedding has the mean of a block's activations."""
        return self.architecture.pooling == "all" or block == len(self.blocks) - 1


class Mutants:
    """One RNA, and what mutations do to its embedding.

    Args:
        network: the encoder.
        codes: the unchanged RNA ``(L,)``; memory grows by about 2 KB a nucleotide.
    """

    @torch.inference_mode()
    def __init__(self, network: IncrementalEncoder, codes: Codes) -> None:
        self.network = network
        padded = torch.full((len(codes) + 1,), PAD, dtype=torch.uint8)
        padded[:-1] = torch.from_numpy(codes.copy())
        self._codes = padded.to(network.device)
        self._stem, self._levels = self._unchanged()

    @property
    def embedding(self) -> Float64[Tensor, " d"]:
        """Of the unchanged RNA, in float64."""
        means = [
            level.outputs.values[:-1].double().mean(0)
            for i, level in enumerate(self._levels)
            if self.network.pooled(i)
        ]
        return torch.cat(means)

    @torch.inference_mode()
    def changes(
        self, positions: Int64[Tensor, " m"], bases: UInt8[Tensor, " m"]
    ) -> Float[Tensor, "m d"]:
        """What each mutation adds to the embedding.

        Args:
            positions: 0-based from the 5' end, all equal modulo 32.
            bases: the new base at each, as codes; codon and exon marks stay what they are.
        """
        windows = self._mutated_stem(positions, bases)
        changes = []
        for i, (block, level) in enumerate(zip(self.network.blocks, self._levels, strict=True)):
            windows = _through(block, level, windows)
            if self.network.pooled(i):
                changes.append(windows.difference(level.outputs) / len(level.outputs))
        return torch.cat(changes, 1)

    def _unchanged(self) -> tuple[Rows, list[_Level]]:
        """The RNA through the network, as one stretch amid nothing."""
        codes = self._codes[None, :-1]
        codes = torch.nn.functional.pad(codes, (0, codes.shape[1] % 2), value=PAD)
        stem = rows = Rows.of(Stem.look_up(codes, self.network.table)[0])
        levels = []
        for block in self.network.blocks:
            levels.append(_level(block, rows))
            rows = levels[-1].outputs
        return stem, levels

    def _mutated_stem(self, positions: Tensor, bases: Tensor) -> Windows:
        """The one or two positions of the first layer that see a mutated base."""
        odd = int(positions[0]) % 2
        starts = positions // 2 - (1 - odd)
        seen = 2 * starts[:, None] + torch.arange(6 - 2 * odd, device=positions.device)
        n = len(self._codes) - 1
        codes = self._codes[torch.where((seen >= 0) & (seen < n), seen, n)]
        own = 1 if odd else 2  # where the mutated base lies among those seen
        codes[:, own] = (codes[:, own] & _MARKS) | bases
        # the last position looked up lacks the base after it: it only brings the others theirs
        values = Stem.look_up(codes, self.network.table)[:, :-1].contiguous()
        return Windows(values, starts).within(len(self._stem))


def _level(block: _Block, inputs: Rows) -> _Level:
    whole = Windows(
        inputs.values[None, :-1], torch.zeros(1, dtype=torch.int64, device=inputs.values.device)
    )
    nothing = Rows(inputs.values[-1:])
    left, right = block.conv1.left, block.conv1.right  # and of the second convolution alike
    hidden = block.hidden(whole.amid(nothing, left, right))
    no_hidden = Rows(hidden.new_zeros(1, hidden.shape[2]))
    summed = block.summed(Windows(hidden, whole.starts).amid(no_hidden, left, right), whole.values)
    outputs = summed
    if block.pools:
        even = torch.nn.functional.pad(summed, (0, 0, 0, summed.shape[1] % 2))
        outputs = torch.maximum(even[:, 0::2], even[:, 1::2])
    return _Level(inputs, Rows.of(hidden[0]), Rows.of(summed[0]), Rows.of(outputs.relu()[0]))


def _through(block: _Block, level: _Level, windows: Windows) -> Windows:
    """What a block makes of changed activations.

    A changed activation changes the results ``right`` before and ``left`` after it of each of the two convolutions,
    and each of those needs what lies a whole dilation to either side.
    """
    left, right, d = block.conv1.left, block.conv1.right, block.conv1.dilation
    n, w = len(level.inputs), windows.width
    x = windows.amid(level.inputs, 2 * right, d)
    hidden = Windows(block.hidden(x[:, 2 * right - d :]), windows.starts - right).within(n)
    summed = block.summed(hidden.amid(level.hidden, d, d), x[:, : w + 2 * (left + right)])
    windows = Windows(summed, hidden.starts - right).within(n)
    if block.pools:
        windows = _pool(windows, level.summed)
    windows.values.relu_()
    return windows


def _pool(windows: Windows, summed: Rows) -> Windows:
    """The larger of each two neighbours, of which one may be unchanged."""
    first = int(windows.starts[0])
    before, after = first % 2, (first + windows.width) % 2
    whole = windows.amid(summed, before, after)
    pooled = torch.maximum(whole[:, 0::2], whole[:, 1::2])
    return Windows(pooled, (windows.starts - before) // 2)
