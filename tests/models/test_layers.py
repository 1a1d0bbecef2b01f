"""Convolution over chunks against torch's own, values and gradients, in every way it is computed."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from isoclr.genomics.encoding import PAD
from isoclr.models import layers as convolution
from isoclr.models import layers as stem_module
from isoclr.models.layers import Convolution, Stem, _pair_histogram, kernel_image
from isoclr.models.packing import PackedBatch, Segments, pack


def expected(x: torch.Tensor, conv: Convolution) -> torch.Tensor:
    total = (conv.weight.shape[2] - 1) * conv.dilation
    padded = F.pad(x.transpose(1, 2), (total // 2, total - total // 2))
    y = F.conv1d(padded, conv.weight, conv.bias, dilation=conv.dilation).transpose(1, 2)
    return y.relu() if conv.relu else y


SHAPES = [(1, 40, 2, 1), (1, 40, 2, 8), (3, 16, 2, 2), (1, 4, 2, 8), (1, 1, 2, 8), (2, 9, 1, 1)]


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize(
    ("shape", "products"), [(shape, False) for shape in SHAPES] + [(shape, True) for shape in SHAPES if shape[0] == 1]
)
def test_equals_torch(
    shape: tuple[int, int, int, int], products: bool, relu: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, length, kernel, dilation = shape
    if products:
        monkeypatch.setattr(convolution, "_uses_matmul", lambda _: True)
    torch.manual_seed(0)
    conv = Convolution(5, 7, kernel, dilation, relu=relu).double()
    torch.nn.init.normal_(conv.bias)
    starts = np.arange(rows) * length
    extent = Segments(starts, np.full(rows, length), rows * length, torch.device("cpu"))
    x = torch.randn(rows, length, 5, dtype=torch.float64, requires_grad=True)
    (found,) = conv([x], [extent])
    wanted = expected(x, conv)
    torch.testing.assert_close(found, wanted)
    probe = torch.randn_like(wanted)
    leaves = [x, conv.weight, conv.bias]
    for a, b in zip(
        torch.autograd.grad((found * probe).sum(), leaves),
        torch.autograd.grad((wanted * probe).sum(), leaves),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_places_between_rnas_are_zero_and_pass_no_gradient() -> None:
    conv = Convolution(4, 4, 2)
    torch.nn.init.constant_(conv.bias, 1.0)
    extent = Segments(np.array([0, 20]), np.array([10, 12]), 32, torch.device("cpu"))
    x = extent.mask_(torch.randn(1, 32, 4)).requires_grad_()
    (y,) = conv([x], [extent])
    assert not y[0, 10:20].any()
    (dx,) = torch.autograd.grad(y.sum(), [x])
    assert not dx[0, 11:19].any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_fused_relu_equals_the_plain_one(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    x, weight = torch.randn(1, 64, 16).to(dtype), kernel_image(torch.randn(32, 16, 2), dtype)
    bias = torch.randn(32).to(dtype)
    fused = convolution.convolve(x, weight, bias, 2, relu=True)
    monkeypatch.setattr(convolution, "has_onednn", lambda *_: False)
    plain = convolution.convolve(x, weight, bias, 2, relu=True)
    assert (fused >= 0).all()
    torch.testing.assert_close(fused, plain)


def one_chunk(codes: list[np.ndarray]) -> PackedBatch:
    ((chunk,), _) = pack(codes, gap=128, chunk_nt=4096)
    return chunk


def test_histogram_counts_each_real_base_once() -> None:
    codes = [np.array([0, 1, 2, 3, 0], np.uint8), np.array([3, 3], np.uint8)]
    histogram = _pair_histogram([one_chunk(codes)])
    assert histogram.sum() == 7
    assert histogram[0, 1] == 1
    assert histogram[0, PAD] == 1
    assert histogram[3, 3] == 1
    assert histogram[PAD].sum() == 0


def test_positions_in_padding_are_zero() -> None:
    stem = Stem(6, 4).eval()
    torch.nn.init.constant_(stem.bias, 3.0)
    (y,) = stem([one_chunk([np.zeros(5, np.uint8)])], torch.float32)
    assert (y[0, :3] > 0).all(), "five bases reach into three pooled positions"
    assert not y[0, 3:].any()


def test_the_way_of_gpus_gives_the_same_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    stem = Stem(6, 4).train()
    chunk = one_chunk([np.random.default_rng(0).integers(0, 5, 500).astype(np.uint8)])
    grads = []
    for sorts in (False, True):
        monkeypatch.setattr(stem_module, "_sorts", lambda _, sorts=sorts: sorts)
        stem.zero_grad()
        (y,) = stem([chunk], torch.float32)
        (y * torch.linspace(0, 1, 4)).sum().backward()
        assert stem.weight.grad is not None
        grads.append(stem.weight.grad.clone())
    assert grads[0].abs().max() > 0
    torch.testing.assert_close(grads[1], grads[0])
