"""The baselines compute the same as the package; otherwise comparing their speed would be meaningless."""

from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.plain import PlainEncoder, PlainProjector, load_weights
from benchmarks.plain_embed import make_batch
from safetensors.torch import load_file

import isoclr
from benchmarks import plain_embed
from isoclr.genomics.encoding import CODON_START, EXON_END, Codes
from isoclr.models.encoder import Encoder


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    """IsoCLR-S with running statistics that are not the initial ones."""
    encoder = isoclr.create("isoclr-s", seed=1)
    generator = torch.Generator().manual_seed(0)
    for name, buffer in encoder.network.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            buffer += 0.1 + 0.3 * torch.rand(buffer.shape, generator=generator)
    return encoder


@pytest.fixture(scope="module")
def plain(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> PlainEncoder:
    folder = encoder.save(tmp_path_factory.mktemp("model") / "m")
    network = PlainEncoder().eval()
    load_weights(network, load_file(folder / "model.safetensors"))
    return network


def rna(length: int, seed: int) -> Codes:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 5, length).astype(np.uint8)
    codes[1::3] |= CODON_START
    codes[-1] |= EXON_END
    return codes


@pytest.mark.parametrize("length", [1, 31, 32, 33, 200, 1501])
def test_plain_encoder_equals_the_package(encoder: Encoder, plain: PlainEncoder, length: int) -> None:
    codes = rna(length, length)
    with torch.inference_mode():
        expected = plain(*make_batch([codes], length)).numpy()
    actual = encoder.embed_codes([codes])
    assert np.abs(actual - expected).max() <= 1e-5 * np.abs(expected).max()


def test_masked_plain_encoder_ignores_padding(encoder: Encoder, plain: PlainEncoder) -> None:
    codes = [rna(77, 0), rna(300, 1)]
    with torch.inference_mode():
        masked = plain(*make_batch(codes, 384), masked=True).numpy()
        padded = plain(*make_batch(codes, 384)).numpy()
    expected = encoder.embed_codes(codes)
    scale = np.abs(expected).max()
    assert np.abs(masked - expected).max() < 1e-5 * scale
    assert np.abs(padded - expected).max() > 1e-3 * scale  # unlike the original procedure


def test_wrong_weights(plain: PlainEncoder) -> None:
    tensors = {f"network.{name}": tensor for name, tensor in plain.state_dict().items()}
    del tensors["network.stem.weight"]
    with pytest.raises(ValueError, match=r"missing \['stem.weight'\]"):
        load_weights(PlainEncoder(), tensors, "network.")
    with pytest.raises(ValueError, match="missing"):
        load_weights(PlainProjector(256), tensors, "projector.")


@pytest.fixture
def tiny() -> PlainEncoder:
    torch.manual_seed(0)
    return PlainEncoder((4, 4, 4, 8), (1, 1, 1, 1)).eval()


def test_methods_agree_without_padding(tiny: PlainEncoder, fasta: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, codes = plain_embed.read_codes(fasta)
    alone = plain_embed.embed(tiny, codes, "single", 1)
    assert np.array_equal(plain_embed.embed(tiny, codes, "sorted", 1), alone)
    monkeypatch.setattr(plain_embed, "WIDTH", 1024)
    padded = plain_embed.embed(tiny, codes, "padded", 5)
    assert padded.shape == alone.shape == (12, 8)
    nearest = np.abs(padded[:, None] - alone[None]).sum(2).argmin(1)
    assert nearest[-1] == 11  # padding hardly changes the longest RNA, which is the last one


def test_long_rnas_are_cropped_to_the_width() -> None:
    tracks, lengths = plain_embed.make_batch([np.zeros(9, np.uint8), np.ones(3, np.uint8)], 5)
    assert tracks.shape == (2, 6, 5)
    assert lengths.tolist() == [5, 3]
    assert tracks[0, 0].tolist() == [1] * 5
    assert tracks[1, 1].tolist() == [1, 1, 1, 0, 0]


def test_best_batch_is_the_fastest(tiny: PlainEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    cost = {1: 3.0, 4: 1.0, 16: 2.0}
    monkeypatch.setattr(plain_embed, "embed", lambda *_: _[-1])
    monkeypatch.setattr(plain_embed, "timed", lambda work: (None, cost[work()]))
    assert plain_embed.best_batch(tiny, [np.zeros(3, np.uint8)], "padded") == 4
