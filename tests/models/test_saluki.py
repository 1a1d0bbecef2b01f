"""Saluki: the paper's sizes, and results that neither padding nor neighbours change."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from isoclr.genomics.encoding import PAD, Codes, encode
from isoclr.models.packing import PackedBatch, Segments, fill_batch
from isoclr.models.saluki import FILTERS, GAP, STRIDE, PoolingBlock, Saluki, pack_for_saluki


def rnas(*lengths: int) -> list[Codes]:
    rng = np.random.default_rng(0)
    made = []
    for n in lengths:
        bases = rng.integers(0, 4, n).astype(np.uint8)
        made.append(encode(bases, np.array([n // 2, n - n // 2]), (3, 3 + (n - 3) // 3 * 3)))
    return made


def chunks_of(codes: list[Codes], chunk_nt: int = 4096) -> tuple[list[PackedBatch], NDArray[np.int64]]:
    lengths = np.array([len(c) for c in codes])
    layouts = pack_for_saluki(lengths, chunk_nt=chunk_nt)
    order = np.concatenate([layout.rows for layout in layouts])
    return [fill_batch(layout, codes, lengths) for layout in layouts], order


@pytest.fixture
def saluki() -> Saluki:
    torch.manual_seed(0)
    model = Saluki()
    with torch.no_grad():  # biases and norms as after training, so that padding could show
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter) * 0.3)
    return model.eval()


def test_it_has_the_papers_number_of_weights() -> None:
    convolutions = 6 * 64 * 5 + 6 * (64 * 64 * 5 + 64 + 2 * 64) + 2 * 64
    recurrent = 3 * (64 * 64 + 64 * 64 + 2 * 64)
    dense = 2 * 64 + 64 * 64 + 64 + 2 * 64
    found = sum(p.numel() for p in Saluki().parameters())
    assert found == convolutions + recurrent + dense == 155_456


def test_an_rna_is_the_same_alone_and_in_any_company(saluki: Saluki) -> None:
    codes = rnas(5, 333, 64, 1000, 12, 700)
    with torch.no_grad():
        alone = torch.cat([saluki(chunks_of([one])[0]) for one in codes])
        for chunk_nt in (512, 1024, 8192):
            chunks, order = chunks_of(codes, chunk_nt)
            together = torch.empty_like(alone)
            together[order] = saluki(chunks)
            torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5)


def test_more_padding_changes_nothing(saluki: Saluki) -> None:
    (chunk,), _ = chunks_of(rnas(333))
    wider = torch.full((1, 4096), PAD, dtype=torch.uint8)
    wider[0, : chunk.codes.shape[1]] = chunk.codes[0]
    moved = torch.full((1, 4096), PAD, dtype=torch.uint8)
    moved[0, 5 * STRIDE : 5 * STRIDE + 333] = chunk.codes[0, :333]
    with torch.no_grad():
        want = saluki([chunk])
        for padded in (
            PackedBatch(wider, chunk.starts, chunk.lengths),
            PackedBatch(moved, chunk.starts + 5 * STRIDE, chunk.lengths),
        ):
            torch.testing.assert_close(saluki([padded]), want, rtol=1e-5, atol=1e-5)


def test_a_smaller_gap_would_let_neighbours_meet(saluki: Saluki) -> None:
    first, second = rnas(128, 128)
    row = np.full((1, 256), PAD, np.uint8)
    row[0, :128], row[0, 128:] = first, second
    starts, lengths = torch.tensor([0, 128]), torch.tensor([128, 128])
    assert GAP == 64
    with torch.no_grad():
        touching = saluki([PackedBatch(torch.from_numpy(row), starts, lengths)])
        alone = saluki(chunks_of([first])[0])
    assert float((touching[0] - alone[0]).detach().abs().max()) > 1e-4


def test_gradients_reach_every_weight_and_ignore_the_company() -> None:
    torch.manual_seed(1)
    saluki = Saluki(dropout=0.0).double()
    codes = rnas(150, 400, 90)

    def gradients(chunk_nt: int) -> list[torch.Tensor]:
        saluki.zero_grad()
        chunks, order = chunks_of(codes, chunk_nt)
        weights = torch.arange(len(codes) * FILTERS, dtype=torch.float64).view(-1, FILTERS)
        (saluki(chunks, torch.float64) * weights[order].cos()).sum().backward()
        return [p.grad.clone() for p in saluki.parameters() if p.grad is not None]

    saluki.train()
    together, apart = gradients(4096), gradients(64)
    assert len(together) == len(list(saluki.parameters()))
    assert all(float(g.abs().max()) > 0 for g in together if g.ndim > 1)
    for a, b in zip(together, apart, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-9)


def test_the_recurrent_network_ends_at_the_five_prime_end(saluki: Saluki) -> None:
    """With an update gate that forgets everything, only the last step counts: the 5' end."""
    (codes,) = rnas(64 * 12)
    at_cap, at_tail = codes.copy(), codes.copy()
    at_cap[:8] = (at_cap[:8] + 1) % 4
    at_tail[-8:] = (at_tail[-8:] + 1) % 4
    with torch.no_grad():
        weights = dict(saluki.recurrent.gru.named_parameters())
        weights["bias_ih_l0"][64:128] = -30.0  # the update gate: keep nothing of the state
        weights["weight_hh_l0"].zero_()
        plain, cap, tail = (saluki(chunks_of([c])[0]) for c in (codes, at_cap, at_tail))
    assert float((plain - tail).abs().max()) < 1e-6
    assert float((plain - cap).abs().max()) > 1e-3


def test_dropout_differs_between_steps_and_is_off_in_evaluation() -> None:
    torch.manual_seed(0)
    block = PoolingBlock(FILTERS, 5, 0.3, 0.007)
    x = torch.randn(1, 4096, FILTERS)
    extent = Segments.whole(4096, torch.device("cpu"))
    with torch.no_grad():
        block.train()
        (one, _), (two, _) = block(x, extent), block(x, extent)
        assert float((one - two).abs().max()) > 0
        block.eval()
        (want, _) = block(x, extent)
        assert float((block(x, extent)[0] - want).abs().max()) == 0


def test_bf16_is_close_to_float32(saluki: Saluki) -> None:
    chunks, _ = chunks_of(rnas(800, 300))
    with torch.no_grad():
        exact, coarse = saluki(chunks), saluki(chunks, torch.bfloat16)
    assert coarse.dtype == torch.float32
    assert float((exact - coarse).abs().max()) < 0.05 * float(exact.abs().max())
