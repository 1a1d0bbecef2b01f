"""RNAs to features: in the order asked for, whatever the chunks."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from isoclr.finetuning.bodies import Frozen, Whole, WholeSaluki
from isoclr.finetuning.feeding import Feed
from isoclr.models import Encoder
from isoclr.models.resnet import Architecture, DilatedResNet
from isoclr.models.saluki import Saluki

ROWS = np.array([17, 3, 120, 4, 88, 41])
RNG = np.random.default_rng(0)


@pytest.fixture
def encoder() -> Encoder:
    torch.manual_seed(0)
    architecture = Architecture((8, 8, 8, 16), (1, 1, 1, 1), (1, 2, 4, 8), pooling="all")
    return Encoder(DilatedResNet(architecture, dropout=0.0).eval(), name="tiny")


def test_frozen_embeddings_are_looked_up(encoder: Encoder) -> None:
    matrix = np.random.default_rng(0).normal(size=(150, 3)).astype(np.float32)
    body = Frozen(encoder.network, matrix, torch.device("cpu"))
    assert np.array_equal(body(ROWS, RNG).numpy(), matrix[ROWS])
    assert not list(body.learning.parameters())


def test_a_whole_encoder_gives_embeddings_in_order(encoder: Encoder, feed: Feed) -> None:
    want = encoder.embed_codes([feed.codes[row] for row in ROWS])
    body = Whole(encoder, replace(feed, chunk_nt=256, round_to=32))
    np.testing.assert_allclose(body.evaluate(ROWS), want, rtol=1e-5, atol=1e-6)
    body.network.eval()
    np.testing.assert_allclose(body(ROWS, RNG).detach(), want, rtol=1e-4, atol=1e-5)


def test_every_weight_of_a_whole_encoder_learns(encoder: Encoder, feed: Feed) -> None:
    body = Whole(encoder, feed)
    body.learning.train()
    (body(ROWS, RNG) * torch.randn(len(ROWS), body.dim)).sum().backward()
    assert all(p.grad is not None for p in body.learning.parameters())


@pytest.fixture
def saluki(feed: Feed) -> WholeSaluki:
    torch.manual_seed(0)
    return WholeSaluki(Saluki(dropout=0.0), feed, shift=3)


def test_saluki_gives_features_in_order(saluki: WholeSaluki) -> None:
    together = saluki.evaluate(ROWS)
    for i, row in enumerate(ROWS):
        alone = saluki.evaluate(np.array([row]))
        torch.testing.assert_close(alone[0], together[i], rtol=1e-4, atol=1e-5)


def test_saluki_is_moved_by_a_few_nt_in_training_only(saluki: WholeSaluki) -> None:
    saluki.saluki.eval()
    still = saluki.evaluate(ROWS)
    assert torch.equal(saluki.evaluate(ROWS), still)
    one, same, two = (saluki(ROWS, np.random.default_rng(seed)).detach() for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, two)
    unmoved = WholeSaluki(saluki.saluki, saluki.feed, shift=0)
    torch.testing.assert_close(unmoved(ROWS, RNG).detach(), still, rtol=1e-4, atol=1e-5)
