"""Chunks and recomputation by machine."""

from pathlib import Path

import pytest
import torch

from isoclr.finetuning import sizing
from isoclr.finetuning.dataset import Dataset
from isoclr.finetuning.rules import Rules
from isoclr.finetuning.starting import Start

CPU = torch.device("cpu")


def test_activations_are_computed_again_only_when_a_batch_has_many(
    model: Path, dataset: Dataset, rules: Rules, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = Start(str(model), scratch=False, tune="full")
    feed = sizing.make_feed(start, dataset, rules, CPU, torch.float32)
    assert start.encoder is not None
    assert not start.encoder.network.recompute
    monkeypatch.setattr(sizing, "KEPT", 1)
    sizing.make_feed(start, dataset, rules, CPU, torch.float32)
    assert start.encoder.network.recompute
    assert feed.precision == "float32"
    assert feed.codes is dataset.codes


def test_saluki_has_chunks_of_its_own(dataset: Dataset, rules: Rules) -> None:
    feed = sizing.make_feed(
        Start("saluki", scratch=False, tune="full"), dataset, rules, CPU, torch.bfloat16
    )
    assert feed.chunk_nt == sizing.SALUKI_CHUNK_NT
    assert feed.precision == "bf16"
