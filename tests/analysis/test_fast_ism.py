"""Incremental computation compared with embedding every mutant whole."""

import copy

import numpy as np
import pytest
import torch

import isoclr
from isoclr.analysis.fast_ism import IncrementalEncoder, Reference, ReferenceRna, Windows
from isoclr.analysis.ism import mutate_base
from isoclr.genomics.encoding import Codes
from isoclr.models.encoder import Encoder
from isoclr.models.packing import pack
from isoclr.models.pooling import Pooling


def largest_error(encoder: Encoder, codes: Codes, positions: list[int]) -> float:
    """In float64, where rounding cannot hide a wrong activation; relative to the largest change."""
    network = copy.deepcopy(encoder.network).double()
    rna = ReferenceRna(IncrementalEncoder(network), codes)
    bases = np.arange(4, dtype=np.uint8)
    changes = [rna.changes(torch.full((4,), position), torch.from_numpy(bases)) for position in positions]
    mutants = [mutate_base(codes, position, int(base)) for position in positions for base in bases]
    gap = encoder.network.architecture.gap
    chunks, rows = pack([codes, *mutants], gap=gap, chunk_nt=1 << 17)
    with torch.no_grad():
        embedded = network(chunks, torch.float64)[np.argsort(np.concatenate(rows))]
    expected = embedded[1:] - embedded[0]
    return float(abs(torch.cat(changes) - expected).max() / abs(expected).max())


def test_every_phase_and_both_ends(trained: Encoder, mrna: Codes) -> None:
    positions = [*range(3), *range(64, 97), *range(157, 160)]
    assert largest_error(trained, mrna[180:340], positions) < 1e-9
    assert largest_error(trained, mrna, [440, 441]) < 1e-9, "an unknown base and its neighbour"


@pytest.mark.parametrize("length", [1, 2, 3, 31, 33, 63, 65])
def test_short_rnas(trained: Encoder, length: int) -> None:
    codes = np.random.default_rng(length).integers(0, 4, length).astype(np.uint8)
    assert largest_error(trained, codes, [*range(min(length, 4)), length // 2, length - 1]) < 1e-9


def test_long_rna(trained: Encoder) -> None:
    codes = np.random.default_rng(1).integers(0, 4, 2_501).astype(np.uint8)
    assert largest_error(trained, codes, [0, 1_000, 1_249, 2_500]) < 1e-9


@pytest.mark.parametrize(
    ("name", "pooling"),
    [
        ("isoclr-s", "all"),
        ("isoclr-m", "last"),
        ("isoclr-s", "all-std-sqrt"),
        ("isoclr-s", "last-std"),
        ("isoclr-s", "all-sqrt"),
    ],
)
def test_other_encoders(name: str, pooling: Pooling, mrna: Codes, few_channels: None) -> None:
    encoder = isoclr.create(name, seed=0, pooling=pooling)
    assert largest_error(encoder, mrna[:300], [0, 150, 299]) < 1e-9


def test_reference_embedding(trained: Encoder, mrna: Codes) -> None:
    rna = ReferenceRna(IncrementalEncoder(trained.network), mrna)
    assert rna.embedding.numpy() == pytest.approx(trained.embed_codes([mrna])[0], abs=1e-5)


def test_batch_equals_single_mutations(trained: Encoder, mrna: Codes) -> None:
    rna = ReferenceRna(IncrementalEncoder(trained.network), mrna)
    positions, bases = torch.tensor([5, 37, 37, 485]), torch.tensor([0, 1, 2, 3], dtype=torch.uint8)
    together = rna.changes(positions, bases)
    alone = [rna.changes(positions[[i]], bases[[i]]) for i in range(4)]
    assert together.numpy() == pytest.approx(torch.cat(alone).numpy(), abs=1e-5)


def test_reference_is_not_modified(trained: Encoder, mrna: Codes) -> None:
    before = mrna.copy()
    rna = ReferenceRna(IncrementalEncoder(trained.network), mrna)
    first = rna.changes(torch.tensor([70]), torch.tensor([1], dtype=torch.uint8))
    again = rna.changes(torch.tensor([70]), torch.tensor([1], dtype=torch.uint8))
    assert (mrna == before).all()
    assert torch.equal(first, again)


REFERENCE = Reference.of(torch.tensor([[1.0], [2.0], [3.0], [4.0]]))


def windows() -> Windows:
    return Windows(torch.tensor([[[10.0], [20.0]], [[30.0], [40.0]]]), torch.tensor([1, 3]))


def test_reference_is_zero_outside_the_rna() -> None:
    changes = REFERENCE.at(torch.tensor([[-1, 0], [3, 4]]))
    assert changes[..., 0].tolist() == [[0, 1], [4, 0]]
    assert len(REFERENCE) == 4


def test_windows_extended_by_the_reference() -> None:
    changes = windows().extended(REFERENCE, 1, 2)[..., 0]
    assert changes.tolist() == [[1, 10, 20, 4, 0], [3, 30, 40, 0, 0]]
    assert windows().extended(REFERENCE, 0, 0)[..., 0].tolist() == [[10, 20], [30, 40]]


def test_windows_zeroed_outside_the_rna() -> None:
    assert windows().zero_outside_(4).values[..., 0].tolist() == [[10, 20], [30, 0]]
    assert windows().zero_outside_(9).values[..., 0].tolist() == [[10, 20], [30, 40]]


def test_change_is_summed() -> None:
    changes = windows().zero_outside_(4).change(REFERENCE)
    assert changes[:, 0].tolist() == pytest.approx([10 - 2 + 20 - 3, 30 - 4])
