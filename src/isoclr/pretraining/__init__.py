"""Contrastive pre-training: a corpus in, an encoder out; resumes, and scales with torchrun."""

from isoclr.pretraining.run import Pretrained, pretrain

__all__ = ["Pretrained", "pretrain"]
