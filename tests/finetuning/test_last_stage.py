"""The last stage alone: what lies below is kept, never changes, and gives the same as the whole network."""

import copy

import numpy as np
import pytest
import torch

from isoclr.finetuning import last_stage
from isoclr.finetuning.feeding import Feed
from isoclr.finetuning.last_stage import LastStage, Lower
from isoclr.models import Encoder
from isoclr.models.norm import BatchNorm
from isoclr.models.resnet import Architecture, DilatedResNet, Pooling

ROWS = np.array([17, 3, 120, 4, 88, 41])
RNG = np.random.default_rng(0)


def encoder(pooling: Pooling) -> Encoder:
    torch.manual_seed(0)
    architecture = Architecture((8, 8, 12, 16), (1, 2, 1, 2), (1, 2, 4, 8), pooling=pooling)
    network = DilatedResNet(architecture, dropout=0.0)
    for module in network.modules():  # statistics as after training
        if isinstance(module, BatchNorm):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return Encoder(network.eval(), name="tiny")


def copied(one: Encoder) -> Encoder:
    return Encoder(copy.deepcopy(one.network), name=one.name)


@pytest.mark.parametrize("pooling", ["last", "all"])
@pytest.mark.parametrize("keeps", [True, False])
def test_it_gives_what_the_whole_network_gives(
    feed: Feed, monkeypatch: pytest.MonkeyPatch, pooling: Pooling, keeps: bool
) -> None:
    monkeypatch.setattr(last_stage, "ROOM", 1 << 30 if keeps else 0)
    whole = encoder(pooling)
    lower = Lower(whole, feed)
    assert lower.keep() is keeps
    assert len(lower.kept) == (len(feed.codes) if keeps else 0)
    body = LastStage(copied(whole), lower, feed)
    want = whole.embed_codes([feed.codes[row] for row in ROWS])
    np.testing.assert_allclose(body.evaluate(ROWS), want, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(body(ROWS, RNG).detach(), want, rtol=1e-4, atol=1e-5)


def test_only_the_last_stage_learns(feed: Feed) -> None:
    whole = encoder("all")
    lower = Lower(whole, feed)
    lower.keep()
    kept = {row: (x.clone(), mean.clone()) for row, (x, mean) in lower.kept.items()}
    own = copied(whole)
    body = LastStage(own, lower, feed)
    optimizer = torch.optim.Adam(body.learning.parameters(), 0.01)
    body.learning.train()
    for _ in range(2):
        optimizer.zero_grad()
        body(ROWS, RNG).square().sum().backward()
        optimizer.step()
    before, after = whole.network.state_dict(), own.network.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    last = {name for name in before if name.startswith(("blocks.4.", "blocks.5."))}
    assert changed == last
    for row, (x, mean) in lower.kept.items():
        assert torch.equal(x, kept[row][0])
        assert torch.equal(mean, kept[row][1])


def test_progress_counts_every_nucleotide(feed: Feed) -> None:
    seen: list[int] = []
    Lower(encoder("last"), feed).keep(seen.append)
    assert sum(seen) == sum(len(codes) for codes in feed.codes)
