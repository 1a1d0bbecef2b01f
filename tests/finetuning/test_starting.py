"""Where a training starts: weights, dropout, and what learns."""

from pathlib import Path

import pytest
import torch

from isoclr.finetuning.bodies import Frozen, Whole, WholeSaluki
from isoclr.finetuning.feeding import Feed
from isoclr.finetuning.head import Head
from isoclr.finetuning.last_stage import LastStage
from isoclr.finetuning.rules import Rules
from isoclr.finetuning.starting import Start, Tune
from isoclr.models import load
from isoclr.models.resnet import Block, DilatedResNet


def nothing(_title: str) -> None:
    return None


@pytest.mark.parametrize(
    ("tune", "kind"), [("frozen", Frozen), ("last-stage", LastStage), ("full", Whole)]
)
def test_each_mode_has_its_body(
    model: Path, feed: Feed, rules: Rules, tune: Tune, kind: type
) -> None:
    start = Start(str(model), scratch=False, tune=tune)
    start.prepare(feed, nothing)  # type: ignore[arg-type]
    body, _ = start.make(feed, rules, 1, 0)
    assert isinstance(body, kind)


def test_every_training_begins_with_the_pretrained_weights(
    model: Path, feed: Feed, rules: Rules
) -> None:
    start = Start(str(model), scratch=False, tune="full")
    first, _ = start.make(feed, rules, 1, 0)
    with torch.no_grad():
        for parameter in first.network.parameters():
            parameter.add_(1.0)
    second, _ = start.make(feed, rules, 1, 1)
    want = load(model).network.state_dict()
    found = second.network.state_dict()
    assert all(torch.equal(found[name], want[name]) for name in want)


def test_from_scratch_the_architecture_is_kept_and_the_weights_are_the_seeds(
    model: Path, feed: Feed, rules: Rules
) -> None:
    start = Start(str(model), scratch=True, tune="full")
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
    model: Path, feed: Feed, rules: Rules, scratch: bool
) -> None:
    start = Start(str(model), scratch=scratch, tune="full")
    assert start.encoder is not None
    start.encoder.network.recompute = start.encoder.network.compiled = True
    network = start.make(feed, rules, 1, 0)[0].network
    assert isinstance(network, DilatedResNet)
    assert network.recompute
    assert network.compiled


def test_dropout_is_that_of_fine_tuning(model: Path, feed: Feed, rules: Rules) -> None:
    start = Start(str(model), scratch=False, tune="full")
    body, head = start.make(feed, rules.changed(dropout=0.3), 1, 0)
    blocks = [block for block in body.network.modules() if isinstance(block, Block)]
    assert {block.norm1.dropout for block in blocks} == {0.3}
    assert isinstance(head, Head)
    assert head.dropout.p == 0.3


def test_pooling_can_be_of_all_blocks(model: Path, feed: Feed, rules: Rules) -> None:
    start = Start(str(model), scratch=False, tune="full", pooling="all")
    body, _ = start.make(feed, rules, 1, 0)
    assert body.dim == 8 + 8 + 8 + 16 + 16


def test_names_of_methods(model: Path) -> None:
    assert Start("saluki", scratch=False, tune="full").method == "Saluki"
    assert Start("isoclr-m", scratch=True, tune="full").method == "supervised isoclr-m"
    assert Start(str(model), scratch=False, tune="frozen").method == "frozen tiny"


def test_saluki_has_a_head_for_every_task(feed: Feed, rules: Rules) -> None:
    body, head = Start("saluki", scratch=False, tune="full").make(feed, rules, 3, 0)
    assert isinstance(body, WholeSaluki)
    assert head(torch.zeros(2, 64)).shape == (2, 3)
