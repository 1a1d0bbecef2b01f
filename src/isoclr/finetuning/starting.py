"""Where a training starts: pre-trained or random weights, and how much of them learns."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np

from isoclr.errors import InputError
from isoclr.finetuning.bodies import Advance, Body, Frozen, Whole, WholeSaluki
from isoclr.finetuning.feeding import Feed
from isoclr.finetuning.head import Head, SalukiHead
from isoclr.finetuning.last_stage import LastStage, Lower
from isoclr.finetuning.randomness import Purpose, seeded
from isoclr.finetuning.rules import Rules
from isoclr.models import Encoder, create, load
from isoclr.models.registry import MODELS
from isoclr.models.resnet import Block, DilatedResNet
from isoclr.models.saluki import Saluki

Tune = Literal["frozen", "last-stage", "full"]
SALUKI = "saluki"


class Start:
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
        self._lower: Lower | None = None
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

    def prepare(self, feed: Feed, advance: Callable[[str], Advance]) -> None:
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
            self._lower = Lower(self.encoder, feed)
            self._lower.keep(advance("stages below the last"))

    def make(
        self, feed: Feed, rules: Rules, tasks: int, seed: int
    ) -> tuple[Body, Head | SalukiHead]:
        """A body and a head with weights of their own.

        Args:
            feed: the RNAs.
            rules: widths and dropout.
            tasks: number of labels.
            seed: of random weights.
        """
        with seeded(seed, Purpose.WEIGHTS):
            if self.encoder is None:
                network = Saluki(dropout=rules.dropout)
                saluki = WholeSaluki(network, feed, rules.shift)
                return saluki, SalukiHead(saluki.dim, tasks).to(feed.device)
            body = self._body(self.encoder, feed, rules)
            head = Head(body.dim, tasks, hidden=rules.hidden, dropout=rules.dropout)
        return body, head.to(feed.device)

    def _body(self, encoder: Encoder, feed: Feed, rules: Rules) -> Body:
        if self._embeddings is not None:
            return Frozen(encoder.network, self._embeddings, feed.device)
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
        return LastStage(own, self._lower, feed) if self._lower else Whole(own, feed)


def _encoder(model: str, scratch: bool, pooling: Literal["last", "all"] | None) -> Encoder:
    """The pre-trained encoder, or one whose shape is all that counts."""
    named = scratch and model in MODELS
    encoder = create(model, seed=0) if named else load(model)
    if pooling is not None:
        network = encoder.network
        network.architecture = replace(network.architecture, pooling=pooling)
    return encoder
