"""The passes over activations: against plain arithmetic, and compiled against not compiled."""

import shutil

import pytest
import torch

from isoclr.models import compiled, kernels

ROWS, CHANNELS = 300, 24


def tensors(dtype: torch.dtype, count: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(ROWS, CHANNELS, generator=generator).to(dtype) for _ in range(count)]


def by_channel(count: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(CHANNELS, generator=generator, dtype=torch.float64) for _ in range(count)]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_sums_are_those_of_the_columns(dtype: torch.dtype) -> None:
    grad, y, x = tensors(dtype, 3)
    sums = kernels.column_sums(x)
    wide = x.double()
    torch.testing.assert_close(
        sums, torch.cat([wide.sum(0), wide.square().sum(0)]), rtol=1e-5, atol=1e-4
    )
    behind, both = kernels.gradient_sums(grad, y, x)
    expected = torch.where(y > 0, grad, 0)
    assert torch.equal(behind, expected)
    wanted = torch.stack([expected.double().sum(0), (expected.double() * wide).sum(0)])
    torch.testing.assert_close(both, wanted, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_a_rank_without_rnas_adds_nothing(dtype: torch.dtype) -> None:
    none = torch.empty(0, 5, dtype=dtype)
    assert kernels.column_sums(none).tolist() == [0.0] * 10
    assert kernels.gradient_sums(none, none, none)[1].tolist() == [[0.0] * 5] * 2


@pytest.mark.parametrize("dropped", [25, 128])
def test_masks_drop_their_share_and_differ(dropped: int) -> None:
    torch.manual_seed(0)
    shapes = [torch.Size((1000, 64)), torch.Size((500, 64)), torch.Size((1, 64))]
    masks = kernels.dropout_masks(shapes, dropped, torch.empty(0, dtype=torch.bfloat16))
    assert [mask.shape for mask in masks] == shapes
    share = float((masks[0] == 0).float().mean())
    assert share == pytest.approx(dropped / 256, abs=0.01)
    assert not torch.equal(masks[0][:500], masks[1])
    assert ((masks[0] == 0) | (masks[0] == 1)).all()
    again = kernels.dropout_masks(shapes, dropped, torch.empty(0, dtype=torch.bfloat16))
    assert not torch.equal(masks[0], again[0])


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="compiling for a CPU needs g++")
@pytest.mark.filterwarnings("ignore")  # the compiler's own
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_compiled_passes_equal_the_others(dtype: torch.dtype) -> None:
    x, grad, y, residual = tensors(dtype, 4)
    mask = (y > 0.5).to(dtype)
    scale, shift, a = by_channel(3)
    most = 1e-5 if dtype == torch.float32 else 0.05
    for left, right in ((None, None), (residual, mask)):
        torch.testing.assert_close(
            compiled.normalize(x, scale, shift, left, right, relu=True),
            kernels.normalize(x, scale, shift, left, right, relu=True),
            rtol=most,
            atol=most,
        )
    for found, wanted in zip(
        compiled.gradient_sums(grad, y, x), kernels.gradient_sums(grad, y, x), strict=True
    ):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(
        compiled.affine_combine(x, scale, grad, a, shift),
        kernels.affine_combine(x, scale, grad, a, shift),
        rtol=most,
        atol=most,
    )
