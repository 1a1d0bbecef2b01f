"""RNAs, by number, to features: what stands before the head, and how much of it learns."""

import copy
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from isoclr.errors import InputError
from isoclr.finetuning.config import FinetuneConfig
from isoclr.genomics.encoding import PAD, Codes
from isoclr.models.encoder import MODELS, Encoder, Precision, create
from isoclr.models.load import load
from isoclr.models.packing import PackedBatch, PackLayout, Segments, fill_batch, plan_layouts
from isoclr.models.pooling import pool
from isoclr.models.resnet import Block, DilatedResNet
from isoclr.models.saluki import Saluki, pack_for_saluki
from isoclr.training.rng import RngStream, seeded

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class BatchBuilder:
    """The RNAs of a study, ready to be put into chunks.

    Attributes:
        codes: of every RNA.
        device: where is computed.
        dtype: of activations.
        chunk_nt: most codes in a chunk.
        round_to: chunks are as wide as a multiple of this.
    """

    codes: Sequence[Codes]
    device: torch.device
    dtype: torch.dtype
    chunk_nt: int
    round_to: int

    @property
    def precision(self) -> Precision:
        """The type of activations as an encoder calls it."""
        return "bf16" if self.dtype == torch.bfloat16 else "float32"

    def lengths(self, rows: Rows) -> Rows:
        """``(n,)`` nt of some of the RNAs."""
        return np.array([len(self.codes[row]) for row in rows], np.int64)

    def layouts(self, rows: Rows, gap: int | None) -> list[PackLayout]:
        """Where these RNAs lie in chunks."""
        lengths = self.lengths(rows)
        return plan_layouts(lengths, gap=gap, chunk_nt=self.chunk_nt, round_to=self.round_to)

    def chunk(self, layout: PackLayout, rows: Rows) -> PackedBatch:
        """One chunk of them, on the device."""
        codes = [self.codes[row] for row in rows]
        return fill_batch(layout, codes, self.lengths(rows)).to(self.device)


Advance = Callable[[int], None]


class Backbone(nn.Module):
    """What turns RNAs into features.

    Attributes:
        network: the encoder or Saluki, as it is saved.
        dim: number of features.
        learning: the part whose weights (and running statistics) training changes.
    """

    network: DilatedResNet | Saluki
    dim: int
    learning: nn.Module

    @abstractmethod
    def forward(self, rows: Rows, rng: np.random.Generator) -> Tensor:
        """Features ``(n, dim)`` of a training batch, in the order of ``rows``."""

    @abstractmethod
    def evaluate(self, rows: Rows) -> Tensor:
        """Features ``(n, dim)`` float32 without dropout, with running statistics, without gradient."""


class FrozenBackbone(Backbone):
    """Embeddings that were computed once: nothing but the head learns.

    Args:
        network: what gave the embeddings.
        embeddings: ``(n, dim)`` of every RNA.
        device: where the head is.
    """

    def __init__(
        self, network: DilatedResNet, embeddings: NDArray[np.float32], device: torch.device
    ) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("embeddings", torch.from_numpy(embeddings).to(device))
        self.embeddings: Tensor
        self.dim = embeddings.shape[1]
        self.learning = nn.Module()

    def forward(self, rows: Rows, rng: np.random.Generator) -> Tensor:  # noqa: ARG002 (nothing is drawn)
        """The embeddings of these RNAs."""
        return self.evaluate(rows)

    def evaluate(self, rows: Rows) -> Tensor:
        """The embeddings of these RNAs."""
        return self.embeddings[torch.from_numpy(rows)]


class FullBackbone(Backbone):
    """An encoder, all of which learns.

    Args:
        encoder: whose network is trained.
        feed: the RNAs.
    """

    def __init__(self, encoder: Encoder, feed: BatchBuilder) -> None:
        super().__init__()
        self.network = self.learning = encoder.network.to(feed.device)
        self.encoder, self.feed, self.dim = encoder, feed, encoder.dim

    def forward(self, rows: Rows, rng: np.random.Generator) -> Tensor:  # noqa: ARG002
        """Embeddings of these RNAs."""
        layouts = self.feed.layouts(rows, self.encoder.network.architecture.gap)
        chunks = [self.feed.chunk(layout, rows) for layout in layouts]
        return in_order(self.encoder.network(chunks, self.feed.dtype), layouts)

    def evaluate(self, rows: Rows) -> Tensor:
        """Embeddings as ``isoclr embed`` computes them."""
        codes = [self.feed.codes[row] for row in rows]
        found = self.encoder.embed_codes(codes, precision=self.feed.precision)
        return torch.from_numpy(found).to(self.feed.device)


class SalukiBackbone(Backbone):
    """Saluki, which is always trained whole.

    Args:
        network: the model.
        feed: the RNAs.
        shift: every RNA starts 0 to this many nt late, in training.
    """

    def __init__(self, network: Saluki, feed: BatchBuilder, shift: int) -> None:
        super().__init__()
        self.network = self.learning = self.saluki = network.to(feed.device)
        self.feed, self.shift, self.dim = feed, shift, network.dim

    def forward(self, rows: Rows, rng: np.random.Generator) -> Tensor:
        """Features of these RNAs, each moved by a few nt."""
        delays = rng.integers(0, self.shift + 1, len(rows))
        codes = [
            np.concatenate([np.full(delay, PAD, np.uint8), self.feed.codes[row]])
            for row, delay in zip(rows, delays, strict=True)
        ]
        return saluki_features(self.saluki, codes, self.feed, together=True)

    def evaluate(self, rows: Rows) -> Tensor:
        """Features of these RNAs."""
        self.saluki.eval()
        codes = [self.feed.codes[row] for row in rows]
        with torch.inference_mode():
            return saluki_features(self.saluki, codes, self.feed, together=False).clone()


def saluki_features(
    network: Saluki,
    codes: Sequence[Codes],
    feed: BatchBuilder,
    *,
    together: bool,
    progress: Advance | None = None,
) -> Tensor:
    """Features ``(n, dim)`` in the order of ``codes``.

    Args:
        network: Saluki.
        codes: RNAs.
        feed: how to put them into chunks (its own RNAs are not looked at).
        together: all chunks in one call, as the batch statistics of training need it; else one after the other.
        progress: called with the number of nt done since the last call.
    """
    lengths = np.array([len(one) for one in codes], np.int64)
    layouts = pack_for_saluki(lengths, chunk_nt=feed.chunk_nt, round_to=feed.round_to)
    filled = (fill_batch(layout, codes, lengths).to(feed.device) for layout in layouts)
    if together:
        return in_order(network(list(filled), feed.dtype), layouts)
    parts = []
    for chunk in filled:
        parts.append(network([chunk], feed.dtype))
        if progress is not None:
            progress(int(chunk.lengths.sum()))
    return in_order(torch.cat(parts), layouts)


def in_order(features: Tensor, layouts: Sequence[PackLayout]) -> Tensor:
    """Features of RNAs in the order that was asked for, not that of the chunks."""
    order = np.concatenate([layout.rows for layout in layouts])
    return features[torch.from_numpy(np.argsort(order))]


class Head(nn.Module):
    """``BN → (Linear → BN → ReLU → dropout) twice → Linear``.

    As in the paper's appendix A.5 the last layer begins at zero, so that training begins with the mean of the labels
    and the first steps cannot spoil what pre-training has learnt. Ours: the widths, and the norm in front, which brings
    the encoder's features to one scale.

    Args:
        dim: number of features.
        tasks: number of labels.
        hidden: width of the two layers.
        dropout: probability, in training only.
    """

    def __init__(self, dim: int, tasks: int, *, hidden: int, dropout: float) -> None:
        super().__init__()
        self.scale = nn.BatchNorm1d(dim, affine=False)
        self.hidden = nn.ModuleList([nn.Linear(dim, hidden), nn.Linear(hidden, hidden)])
        self.norms = nn.ModuleList([nn.BatchNorm1d(hidden), nn.BatchNorm1d(hidden)])
        self.last = nn.Linear(hidden, tasks)
        self.dropout = nn.Dropout(dropout)
        for linear in (*self.hidden, self.last):
            nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
            nn.init.zeros_(linear.bias)
        nn.init.zeros_(self.last.weight)

    def penalised(self) -> list[nn.Parameter]:
        """The weights that an L2 term falls on: the three layers'."""
        return [linear.weight for linear in (*self.hidden, self.last)]

    def forward(self, features: Tensor) -> Tensor:
        """``(n, dim)`` → ``(n, tasks)`` in standard deviations from the mean of the training labels."""
        x = self.scale(features)
        for linear, norm in zip(self.hidden, self.norms, strict=True):
            x = self.dropout(torch.relu(norm(linear(x))))
        predicted: Tensor = self.last(x)
        return predicted


class SalukiHead(nn.Linear):
    """Saluki's last layer: one output a task, random at first, as in its paper."""

    def __init__(self, dim: int, tasks: int) -> None:
        super().__init__(dim, tasks)
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")
        nn.init.zeros_(self.bias)

    def penalised(self) -> list[nn.Parameter]:
        """Its paper lets no L2 term fall on this layer."""
        return []


ROOM = 4 << 30
"""Bytes of activations that are kept; where a study's are more, they are computed again for every batch."""


class FrozenStages:
    """The encoder below its last stage, with fixed weights and statistics.

    Args:
        encoder: the pre-trained one.
        feed: the RNAs.
    """

    def __init__(self, encoder: Encoder, feed: BatchBuilder) -> None:
        self.network, self.feed = encoder.network.to(feed.device).eval(), feed
        architecture = encoder.network.architecture
        self.depth = sum(architecture.blocks[:3])
        self.gap, self.channels = architecture.gap, architecture.filters[2]
        self.readout = architecture.readout
        self.multi_scale = architecture.readout.blocks == "all"
        self.kept: dict[int, tuple[Tensor, Tensor]] = {}

    @property
    def bytes_per_nt(self) -> float:
        """Of what is kept: one position stands for 16 nt."""
        return self.channels * torch.finfo(self.feed.dtype).bits / 8 / 16

    def keep(self, progress: Advance | None = None) -> bool:
        """Compute every RNA once and keep the result, if there is room for all; whether there was."""
        rows = np.arange(len(self.feed.codes))
        if int(self.feed.lengths(rows).sum()) * self.bytes_per_nt > ROOM:
            return False
        for layout in self.feed.layouts(rows, self.gap):
            x, extent, means = self._compute(layout, rows)
            flat = x.flatten(0, 1)
            spans = zip(extent.starts.tolist(), extent.lengths.tolist(), strict=True)
            for row, mean, (start, n) in zip(layout.rows.tolist(), means, spans, strict=True):
                self.kept[row] = flat[start : start + n].clone(), mean
            if progress is not None:
                progress(int(self.feed.lengths(layout.rows).sum()))
        return True

    def __call__(self, layout: PackLayout, rows: Rows) -> tuple[Tensor, Segments, Tensor]:
        """Activations of one chunk ``(b, l / 16, c)``, where the RNAs lie, and the means of the blocks ``(n, d')``."""
        chosen = rows[layout.rows].tolist()
        if not all(row in self.kept for row in chosen):
            return self._compute(layout, rows)
        b, width = layout.shape
        x = torch.zeros(
            b, width // 16, self.channels, dtype=self.feed.dtype, device=self.feed.device
        )
        extent = self._extent(layout, rows)
        for row, start in zip(chosen, extent.starts.tolist(), strict=True):
            activations = self.kept[row][0]
            x.view(-1, self.channels)[start : start + len(activations)] = activations
        return x, extent, torch.stack([self.kept[row][1] for row in chosen])

    def _extent(self, layout: PackLayout, rows: Rows) -> Segments:
        lengths = self.feed.lengths(rows[layout.rows])
        size = layout.shape[0] * layout.shape[1]
        extent = Segments(layout.starts, lengths, size, self.feed.device)
        for _ in range(4):  # the stem and three stages halve the length
            extent = extent.halved()
        return extent

    @torch.no_grad()
    def _compute(self, layout: PackLayout, rows: Rows) -> tuple[Tensor, Segments, Tensor]:
        chunk = self.feed.chunk(layout, rows)
        means: list[Tensor] = [torch.empty(len(layout.rows), 0, device=self.feed.device)]
        levels = self.network.levels([chunk], self.feed.dtype)
        for _ in range(self.depth):
            (x,), (extent,) = next(levels)
            if self.multi_scale:
                means.append(pool(x, extent, self.readout))
        return x, extent, torch.cat(means, 1)


class LastStageBackbone(Backbone):
    """An encoder whose last stage learns.

    Args:
        encoder: a copy of the pre-trained one, whose last stage is trained.
        lower: the stages below, shared by all trainings of a study.
        feed: the RNAs.
    """

    def __init__(self, encoder: Encoder, lower: FrozenStages, feed: BatchBuilder) -> None:
        super().__init__()
        self.network = encoder.network.to(feed.device)
        self.learning = self.stage = nn.ModuleList(list(encoder.network.blocks)[lower.depth :])
        self.lower, self.feed, self.dim = lower, feed, encoder.dim

    def forward(self, rows: Rows, rng: np.random.Generator) -> Tensor:  # noqa: ARG002
        """Embeddings of these RNAs."""
        return self._upper(self.feed.layouts(rows, self.lower.gap), rows)

    @torch.no_grad()
    def evaluate(self, rows: Rows) -> Tensor:
        """Embeddings of these RNAs, a chunk at a time."""
        self.learning.eval()
        layouts = self.feed.layouts(rows, self.lower.gap)
        parts = [self._upper([layout], rows, ordered=False) for layout in layouts]
        return in_order(torch.cat(parts), layouts)

    def _upper(self, layouts: Sequence[PackLayout], rows: Rows, *, ordered: bool = True) -> Tensor:
        read = [self.lower(layout, rows) for layout in layouts]
        xs, extents = [x for x, _, _ in read], [extent for _, extent, _ in read]
        means = [torch.cat([fixed for _, _, fixed in read])]
        for level, block in enumerate(self.stage, 1):
            xs = block(xs, extents)
            if level == 1:  # the first block of a stage pools
                extents = [extent.halved() for extent in extents]
            if self.lower.multi_scale or level == len(self.stage):
                pooled = [
                    pool(x, e, self.lower.readout) for x, e in zip(xs, extents, strict=True)
                ]
                means.append(torch.cat(pooled))
        features = torch.cat(means, 1)
        return in_order(features, layouts) if ordered else features


Tune = Literal["frozen", "last-stage", "full"]
SALUKI = "saluki"


class ModelFactory:
    """The model that every training of a study starts from.

    Args:
        model: ``saluki``, a model that :func:`isoclr.load` opens, or with ``scratch`` an architecture by name.
        scratch: random weights of the same architecture.
        tune: how much of a pre-trained encoder learns.
        pooling: what an embedding is the mean of; None: as the model has it.

    Raises:
        InputError: no such model, or a choice that makes no sense for it.
    """

    def __init__(
        self,
        model: str,
        *,
        scratch: bool,
        tune: Tune,
        pooling: Literal["last", "all"] | None = None,
    ) -> None:
        self.scratch, self.tune, self.pooling = scratch or model == SALUKI, tune, pooling
        if self.scratch and tune != "full":
            raise InputError(
                f"--tune {tune}: {'saluki' if model == SALUKI else 'a model from scratch'} has random weights, "
                "which must all be trained; expected --tune full"
            )
        if model == SALUKI and pooling is not None:
            raise InputError(f"--pooling {pooling} is for IsoCLR encoders, saluki has none")
        self.encoder = None if model == SALUKI else _encoder(model, scratch, pooling)
        self.name = SALUKI if self.encoder is None else self.encoder.name
        self._lower: FrozenStages | None = None
        self._embeddings: np.ndarray[tuple[int, ...], np.dtype[np.float32]] | None = None

    @property
    def method(self) -> str:
        """What results call it."""
        if self.encoder is None:
            return "Saluki"
        if self.scratch:
            return f"supervised {self.name}"
        words = {"frozen": "frozen", "last-stage": "last stage of", "full": "fine-tuned"}
        return f"{words[self.tune]} {self.name}"

    @property
    def sha256(self) -> str:
        """Names the pre-trained weights; empty where there are none."""
        return "" if self.scratch or self.encoder is None else self.encoder.sha256

    @property
    def tracks(self) -> int:
        """How many of the six tracks the model reads."""
        return 6 if self.encoder is None else self.encoder.tracks

    def prepare(self, feed: BatchBuilder, advance: Callable[[str], Advance]) -> None:
        """Compute once what no training changes.

        Args:
            feed: the RNAs.
            advance: opens a progress display with a title, and gives what is called with the nt done.
        """
        if self.encoder is None or self.tune == "full":
            return
        if self.tune == "frozen":
            self.encoder.network.to(feed.device)
            self._embeddings = self.encoder.embed_codes(
                feed.codes, precision=feed.precision, progress=advance("embedding")
            )
        else:
            self._lower = FrozenStages(self.encoder, feed)
            self._lower.keep(advance("stages below the last"))

    def make(
        self, feed: BatchBuilder, rules: FinetuneConfig, tasks: int, seed: int
    ) -> tuple[Backbone, Head | SalukiHead]:
        """A body and a head with weights of their own.

        Args:
            feed: the RNAs.
            rules: widths and dropout.
            tasks: number of labels.
            seed: of random weights.
        """
        with seeded(seed, RngStream.NEW_WEIGHTS):
            if self.encoder is None:
                network = Saluki(dropout=rules.dropout)
                saluki = SalukiBackbone(network, feed, rules.shift)
                return saluki, SalukiHead(saluki.dim, tasks).to(feed.device)
            body = self._body(self.encoder, feed, rules)
            head = Head(body.dim, tasks, hidden=rules.hidden, dropout=rules.dropout)
        return body, head.to(feed.device)

    def _body(self, encoder: Encoder, feed: BatchBuilder, rules: FinetuneConfig) -> Backbone:
        if self._embeddings is not None:
            return FrozenBackbone(encoder.network, self._embeddings, feed.device)
        if self.scratch:
            architecture = encoder.network.architecture
            network = DilatedResNet(architecture, tracks=encoder.tracks)
            network.recompute = encoder.network.recompute
            network.compiled = encoder.network.compiled
        else:
            network = copy.deepcopy(encoder.network)
        for block in network.blocks:
            assert isinstance(block, Block)
            block.norm1.dropout = rules.dropout
        own = Encoder(network.to(feed.device), name=encoder.name, tracks=encoder.tracks)
        return LastStageBackbone(own, self._lower, feed) if self._lower else FullBackbone(own, feed)


def _encoder(model: str, scratch: bool, pooling: Literal["last", "all"] | None) -> Encoder:
    """The pre-trained encoder, or one whose shape is all that counts."""
    named = scratch and model in MODELS
    encoder = create(model, seed=0) if named else load(model)
    if pooling is not None:
        network = encoder.network
        network.architecture = replace(network.architecture, pooling=pooling)
    return encoder
