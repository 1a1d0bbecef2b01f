"""Attributions: how much each track of each base adds to a prediction from the embedding.

The network reads values of tracks (:meth:`isoclr.models.resnet.DilatedResNet.forward`), so a prediction has a gradient
with respect to them. Two attributions are made of it, with ``x`` the tracks and ``b`` those of an RNA of unknown bases
(0.25 on every base track, no codon, no exon end):

- ``gradient``: ``(x − b) ∂y/∂x``, one backward pass.
- ``integrated-gradients``: the same with the mean gradient on the straight line from ``b`` to ``x``
  (Sundararajan et al. 2017). The attributions add up to ``y(x) − y(b)``, up to the error of the sum over steps.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from isoclr.errors import InputError
from isoclr.genomics.encoding import TRACKS, Codes, N, letters
from isoclr.models.resnet import DilatedResNet

if TYPE_CHECKING:
    import polars as pl

Method = Literal["integrated-gradients", "gradient"]
TRACK_NAMES = ("A", "C", "G", "U", "codon_start", "exon_end")
PIECE_NT = 1 << 16  # nt computed at a time


@dataclass(frozen=True, repr=False)
class Attribution:
    """Attribution of a prediction to the tracks of one RNA."""

    codes: Codes
    """Codes ``(L,)`` of the RNA."""
    values: NDArray[np.float32]
    """``(L, tracks)`` attributions; on a track that is as in the baseline they are 0."""
    gradient: NDArray[np.float32]
    """``(L, tracks)`` gradient of the prediction at the RNA, also for the bases that it does not have."""
    prediction: float
    """Prediction for the RNA; for a label of two classes the log-odds."""
    baseline: float
    """Prediction for the RNA of unknown bases."""
    method: Method

    def __len__(self) -> int:
        return len(self.codes)

    def __repr__(self) -> str:
        return f"Attribution({len(self):,} nt, prediction {self.prediction:.3g}, {self.method})"

    @property
    def importance(self) -> NDArray[np.float32]:
        """``(L,)`` sum over the base tracks: what each base adds."""
        return np.asarray(self.values[:, :4].sum(1))

    @property
    def residual(self) -> float:
        """Prediction minus baseline minus the sum of all attributions; near 0 for integrated gradients."""
        return self.prediction - self.baseline - float(self.values.sum(dtype=np.float64))

    @property
    def mutation_effects(self) -> NDArray[np.float32]:
        """``(L, 4)`` first-order estimate of the effect of a mutation to A, C, G or U.

        :func:`isoclr.mutate` computes the effects themselves.
        """
        present = (TRACKS[self.codes][:, :4] * self.gradient[:, :4]).sum(1, keepdims=True)
        return np.asarray(self.gradient[:, :4] - present)

    def to_polars(self) -> "pl.DataFrame":
        """One row per base: position (1-based), base, importance, and the attribution of every track."""
        import polars as pl

        bases = np.array(list(letters(self.codes).replace("T", "U")))
        columns = {"position": np.arange(1, len(self) + 1), "base": bases}
        columns |= {"importance": self.importance}
        names = TRACK_NAMES[: self.values.shape[1]]
        return pl.DataFrame(columns | {one: self.values[:, i] for i, one in enumerate(names)})


def attribute(
    network: DilatedResNet,
    codes: Codes,
    coefficients: NDArray[np.floating],
    intercept: float = 0.0,
    *,
    method: Method = "integrated-gradients",
    steps: int = 64,
) -> Attribution:
    """Attribute a linear prediction from an embedding to the tracks of one RNA.

    Args:
        coefficients: ``(dim,)`` weight of each value of the embedding.
    """
    if not len(codes):
        raise InputError("the RNA is empty, expected bases")
    if len(coefficients) != network.dim:
        raise InputError(f"{len(coefficients)} coefficients, expected {network.dim} for the encoder")
    if method not in get_args(Method):
        raise InputError(f"method is {method!r}, expected {' or '.join(get_args(Method))}")
    if steps < 1:
        raise InputError(f"steps is {steps}, expected 1 or more")
    device = network.stem.weight.device
    count = network.stem.weight.shape[1]
    table = torch.tensor(TRACKS[:, :count], device=device)
    x = table[torch.from_numpy(np.array(codes)).to(device).long()].T
    unknown = table[N][:, None].expand_as(x)
    weights = torch.tensor(np.asarray(coefficients, np.float32), device=device)

    def gradients(points: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        for piece in torch.split(points, max(1, PIECE_NT // len(codes))):
            mixed = unknown + piece[:, None, None] * (x - unknown)
            yield _gradient(network, mixed, weights)

    with _evaluation(network):
        ends, at_ends = zip(*gradients(torch.tensor([0.0, 1.0], device=device)), strict=True)
        gradient = mean = torch.cat(at_ends)[1]
        if method == "integrated-gradients":
            points = (torch.arange(steps, device=device) + 0.5) / steps
            mean = torch.stack([one.sum(0) for _, one in gradients(points)]).sum(0) / steps
    baseline, prediction = (float(one) + intercept for one in torch.cat(ends))
    values = (x - unknown) * mean
    return Attribution(codes, _rows(values), _rows(gradient), prediction, baseline, method)


@contextmanager
def _evaluation(network: DilatedResNet) -> Iterator[None]:
    """Within the block no dropout, no batch statistics, and none added to the running ones."""
    training = [module for module in network.modules() if module.training]
    network.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


def _gradient(
    network: DilatedResNet, tracks: Float[Tensor, "n t l"], weights: Float[Tensor, " d"]
) -> tuple[Float[Tensor, " n"], Float[Tensor, "n t l"]]:
    """Predictions and their gradients with respect to the tracks."""
    with torch.enable_grad(), torch.inference_mode(False):
        leaf = tracks.detach().clone().requires_grad_()
        y: Any = network(leaf) @ weights
        (gradient,) = torch.autograd.grad(y.sum(), leaf)
    return y.detach(), gradient


def _rows(values: Float[Tensor, "t l"]) -> NDArray[np.float32]:
    rows: NDArray[np.float32] = values.T.contiguous().cpu().numpy()
    return rows
