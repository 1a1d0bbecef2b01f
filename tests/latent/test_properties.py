import numpy as np
import pytest

from isoclr.corpus.codes import Codes, encode
from isoclr.errors import InputError
from isoclr.latent.kinship import Relatives
from isoclr.latent.properties import PROPERTIES, encoded, properties


def rnas(n: int = 200) -> tuple[list[Codes], Relatives]:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(n):
        length, share = int(rng.integers(60, 300)), rng.uniform(0.2, 0.8)
        p = [(1 - share) / 2, share / 2, share / 2, (1 - share) / 2]
        bases = rng.choice(4, length, p=p).astype(np.uint8)
        found.append(
            encode(bases, np.array([20, length - 20]), (5, 5 + 3 * int(rng.integers(3, 15))))
        )
    lengths = np.array([len(codes) for codes in found])
    return found, Relatives(np.arange(n), np.arange(n), np.zeros(n, np.int64), lengths)


def test_what_is_written_in_the_features_is_read() -> None:
    codes, known = rnas()
    values = np.array([properties(one) for one in codes])
    rng = np.random.default_rng(1)
    features = {
        "knows": values[:, [0, 1]] @ rng.normal(size=(2, 6)) + 1e-3 * rng.normal(size=(200, 6)),
        "nothing": rng.normal(size=(200, 6)),
    }
    found = encoded(features, known, codes.__getitem__)
    r2 = {(row["method"], row["property"]): row for row in found.rows()}
    assert r2["knows", "log2 length"]["value"] == pytest.approx(1.0, abs=0.01)
    assert r2["knows", "G+C content"]["value"] == pytest.approx(1.0, abs=0.01)
    assert float(r2["nothing", "log2 length"]["value"] or 0) < 0.05
    assert r2["knows", "log2 length"]["n"] == 200
    assert ("knows", "log2 number of exons") not in r2, "all have two"
    assert ("knows", "log2 length of 5' UTR") not in r2, "all have 5 nt"


def test_an_rna_lacks_what_it_has_not() -> None:
    bare = dict(zip(PROPERTIES, properties(np.array([0, 1, 2, 4], np.uint8)), strict=True))
    assert bare["log2 length"] == 2.0
    assert bare["G+C content"] == pytest.approx(2 / 3)
    assert np.isnan([bare[name] for name in PROPERTIES[2:]]).all()


def test_a_gene_counts_once_and_the_sample_is_drawn() -> None:
    codes, known = rnas()
    twice = Relatives(known.gene // 2, known.gene_set // 2, known.species, known.length)
    features = {"x": np.random.default_rng(0).normal(size=(200, 2))}
    assert {row["n"] for row in encoded(features, twice, codes.__getitem__).rows()} == {100}
    fewer = encoded(features, twice, codes.__getitem__, sample=40)
    assert {row["n"] for row in fewer.rows()} == {40}
    assert fewer.rows() == encoded(features, twice, codes.__getitem__, sample=40).rows()


def test_too_few_gene_sets() -> None:
    codes, known = rnas(4)
    with pytest.raises(InputError):
        encoded({"x": np.ones((4, 1))}, known, codes.__getitem__)
