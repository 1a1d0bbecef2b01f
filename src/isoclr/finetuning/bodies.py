"""RNAs, by number, to features: what stands before the head, and how much of it learns."""

from abc import abstractmethod
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from isoclr.corpus.codes import PAD, Codes
from isoclr.finetuning.feeding import Feed, Rows
from isoclr.models import Encoder
from isoclr.models.packing import Layout, fill
from isoclr.models.resnet import DilatedResNet
from isoclr.models.saluki import Saluki, lay_out_for_saluki

Advance = Callable[[int], None]


class Body(nn.Module):
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


class Frozen(Body):
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


class Whole(Body):
    """An encoder, all of which learns.

    Args:
        encoder: whose network is trained.
        feed: the RNAs.
    """

    def __init__(self, encoder: Encoder, feed: Feed) -> None:
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


class WholeSaluki(Body):
    """Saluki, which is always trained whole.

    Args:
        network: the model.
        feed: the RNAs.
        shift: every RNA starts 0 to this many nt late, in training.
    """

    def __init__(self, network: Saluki, feed: Feed, shift: int) -> None:
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
    feed: Feed,
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
    layouts = lay_out_for_saluki(lengths, chunk_nt=feed.chunk_nt, round_to=feed.round_to)
    filled = (fill(layout, codes, lengths).to(feed.device) for layout in layouts)
    if together:
        return in_order(network(list(filled), feed.dtype), layouts)
    parts = []
    for chunk in filled:
        parts.append(network([chunk], feed.dtype))
        if progress is not None:
            progress(int(chunk.lengths.sum()))
    return in_order(torch.cat(parts), layouts)


def in_order(features: Tensor, layouts: Sequence[Layout]) -> Tensor:
    """Features of RNAs in the order that was asked for, not that of the chunks."""
    order = np.concatenate([layout.rows for layout in layouts])
    return features[torch.from_numpy(np.argsort(order))]
