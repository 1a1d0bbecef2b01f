"""Contrastive pre-training: pairs, augmentations, losses, and the training loop."""
