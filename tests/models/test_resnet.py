"""The network against an independent, plain implementation, and its contracts."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from isoclr.errors import InputError
from isoclr.genomics.encoding import CODON_START, EXON_END, MASK, PAD, TRACKS
from isoclr.models.encoder import create
from isoclr.models.layers import Convolution
from isoclr.models.norm import BatchNorm
from isoclr.models.packing import PackedBatch
from isoclr.models.resnet import Architecture, AuxiliaryHead, Block, DilatedResNet


def made(dim: int = 3, features: int = 5) -> AuxiliaryHead:
    torch.manual_seed(0)
    return AuxiliaryHead(dim, torch.arange(features).float(), torch.ones(features), torch.ones(features))


def test_at_the_start_it_says_the_mean() -> None:
    assert made()(torch.randn(4, 3)).abs().max() == 0


def test_it_reads_linearly_what_varies_little() -> None:
    """A mean over a long RNA varies by a thousandth; its norm must not drown it."""
    head = made()
    torch.nn.init.eye_(head.linear.weight)
    x = 2 + 0.001 * torch.randn(500, 3, dtype=torch.float64).float()
    assert head(x)[:, :3].std(0).min() > 0.2


def test_no_rows_are_no_rows() -> None:
    assert made()(torch.zeros(0, 3)).shape == (0, 5)


def test_the_scale_travels_with_the_state() -> None:
    head = made()
    assert {"mean", "scale", "weights"} <= head.state_dict().keys()
    assert head.state_dict()["mean"].tolist() == [0, 1, 2, 3, 4]


def random_codes(rng: np.random.Generator, length: int) -> np.ndarray:
    codes = rng.integers(0, 5, length).astype(np.uint8)
    codes[rng.random(length) < 0.3] |= CODON_START
    codes[rng.random(length) < 0.05] |= EXON_END
    codes[rng.random(length) < 0.1] = MASK
    return codes


SHAPES = {
    "shallow": Architecture((8, 12, 12, 16), (2, 2, 2, 2), (1, 2, 4, 8)),
    "deep": Architecture((8, 8, 12, 16), (3, 4, 5, 3), (1, 2, 4, 8)),
    "growing": Architecture((8, 8, 12, 16), (2, 2, 3, 2), (1, 4, 16, 64), growing=True),
}
"""Narrow relatives of the three models; only the last is too deep for several RNAs in a row."""


def trained(shape: str = "shallow", *, tracks: int = 6, dropout: float = 0.0) -> DilatedResNet:
    """A network whose biases and statistics are not the initial zeros and ones."""
    with torch.random.fork_rng():
        torch.manual_seed(2)
        network = DilatedResNet(SHAPES[shape], dropout=dropout, tracks=tracks)
        for key, value in network.state_dict().items():
            if key.endswith("running_var"):
                value.uniform_(0.5, 2.0)
            elif key.endswith(("bias", "running_mean")):
                value.normal_(0, 0.2)
    return network


def reference(network: DilatedResNet, tracks: torch.Tensor) -> torch.Tensor:
    """The encoder as METHOD describes it, for RNAs ``(b, tracks, l)`` of one length, a multiple of 32."""

    def conv(x: torch.Tensor, layer: Convolution) -> torch.Tensor:
        total = (layer.weight.shape[2] - 1) * layer.dilation
        x = F.pad(x, (total // 2, total - total // 2))
        return F.conv1d(x, layer.weight, layer.bias, dilation=layer.dilation)

    def norm(x: torch.Tensor, layer: BatchNorm) -> torch.Tensor:
        training = network.training
        mean, var = (None if training else b for b in (layer.running_mean, layer.running_var))
        return F.batch_norm(x, mean, var, layer.weight, layer.bias, training, eps=0.01)

    stem = network.stem
    x = F.conv1d(F.pad(tracks, (0, 1)), stem.weight, stem.bias)
    x = F.max_pool1d(F.relu(norm(x, stem.norm)), 2)
    for block in network.blocks:
        assert isinstance(block, Block)
        h = F.relu(norm(F.relu(conv(x, block.conv1)), block.norm1))
        h = norm(F.relu(conv(h, block.conv2)), block.norm2)
        if block.shortcut is not None and block.shortcut_norm is not None:
            x = norm(conv(x, block.shortcut), block.shortcut_norm)
        x = F.relu(h + x)
        if block.pools:
            x = F.max_pool1d(x, 2)
    return x.mean(2)


def one_hot(codes: list[np.ndarray], tracks: int) -> torch.Tensor:
    return torch.tensor(np.stack([TRACKS[c].T[:tracks] for c in codes]), dtype=torch.float64)


def one_chunk(codes: list[np.ndarray], *, gap: int | None = 128) -> PackedBatch:
    """All RNAs in one chunk, in their order: a row each, or end to end with a gap between them."""
    width = max(-(-len(c) // 32) * 32 for c in codes)
    steps = [width if gap is None else -(-len(c) // 32) * 32 + gap for c in codes]
    starts = np.cumsum([0, *steps])
    block = np.full(int(starts[-1]), PAD, np.uint8)
    for start, c in zip(starts, codes, strict=False):
        block[start : start + len(c)] = c
    rows = len(codes) if gap is None else 1
    lengths = torch.tensor([len(c) for c in codes])
    return PackedBatch(torch.from_numpy(block).view(rows, -1), torch.from_numpy(starts[:-1]), lengths)


def flat_gradient(network: DilatedResNet) -> torch.Tensor:
    return torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("gap", [128, None])
@pytest.mark.parametrize(("shape", "tracks"), [("shallow", 6), ("shallow", 4), ("deep", 5)])
def test_agrees_with_the_plain_implementation(shape: str, tracks: int, gap: int | None, training: bool) -> None:
    network = trained(shape, tracks=tracks).train(training).double()
    rng = np.random.default_rng(0)
    codes = [random_codes(rng, 256) for _ in range(3)]
    expected = reference(network, one_hot(codes, tracks))
    generator = torch.Generator().manual_seed(3)
    probe = torch.randn(expected.shape, generator=generator, dtype=torch.float64)
    expected_grads = torch.autograd.grad((expected * probe).sum(), list(network.parameters()))
    network.zero_grad()
    chunks = [one_chunk(codes[:2], gap=gap), one_chunk(codes[2:], gap=gap)]
    result = network(chunks, torch.float64)
    grads = torch.autograd.grad((result * probe).sum(), list(network.parameters()))
    torch.testing.assert_close(result, expected, rtol=1e-9, atol=1e-9)
    names = [name for name, _ in network.named_parameters()]
    for key, grad, other in zip(names, grads, expected_grads, strict=True):
        torch.testing.assert_close(grad, other, rtol=1e-7, atol=1e-9, msg=key)


@pytest.mark.parametrize("shape", SHAPES)
@given(lengths=st.lists(st.integers(1, 400), min_size=1, max_size=5), extra=st.integers(0, 3))
@settings(max_examples=4, deadline=None)
def test_neither_padding_nor_neighbours_reach_an_embedding(shape: str, lengths: list[int], extra: int) -> None:
    network = trained(shape).eval()
    assert (network.architecture.gap is None) == (shape == "growing")
    rng = np.random.default_rng(sum(lengths))
    codes = [random_codes(rng, n) for n in lengths]
    with torch.inference_mode():
        alone = torch.cat([network([one_chunk([c], gap=0)]) for c in codes])
        chunk = one_chunk(codes, gap=network.architecture.gap)
        wide = chunk if len(chunk.codes) > 1 else widened(chunk, 32 * extra)
        together = network([wide])
    scale = float(alone.abs().max())
    torch.testing.assert_close(together / scale, alone / scale, rtol=0, atol=1e-5)


def widened(chunk: PackedBatch, nt: int) -> PackedBatch:
    return chunk._replace(codes=F.pad(chunk.codes, (0, nt), value=PAD))


@pytest.mark.parametrize("shape", ["shallow", "deep"])
def test_the_gap_is_as_short_as_it_can_be(shape: str) -> None:
    network = trained(shape).double().eval()
    gap = network.architecture.gap
    assert gap is not None
    codes = [random_codes(np.random.default_rng(0), 640) for _ in range(2)]
    with torch.inference_mode():
        alone, enough, less = (network([one_chunk(codes, gap=g)], torch.float64) for g in (None, gap, gap - 32))
    torch.testing.assert_close(enough, alone, rtol=0, atol=1e-12)
    assert float((less - alone).abs().max()) > 1e-6


def test_multi_scale_pooling_adds_the_means_of_earlier_blocks() -> None:
    last, every = (create("isoclr-s", seed=0, pooling=p).network.eval() for p in ("last", "all"))
    chunk = one_chunk([random_codes(np.random.default_rng(1), n) for n in (333, 500)])
    with torch.inference_mode():
        means = every([chunk])
        ((x,), (extent,)) = next(iter(every.levels([chunk])))
        torch.testing.assert_close(means[:, -256:], last([chunk]))
    assert means.shape == (2, 64 + 64 + 4 * 128 + 2 * 256)
    assert extent.lengths.tolist() == [84, 125]
    torch.testing.assert_close(means[0, :64], x[0, :84].mean(0))


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("recompute", [False, True])
def test_training_does_not_depend_on_chunks_threads_or_recomputation(recompute: bool) -> None:
    rng = np.random.default_rng(4)
    codes = [random_codes(rng, n) for n in (40, 64, 65, 100, 200, 333)]
    results = []
    for cuts, again in (((6,), False), ((1, 3, 6), recompute)):
        network = trained().train().double()
        network.recompute = again
        starts = (0, *cuts[:-1])
        chunks = [one_chunk(codes[a:b]) for a, b in zip(starts, cuts, strict=True)]
        out = network(chunks, torch.float64)
        (out**2).mean().backward()
        grads = flat_gradient(network)
        stats = torch.cat([b.flatten() for b in network.buffers()])
        results.append((out.detach(), grads, stats))
    for whole, cut in zip(*results, strict=True):
        torch.testing.assert_close(cut, whole, rtol=1e-8, atol=1e-10)


def test_dropout_is_on_in_training_only_and_recomputes_to_the_same_gradient() -> None:
    codes = [random_codes(np.random.default_rng(5), 320)]
    grads = []
    for recompute in (False, True):
        network = trained(dropout=0.3).train()
        network.recompute = recompute
        torch.manual_seed(0)
        network([one_chunk(codes)]).square().sum().backward()
        grads.append(flat_gradient(network))
    torch.testing.assert_close(grads[0], grads[1])
    first, second = (network([one_chunk(codes)]) for _ in range(2))
    assert not torch.equal(first, second)
    network.eval()
    assert torch.equal(network([one_chunk(codes)]), network([one_chunk(codes)]))


def test_running_statistics_lead_evaluation_to_the_training_result() -> None:
    torch.manual_seed(0)
    network = DilatedResNet(Architecture((8, 8, 8, 8), (1, 1, 1, 1), (1, 2, 4, 8)), dropout=0.0)
    rng = np.random.default_rng(6)
    codes = [random_codes(rng, 160) for _ in range(8)]
    with torch.no_grad():
        for _ in range(70):
            in_training = network([one_chunk(codes)])
        network.eval()
        in_evaluation = network([one_chunk(codes)])
    assert float((in_evaluation - in_training).norm() / in_training.norm()) < 0.05


def test_no_chunks_embed_to_no_rows_and_still_have_a_gradient() -> None:
    network = create("isoclr-s", seed=0).network.train()
    out = network([])
    assert out.shape == (0, 256)
    out.sum().backward()
    assert all(p.grad is not None and not p.grad.any() for p in network.blocks.parameters())


def test_bf16_stays_close_to_float32() -> None:
    network = trained().eval()
    chunk = one_chunk([random_codes(np.random.default_rng(7), 1000) for _ in range(4)])
    with torch.inference_mode():
        full, half = network([chunk]), network([chunk], torch.bfloat16)
    assert half.dtype == torch.float32
    assert float((full - half).norm() / full.norm()) < 1e-2


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("tracks", [4, 6])
def test_padded_tracks_equal_packed_chunks(training: bool, tracks: int) -> None:
    """Embeddings, parameter gradients and running statistics; what lies behind an RNA is not read."""
    rng = np.random.default_rng(0)
    codes = [random_codes(rng, n) for n in (77, 1, 300)]
    chunk = one_chunk(codes, gap=256)
    x = torch.full((3, tracks, 310), 7.0)
    dtype, close = (torch.float64, 1e-8) if training else (torch.float32, 1e-5)
    for row, one in zip(x, codes, strict=True):
        row[:, : len(one)] = torch.from_numpy(TRACKS[one].T[:tracks])
    results = []
    for padded in (True, False):
        network = trained(tracks=tracks).to(dtype).train(training)
        lengths = torch.tensor([len(one) for one in codes])
        out = network(x, dtype, lengths=lengths) if padded else network([chunk], dtype)
        out.square().mean().backward()
        gradients = [p.grad for p in network.parameters()]
        state = [v for k, v in network.state_dict().items() if "running" in k]
        results.append((out.detach(), gradients, state))
    (a, grads_a, state_a), (b, grads_b, state_b) = results
    assert torch.allclose(a, b, rtol=0, atol=close * max(1.0, float(b.abs().max())))
    for one, other in zip([*grads_a, *state_a], [*grads_b, *state_b], strict=True):
        assert one is not None
        assert other is not None
        scale = max(1.0, float(other.abs().max()))
        assert torch.allclose(one, other, rtol=0, atol=10 * close * scale)


def test_padded_tracks_that_do_not_fit_are_refused() -> None:
    network = create("isoclr-s", seed=0).network
    with pytest.raises(InputError, match="4 tracks, expected 6"):
        network(torch.zeros(1, 4, 8))
    for lengths in ([0, 8], [9, 8]):
        with pytest.raises(InputError, match="expected 1 to 8"):
            network(torch.zeros(2, 6, 8), lengths=torch.tensor(lengths))


def test_receptive_field_is_exact() -> None:
    """Over many random RNAs exactly these positions have a gradient."""
    architecture = Architecture((4, 4, 4, 4), (1, 2, 1, 1), (1, 3, 2, 4))
    first, last = architecture.receptive_field
    window, length = 8, 16 * 32
    seen = torch.zeros(length, dtype=torch.bool)
    for seed in range(16):
        torch.manual_seed(seed)
        network = DilatedResNet(architecture, dropout=0.0).eval()
        x = torch.rand(8, 6, length, requires_grad=True)
        levels = network._levels_of_tracks(x, None, torch.float32)
        ((activations,), _) = list(levels)[-1]
        (gradient,) = torch.autograd.grad(activations[:, window].sum(), x)
        seen |= (gradient != 0).any(0).any(0)
    influential = seen.nonzero()[:, 0]
    assert influential.min() == 32 * window + first
    assert influential.max() == 32 * window + last
