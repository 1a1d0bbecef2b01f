"""The look-up stem's own contract; that it equals the convolution is tested with the whole network."""

import numpy as np
import pytest
import torch

from isoclr.corpus.codes import PAD
from isoclr.models import stem as stem_module
from isoclr.models.chunk import Chunk
from isoclr.models.packing import pack
from isoclr.models.stem import Stem, _pair_histogram


def one_chunk(codes: list[np.ndarray]) -> Chunk:
    ((chunk,), _) = pack(codes, gap=128, chunk_nt=4096)
    return chunk


def test_histogram_counts_each_real_base_once() -> None:
    codes = [np.array([0, 1, 2, 3, 0], np.uint8), np.array([3, 3], np.uint8)]
    histogram = _pair_histogram([one_chunk(codes)])
    assert histogram.sum() == 7
    assert histogram[0, 1] == 1
    assert histogram[0, PAD] == 1
    assert histogram[3, 3] == 1
    assert histogram[PAD].sum() == 0


def test_positions_in_padding_are_zero() -> None:
    stem = Stem(6, 4).eval()
    torch.nn.init.constant_(stem.bias, 3.0)
    (y,) = stem([one_chunk([np.zeros(5, np.uint8)])], torch.float32)
    assert (y[0, :3] > 0).all(), "five bases reach into three pooled positions"
    assert not y[0, 3:].any()


def test_the_way_of_gpus_gives_the_same_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    stem = Stem(6, 4).train()
    chunk = one_chunk([np.random.default_rng(0).integers(0, 5, 500).astype(np.uint8)])
    grads = []
    for sorts in (False, True):
        monkeypatch.setattr(stem_module, "_sorts", lambda _, sorts=sorts: sorts)
        stem.zero_grad()
        (y,) = stem([chunk], torch.float32)
        (y * torch.linspace(0, 1, 4)).sum().backward()
        assert stem.weight.grad is not None
        grads.append(stem.weight.grad.clone())
    assert grads[0].abs().max() > 0
    torch.testing.assert_close(grads[1], grads[0])
