"""Contrastive pre-training: a corpus in, an encoder out; resumes, and scales with torchrun."""

from isoclr.pretraining.run import Pretrained, pretrain
from isoclr.pretraining.timing import Throughput, throughput

__all__ = ["Pretrained", "Throughput", "pretrain", "throughput"]
