from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.plain import PlainEncoder

from benchmarks import plain_embed


@pytest.fixture
def network() -> PlainEncoder:
    torch.manual_seed(0)
    return PlainEncoder((4, 4, 4, 8), (1, 1, 1, 1)).eval()


def test_ways_keep_the_order_and_agree_without_padding(
    network: PlainEncoder, fasta: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, codes = plain_embed.read_codes(fasta)
    alone = plain_embed.embed(network, codes, "single", 1)
    assert np.array_equal(plain_embed.embed(network, codes, "sorted", 1), alone)
    monkeypatch.setattr(plain_embed, "WIDTH", 1024)
    padded = plain_embed.embed(network, codes, "padded", 5)
    assert padded.shape == alone.shape == (12, 8)
    nearest = np.abs(padded[:, None] - alone[None]).sum(2).argmin(1)
    assert (
        nearest[-1] == 11
    )  # the longest RNA is hardly touched by its padding, and stands in its place


def test_long_rnas_are_cropped_to_the_width() -> None:
    tracks, lengths = plain_embed.batch_of([np.zeros(9, np.uint8), np.ones(3, np.uint8)], 5)
    assert tracks.shape == (2, 6, 5)
    assert lengths.tolist() == [5, 3]
    assert tracks[0, 0].tolist() == [1] * 5
    assert tracks[1, 1].tolist() == [1, 1, 1, 0, 0]


def test_the_best_batch_is_the_fastest(
    network: PlainEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    cost = {1: 3.0, 4: 1.0, 16: 2.0}
    monkeypatch.setattr(plain_embed, "embed", lambda *_: _[-1])
    monkeypatch.setattr(plain_embed, "timed", lambda work: (None, cost[work()]))
    assert plain_embed.best_batch(network, [np.zeros(3, np.uint8)], "padded") == 4
