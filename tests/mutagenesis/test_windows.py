import pytest
import torch

from isoclr.mutagenesis.windows import Rows, Windows

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
