"""The passes over activations: against plain arithmetic, and compiled against not compiled."""

import shutil

import numpy as np
import pytest
import torch
from torch import Tensor

from isoclr.models import compiled, kernels
from isoclr.models.packing import Segments

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
    torch.testing.assert_close(sums, torch.cat([wide.sum(0), wide.square().sum(0)]), rtol=1e-5, atol=1e-4)
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


def dropout_mask(numbers: list[int], *, width: int = 640, dropped: int = 25) -> Tensor:
    """Of a chunk of RNAs of 600 positions, each in a row of its own."""
    starts, lengths = np.arange(len(numbers)) * width, np.full(len(numbers), 600)
    device = torch.device("cpu")
    extent = Segments(starts, lengths, len(numbers) * width, device, np.array(numbers))
    torch.manual_seed(0)
    mask = kernels.DropoutPool(64, dropped, torch.empty(0, dtype=torch.bfloat16)).mask(extent)
    return mask.view(len(numbers), width, 64)[:, :600]


@pytest.mark.parametrize("dropped", [25, 128])
def test_masks_drop_their_share_and_differ(dropped: int) -> None:
    masks = dropout_mask(list(range(8)), dropped=dropped)
    assert float((masks == 0).float().mean()) == pytest.approx(dropped / 256, abs=0.01)
    assert ((masks == 0) | (masks == 1)).all()
    same = (masks[:, None] == masks[None]).float().mean((2, 3))
    by_chance = 1 - 2 * dropped / 256 * (1 - dropped / 256)
    assert float((same - torch.eye(8)).max()) == pytest.approx(by_chance, abs=0.02)
    like = torch.empty(0)
    first, second = (kernels.DropoutPool(64, dropped, like) for _ in range(2))
    assert first.key != second.key
    assert not torch.equal(first.rows, second.rows)


def test_a_mask_depends_on_the_number_alone() -> None:
    """Not on the chunk, the RNA's place in it, or what else lies there."""
    whole = dropout_mask([0, 1, 2, 3, 4])
    part = dropout_mask([4, 2], width=704)
    assert torch.equal(part[0], whole[4])
    assert torch.equal(part[1], whole[2])


def compare_compiled(dtype: torch.dtype, *, bare: bool) -> None:
    """Compare every pass with that which is not compiled; ``bare``: also without a residual and a mask."""
    x, grad, y, residual = tensors(dtype, 4)
    mask = (y > 0.5).to(dtype)
    scale, shift, a = by_channel(3)
    most = 1e-5 if dtype == torch.float32 else 0.05
    for left, right in [(residual, mask)] + [(None, None)] * bare:
        torch.testing.assert_close(
            compiled.normalize(x, scale, shift, left, right, relu=True),
            kernels.normalize(x, scale, shift, left, right, relu=True),
            rtol=most,
            atol=most,
        )
    for found, wanted in zip(compiled.gradient_sums(grad, y, x), kernels.gradient_sums(grad, y, x), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(
        compiled.affine_combine(x, scale, grad, a, shift),
        kernels.affine_combine(x, scale, grad, a, shift),
        rtol=most,
        atol=most,
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_passes_to_compile_equal_the_others(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "_compiled", lambda function: function)
    compare_compiled(dtype, bare=True)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="compiling for a CPU needs g++")
@pytest.mark.filterwarnings("ignore")  # the compiler's own
def test_compiled_passes_equal_the_others() -> None:
    compare_compiled(torch.bfloat16, bare=False)
