"""Training the last stage only: what the stages below give never changes, and is kept."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from isoclr.finetuning.bodies import Advance, Body, in_order
from isoclr.finetuning.feeding import Feed, Rows
from isoclr.models import Encoder
from isoclr.models.chunk import Extent
from isoclr.models.packing import Layout
from isoclr.models.pooling import mean_pool

ROOM = 4 << 30
"""Bytes of activations that are kept; where a study's are more, they are computed again for every batch."""


class Lower:
    """The encoder below its last stage, with fixed weights and statistics.

    Args:
        encoder: the pre-trained one.
        feed: the RNAs.
    """

    def __init__(self, encoder: Encoder, feed: Feed) -> None:
        self.network, self.feed = encoder.network.to(feed.device).eval(), feed
        architecture = encoder.network.architecture
        self.depth = sum(architecture.blocks[:3])
        self.gap, self.channels = architecture.gap, architecture.filters[2]
        self.multi_scale = architecture.pooling == "all"
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

    def __call__(self, layout: Layout, rows: Rows) -> tuple[Tensor, Extent, Tensor]:
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

    def _extent(self, layout: Layout, rows: Rows) -> Extent:
        lengths = self.feed.lengths(rows[layout.rows])
        size = layout.shape[0] * layout.shape[1]
        extent = Extent(layout.starts, lengths, size, self.feed.device)
        for _ in range(4):  # the stem and three stages halve the length
            extent = extent.halved()
        return extent

    @torch.no_grad()
    def _compute(self, layout: Layout, rows: Rows) -> tuple[Tensor, Extent, Tensor]:
        chunk = self.feed.chunk(layout, rows)
        means: list[Tensor] = [torch.empty(len(layout.rows), 0, device=self.feed.device)]
        levels = self.network.levels([chunk], self.feed.dtype)
        for _ in range(self.depth):
            (x,), (extent,) = next(levels)
            if self.multi_scale:
                means.append(mean_pool(x, extent))
        return x, extent, torch.cat(means, 1)


class LastStage(Body):
    """An encoder whose last stage learns.

    Args:
        encoder: a copy of the pre-trained one, whose last stage is trained.
        lower: the stages below, shared by all trainings of a study.
        feed: the RNAs.
    """

    def __init__(self, encoder: Encoder, lower: Lower, feed: Feed) -> None:
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

    def _upper(self, layouts: Sequence[Layout], rows: Rows, *, ordered: bool = True) -> Tensor:
        read = [self.lower(layout, rows) for layout in layouts]
        xs, extents = [x for x, _, _ in read], [extent for _, extent, _ in read]
        means = [torch.cat([fixed for _, _, fixed in read])]
        for level, block in enumerate(self.stage, 1):
            xs = block(xs, extents)
            if level == 1:  # the first block of a stage pools
                extents = [extent.halved() for extent in extents]
            if self.lower.multi_scale or level == len(self.stage):
                pooled = [mean_pool(x, e) for x, e in zip(xs, extents, strict=True)]
                means.append(torch.cat(pooled))
        features = torch.cat(means, 1)
        return in_order(features, layouts) if ordered else features
