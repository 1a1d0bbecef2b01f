"""A fine-tuned model: RNAs in, labels out."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from isoclr.corpus.codes import Codes
from isoclr.errors import InputError
from isoclr.finetuning.bodies import saluki_features
from isoclr.finetuning.feeding import Feed
from isoclr.models import Encoder
from isoclr.models.encoder import DTYPES, Precision
from isoclr.models.packing import NARROWEST
from isoclr.models.resnet import DilatedResNet
from isoclr.models.saluki import Saluki

CHUNK_NT = 65_536


class Predictor:
    """A network and its last layers, with the scale of the labels they were trained on.

    Attributes:
        name: of the model, such as ``isoclr-s`` or ``saluki``.
        network: the encoder's network, or Saluki.
        head: the last layers.
        tasks: names of the labels, in the order of the predictions' columns.
        mean: ``(tasks,)`` mean of the training labels.
        deviation: ``(tasks,)`` their standard deviation.
        tracks: how many of the six tracks the network reads.
        facts: how it was trained, and how good it is.
    """

    def __init__(
        self,
        *,
        name: str,
        network: DilatedResNet | Saluki,
        head: nn.Module,
        tasks: Sequence[str],
        mean: NDArray[np.float64],
        deviation: NDArray[np.float64],
        tracks: int,
        facts: dict[str, Any],
    ) -> None:
        self.name, self.tracks, self.facts = name, tracks, facts
        self.network, self.head = network.eval(), head.eval()
        self.tasks, self.mean, self.deviation = tuple(tasks), mean, deviation

    def __repr__(self) -> str:
        return f"Predictor({self.name!r}, tasks={', '.join(self.tasks)})"

    @property
    def encoder(self) -> Encoder:
        """The fine-tuned encoder, which embeds and saves itself as any other.

        Raises:
            InputError: Saluki has none.
        """
        if not isinstance(self.network, DilatedResNet):
            raise InputError(f"{self.name}: is no IsoCLR encoder, and only those embed RNAs")
        return Encoder(self.network, name=self.name, tracks=self.tracks)

    def predict_codes(
        self,
        codes: Sequence[Codes],
        *,
        precision: Precision = "float32",
        progress: Callable[[int], None] | None = None,
    ) -> NDArray[np.float64]:
        """Labels ``(n, tasks)`` in their own units, of RNAs given as byte codes (:mod:`isoclr.corpus.codes`).

        Args:
            codes: one array ``(length,)`` an RNA, of any length.
            precision: of the activations.
            progress: called with the number of nt done since the last call.

        Raises:
            InputError: an RNA without a single base, or an unknown precision.
        """
        if precision not in DTYPES:
            raise InputError(f"precision is {precision!r}, expected {' or '.join(DTYPES)}")
        empty = [i for i, one in enumerate(codes) if not len(one)]
        if empty:
            raise InputError(f"sequence {empty[0] + 1} is empty, expected bases")
        if not len(codes):
            return np.empty((0, len(self.tasks)))
        device = next(self.head.parameters()).device
        if isinstance(self.network, Saluki):
            feed = Feed((), device, DTYPES[precision], CHUNK_NT, NARROWEST)
            with torch.inference_mode():
                features = saluki_features(
                    self.network, codes, feed, together=False, progress=progress
                )
        else:
            embedded = self.encoder.embed_codes(codes, precision=precision, progress=progress)
            features = torch.from_numpy(embedded).to(device)
        with torch.inference_mode():
            scaled = self.head(features).double().cpu().numpy()
        predicted: NDArray[np.float64] = scaled * self.deviation + self.mean
        return predicted
