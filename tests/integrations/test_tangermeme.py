"""The plain module for tangermeme and captum, and both packages on it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from isoclr.analysis.ism import scan
from isoclr.analysis.readout import LinearPredictor
from isoclr.errors import InputError
from isoclr.genomics.encoding import Codes
from isoclr.integrations.tangermeme import SequencePredictor
from isoclr.models.encoder import Encoder
from isoclr.probing.linear import LinearModel


def linear(dim: int) -> LinearModel:
    return LinearModel(np.random.default_rng(1).normal(size=dim) / 10, 0.5)


@pytest.mark.parametrize("pooling", ["all", "last", "all-std-sqrt"])
@pytest.mark.parametrize("length", [1, 33, 210])
def test_predictions_are_those_of_encoder_and_head(
    pooling: str, length: int, rnas: list[Codes], encoder_with: Callable[[str], Encoder]
) -> None:
    encoder = encoder_with(pooling)
    head = linear(encoder.dim)
    predictor = SequencePredictor(encoder, head)
    codes = [one[:length] for one in rnas]
    found = predictor(*predictor.inputs(codes))[:, 0]
    assert np.allclose(found, head(encoder.embed_codes(codes)), atol=1e-5)


def test_gradients_are_those_of_our_own_attribution(encoder: Encoder, rnas: list[Codes]) -> None:
    head = linear(encoder.dim)
    predictor = SequencePredictor(encoder, head)
    bases, marks = predictor.inputs(rnas[:1])
    bases.requires_grad_()
    predictor(bases, marks).sum().backward()
    ours = encoder.attribution(rnas[0], head, method="gradient").gradient[:, :4]
    assert bases.grad is not None
    assert np.allclose(bases.grad[0].T, ours, atol=1e-5)


def test_saturation_mutagenesis_equals_ours(encoder: Encoder, rnas: list[Codes]) -> None:
    module = pytest.importorskip("tangermeme.saturation_mutagenesis")
    head = linear(encoder.dim)
    predictor = SequencePredictor(encoder, head)
    bases, marks = predictor.inputs([one[:64] for one in rnas])
    raw = module.saturation_mutagenesis(predictor, bases, args=(marks,), raw_outputs=True, device="cpu")
    ours = scan(LinearPredictor(encoder, head), rnas[0][:64])
    before, after = raw[0][0, 0], raw[1][0, :, :, 0]  # (4, L)
    assert np.allclose((after - before).T, ours.effects, atol=1e-4)


def test_deep_lift_adds_up(encoder: Encoder, rnas: list[Codes]) -> None:
    module = pytest.importorskip("tangermeme.deep_lift_shap")
    predictor = SequencePredictor(encoder, linear(encoder.dim))
    bases, marks = predictor.inputs(rnas)
    references = bases.flip(2)[:, None]  # one-hot, as it asks
    found = module.deep_lift_shap(
        *(predictor, bases),
        args=(marks,),
        references=references,
        device="cpu",
        warning_threshold=1e-3,  # a warning fails the test
    )
    with torch.no_grad():
        change = (predictor(bases, marks) - predictor(references[:, 0], marks))[:, 0]
    assert change.abs().max() > 0.01
    assert np.allclose(found.sum((1, 2)), change, atol=1e-4)


def test_captum_integrates_to_the_change(encoder: Encoder, rnas: list[Codes]) -> None:
    captum: Any = pytest.importorskip("captum.attr")
    predictor = SequencePredictor(encoder, linear(encoder.dim))
    bases, marks = predictor.inputs(rnas)
    flat = torch.full_like(bases, 0.25)
    values = captum.IntegratedGradients(predictor).attribute(
        bases, flat, additional_forward_args=(marks,), target=0, n_steps=64
    )
    change = (predictor(bases, marks) - predictor(flat, marks))[:, 0]
    assert np.allclose(values.sum((1, 2)), change, atol=0.02 * float(change.abs().max()))


def test_what_does_not_fit_is_refused(encoder: Encoder, rnas: list[Codes]) -> None:
    with pytest.raises(InputError, match="embeddings of 3, expected"):
        SequencePredictor(encoder, np.ones(3))
    predictor = SequencePredictor(encoder, np.ones((2, encoder.dim)))
    assert predictor(*predictor.inputs(rnas)).shape == (3, 2)
    with pytest.raises(InputError, match="different lengths"):
        predictor.inputs([rnas[0], rnas[1][:5]])
