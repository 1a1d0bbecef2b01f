"""Networks for fine-tuning: backbones that turn RNAs into features, heads, and the factory of both."""

import copy
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from isoclr.finetuning.config import SALUKI_MODEL, FinetuneConfig
from isoclr.genomics.encoding import PAD, Codes
from isoclr.models.encoder import MODELS, Encoder, Precision, create
from isoclr.models.load import load
from isoclr.models.packing import PackedBatch, PackLayout, Rows, Segments, fill_batch, plan_layouts
from isoclr.models.pooling import pool
from isoclr.models.resnet import Block, DilatedResNet
from isoclr.models.saluki import Saluki, pack_for_saluki
from isoclr.training.rng import RngStream, seeded


@dataclass(frozen=True)
class BatchBuilder:
    """Packs the RNAs of a study into chunks."""

    codes: Sequence[Codes]
    device: torch.device  # Where chunks are computed
    dtype: torch.dtype  # Type of activations
    chunk_nt: int  # Largest number of nucleotides in a chunk
    round_to: int  # Chunk widths are multiples of this

    @property
    def precision(self) -> Precision:
        """Name of the activations' type."""
        return "bf16" if self.dtype == torch.bfloat16 else "float32"

    def lengths(self, rows: Rows) -> Rows:
        """``(n,)`` nt of the RNAs in these rows."""
        return np.array([len(self.codes[row]) for row in rows], np.int64)

    def layouts(self, rows: Rows, gap: int | None) -> list[PackLayout]:
        """Layouts of these RNAs in chunks."""
        lengths = self.lengths(rows)
        return plan_layouts(lengths, gap=gap, chunk_nt=self.chunk_nt, round_to=self.round_to)

    def chunk(self, layout: PackLayout, rows: Rows) -> PackedBatch:
        """The chunk of one layout, on the device."""
        codes = [self.codes[row] for row in rows]
        return fill_batch(layout, codes, self.lengths(rows)).to(self.device)


Advance = Callable[[int], None]  # Called with the number of nt done since the last call


class Backbone(nn.Module):
    """Turns RNAs, given by their rows, into features."""

    network: DilatedResNet | Saluki  # The network as it is saved
    dim: int
    trained: nn.Module  # The part whose weights and running statistics training changes

    @abstractmethod
    def forward(self, rows: Rows, rng: np.random.Generator) -> Tensor:
        """Features ``(n, dim)`` of a training batch, in the order of ``rows``."""

    @abstractmethod
    def evaluate(self, rows: Rows) -> Tensor:
        """Features ``(n, dim)`` float32 without dropout, with running statistics, without gradient."""


class FrozenBackbone(Backbone):
    """Embeddings that are computed once, so that only the head is trained."""

    def __init__(self, network: DilatedResNet, embeddings: NDArray[np.float32], device: torch.device) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("embeddings", torch.from_numpy(embeddings).to(device))
        self.embeddings: Tensor
        self.dim = embeddings.shape[1]
        self.trained = nn.Module()

    def forward(self, rows: Rows, rng: np.random.Generator) -> Tensor:  # noqa: ARG002 (not random)
        """The embeddings of these RNAs."""
        return self.evaluate(rows)

    def evaluate(self, rows: Rows) -> Tensor:
        """The embeddings of these RNAs."""
        return self.embeddings[torch.from_numpy(rows)]


class FullBackbone(Backbone):
    """An encoder that is trained as a whole."""

    def __init__(self, encoder: Encoder, builder: BatchBuilder) -> None:
        super().__init__()
        self.network = self.trained = encoder.network.to(builder.device)
        self.encoder, self.builder, self.dim = encoder, builder, encoder.dim

    def forward(self, rows: Rows, rng: np.random.Generator) -> Tensor:  # noqa: ARG002
        """Embeddings of these RNAs."""
        layouts = self.builder.layouts(rows, self.encoder.network.architecture.gap)
        chunks = [self.builder.chunk(layout, rows) for layout in layouts]
        return in_order(self.encoder.network(chunks, self.builder.dtype), layouts)

    def evaluate(self, rows: Rows) -> Tensor:
        """Embeddings as ``isoclr embed`` computes them."""
        codes = [self.builder.codes[row] for row in rows]
        embeddings = self.encoder.embed_codes(codes, precision=self.builder.precision)
        return torch.from_numpy(embeddings).to(self.builder.device)


class SalukiBackbone(Backbone):
    """Saluki, which is always trained as a whole.

    Args:
        shift: RNAs are shifted by 0 to this many nt in training.
    """

    def __init__(self, network: Saluki, builder: BatchBuilder, shift: int) -> None:
        super().__init__()
        self.network = self.trained = self.saluki = network.to(builder.device)
        self.builder, self.shift, self.dim = builder, shift, network.dim

    def forward(self, rows: Rows, rng: np.random.Generator) -> Tensor:
        """Features of these RNAs, each shifted by its own number of nt."""
        shifts = rng.integers(0, self.shift + 1, len(rows))
        codes = [
            np.concatenate([np.full(shift, PAD, np.uint8), self.builder.codes[row]])
            for row, shift in zip(rows, shifts, strict=True)
        ]
        return saluki_features(self.saluki, codes, self.builder, together=True)

    def evaluate(self, rows: Rows) -> Tensor:
        """Features of these RNAs."""
        self.saluki.eval()
        codes = [self.builder.codes[row] for row in rows]
        with torch.inference_mode():
            return saluki_features(self.saluki, codes, self.builder, together=False).clone()


def saluki_features(
    network: Saluki, codes: Sequence[Codes], builder: BatchBuilder, *, together: bool, progress: Advance | None = None
) -> Tensor:
    """Features ``(n, dim)`` in the order of ``codes``.

    Args:
        builder: How to pack them; its own RNAs are not used.
        together: Compute all chunks in one call, as the batch statistics of training need it.
    """
    lengths = np.array([len(one) for one in codes], np.int64)
    layouts = pack_for_saluki(lengths, chunk_nt=builder.chunk_nt, round_to=builder.round_to)
    filled = (fill_batch(layout, codes, lengths).to(builder.device) for layout in layouts)
    if together:
        return in_order(network(list(filled), builder.dtype), layouts)
    parts = []
    for chunk in filled:
        parts.append(network([chunk], builder.dtype))
        if progress is not None:
            progress(int(chunk.lengths.sum()))
    return in_order(torch.cat(parts), layouts)


def in_order(features: Tensor, layouts: Sequence[PackLayout]) -> Tensor:
    """Features in the order of the rows instead of that of the chunks."""
    order = np.concatenate([layout.rows for layout in layouts])
    return features[torch.from_numpy(np.argsort(order))]


class Head(nn.Module):
    """``BN → (Linear → BN → ReLU → dropout) twice → Linear``.

    The last layer starts at zero (Fradkin et al. 2023, appendix A.5), so that training starts from the mean of the
    labels and the first steps do not destroy pre-trained weights. The widths, and the first norm, which standardizes
    the encoder's features, are not from there.
    """

    def __init__(self, dim: int, labels: int, *, hidden: int, dropout: float) -> None:
        super().__init__()
        self.scale = nn.BatchNorm1d(dim, affine=False)
        self.hidden = nn.ModuleList([nn.Linear(dim, hidden), nn.Linear(hidden, hidden)])
        self.norms = nn.ModuleList([nn.BatchNorm1d(hidden), nn.BatchNorm1d(hidden)])
        self.last = nn.Linear(hidden, labels)
        self.dropout = nn.Dropout(dropout)
        for linear in (*self.hidden, self.last):
            nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
            nn.init.zeros_(linear.bias)
        nn.init.zeros_(self.last.weight)

    def penalized(self) -> list[nn.Parameter]:
        """The weights with an L2 penalty: those of the three linear layers."""
        return [linear.weight for linear in (*self.hidden, self.last)]

    def forward(self, features: Tensor) -> Tensor:
        """``(n, dim)`` → ``(n, labels)`` in standard deviations from the mean of the training labels."""
        x = self.scale(features)
        for linear, norm in zip(self.hidden, self.norms, strict=True):
            x = self.dropout(torch.relu(norm(linear(x))))
        predicted: Tensor = self.last(x)
        return predicted


class SalukiHead(nn.Linear):
    """Saluki's last layer: one output per label, with random initial weights as in its paper."""

    def __init__(self, dim: int, labels: int) -> None:
        super().__init__(dim, labels)
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")
        nn.init.zeros_(self.bias)

    def penalized(self) -> list[nn.Parameter]:
        """None: its paper does not penalize this layer."""
        return []


MAX_KEPT_BYTES = 4 << 30
"""Activations of more bytes are computed again for every batch instead of being kept."""


class FrozenStages:
    """The stages of an encoder below its last one, with fixed weights and statistics."""

    def __init__(self, encoder: Encoder, builder: BatchBuilder) -> None:
        self.network, self.builder = encoder.network.to(builder.device).eval(), builder
        architecture = encoder.network.architecture
        self.depth = sum(architecture.blocks[:3])
        self.gap, self.channels = architecture.gap, architecture.filters[2]
        self.readout, self.reads = architecture.readout, architecture.reads
        self._kept: dict[int, tuple[Tensor, Tensor]] = {}

    def keep(self, progress: Advance | None = None) -> bool:
        """Compute every RNA once and keep the activations if they fit; whether they do."""
        rows = np.arange(len(self.builder.codes))
        positions = int(self.builder.lengths(rows).sum()) / 16
        if positions * self.channels * self.builder.dtype.itemsize > MAX_KEPT_BYTES:
            return False
        for layout in self.builder.layouts(rows, self.gap):
            x, extent, readouts = self._compute(layout, rows)
            flat = x.flatten(0, 1)
            spans = zip(extent.starts.tolist(), extent.lengths.tolist(), strict=True)
            for row, readout, (start, n) in zip(layout.rows.tolist(), readouts, spans, strict=True):
                self._kept[row] = flat[start : start + n].clone(), readout
            if progress is not None:
                progress(int(self.builder.lengths(layout.rows).sum()))
        return True

    def __call__(self, layout: PackLayout, rows: Rows) -> tuple[Tensor, Segments, Tensor]:
        """Activations ``(b, l / 16, c)`` of one chunk, the segments of its RNAs, and their read-outs ``(n, d')``."""
        in_chunk = rows[layout.rows].tolist()
        if not all(row in self._kept for row in in_chunk):
            return self._compute(layout, rows)
        b, width = layout.shape
        x = torch.zeros(b, width // 16, self.channels, dtype=self.builder.dtype, device=self.builder.device)
        extent = self._extent(layout, rows)
        for row, start in zip(in_chunk, extent.starts.tolist(), strict=True):
            activations = self._kept[row][0]
            x.view(-1, self.channels)[start : start + len(activations)] = activations
        return x, extent, torch.stack([self._kept[row][1] for row in in_chunk])

    def _extent(self, layout: PackLayout, rows: Rows) -> Segments:
        lengths = self.builder.lengths(rows[layout.rows])
        size = layout.shape[0] * layout.shape[1]
        extent = Segments(layout.starts, lengths, size, self.builder.device)
        for _ in range(4):  # the stem and three stages halve the length
            extent = extent.halved()
        return extent

    @torch.no_grad()
    def _compute(self, layout: PackLayout, rows: Rows) -> tuple[Tensor, Segments, Tensor]:
        chunk = self.builder.chunk(layout, rows)
        readouts: list[Tensor] = [torch.empty(len(layout.rows), 0, device=self.builder.device)]
        levels = self.network.levels([chunk], self.builder.dtype)
        for block in range(self.depth):
            (x,), (extent,) = next(levels)
            if self.reads(block):
                readouts.append(pool(x, extent, self.readout))
        return x, extent, torch.cat(readouts, 1)


class LastStageBackbone(Backbone):
    """An encoder whose last stage is trained."""

    def __init__(self, encoder: Encoder, lower: FrozenStages, builder: BatchBuilder) -> None:
        super().__init__()
        self.network = encoder.network.to(builder.device)
        self.trained = self.stage = nn.ModuleList(list(encoder.network.blocks)[lower.depth :])
        self.lower, self.builder, self.dim = lower, builder, encoder.dim

    def forward(self, rows: Rows, rng: np.random.Generator) -> Tensor:  # noqa: ARG002
        """Embeddings of these RNAs."""
        layouts = self.builder.layouts(rows, self.lower.gap)
        return in_order(self._upper(layouts, rows), layouts)

    @torch.no_grad()
    def evaluate(self, rows: Rows) -> Tensor:
        """Embeddings of these RNAs, one chunk at a time."""
        self.trained.eval()
        layouts = self.builder.layouts(rows, self.lower.gap)
        parts = [self._upper([layout], rows) for layout in layouts]
        return in_order(torch.cat(parts), layouts)

    def _upper(self, layouts: Sequence[PackLayout], rows: Rows) -> Tensor:
        """Embeddings in the order of the chunks."""
        parts = [self.lower(layout, rows) for layout in layouts]
        xs, extents = [x for x, _, _ in parts], [extent for _, extent, _ in parts]
        readouts = [torch.cat([fixed for _, _, fixed in parts])]
        for number, block in enumerate(self.stage, self.lower.depth):
            xs = block(xs, extents)
            if block.pools:
                extents = [extent.halved() for extent in extents]
            if self.lower.reads(number):
                pooled = [pool(x, e, self.lower.readout) for x, e in zip(xs, extents, strict=True)]
                readouts.append(torch.cat(pooled))
        return torch.cat(readouts, 1)


class ModelFactory:
    """Makes the model that every trial of a study starts from."""

    def __init__(self, config: FinetuneConfig) -> None:
        self.config = config
        self.encoder = _load_encoder(config)
        """The pre-trained encoder, or one with random weights that gives the architecture; None for Saluki."""
        self.name = SALUKI_MODEL if self.encoder is None else self.encoder.name
        self._lower: FrozenStages | None = None
        self._embeddings: NDArray[np.float32] | None = None

    @property
    def method(self) -> str:
        """Name of the method in results."""
        if self.encoder is None:
            return "Saluki"
        if self.config.scratch:
            return f"supervised {self.name}"
        words = {"head": "frozen", "last-stage": "last stage of", "full": "fine-tuned"}
        return f"{words[self.config.train]} {self.name}"

    @property
    def sha256(self) -> str | None:
        """SHA-256 of the pre-trained weights."""
        return None if self.encoder is None or self.config.scratch else self.encoder.sha256

    @property
    def tracks(self) -> int:
        """Number of the six tracks that the model reads."""
        return 6 if self.encoder is None else self.encoder.tracks

    def prepare(self, builder: BatchBuilder, progress: Callable[[str], Advance]) -> None:
        """Compute once what no trial changes.

        Args:
            progress: Starts a progress bar with a title; the result is called with the nt done.
        """
        if self.encoder is None or self.config.train == "full":
            return
        if self.config.train == "head":
            self.encoder.network.to(builder.device)
            self._embeddings = self.encoder.embed_codes(
                builder.codes, precision=builder.precision, progress=progress("embedding")
            )
        else:
            self._lower = FrozenStages(self.encoder, builder)
            self._lower.keep(progress("stages below the last"))

    def make(self, builder: BatchBuilder, labels: int, seed: int) -> tuple[Backbone, Head | SalukiHead]:
        """A backbone and a head for one trial."""
        parameters = self.config.hyperparameters
        with seeded(seed, RngStream.NEW_WEIGHTS):
            if self.encoder is None:
                network = Saluki(dropout=parameters.dropout)
                saluki = SalukiBackbone(network, builder, parameters.shift)
                return saluki, SalukiHead(saluki.dim, labels).to(builder.device)
            backbone = self._backbone(self.encoder, builder, parameters.dropout)
            head = Head(backbone.dim, labels, hidden=parameters.hidden, dropout=parameters.dropout)
        return backbone, head.to(builder.device)

    def _backbone(self, encoder: Encoder, builder: BatchBuilder, dropout: float) -> Backbone:
        if self._embeddings is not None:
            return FrozenBackbone(encoder.network, self._embeddings, builder.device)
        if self.config.scratch:
            architecture = encoder.network.architecture
            network = DilatedResNet(architecture, tracks=encoder.tracks)
            network.recompute = encoder.network.recompute
            network.compiled = encoder.network.compiled
        else:
            network = copy.deepcopy(encoder.network)
        for block in network.blocks:
            assert isinstance(block, Block)
            block.norm1.dropout = dropout
        own = Encoder(network.to(builder.device), name=encoder.name, tracks=encoder.tracks)
        if self._lower is not None:
            return LastStageBackbone(own, self._lower, builder)
        return FullBackbone(own, builder)


def _load_encoder(config: FinetuneConfig) -> Encoder | None:
    if config.model == SALUKI_MODEL:
        return None
    untrained = config.scratch and config.model in MODELS
    encoder = create(config.model, seed=0) if untrained else load(config.model)
    if config.pooling is not None:
        network = encoder.network
        network.architecture = replace(network.architecture, pooling=config.pooling)
    return encoder
