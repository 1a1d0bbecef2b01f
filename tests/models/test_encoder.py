"""Embedding through the public class: any length, any order, clear errors."""

import jaxtyping
import numpy as np
import pytest
import torch

from isoclr.errors import InputError
from isoclr.genomics.encoding import encode, nucleotides
from isoclr.models.encoder import create
from isoclr.models.inference import FusedResNet
from isoclr.models.packing import bucket_width, pack, plan_layouts
from isoclr.models.pooling import Pooling
from isoclr.models.resnet import Architecture, DilatedResNet


def random_rnas(seed: int, lengths: tuple[int, ...]) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 4, n).astype(np.uint8) for n in lengths]


def test_long_rna_in_tiles_embeds_as_in_one_piece() -> None:
    encoder = create("isoclr-s", seed=0)
    with torch.no_grad():
        for parameter in encoder.network.parameters():
            if parameter.ndim == 1:
                parameter.normal_(0.1, 0.3)
    codes = random_rnas(0, (5_007, 2048, 130))
    whole = encoder.embed_codes(codes, chunk_nt=1 << 20)
    tiled = encoder.embed_codes(codes, chunk_nt=1500)
    assert np.abs(tiled - whole).max() / np.abs(whole).max() < 1e-5


def test_reach_is_tight() -> None:
    encoder = create("isoclr-s", seed=0)
    reach = encoder.network.architecture.reach
    codes = random_rnas(1, (4096,))[0]
    changed = codes.copy()
    changed[2048] = (changed[2048] + 1) % 4
    with torch.inference_mode():
        a, b = (list(encoder.network.levels(pack([c], gap=0, chunk_nt=4096)[0]))[-1][0][0][0] for c in (codes, changed))
    touched = torch.nonzero((a != b).any(1)).flatten() * 32
    assert 2048 - reach <= int(touched.min())
    assert int(touched.max()) <= 2048 + reach
    assert int(touched.max() - touched.min()) > reach


def test_rows_come_back_in_input_order() -> None:
    encoder = create("isoclr-s", seed=0)
    codes = random_rnas(2, (500, 30, 2000, 70, 500))
    together = encoder.embed_codes(codes, chunk_nt=1024)
    scale = np.abs(together).max()
    for row, c in zip(together, codes, strict=True):
        np.testing.assert_allclose(row / scale, encoder.embed_codes([c])[0] / scale, atol=1e-5)


def test_text_gets_its_open_reading_frame() -> None:
    encoder = create("isoclr-s", seed=0)
    rna = "GG" + "AUG" + "GCU" * 120 + "UAA" + "ACGUACGU"
    codes = encode(nucleotides(rna), cds=(2, 2 + 366))
    np.testing.assert_array_equal(encoder.embed([rna]), encoder.embed_codes([codes]))
    np.testing.assert_array_equal(encoder.embed([rna.replace("U", "T").lower()]), encoder.embed([rna]))
    assert np.abs(encoder.embed([rna], orf=False) - encoder.embed([rna])).max() > 1e-3


@pytest.mark.parametrize(
    ("sequences", "message"),
    [
        (["ACGU", ""], "sequence 2 is empty"),
        (["ACGU", "MKLV"], "sequence 2: position 3 is 'L'"),
        ("ACGU", "list of sequences"),
    ],
)
def test_bad_input_is_one_clear_line(sequences: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        create("isoclr-s", seed=0).embed(sequences)


def test_empty_list() -> None:
    assert create("isoclr-s", seed=0).embed([]).shape == (0, 256)


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("pooling", ["last", "all"])
@pytest.mark.parametrize(
    "dilations", [(1, 2, 4, 8), (1, 4, 16, 64)]
)  # the second are too wide for padding between RNAs
def test_fused_network_equals_network(dilations: tuple[int, int, int, int], pooling: Pooling, positive: bool) -> None:
    network = DilatedResNet(Architecture((8, 12, 12, 16), (2, 2, 2, 2), dilations, dilations[3] == 64, pooling))
    generator = torch.Generator().manual_seed(0)
    for key, value in network.state_dict().items():
        if key.endswith("running_var"):
            value.uniform_(0.5, 2.0, generator=generator)
        elif value.ndim == 1:  # norms' scales and shifts, biases, means: of either sign
            value.normal_(0, 0.5, generator=generator)
            if positive and key.endswith("weight"):  # then clamps become ReLUs
                value.abs_()
    network = network.double().eval()
    ((chunk,), _) = pack(random_rnas(3, (700, 300, 33)), gap=128, chunk_nt=2048)
    with torch.inference_mode():
        expected = network([chunk], torch.float64).numpy()
    embeddings = FusedResNet(network, torch.float64).embed(chunk)
    np.testing.assert_allclose(embeddings, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())


def test_padding_without_packing_is_bounded() -> None:
    encoder = create("isoclr-l", seed=0)
    tile_nt = encoder._inference_network(torch.float32).tile_nt
    lengths = np.random.default_rng(0).lognormal(7.5, 0.7, 400).astype(np.int64).clip(200, 12_288)
    assert lengths.sum() > tile_nt
    round_to = bucket_width(lengths, tile_nt, encoder.network.architecture.gap)
    layouts = plan_layouts(lengths, gap=None, chunk_nt=tile_nt, round_to=round_to)
    assert sum(b * w for b, w in (lay.shape for lay in layouts)) < 1.5 * lengths.sum()


def test_encoder_created_in_inference_mode() -> None:
    with torch.inference_mode():
        encoder = create("isoclr-s", seed=0)
    codes = random_rnas(6, (300,))
    np.testing.assert_array_equal(encoder.embed_codes(codes), create("isoclr-s", seed=0).embed_codes(codes))


def test_unknown_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no types are checked."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(InputError, match="precision is 'fp16', expected float32 or bf16"):
        create("isoclr-s").embed(["ACGU"], precision="fp16")  # type: ignore[call-overload]


def test_changed_weights_change_embeddings() -> None:
    encoder = create("isoclr-s", seed=0)
    codes = random_rnas(4, (300,))
    before = encoder.embed_codes(codes)
    with torch.no_grad():
        encoder.network.stem.bias.add_(1)
    assert np.abs(encoder.embed_codes(codes) - before).max() > 1e-3


def test_a_fused_optimizers_step_changes_embeddings() -> None:
    """It does not count in torch's versions of tensors; the running statistics of a network in evaluation stay."""
    encoder = create("isoclr-xs", seed=0)
    codes = random_rnas(4, (300,))
    before = encoder.embed_codes(codes)
    optimizer = torch.optim.AdamW(encoder.network.parameters(), 0.1, fused=True)
    encoder.network(torch.rand(1, 6, 64)).sum().backward()
    optimizer.step()
    after = encoder.embed_codes(codes)
    assert np.abs(after - before).max() > 1e-3
    for parameter in encoder.network.parameters():
        parameter.data.mul_(1.1)
    assert np.abs(encoder.embed_codes(codes) - after).max() > 1e-3


def test_bf16_is_within_one_percent() -> None:
    encoder = create("isoclr-s", seed=0)
    codes = random_rnas(5, (3000, 500))
    full, half = encoder.embed_codes(codes), encoder.embed_codes(codes, precision="bf16")
    assert np.linalg.norm(full - half) / np.linalg.norm(full) < 1e-2


@pytest.mark.parametrize(
    ("name", "tracks", "parameters", "dim"),
    [
        ("isoclr-xs", 6, 50_896, 64),
        ("isoclr-s", 6, 787_264, 256),
        ("isoclr-s", 5, 787_136, 256),
        ("isoclr-s", 4, 787_008, 256),
        ("isoclr-m", 6, 4_884_160, 512),
        ("isoclr-l", 6, 19_484_032, 1024),
    ],
)
def test_sizes(name: str, tracks: int, parameters: int, dim: int) -> None:
    encoder = create(name, tracks=tracks)
    assert (encoder.num_parameters, encoder.dim) == (parameters, dim)


def test_seed_determines_weights_and_leaves_torchs_generator() -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, same, other = (create("isoclr-s", seed=s) for s in (3, 3, 4))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert first.sha256 == same.sha256 != other.sha256


@pytest.mark.parametrize(("name", "tracks"), [("isoclr-xl", 6), ("isoclr-s", 3)])
def test_unknown_model_or_tracks(name: str, tracks: int) -> None:
    with pytest.raises(InputError, match=r"isoclr-xl|not 3"):
        create(name, tracks=tracks)
