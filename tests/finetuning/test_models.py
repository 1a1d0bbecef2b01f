"""Features of RNAs do not depend on the chunks."""

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from isoclr.finetuning import models
from isoclr.finetuning.config import FinetuneConfig, TrainedPart
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


def test_frozen_backbone(encoder: Encoder) -> None:
    matrix = np.random.default_rng(0).normal(size=(150, 3)).astype(np.float32)
    backbone = FrozenBackbone(encoder.network, matrix, torch.device("cpu"))
    assert np.array_equal(backbone(ROWS, RNG).numpy(), matrix[ROWS])
    assert not list(backbone.trained.parameters())


def test_full_backbone_keeps_the_order(encoder: Encoder, builder: BatchBuilder) -> None:
    want = encoder.embed_codes([builder.codes[row] for row in ROWS])
    backbone = FullBackbone(encoder, replace(builder, chunk_nt=256, round_to=32))
    np.testing.assert_allclose(backbone.evaluate(ROWS), want, rtol=1e-5, atol=1e-6)
    backbone.network.eval()
    np.testing.assert_allclose(backbone(ROWS, RNG).detach(), want, rtol=1e-4, atol=1e-5)


def test_full_backbone_is_trained(encoder: Encoder, builder: BatchBuilder) -> None:
    backbone = FullBackbone(encoder, builder)
    backbone.trained.train()
    (backbone(ROWS, RNG) * torch.randn(len(ROWS), backbone.dim)).sum().backward()
    assert all(p.grad is not None for p in backbone.trained.parameters())


@pytest.fixture
def saluki(builder: BatchBuilder) -> SalukiBackbone:
    torch.manual_seed(0)
    return SalukiBackbone(Saluki(dropout=0.0), builder, shift=3)


def test_saluki_keeps_the_order(saluki: SalukiBackbone) -> None:
    together = saluki.evaluate(ROWS)
    for i, row in enumerate(ROWS):
        alone = saluki.evaluate(np.array([row]))
        torch.testing.assert_close(alone[0], together[i], rtol=1e-4, atol=1e-5)


def test_saluki_is_shifted_in_training_only(saluki: SalukiBackbone) -> None:
    saluki.saluki.eval()
    still = saluki.evaluate(ROWS)
    assert torch.equal(saluki.evaluate(ROWS), still)
    one, same, two = (saluki(ROWS, np.random.default_rng(seed)).detach() for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, two)
    unmoved = SalukiBackbone(saluki.saluki, saluki.builder, shift=0)
    torch.testing.assert_close(unmoved(ROWS, RNG).detach(), still, rtol=1e-4, atol=1e-5)


def test_chunks(builder: BatchBuilder) -> None:
    rows = np.array([9, 2, 55])
    found = {}
    for layout in builder.layouts(rows, gap=32):
        chunk = builder.chunk(layout, rows)
        flat = chunk.codes.flatten().numpy()
        for i, start, length in zip(layout.rows, chunk.starts, chunk.lengths, strict=True):
            found[int(rows[i])] = flat[int(start) : int(start) + int(length)]
    assert all(np.array_equal(found[row], builder.codes[row]) for row in rows)
    assert builder.lengths(rows).tolist() == [len(builder.codes[row]) for row in rows]


def test_head_starts_at_the_mean() -> None:
    head = Head(5, 2, hidden=7, dropout=0.3)
    features = torch.randn(9, 5)
    for training in (True, False):
        assert torch.equal(head.train(training)(features), torch.zeros(9, 2))


def test_hidden_layers_are_random() -> None:
    head = Head(5, 2, hidden=7, dropout=0.0)
    first, second, _ = head.penalized()
    assert int(torch.count_nonzero(first)) == first.numel()
    assert int(torch.count_nonzero(second)) == second.numel()
    assert (first.shape, second.shape) == ((7, 5), (7, 7))


def test_head_standardizes_features() -> None:
    torch.manual_seed(0)
    head = Head(3, 1, hidden=4, dropout=0.0).train()
    torch.nn.init.ones_(head.last.weight)
    features = torch.randn(50, 3)
    scaled = features * torch.tensor([0.1, 1.0, 1e3]) + torch.tensor([5.0, 0.0, -2.0])
    torch.testing.assert_close(head(scaled), head(features), rtol=0.01, atol=0.01)


def test_penalized_weights() -> None:
    head = Head(5, 2, hidden=7, dropout=0.0)
    assert {id(weight) for weight in head.penalized()} == {id(linear.weight) for linear in (*head.hidden, head.last)}
    assert SalukiHead(5, 2).penalized() == []


def test_saluki_head_is_random() -> None:
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


@pytest.mark.parametrize("pooling", ["last", "all", "all-std-sqrt"])
@pytest.mark.parametrize("keeps", [True, False])
def test_last_stage_equals_the_network(
    builder: BatchBuilder, monkeypatch: pytest.MonkeyPatch, pooling: Pooling, keeps: bool
) -> None:
    monkeypatch.setattr(models, "MAX_KEPT_BYTES", 1 << 30 if keeps else 0)
    whole = encoder_last_stage(pooling)
    lower = FrozenStages(whole, builder)
    assert lower.keep() is keeps
    assert len(lower._kept) == (len(builder.codes) if keeps else 0)
    backbone = LastStageBackbone(copied(whole), lower, builder)
    want = whole.embed_codes([builder.codes[row] for row in ROWS])
    np.testing.assert_allclose(backbone.evaluate(ROWS), want, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(backbone(ROWS, RNG).detach(), want, rtol=1e-4, atol=1e-5)


def test_only_the_last_stage_is_trained(builder: BatchBuilder) -> None:
    whole = encoder_last_stage("all")
    lower = FrozenStages(whole, builder)
    lower.keep()
    kept = {row: (x.clone(), mean.clone()) for row, (x, mean) in lower._kept.items()}
    own = copied(whole)
    backbone = LastStageBackbone(own, lower, builder)
    optimizer = torch.optim.Adam(backbone.trained.parameters(), 0.01)
    backbone.trained.train()
    for _ in range(2):
        optimizer.zero_grad()
        backbone(ROWS, RNG).square().sum().backward()
        optimizer.step()
    before, after = whole.network.state_dict(), own.network.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    last = {name for name in before if name.startswith(("blocks.4.", "blocks.5."))}
    assert changed == last
    for row, (x, mean) in lower._kept.items():
        assert torch.equal(x, kept[row][0])
        assert torch.equal(mean, kept[row][1])


def test_progress_counts_every_nucleotide(builder: BatchBuilder) -> None:
    seen: list[int] = []
    FrozenStages(encoder_last_stage("last"), builder).keep(seen.append)
    assert sum(seen) == sum(len(codes) for codes in builder.codes)


def nothing(_title: str) -> None:
    return None


@pytest.mark.parametrize(
    ("train", "kind"), [("head", FrozenBackbone), ("last-stage", LastStageBackbone), ("full", FullBackbone)]
)
def test_trained_parts(model: Path, builder: BatchBuilder, train: TrainedPart, kind: type) -> None:
    start = ModelFactory(FinetuneConfig(model=str(model), train=train))
    start.prepare(builder, nothing)  # type: ignore[arg-type]
    backbone, _ = start.make(builder, 1, 0)
    assert isinstance(backbone, kind)


def test_pretrained_weights(model: Path, builder: BatchBuilder) -> None:
    start = ModelFactory(FinetuneConfig(model=str(model)))
    first, _ = start.make(builder, 1, 0)
    with torch.no_grad():
        for parameter in first.network.parameters():
            parameter.add_(1.0)
    second, _ = start.make(builder, 1, 1)
    want = load(model).network.state_dict()
    found = second.network.state_dict()
    assert all(torch.equal(found[name], want[name]) for name in want)


def test_random_weights(model: Path, builder: BatchBuilder) -> None:
    start = ModelFactory(FinetuneConfig(model=str(model), scratch=True))
    backbones = [start.make(builder, 1, seed)[0].network for seed in (0, 0, 1)]
    pretrained = load(model).network
    states = [backbone.state_dict()["blocks.0.conv1.weight"] for backbone in (*backbones, pretrained)]
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])
    assert not torch.equal(states[0], states[3])
    assert isinstance(backbones[0], DilatedResNet)
    assert backbones[0].architecture == pretrained.architecture
    assert start.sha256 is None


@pytest.mark.parametrize("scratch", [False, True])
def test_activation_checkpointing_is_kept(model: Path, builder: BatchBuilder, scratch: bool) -> None:
    start = ModelFactory(FinetuneConfig(model=str(model), scratch=scratch))
    assert start.encoder is not None
    start.encoder.network.recompute = start.encoder.network.compiled = True
    network = start.make(builder, 1, 0)[0].network
    assert isinstance(network, DilatedResNet)
    assert network.recompute
    assert network.compiled


def test_dropout(model: Path, builder: BatchBuilder) -> None:
    start = ModelFactory(FinetuneConfig(model=str(model)))
    backbone, head = start.make(builder, 1, 0)
    blocks = [block for block in backbone.network.modules() if isinstance(block, Block)]
    assert {block.norm1.dropout for block in blocks} == {0.3}
    assert isinstance(head, Head)
    assert head.dropout.p == 0.3


def test_pooling(model: Path, builder: BatchBuilder) -> None:
    start = ModelFactory(FinetuneConfig(model=str(model), pooling="all"))
    backbone, _ = start.make(builder, 1, 0)
    assert backbone.dim == 8 + 8 + 8 + 16 + 16


def test_names_of_methods(model: Path) -> None:
    assert ModelFactory(FinetuneConfig(model="saluki")).method == "Saluki"
    assert ModelFactory(FinetuneConfig(model="isoclr-m", scratch=True)).method == "supervised isoclr-m"
    assert ModelFactory(FinetuneConfig(model=str(model), train="head")).method == "frozen tiny"


def test_saluki_outputs(builder: BatchBuilder) -> None:
    backbone, head = ModelFactory(FinetuneConfig(model="saluki")).make(builder, 3, 0)
    assert isinstance(backbone, SalukiBackbone)
    assert head(torch.zeros(2, 64)).shape == (2, 3)
