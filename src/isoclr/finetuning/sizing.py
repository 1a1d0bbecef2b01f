"""How a study is computed on this machine: sizes of chunks, and whether activations are kept or computed again."""

import numpy as np
import torch

from isoclr.finetuning.dataset import Dataset
from isoclr.finetuning.feeding import Feed
from isoclr.finetuning.rules import Rules
from isoclr.finetuning.starting import Start
from isoclr.pretraining.tuning import kept_bytes, tune

KEPT = 2 << 30
"""Bytes of activations of a batch that a CPU keeps for the backward pass; more are computed again."""
SALUKI_CHUNK_NT = 65_536
SALUKI_SHAPES = 4_096


def make_feed(
    start: Start, dataset: Dataset, rules: Rules, device: torch.device, dtype: torch.dtype
) -> Feed:
    """The RNAs in chunks that suit the device; the encoder is told whether to recompute and to compile.

    Args:
        start: the model.
        dataset: its RNAs.
        rules: the size of a batch.
        device: where is computed.
        dtype: of activations.
    """
    if start.encoder is None:
        return Feed(dataset.codes, device, dtype, SALUKI_CHUNK_NT, SALUKI_SHAPES)
    network = start.encoder.network
    nt = int(rules.batch_size * np.mean(dataset.lengths))
    fits = kept_bytes(network.architecture, dtype) * nt < KEPT
    tuning = tune(
        network.architecture,
        device=device,
        dtype=dtype,
        nt=nt,
        recompute="auto" if device.type == "cuda" else "off" if fits else "on",
    )
    network.recompute, network.compiled = tuning.recompute, tuning.compile
    return Feed(dataset.codes, device, dtype, tuning.packing.chunk_nt, tuning.packing.round_to)
