from itertools import combinations

import numpy as np
import pytest

from isoclr.latent.chance import count
from isoclr.latent.kinship import ISOFORM, ORTHOLOG, PARALOG, Relatives

ALL = np.arange(7)


def test_relatives_and_candidates_are_counted(family: Relatives) -> None:
    isoforms = count(family, ALL, ISOFORM, ALL)
    assert isoforms.relatives.tolist() == [1, 1, 0, 1, 1, 0, 0]
    assert isoforms.candidates.tolist() == [6] * 7
    # 1000, 1050, 990, 1000 and 995 nt are of like length
    assert isoforms.of_like_length.tolist() == [4, 4, 0, 4, 0, 4, 4]
    assert isoforms.relatives_of_like_length.tolist() == [1, 1, 0, 0, 0, 0, 0]
    paralogs = count(family, ALL, PARALOG, family.gene)
    assert paralogs.relatives.tolist() == [1, 1, 2, 0, 0, 0, 0]
    assert paralogs.candidates.tolist() == [5, 5, 6, 5, 5, 6, 6]
    assert paralogs.of_like_length.tolist() == [3, 3, 0, 4, 0, 4, 4]
    orthologs = count(family, np.array([3, 0]), ORTHOLOG, family.species)
    assert orthologs.relatives.tolist() == [3, 2]
    assert orthologs.candidates.tolist() == [4, 3]
    assert orthologs.relatives_of_like_length.tolist() == [2, 1]
    assert orthologs.of_like_length.tolist() == [3, 2]


@pytest.mark.parametrize("k", [1, 2, 3])
def test_chance_is_that_of_drawing_without_replacement(family: Relatives, k: int) -> None:
    found = count(family, np.array([3]), ORTHOLOG, family.species).chance(k)[0]
    draws = [*combinations(range(4), k)]  # 4 candidates, 3 of them orthologs: 0, 1, 2
    assert found == pytest.approx(np.mean([min(draw) < 3 for draw in draws]))


def test_chance_of_like_length(family: Relatives) -> None:
    found = count(family, ALL, ISOFORM, ALL).chance_of_like_length()
    assert found[:2].tolist() == [0.25, 0.25]
    assert np.isnan(found[2]), "nobody is of its length"
    assert found[3] == 0.0
