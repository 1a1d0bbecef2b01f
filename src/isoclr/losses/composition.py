"""Reading an RNA's composition off its embedding: a second objective beside the contrastive one."""

import torch
from jaxtyping import Float
from torch import Tensor

MOST = 4.0
"""Standard deviations from the mean beyond which a target is cut off: short RNAs have extreme shares."""


def composition_errors(
    predicted: Float[Tensor, "n f"],
    composition: Float[Tensor, "n f"],
    mean: Float[Tensor, " f"],
    scale: Float[Tensor, " f"],
    weights: Float[Tensor, " f"],
) -> Float[Tensor, "n 1"]:
    """Weighted mean squared error of each RNA in units of the features' variance; who knows nothing has about 1.

    Args:
        predicted: standardised features, read off the embedding of a masked view.
        composition: the features of the whole RNA (:func:`isoclr.views.composition`).
        mean: of each feature over RNAs.
        scale: standard deviation of each feature, or 0 for one that does not vary, which does not count.
        weights: how much each feature counts.
    """
    with torch.autocast(predicted.device.type, enabled=False):
        weights = (weights * (scale > 0)).to(predicted.dtype)
        wanted = (composition - mean) / torch.where(scale > 0, scale, 1)
        wanted = wanted.clamp(-MOST, MOST).to(predicted.dtype)
        errors = (predicted - wanted).square() @ weights[:, None]
        return errors / weights.sum().clamp(min=1e-12)
