"""A small encoder whose statistics are not the initial ones, and a few RNAs."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from isoclr.genomics.encoding import Codes, encode
from isoclr.models.encoder import Encoder
from isoclr.models.resnet import Architecture, DilatedResNet


def small_encoder(pooling: str) -> Encoder:
    """An encoder of eight channels."""
    architecture = Architecture((8, 8, 8, 16), (1, 1, 2, 1), (1, 2, 4, 8), pooling=pooling)
    torch.manual_seed(0)
    network = DilatedResNet(architecture, dropout=0.0)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if name.endswith("running_var"):
                value.uniform_(0.5, 2)
            elif name.endswith(("running_mean", "bias")):
                value.normal_(0, 0.2)
    return Encoder(network.eval(), name="small")


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return small_encoder("all")


@pytest.fixture(scope="session")
def encoder_with() -> Callable[[str], Encoder]:
    """Makes one with a read-out."""
    return small_encoder


@pytest.fixture
def rnas() -> list[Codes]:
    """Three RNAs of 210 nt with two exons and a coding sequence."""
    rng = np.random.default_rng(0)
    return [encode(rng.integers(0, 4, 210).astype(np.uint8), np.array([90, 120]), (31, 121)) for _ in range(3)]
