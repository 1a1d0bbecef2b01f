"""Linear predictors on an encoder, whose predictions can be explained by mutations and motifs."""

from dataclasses import dataclass
from pathlib import Path

from isoclr.errors import InputError
from isoclr.models.encoder import Encoder
from isoclr.probing.head import Head
from isoclr.probing.linear import LinearModel
from isoclr.probing.resolve import encoder_of, resolve_head
from isoclr.training.device import resolve_device


@dataclass(frozen=True)
class LinearPredictor:
    """An encoder and a linear model that predicts a label from its embeddings."""

    encoder: Encoder
    model: LinearModel  # Predicts the label; the log-odds of class 1 of a label with two classes
    target: str = "prediction"  # What is predicted, with units

    def __post_init__(self) -> None:
        """Check sizes."""
        if self.model.coefficients.shape != (self.encoder.dim,):
            raise InputError(
                f"a linear model of {len(self.model.coefficients)} coefficients does not fit embeddings of "
                f"{self.encoder!r}; expected {self.encoder.dim}"
            )


def load_predictor(
    head: Path | None, task: str | None, species: str, model: str | None, label: str | None, device: str = "auto"
) -> LinearPredictor:
    """A head, selected as by :func:`isoclr.probing.resolve.resolve_head`, and its encoder on a device.

    Raises:
        InputError: No such head, encoder, label or device, or an encoder with other weights than the head's.
    """
    loaded, given = resolve_head(head, task, species, model)
    encoder = encoder_of(loaded, given)
    encoder.network.to(resolve_device(device))
    return LinearPredictor(encoder, *linear_readout(loaded, label))


def linear_readout(head: Head, label: str | None = None) -> tuple[LinearModel, str]:
    """A head's linear model and what it predicts."""
    names = [target.name for target in head.targets]
    if label is None and len(names) > 1:
        raise InputError(f"head {head.name!r} predicts {', '.join(names)}; choose one with --label")
    if label is not None and label not in names:
        raise InputError(f"--label {label}: head {head.name!r} predicts {', '.join(names)}")
    target = head.targets[0 if label is None else names.index(label)]
    return head.linear(target.name), target.title + ", log-odds" * target.is_class
