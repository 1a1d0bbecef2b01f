"""RNAs to features: in the order asked for, whatever the chunks."""

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from isoclr.finetuning import models as last_stage
from isoclr.finetuning.config import FinetuneConfig
from isoclr.finetuning.models import (
    BatchBuilder,
    FrozenBackbone,
    FrozenStages,
    FullBackbone,
    Head,
    LastStageBackbone,
    ModelFactory,
    SalukiBackbone,
    SalukiHead,
    Tune,
)
from isoclr.models.encoder import Encoder
from isoclr.models.load import load
from isoclr.models.norm import BatchNorm
from isoclr.models.pooling import Pooling
from isoclr.models.resnet import Architecture, Block, DilatedResNet
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
    body = FrozenBackbone(encoder.network, matrix, torch.device("cpu"))
    assert np.array_equal(body(ROWS, RNG).numpy(), matrix[ROWS])
    assert not list(body.learning.parameters())


def test_a_whole_encoder_gives_embeddings_in_order(encoder: Encoder, feed: BatchBuilder) -> None:
    want = encoder.embed_codes([feed.codes[row] for row in ROWS])
    body = FullBackbone(encoder, replace(feed, chunk_nt=256, round_to=32))
    np.testing.assert_allclose(body.evaluate(ROWS), want, rtol=1e-5, atol=1e-6)
    body.network.eval()
    np.testing.assert_allclose(body(ROWS, RNG).detach(), want, rtol=1e-4, atol=1e-5)


def test_every_weight_of_a_whole_encoder_learns(encoder: Encoder, feed: BatchBuilder) -> None:
    body = FullBackbone(encoder, feed)
    body.learning.train()
    (body(ROWS, RNG) * torch.randn(len(ROWS), body.dim)).sum().backward()
    assert all(p.grad is not None for p in body.learning.parameters())


@pytest.fixture
def saluki(feed: BatchBuilder) -> SalukiBackbone:
    torch.manual_seed(0)
    return SalukiBackbone(Saluki(dropout=0.0), feed, shift=3)


def test_saluki_gives_features_in_order(saluki: SalukiBackbone) -> None:
    together = saluki.evaluate(ROWS)
    for i, row in enumerate(ROWS):
        alone = saluki.evaluate(np.array([row]))
        torch.testing.assert_close(alone[0], together[i], rtol=1e-4, atol=1e-5)


def test_saluki_is_moved_by_a_few_nt_in_training_only(saluki: SalukiBackbone) -> None:
    saluki.saluki.eval()
    still = saluki.evaluate(ROWS)
    assert torch.equal(saluki.evaluate(ROWS), still)
    one, same, two = (saluki(ROWS, np.random.default_rng(seed)).detach() for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, two)
    unmoved = SalukiBackbone(saluki.saluki, saluki.feed, shift=0)
    torch.testing.assert_close(unmoved(ROWS, RNG).detach(), still, rtol=1e-4, atol=1e-5)


def test_chunks_hold_the_rnas_asked_for(feed: BatchBuilder) -> None:
    rows = np.array([9, 2, 55])
    found = {}
    for layout in feed.layouts(rows, gap=32):
        chunk = feed.chunk(layout, rows)
        flat = chunk.codes.flatten().numpy()
        for i, start, length in zip(layout.rows, chunk.starts, chunk.lengths, strict=True):
            found[int(rows[i])] = flat[int(start) : int(start) + int(length)]
    assert all(np.array_equal(found[row], feed.codes[row]) for row in rows)
    assert feed.lengths(rows).tolist() == [len(feed.codes[row]) for row in rows]


def test_training_begins_with_the_mean_of_the_labels() -> None:
    head = Head(5, 2, hidden=7, dropout=0.3)
    features = torch.randn(9, 5)
    for training in (True, False):
        assert torch.equal(head.train(training)(features), torch.zeros(9, 2))


def test_the_two_penultimate_layers_are_random() -> None:
    head = Head(5, 2, hidden=7, dropout=0.0)
    first, second, _ = head.penalised()
    assert int(torch.count_nonzero(first)) == first.numel()
    assert int(torch.count_nonzero(second)) == second.numel()
    assert (first.shape, second.shape) == ((7, 5), (7, 7))


def test_features_of_any_scale_are_brought_to_one() -> None:
    torch.manual_seed(0)
    head = Head(3, 1, hidden=4, dropout=0.0).train()
    torch.nn.init.ones_(head.last.weight)
    features = torch.randn(50, 3)
    scaled = features * torch.tensor([0.1, 1.0, 1e3]) + torch.tensor([5.0, 0.0, -2.0])
    torch.testing.assert_close(head(scaled), head(features), rtol=0.01, atol=0.01)


def test_l2_falls_on_three_layers_of_ours_and_not_on_salukis_last() -> None:
    head = Head(5, 2, hidden=7, dropout=0.0)
    assert {id(weight) for weight in head.penalised()} == {
        id(linear.weight) for linear in (*head.hidden, head.last)
    }
    assert SalukiHead(5, 2).penalised() == []


def test_salukis_last_layer_begins_at_random() -> None:
    assert bool((SalukiHead(64, 1).weight != 0).all())


def encoder_last_stage(pooling: Pooling) -> Encoder:
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
    feed: BatchBuilder, monkeypatch: pytest.MonkeyPatch, pooling: Pooling, keeps: bool
) -> None:
    monkeypatch.setattr(last_stage, "ROOM", 1 << 30 if keeps else 0)
    whole = encoder_last_stage(pooling)
    lower = FrozenStages(whole, feed)
    assert lower.keep() is keeps
    assert len(lower.kept) == (len(feed.codes) if keeps else 0)
    body = LastStageBackbone(copied(whole), lower, feed)
    want = whole.embed_codes([feed.codes[row] for row in ROWS])
    np.testing.assert_allclose(body.evaluate(ROWS), want, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(body(ROWS, RNG).detach(), want, rtol=1e-4, atol=1e-5)


def test_only_the_last_stage_learns(feed: BatchBuilder) -> None:
    whole = encoder_last_stage("all")
    lower = FrozenStages(whole, feed)
    lower.keep()
    kept = {row: (x.clone(), mean.clone()) for row, (x, mean) in lower.kept.items()}
    own = copied(whole)
    body = LastStageBackbone(own, lower, feed)
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


def test_progress_counts_every_nucleotide(feed: BatchBuilder) -> None:
    seen: list[int] = []
    FrozenStages(encoder_last_stage("last"), feed).keep(seen.append)
    assert sum(seen) == sum(len(codes) for codes in feed.codes)


def nothing(_title: str) -> None:
    return None


@pytest.mark.parametrize(
    ("tune", "kind"),
    [("frozen", FrozenBackbone), ("last-stage", LastStageBackbone), ("full", FullBackbone)],
)
def test_each_mode_has_its_body(
    model: Path, feed: BatchBuilder, rules: FinetuneConfig, tune: Tune, kind: type
) -> None:
    start = ModelFactory(str(model), scratch=False, tune=tune)
    start.prepare(feed, nothing)  # type: ignore[arg-type]
    body, _ = start.make(feed, rules, 1, 0)
    assert isinstance(body, kind)


def test_every_training_begins_with_the_pretrained_weights(
    model: Path, feed: BatchBuilder, rules: FinetuneConfig
) -> None:
    start = ModelFactory(str(model), scratch=False, tune="full")
    first, _ = start.make(feed, rules, 1, 0)
    with torch.no_grad():
        for parameter in first.network.parameters():
            parameter.add_(1.0)
    second, _ = start.make(feed, rules, 1, 1)
    want = load(model).network.state_dict()
    found = second.network.state_dict()
    assert all(torch.equal(found[name], want[name]) for name in want)


def test_from_scratch_the_architecture_is_kept_and_the_weights_are_the_seeds(
    model: Path, feed: BatchBuilder, rules: FinetuneConfig
) -> None:
    start = ModelFactory(str(model), scratch=True, tune="full")
    bodies = [start.make(feed, rules, 1, seed)[0].network for seed in (0, 0, 1)]
    pretrained = load(model).network
    states = [body.state_dict()["blocks.0.conv1.weight"] for body in (*bodies, pretrained)]
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])
    assert not torch.equal(states[0], states[3])
    assert isinstance(bodies[0], DilatedResNet)
    assert bodies[0].architecture == pretrained.architecture
    assert start.sha256 == ""


@pytest.mark.parametrize("scratch", [False, True])
def test_how_activations_are_kept_is_not_lost(
    model: Path, feed: BatchBuilder, rules: FinetuneConfig, scratch: bool
) -> None:
    start = ModelFactory(str(model), scratch=scratch, tune="full")
    assert start.encoder is not None
    start.encoder.network.recompute = start.encoder.network.compiled = True
    network = start.make(feed, rules, 1, 0)[0].network
    assert isinstance(network, DilatedResNet)
    assert network.recompute
    assert network.compiled


def test_dropout_is_that_of_fine_tuning(
    model: Path, feed: BatchBuilder, rules: FinetuneConfig
) -> None:
    start = ModelFactory(str(model), scratch=False, tune="full")
    body, head = start.make(feed, rules.changed(dropout=0.3), 1, 0)
    blocks = [block for block in body.network.modules() if isinstance(block, Block)]
    assert {block.norm1.dropout for block in blocks} == {0.3}
    assert isinstance(head, Head)
    assert head.dropout.p == 0.3


def test_pooling_can_be_of_all_blocks(
    model: Path, feed: BatchBuilder, rules: FinetuneConfig
) -> None:
    start = ModelFactory(str(model), scratch=False, tune="full", pooling="all")
    body, _ = start.make(feed, rules, 1, 0)
    assert body.dim == 8 + 8 + 8 + 16 + 16


def test_names_of_methods(model: Path) -> None:
    assert ModelFactory("saluki", scratch=False, tune="full").method == "Saluki"
    assert ModelFactory("isoclr-m", scratch=True, tune="full").method == "supervised isoclr-m"
    assert ModelFactory(str(model), scratch=False, tune="frozen").method == "frozen tiny"


def test_saluki_has_a_head_for_every_task(feed: BatchBuilder, rules: FinetuneConfig) -> None:
    body, head = ModelFactory("saluki", scratch=False, tune="full").make(feed, rules, 3, 0)
    assert isinstance(body, SalukiBackbone)
    assert head(torch.zeros(2, 64)).shape == (2, 3)
