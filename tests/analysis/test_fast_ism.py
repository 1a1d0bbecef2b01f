"""The local computation against embedding every mutant from end to end."""

import copy

import numpy as np
import pytest
import torch

import isoclr
from isoclr.analysis.fast_ism import IncrementalEncoder, Mutants, Rows, Windows
from isoclr.analysis.ism import mutated
from isoclr.genomics.encoding import Codes
from isoclr.models.encoder import Encoder
from isoclr.models.packing import pack
from isoclr.models.resnet import Pooling


def largest_error(encoder: Encoder, codes: Codes, positions: list[int]) -> float:
    """In float64, where rounding cannot hide a wrong activation; relative to the largest change."""
    network = copy.deepcopy(encoder.network).double()
    rna = Mutants(IncrementalEncoder(network), codes)
    bases = np.arange(4, dtype=np.uint8)
    found = [
        rna.changes(torch.full((4,), position), torch.from_numpy(bases)) for position in positions
    ]
    mutants = [mutated(codes, position, int(base)) for position in positions for base in bases]
    gap = encoder.network.architecture.gap
    chunks, rows = pack([codes, *mutants], gap=gap, chunk_nt=1 << 17)
    with torch.no_grad():
        embedded = network(chunks, torch.float64)[np.argsort(np.concatenate(rows))]
    wanted = embedded[1:] - embedded[0]
    return float(abs(torch.cat(found) - wanted).max() / abs(wanted).max())


def test_every_phase_and_both_ends(trained: Encoder, mrna: Codes) -> None:
    positions = [*range(3), *range(64, 97), *range(157, 160)]
    assert largest_error(trained, mrna[180:340], positions) < 1e-9
    assert largest_error(trained, mrna, [440, 441]) < 1e-9, "an unknown base, and one beside it"


@pytest.mark.parametrize("length", [1, 2, 3, 31, 33, 63, 65])
def test_short_rnas(trained: Encoder, length: int) -> None:
    codes = np.random.default_rng(length).integers(0, 4, length).astype(np.uint8)
    assert largest_error(trained, codes, [*range(min(length, 4)), length // 2, length - 1]) < 1e-9


def test_a_long_rna(trained: Encoder) -> None:
    codes = np.random.default_rng(1).integers(0, 4, 2_501).astype(np.uint8)
    assert largest_error(trained, codes, [0, 1_000, 1_249, 2_500]) < 1e-9


@pytest.mark.parametrize(("name", "pooling"), [("isoclr-s", "all"), ("isoclr-m", "last")])
def test_other_encoders(name: str, pooling: Pooling, mrna: Codes) -> None:
    encoder = isoclr.create(name, seed=0, pooling=pooling)
    assert largest_error(encoder, mrna[:300], [0, 150, 299]) < 1e-9


def test_the_unchanged_embedding(trained: Encoder, mrna: Codes) -> None:
    rna = Mutants(IncrementalEncoder(trained.network), mrna)
    assert rna.embedding.numpy() == pytest.approx(trained.embed_codes([mrna])[0], abs=1e-5)


def test_mutations_of_one_phase_go_together(trained: Encoder, mrna: Codes) -> None:
    rna = Mutants(IncrementalEncoder(trained.network), mrna)
    positions, bases = torch.tensor([5, 37, 37, 485]), torch.tensor([0, 1, 2, 3], dtype=torch.uint8)
    together = rna.changes(positions, bases)
    alone = [rna.changes(positions[[i]], bases[[i]]) for i in range(4)]
    assert together.numpy() == pytest.approx(torch.cat(alone).numpy(), abs=1e-5)


def test_the_rna_stays_as_it_is(trained: Encoder, mrna: Codes) -> None:
    before = mrna.copy()
    rna = Mutants(IncrementalEncoder(trained.network), mrna)
    first = rna.changes(torch.tensor([70]), torch.tensor([1], dtype=torch.uint8))
    again = rna.changes(torch.tensor([70]), torch.tensor([1], dtype=torch.uint8))
    assert (mrna == before).all()
    assert torch.equal(first, again)


ROWS = Rows.of(torch.tensor([[1.0], [2.0], [3.0], [4.0]]))


def windows() -> Windows:
    return Windows(torch.tensor([[[10.0], [20.0]], [[30.0], [40.0]]]), torch.tensor([1, 3]))


def test_outside_the_rna_is_zero() -> None:
    found = ROWS.at(torch.tensor([[-1, 0], [3, 4]]))
    assert found[..., 0].tolist() == [[0, 1], [4, 0]]
    assert len(ROWS) == 4


def test_a_stretch_amid_its_neighbours() -> None:
    found = windows().amid(ROWS, 1, 2)[..., 0]
    assert found.tolist() == [[1, 10, 20, 4, 0], [3, 30, 40, 0, 0]]
    assert windows().amid(ROWS, 0, 0)[..., 0].tolist() == [[10, 20], [30, 40]]


def test_what_lies_outside_is_made_zero() -> None:
    assert windows().within(4).values[..., 0].tolist() == [[10, 20], [30, 0]]
    assert windows().within(9).values[..., 0].tolist() == [[10, 20], [30, 40]]


def test_the_difference_is_summed() -> None:
    found = windows().within(4).difference(ROWS)
    assert found[:, 0].tolist() == pytest.approx([10 - 2 + 20 - 3, 30 - 4])
