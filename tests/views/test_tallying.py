import numpy as np
import pytest
import torch

from isoclr.corpus.codes import CODON_START, EXON_END
from isoclr.views.tallying import Bases, bases_of, count


class Held:
    """Two RNAs of a corpus on the CPU: NACG with a codon, TT."""

    device = torch.device("cpu")
    codes = torch.tensor([4, CODON_START, 1, 2, 3, 3 | EXON_END], dtype=torch.uint8)
    offsets = np.array([0, 4])
    lengths = np.array([4, 2])


def tallied(*transcripts: int) -> Bases:
    return bases_of(Held(), np.array(transcripts))  # type: ignore[arg-type]


def test_every_base_knows_its_rna_its_place_and_its_region() -> None:
    found = tallied(1, 0)
    assert found.base.tolist() == [3, 3, 4, 0, 1, 2]
    assert found.owner.tolist() == [0, 0, 1, 1, 1, 1]
    assert found.within.tolist() == [0, 1, 0, 1, 2, 3]
    assert found.region.tolist() == [2, 2, 0, 1, 1, 1]
    assert found.end.tolist() == [False, True, False, False, False, False]
    assert (found.start.tolist(), found.stop.tolist()) == ([0, 1], [0, 4])


def test_words_end_with_the_rna() -> None:
    assert tallied(1, 0).words(2).tolist() == [18, 19, 20, 1, 7, 14]


def test_what_is_around_a_place_is_unknown_beyond_the_rna() -> None:
    found = tallied(1, 0).around(torch.tensor([1, 1]), range(-2, 2))
    assert found.tolist() == [[4, 3, 3, 4], [4, 4, 0, 1]]


def test_the_most_of_those_kept() -> None:
    values = torch.tensor([5, 7, 1, 9, 4, 2])
    keep = torch.tensor([False, False, True, False, True, True])
    assert tallied(1, 0).most(values, keep).tolist() == [0, 4]


def test_counts_by_region() -> None:
    found = tallied(1, 0).by_region(torch.tensor([0, 1, 1, 0, 0, 0]), 2)
    assert found.tolist() == [[[0, 0], [0, 0], [1, 1]], [[0, 1], [3, 0], [0, 0]]]


@pytest.mark.parametrize("size", [3, 5])
def test_counting(size: int) -> None:
    assert count(torch.tensor([0, 2, 2]), size).tolist() == [1, 0, 2, 0, 0][:size]
