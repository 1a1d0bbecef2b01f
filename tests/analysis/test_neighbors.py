import numpy as np
import pytest

from isoclr.analysis import neighbors as room
from isoclr.analysis.neighbors import nearest, normalize
from isoclr.errors import InputError

RNG = np.random.default_rng(0)
VECTORS = normalize(RNG.normal(size=(60, 5)))
GENE = np.repeat(np.arange(30), 2)[RNG.permutation(60)]
APART = {"all RNAs": np.arange(60), "RNAs of other genes": GENE, "RNAs of other species": GENE % 2}


@pytest.mark.parametrize("block", [1 << 26, 60 * 7])
def test_they_are_the_ones_a_full_sort_finds(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(room, "BLOCK", block)
    queries = np.array([3, 59, 0, 17, 22, 30, 8, 41, 5])
    done: list[int] = []
    found = nearest(VECTORS, queries, 4, APART, done.append)
    assert sum(done) == len(queries)
    for name, labels in APART.items():
        for row, query in enumerate(queries):
            similarity = (VECTORS @ VECTORS[query]).astype(np.float64)
            similarity[labels == labels[query]] = -np.inf
            wanted = np.argsort(-similarity)[:4]
            assert found[name].rows[row].tolist() == wanted.tolist()
            assert found[name].similarity[row] == pytest.approx(similarity[wanted], abs=1e-6)


def test_directions_forget_scale_and_dead_features() -> None:
    features = np.random.default_rng(0).normal(size=(50, 3))
    stretched = features * [1.0, 100.0, 0.01] + [0.0, -5.0, 7.0]
    assert normalize(stretched) == pytest.approx(normalize(features), abs=1e-5)
    assert np.linalg.norm(normalize(features), axis=1) == pytest.approx(1.0, abs=1e-6)
    dead = np.column_stack([features, np.full(50, 3.0)])
    assert normalize(dead)[:, 3].tolist() == [0.0] * 50


def test_features_that_never_vary_give_zeros() -> None:
    assert not normalize(np.ones((20, 2))).any()


def test_too_few_candidates() -> None:
    with pytest.raises(
        InputError, match=r"59 nearest .* RNAs of other genes, and some RNA has only 58"
    ):
        nearest(VECTORS, np.arange(3), 59, APART)
    with pytest.raises(InputError, match="RNAs of other species, and some RNA has only"):
        nearest(VECTORS, np.arange(3), 58, APART)
