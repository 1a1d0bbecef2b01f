"""Max-pooling, and read-outs against plain implementations: values, gradients, packing, tiles."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from torch import Tensor

import isoclr
from isoclr.errors import InputError
from isoclr.models import pooling
from isoclr.models.encoder import create
from isoclr.models.packing import Segments, pack
from isoclr.models.pooling import EPSILON, Pooling, ReadOut, max_pool, moments_of, pool

NAMES = get_args(Pooling)


@pytest.fixture(params=[False, True], ids=["rna by rna", "in one go"])
def in_one_go(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to compute, the second of which GPUs take."""
    monkeypatch.setattr(pooling, "_in_one_go", lambda _: request.param)


def extent() -> Segments:
    """Three RNAs in two rows, with padding before, between and after them; one has a single position."""
    return Segments(np.array([1, 6, 9]), np.array([4, 1, 5]), 16, torch.device("cpu"))


def activations(dtype: torch.dtype = torch.float64) -> Tensor:
    """``(2, 8, 3)``, not negative, zero between the RNAs."""
    generator = torch.Generator().manual_seed(0)
    return extent().mask_(torch.rand(2, 8, 3, generator=generator, dtype=dtype))


def plain(rows: Tensor, readout: ReadOut) -> Tensor:
    """Columns of one RNA's embedding from its positions ``(n, c)``, from their definition."""
    mean, std = rows.mean(0), (rows.var(0, correction=0) + EPSILON**2).sqrt()
    if readout.transform == "sqrt":
        mean, std = (mean + EPSILON).sqrt(), std.sqrt()
    return torch.cat([mean, std]) if readout.statistics == "mean+std" else mean


def plain_batch(x: Tensor, readout: ReadOut) -> Tensor:
    rows = x.flatten(0, 1)
    spans = zip(extent().starts, extent().lengths, strict=True)
    return torch.stack([plain(rows[start : start + n], readout) for start, n in spans])


def test_names() -> None:
    readouts = {name: ReadOut.parse(name) for name in NAMES}
    assert len(set(readouts.values())) == len(NAMES) == 8
    assert readouts["last"] == ReadOut()
    assert readouts["all"] == ReadOut(blocks="all")
    assert ReadOut.parse("moments") == ReadOut("all", "mean+std", "sqrt")
    with pytest.raises(InputError, match=r"pooling is 'max', expected one of last, all"):
        ReadOut.parse("max")


@pytest.mark.usefixtures("in_one_go")
@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("last")])
def test_values_and_gradients_are_those_of_the_definition(name: str) -> None:
    readout, x = ReadOut.parse(name), activations().requires_grad_()
    pooled, expected = pool(x, extent(), readout), plain_batch(x, readout)
    torch.testing.assert_close(pooled, expected, rtol=1e-12, atol=1e-12)
    probe = torch.randn_like(expected)
    torch.testing.assert_close(
        torch.autograd.grad((pooled * probe).sum(), x)[0],
        torch.autograd.grad((expected * probe).sum(), x)[0],
        rtol=1e-10,
        atol=1e-10,
    )


@pytest.mark.usefixtures("in_one_go")
@pytest.mark.parametrize("name", ["last", "last-std", "last-std-sqrt"])
def test_gradcheck(name: str) -> None:
    readout = ReadOut.parse(name)
    inside = torch.ones(16, 1, dtype=torch.float64)
    inside[extent().gaps] = 0

    def function(x: Tensor) -> Tensor:
        return pool(x * inside.view(2, 8, 1), extent(), readout)

    assert torch.autograd.gradcheck(function, (activations().requires_grad_(),))


@pytest.mark.usefixtures("in_one_go")
@pytest.mark.parametrize("name", ["last", "last-std", "last-std-sqrt"])
def test_gradient_is_zero_between_rnas_and_finite_where_a_channel_is_silent(name: str) -> None:
    x = activations()
    x[..., 0] = 0
    x.requires_grad_()
    (dx,) = torch.autograd.grad(pool(x, extent(), ReadOut.parse(name)).sum(), x)
    assert torch.isfinite(dx).all()
    assert not dx.view(16, 3)[extent().gaps].any()


def test_bf16_statistics_are_summed_in_float32() -> None:
    lengths = np.array([650, 130, 11])
    segments = Segments(np.array([0, 700, 900]), lengths, 1024, torch.device("cpu"))
    x = torch.randn(1, 1024, 64, generator=torch.Generator().manual_seed(0)).add(0.3).relu()
    x = segments.mask_(x).bfloat16()
    for rounded, exact in zip(moments_of(x, segments), moments_of(x.double(), segments), strict=True):
        assert rounded.dtype == torch.float32
        torch.testing.assert_close(rounded.double(), exact, rtol=2e-5, atol=1e-6)


def test_rank_without_rnas() -> None:
    empty = Segments(np.zeros(1, np.int64), np.zeros(1, np.int64), 4, torch.device("cpu"))
    for name in NAMES:
        x = torch.zeros(1, 4, 3, requires_grad=True)
        pooled = pool(x, empty, ReadOut.parse(name))
        assert torch.isfinite(pooled).all()
        (dx,) = torch.autograd.grad(pooled.sum(), x)
        assert not dx.any()


@pytest.mark.parametrize("name", NAMES)
def test_embeddings_are_exact_over_packing_fusion_and_tiles(
    small_encoder: Callable[..., isoclr.Encoder], name: str
) -> None:
    encoder = small_encoder(name, growing=False)
    network, readout = encoder.network, encoder.network.architecture.readout
    rng = np.random.default_rng(0)
    codes = [rng.integers(0, 4, n).astype(np.uint8) for n in (2_003, 700, 33, 1)]
    chunks, order = pack(codes, gap=network.architecture.gap, chunk_nt=8192, round_to=512)
    packed = np.empty((len(codes), encoder.dim))
    expected = np.empty_like(packed)
    network.double()
    with torch.inference_mode():
        packed[np.concatenate(order)] = network(chunks, torch.float64).numpy()
        for i, rna in enumerate(codes):
            (chunk,), _ = pack([rna], gap=0, chunk_nt=len(rna), round_to=4096)
            columns = []
            for (x,), (segments,) in network.levels([chunk], torch.float64):
                positions = x.flatten(0, 1)[: int(segments.lengths[0])]
                columns.append(plain(positions, readout))
            used = columns if readout.blocks == "all" else columns[-1:]
            expected[i] = torch.cat(used).numpy()
    np.testing.assert_allclose(packed, expected, rtol=1e-9, atol=1e-9)
    network.float()
    scale = np.abs(expected).max()
    for embeddings in (encoder.embed_codes(codes), encoder.embed_codes(codes, chunk_nt=1024)):
        assert np.abs(embeddings - expected).max() < 1e-4 * scale
    earlier = 38 if readout.blocks == "all" else 0  # channels of the blocks before the last
    assert encoder.network.architecture.last_dim == encoder.dim - earlier * readout.values_per_channel


def test_std_tells_rnas_of_equal_means_apart() -> None:
    x = torch.tensor([1.0, 1, 1, 1, 0, 2, 0, 2]).view(1, 8, 1)
    segments = Segments(np.array([0, 4]), np.array([4, 4]), 8, torch.device("cpu"))
    first, second = pool(x, segments, ReadOut.parse("last-std"))
    assert first[0] == second[0] == 1
    assert first[1] == pytest.approx(EPSILON)
    assert second[1] == pytest.approx(1)


def test_read_out_is_saved_and_the_old_name_is_read(tmp_path: Path) -> None:
    encoder = create("isoclr-s", seed=0, pooling="all-std-sqrt")
    assert encoder.dim == 2 * 1152
    config = encoder.save(tmp_path) / "config.json"
    assert isoclr.load(tmp_path).network.architecture == encoder.network.architecture
    text = config.read_text()
    assert '"pooling": "all-std-sqrt"' in text
    config.write_text(text.replace("all-std-sqrt", "moments"))
    assert isoclr.load(tmp_path).network.architecture.pooling == "all-std-sqrt"
    assert replace(encoder.network.architecture, pooling="moments").pooling == "all-std-sqrt"


def test_larger_of_two_neighbors_gets_the_gradient() -> None:
    x = torch.tensor([[[1.0, 4.0], [2.0, 3.0], [5.0, 0.0], [5.0, -1.0]]], requires_grad=True)
    y = max_pool(x)
    assert y.tolist() == [[[2.0, 4.0], [5.0, 0.0]]]
    (dx,) = torch.autograd.grad(y.sum(), x)
    assert dx.tolist() == [[[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]]
