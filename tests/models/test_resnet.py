"""The network against an independent, plain implementation, and its contracts."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from isoclr.corpus.codes import CODON_START, EXON_END, MASK, PAD, TRACKS
from isoclr.models import MODELS, create
from isoclr.models.chunk import Chunk
from isoclr.models.encoder import Encoder, pad
from isoclr.models.norm import BatchNorm
from isoclr.models.resnet import Block, Convolution, DilatedResNet


def random_codes(rng: np.random.Generator, length: int) -> np.ndarray:
    codes = rng.integers(0, 5, length).astype(np.uint8)
    codes[rng.random(length) < 0.3] |= CODON_START
    codes[rng.random(length) < 0.05] |= EXON_END
    codes[rng.random(length) < 0.1] = MASK
    return codes


def trained(name: str, **options: int) -> Encoder:
    """An encoder whose biases and statistics are not the initial zeros and ones."""
    encoder = create(name, seed=1, dropout=0.0, **options)
    generator = torch.Generator().manual_seed(2)
    for key, value in encoder.network.state_dict().items():
        if key.endswith("running_var"):
            value.uniform_(0.5, 2.0, generator=generator)
        elif key.endswith(("bias", "running_mean")):
            value.normal_(0, 0.2, generator=generator)
    return encoder


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


def flat_gradient(network: DilatedResNet) -> torch.Tensor:
    return torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("name", "tracks"), [("isoclr-s", 6), ("isoclr-s", 4), ("isoclr-m", 5)])
def test_agrees_with_the_plain_implementation(name: str, tracks: int, training: bool) -> None:
    network = trained(name, tracks=tracks).network.train(training).double()
    rng = np.random.default_rng(0)
    codes = [random_codes(rng, 256) for _ in range(3)]
    expected = reference(network, one_hot(codes, tracks))
    generator = torch.Generator().manual_seed(3)
    probe = torch.randn(expected.shape, generator=generator, dtype=torch.float64)
    expected_grads = torch.autograd.grad((expected * probe).sum(), list(network.parameters()))
    network.zero_grad()
    result = network([pad(codes[:2]), pad(codes[2:])], torch.float64)
    grads = torch.autograd.grad((result * probe).sum(), list(network.parameters()))
    torch.testing.assert_close(result, expected, rtol=1e-9, atol=1e-9)
    names = [name for name, _ in network.named_parameters()]
    for key, grad, other in zip(names, grads, expected_grads, strict=True):
        torch.testing.assert_close(grad, other, rtol=1e-7, atol=1e-9, msg=key)


@pytest.mark.parametrize("name", MODELS)
@given(lengths=st.lists(st.integers(1, 400), min_size=1, max_size=5), extra=st.integers(0, 3))
@settings(max_examples=4, deadline=None)
def test_padding_never_reaches_an_embedding(name: str, lengths: list[int], extra: int) -> None:
    network = trained(name).network.eval()
    rng = np.random.default_rng(sum(lengths))
    codes = [random_codes(rng, n) for n in lengths]
    with torch.inference_mode():
        alone = torch.cat([network([pad([c])]) for c in codes])
        chunk = pad(codes)
        wide = F.pad(chunk.codes, (0, 32 * extra), value=PAD)
        together = network([Chunk(wide, chunk.lengths)])
    scale = float(alone.abs().max())
    torch.testing.assert_close(together / scale, alone / scale, rtol=0, atol=1e-5)


@pytest.mark.parametrize("recompute", [False, True])
def test_training_does_not_depend_on_chunks_or_recomputation(recompute: bool) -> None:
    rng = np.random.default_rng(4)
    codes = [random_codes(rng, n) for n in (40, 64, 65, 100, 200, 333)]
    results = []
    for cuts, again in (((6,), False), ((1, 3, 6), recompute)):
        network = trained("isoclr-s").network.train().double()
        network.recompute = again
        starts = (0, *cuts[:-1])
        chunks = [pad(codes[a:b]) for a, b in zip(starts, cuts, strict=True)]
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
        network = create("isoclr-s", seed=0, dropout=0.3).network.train()
        network.recompute = recompute
        torch.manual_seed(0)
        network([pad(codes)]).square().sum().backward()
        grads.append(flat_gradient(network))
    torch.testing.assert_close(grads[0], grads[1])
    first, second = (network([pad(codes)]) for _ in range(2))
    assert not torch.equal(first, second)
    network.eval()
    assert torch.equal(network([pad(codes)]), network([pad(codes)]))


def test_running_statistics_lead_evaluation_to_the_training_result() -> None:
    network = create("isoclr-s", seed=0, dropout=0.0).network.train()
    rng = np.random.default_rng(6)
    codes = [random_codes(rng, 640) for _ in range(16)]
    with torch.no_grad():
        for _ in range(150):
            in_training = network([pad(codes)])
        network.eval()
        in_evaluation = network([pad(codes)])
    assert float((in_evaluation - in_training).norm() / in_training.norm()) < 0.05


def test_no_chunks_embed_to_no_rows_and_still_have_a_gradient() -> None:
    network = create("isoclr-s", seed=0).network.train()
    out = network([])
    assert out.shape == (0, 256)
    out.sum().backward()
    assert all(p.grad is not None and not p.grad.any() for p in network.blocks.parameters())


def test_bf16_stays_close_to_float32() -> None:
    network = trained("isoclr-s").network.eval()
    chunk = pad([random_codes(np.random.default_rng(7), 1000) for _ in range(4)])
    with torch.inference_mode():
        full, half = network([chunk]), network([chunk], torch.bfloat16)
    assert half.dtype == torch.float32
    assert float((full - half).norm() / full.norm()) < 1e-2
