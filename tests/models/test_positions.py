"""Activations along an RNA, and attributions to its bases."""

import numpy as np
import pytest
import torch

import isoclr
from isoclr.analysis.ism import scan
from isoclr.analysis.readout import LinearPredictor
from isoclr.errors import InputError
from isoclr.genomics.encoding import TRACKS, Codes, N, encode
from isoclr.integrations.tangermeme import SequencePredictor
from isoclr.models.encoder import Encoder, create
from isoclr.models.load import PRETRAINED_DIR
from isoclr.models.resnet import Architecture, DilatedResNet
from isoclr.probing.linear import LinearModel


def encoder_with(pooling: str = "all") -> Encoder:
    torch.manual_seed(0)
    architecture = Architecture((8, 8, 8, 16), (1, 1, 1, 1), (1, 2, 4, 8), pooling=pooling)
    return Encoder(DilatedResNet(architecture).eval(), name="small")


def rna(length: int, seed: int = 0) -> Codes:
    bases = np.random.default_rng(seed).integers(0, 4, length).astype(np.uint8)
    return encode(bases, np.array([length // 2, length - length // 2]), (3, length - length % 3))


@pytest.mark.parametrize("pooling", ["last", "all"])
def test_activations_average_to_the_embedding(pooling: str) -> None:
    encoder = encoder_with(pooling)
    codes = [rna(320), rna(64)]  # whole windows
    windows = encoder.positions(codes)
    assert [one.shape for one in windows] == [(10, encoder.dim), (2, encoder.dim)]
    means = np.stack([one.mean(0) for one in windows])
    assert np.allclose(means, encoder.embed_codes(codes), atol=1e-5)


def test_long_rnas_are_computed_in_tiles() -> None:
    encoder = encoder_with()
    network = encoder._inference_network(torch.float32)
    code = rna(5_001)
    whole, tiles = (network.positions(code, nt) for nt in (8_192, 512))
    for (stride, a), (other, b) in zip(whole, tiles, strict=True):
        assert (stride, len(a)) == (other, -(-5_001 // stride))
        assert np.allclose(a, b, atol=1e-5)


def test_bases_are_interpolated_between_the_centers_of_windows() -> None:
    encoder = encoder_with("last")
    (windows,), (bases,) = (encoder.positions([rna(100)], resolution=r) for r in ("window", "base"))
    assert (windows.shape, bases.shape) == ((4, 16), (100, 16))
    centers = np.arange(4) * 32 + 15.5
    expected = [np.interp(np.arange(100), centers, column) for column in windows.T]
    assert np.allclose(bases, np.array(expected).T, atol=1e-5)
    assert encoder.positions([rna(5)], resolution="base")[0].shape == (5, 16)


def test_gradient_equals_finite_differences() -> None:
    encoder = encoder_with()
    network = encoder.network
    weights = torch.linspace(-1, 1, encoder.dim, dtype=torch.float64)
    # no one-hot code, in which equal neighbors tie in max-pooling
    x = torch.rand(1, 6, 90, dtype=torch.float64, requires_grad=True)

    def predict(tracks: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = network(tracks, torch.float64) @ weights
        return y

    (gradient,) = torch.autograd.grad(predict(x).sum(), x)
    rng = np.random.default_rng(0)
    for track, at in zip(rng.integers(0, 6, 10), rng.integers(0, 90, 10), strict=True):
        step = torch.zeros_like(x)
        step[0, track, at] = 1e-7
        difference = (predict(x + step) - predict(x - step)) / 2e-7
        assert torch.allclose(difference, gradient[0, track, at], rtol=1e-3, atol=1e-6)
    x = torch.tensor(TRACKS[rna(90)].T[None], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(predict(x).sum(), x)
    ours = encoder.attribution(rna(90), weights.numpy(), method="gradient").gradient
    assert np.allclose(ours, gradient[0].T, atol=1e-4)


def test_integrated_gradients_add_up_and_agree_with_mutations() -> None:
    encoder = encoder_with()
    head = LinearModel(np.random.default_rng(1).normal(size=encoder.dim), 2.0)
    code = rna(200)
    code[7] = N
    result = encoder.attribution(code, head, steps=256)
    assert result.values.shape == (200, 6)
    assert abs(result.residual) < 0.01 * abs(result.prediction - result.baseline)
    assert np.isclose(result.prediction, head(encoder.embed_codes([code]))[0], atol=1e-4)
    assert not result.values[7, :4].any()  # as in the baseline
    mutations = scan(LinearPredictor(encoder, head), code)
    assert np.corrcoef(result.mutation_effects.ravel(), mutations.effects.ravel())[0, 1] > 0.5
    assert np.corrcoef(result.importance, mutations.importance)[0, 1] > 0.5
    assert result.to_polars().columns[:3] == ["position", "base", "importance"]


def test_attributions_of_a_network_in_training_are_those_in_evaluation() -> None:
    encoder = encoder_with()
    head = np.random.default_rng(1).normal(size=encoder.dim)
    expected = encoder.attribution(rna(200), head, steps=4)
    before = {name: value.clone() for name, value in encoder.network.state_dict().items()}
    encoder.network.train()
    encoder.network.stem.eval()
    result = encoder.attribution(rna(200), head, steps=4)
    assert result.prediction == expected.prediction
    np.testing.assert_array_equal(result.values, expected.values)
    assert all(torch.equal(value, before[name]) for name, value in encoder.network.state_dict().items())
    assert encoder.network.blocks.training  # as it was left
    assert not encoder.network.stem.training


def test_a_head_of_other_weights_is_refused() -> None:
    encoder = create("isoclr-s", seed=0, pooling="all-std-sqrt")
    head = isoclr.load_head(PRETRAINED_DIR / "isoclr-s.v2" / "heads" / "half-life-human")
    assert encoder.dim == head.dim
    message = f"isoclr-s: weights {encoder.sha256[:12]}; head 'half-life' needs weights {head.model['sha256'][:12]}"
    with pytest.raises(InputError, match=message):
        encoder.attribution("AUGG", head)
    with pytest.raises(InputError, match=message):
        SequencePredictor(encoder, head)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"head": np.ones(3)}, "3 coefficients, expected"), ({"rna": ""}, "empty"), ({"steps": 0}, "steps is 0")],
)
def test_impossible_attributions_are_refused(arguments: dict[str, object], message: str) -> None:
    encoder = encoder_with()
    options: dict[str, object] = {"rna": "AUGG", "head": np.ones(encoder.dim)}
    with pytest.raises(InputError, match=message):
        encoder.attribution(**{**options, **arguments})  # type: ignore[arg-type]


def test_impossible_positions_are_refused() -> None:
    encoder = encoder_with()
    with pytest.raises(InputError, match="sequence 2 is empty"):
        encoder.positions([rna(9), rna(9)[:0]])
