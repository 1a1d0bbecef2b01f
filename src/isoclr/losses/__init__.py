"""One loss a file."""

from isoclr.losses.decoupled import count_weights, decoupled_contrastive_loss

__all__ = ["count_weights", "decoupled_contrastive_loss"]
