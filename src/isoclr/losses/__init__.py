"""One loss a file."""

from isoclr.losses.composition import composition_errors
from isoclr.losses.decoupled import count_weights, decoupled_contrastive_loss

__all__ = ["composition_errors", "count_weights", "decoupled_contrastive_loss"]
