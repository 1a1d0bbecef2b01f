from collections import Counter
from itertools import product

import numpy as np
import pytest

from isoclr.baselines.kmers import KmersAndCodons
from isoclr.corpus.codes import Codes, encode, nucleotides


def shares(words: list[str], k: int) -> list[float]:
    """Frequencies of all k-mers, in alphabetical order."""
    counts = Counter(word for word in words if "N" not in word)
    total = max(1, sum(counts.values()))
    return [counts["".join(letters)] / total for letters in product("ACGT", repeat=k)]


def expected(sequence: str, cds: tuple[int, int] | None, longest: int) -> list[float]:
    features: list[float] = []
    for k in range(1, longest + 1):
        features += shares([sequence[i : i + k] for i in range(len(sequence) - k + 1)], k)
    start, end = cds or (0, 0)
    features += shares([sequence[i : i + 3] for i in range(start, end, 3)], 3)
    return [*features, *np.log2(1.0 + np.array([start, end - start, len(sequence) - end]))]


def random_rna(seed: int, length: int) -> tuple[str, Codes]:
    letters = "".join(
        np.random.default_rng(seed).choice(list("ACGTN"), length, p=[0.24] * 4 + [0.04])
    )
    return letters, nucleotides(letters)


@pytest.mark.parametrize("longest", [1, 3, 4])
def test_they_are_what_counting_words_gives(longest: int) -> None:
    letters, bases = random_rna(0, 200)
    found = KmersAndCodons(longest).embed([encode(bases, np.array([50, 150]), (11, 161))])[0]
    assert found == pytest.approx(expected(letters, (11, 161), longest), rel=1e-6)


def test_an_rna_shorter_than_a_word_and_one_without_a_cds() -> None:
    seen: list[int] = []
    found = KmersAndCodons(4).embed([nucleotides("AC"), random_rna(1, 90)[1]], seen.append)
    assert found[0] == pytest.approx(expected("AC", None, 4))
    assert found[1] == pytest.approx(expected(random_rna(1, 90)[0], None, 4))
    assert found.shape == (2, 4 + 16 + 64 + 256 + 64 + 3)
    assert seen == [2, 90]
