"""Options of fine-tuning, and the hyperparameters of the published recipes."""

from dataclasses import dataclass, fields, replace
from typing import Annotated, Literal

from isoclr._config import Config, Meta
from isoclr.errors import InputError
from isoclr.models.pooling import Pooling
from isoclr.training.device import Precision

SALUKI_MODEL = "saluki"  # Name of the published supervised model

Count = Annotated[int, Meta(ge=1)]
NonNegative = Annotated[float, Meta(ge=0)]
TrainedPart = Literal["head", "last-stage", "full"]


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """The hyperparameters of :class:`FinetuneConfig` with the defaults of a model filled in."""

    learning_rate: float
    encoder_learning_rate: float
    lr_decay: float
    betas: tuple[float, float] = (0.9, 0.999)  # Betas of Adam
    l2: float
    max_grad_norm: float = 0.5
    batch_size: int
    dropout: float = 0.3
    hidden: int = 256
    epochs: int
    min_epochs: int = 0
    patience: int
    shift: int = 0  # RNAs are shifted by 0 to this many nt in training, each by its own number


ISOCLR = Hyperparameters(
    learning_rate=0.01, encoder_learning_rate=0.001, lr_decay=0.95, l2=1e-5, batch_size=128, epochs=50, patience=8
)
"""Fradkin et al. 2023, appendix A.5; batch size, dropout and gradient norm as in its code. Not from there: the lower
learning rate of pre-trained weights, the width of the new layers, and early stopping."""

SALUKI = Hyperparameters(
    learning_rate=1e-4,
    encoder_learning_rate=1e-4,
    lr_decay=1.0,
    betas=(0.9, 0.998),
    l2=1e-3,
    batch_size=64,
    epochs=250,
    min_epochs=100,
    patience=25,
    shift=3,
)
"""The released configuration of Saluki (Agarwal and Kelley 2022)."""


@dataclass(frozen=True, kw_only=True)
class FinetuneConfig(Config):
    """How a model is fine-tuned; a resumed study must have the same options."""

    model: str = "isoclr-s"
    """Pre-trained encoder: a directory, a model that ships, or user/name@revision of the Hugging Face Hub; with
    --scratch also an architecture. saluki: the published supervised model, always from scratch."""
    scratch: bool = False
    """Random weights of the same architecture: Supervised-S and -M of the paper."""
    train: TrainedPart = "full"
    """Weights that are trained: the new layers only (head: embeddings are computed once), also the encoder's last stage
    (activations below it are kept if they fit in 4 GiB), or all."""
    pooling: Pooling | None = None
    """Read-out of the encoder (default: as the model was trained)."""
    precision: Precision = "auto"
    """Precision of the encoder's activations; auto is bf16 where the device computes it faster."""
    repeats: Count = 1
    """Number of trainings per fold of a cross-validation, each with its own seed."""
    max_splits: Count | None = None
    """Train on the first N splits or folds only."""
    train_fraction: Annotated[float, Meta(gt=0, le=1)] = 1.0
    """Train on a random subset of the training RNAs of this size; validation and test parts stay whole."""

    learning_rate: NonNegative | None = None
    """Learning rate of new weights in the first epoch (default: 0.01; saluki: 0.0001)."""
    encoder_learning_rate: NonNegative | None = None
    """Learning rate of pre-trained weights in the first epoch (default: 0.001); not with --train head."""
    lr_decay: Annotated[float, Meta(ge=0, le=1)] | None = None
    """Factor on the learning rates after every epoch (default: 0.95; saluki: 1)."""
    l2: NonNegative | None = None
    """Factor of the squared new weights in the loss, biases and norms excepted (default: 1e-5; saluki: 1e-3)."""
    max_grad_norm: Annotated[float, Meta(gt=0)] | None = None
    """Largest norm of the gradient; a larger one is scaled down (default: 0.5)."""
    batch_size: Annotated[int, Meta(ge=2)] | None = None
    """RNAs per batch (default: 128; saluki: 64)."""
    dropout: Annotated[float, Meta(ge=0, le=0.99)] | None = None
    """Dropout probability in the encoder's blocks and the new layers (default: 0.3)."""
    hidden: Annotated[int, Meta(ge=1, le=65_536)] | None = None
    """Width of the two new layers (default: 256); saluki has its own layers."""
    epochs: Count | None = None
    """Largest number of passes over the training RNAs (default: 50; saluki: 250)."""
    min_epochs: Annotated[int, Meta(ge=0)] | None = None
    """Passes before which training is not stopped early (default: 0; saluki: 100)."""
    patience: Count | None = None
    """Passes without a better validation R after which training stops (default: 8; saluki: 25)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.random_weights and self.train != "full":
            model = "saluki" if self.model == SALUKI_MODEL else "a model from scratch"
            raise InputError(
                f"--train {self.train}: {model} has random weights, which must all be trained; expected --train full"
            )
        if self.model == SALUKI_MODEL:
            for name in ("pooling", "hidden"):
                if getattr(self, name) is not None:
                    raise InputError(f"--{name} is for IsoCLR encoders, not for saluki")
        if self.train == "head" and self.encoder_learning_rate is not None:
            raise InputError(
                f"--encoder-learning-rate {self.encoder_learning_rate:g}: with --train head the encoder is not trained"
            )

    @property
    def random_weights(self) -> bool:
        """Whether the network starts from random weights."""
        return self.scratch or self.model == SALUKI_MODEL

    @property
    def hyperparameters(self) -> Hyperparameters:
        """The given hyperparameters, and the model's defaults for the others.

        Random weights of an encoder are trained at the learning rate of the new layers.

        >>> FinetuneConfig(epochs=3).hyperparameters.patience
        8
        """
        defaults = SALUKI if self.model == SALUKI_MODEL else ISOCLR
        given = {
            field.name: value for field in fields(defaults) if (value := getattr(self, field.name, None)) is not None
        }
        parameters = replace(defaults, **given)
        if self.random_weights and self.encoder_learning_rate is None:
            parameters = replace(parameters, encoder_learning_rate=parameters.learning_rate)
        return parameters
