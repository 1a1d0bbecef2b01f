"""The baselines compute what the package computes: otherwise their speed would prove nothing."""

import numpy as np
import pytest
import torch
from benchmarks.plain import PlainEncoder, PlainProjector, load_weights
from benchmarks.plain_embed import batch_of
from safetensors.torch import load_file

import isoclr
from isoclr.genomics.encoding import CODON_START, EXON_END, Codes
from isoclr.models.encoder import Encoder


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    """IsoCLR-S whose running statistics are not those it began with."""
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
def test_plain_encoder_equals_the_package(
    encoder: Encoder, plain: PlainEncoder, length: int
) -> None:
    codes = rna(length, length)
    with torch.inference_mode():
        expected = plain(*batch_of([codes], length)).numpy()
    found = encoder.embed_codes([codes])
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()


def test_masked_plain_encoder_does_not_see_padding(encoder: Encoder, plain: PlainEncoder) -> None:
    codes = [rna(77, 0), rna(300, 1)]
    with torch.inference_mode():
        masked = plain(*batch_of(codes, 384), masked=True).numpy()
        padded = plain(*batch_of(codes, 384)).numpy()
    expected = encoder.embed_codes(codes)
    scale = np.abs(expected).max()
    assert np.abs(masked - expected).max() < 1e-5 * scale
    assert np.abs(padded - expected).max() > 1e-3 * scale  # the original procedure's embeddings do


def test_weights_that_do_not_fit_are_refused(plain: PlainEncoder) -> None:
    tensors = {f"network.{name}": tensor for name, tensor in plain.state_dict().items()}
    del tensors["network.stem.weight"]
    with pytest.raises(ValueError, match=r"lacking \['stem.weight'\]"):
        load_weights(PlainEncoder(), tensors, "network.")
    with pytest.raises(ValueError, match="lacking"):
        load_weights(PlainProjector(256), tensors, "projector.")
