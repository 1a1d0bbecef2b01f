from collections.abc import Sequence

import numpy as np
import pytest

from isoclr.corpus.codes import (
    CODON_START,
    EXON_END,
    Codes,
    letters,
    nucleotides,
    reverse_complement,
)
from isoclr.tasks import shared_kmers
from isoclr.tasks.shared_kmers import SharedKmers

RNG = np.random.default_rng(0)


def by_sets(rnas: Sequence[Codes | None], others: np.ndarray, k: int) -> list[float]:
    """The same with Python's sets of words."""
    words = []
    for codes in rnas:
        text = "" if codes is None else letters(codes)
        all_words = {text[i : i + k] for i in range(len(text) - k + 1)}
        words.append({word for word in all_words if "N" not in word})
    seen = set().union(*(words[i] for i in np.flatnonzero(others)))
    return [len(own & seen) / max(1, len(own)) for own in words]


def some_rnas() -> list[Codes | None]:
    """Random ones, pieces of each other, one with N, one too short, an empty and an unknown one."""
    a, b = (RNG.integers(0, 4, 300).astype(np.uint8) for _ in range(2))
    broken = np.where(np.arange(300) % 50 == 7, 4, a).astype(np.uint8)
    joined = np.concatenate([a[:150], b[150:]])
    marked = a | CODON_START * (np.arange(300) % 3 == 0) | EXON_END * (np.arange(300) == 99)
    repeats = np.tile(nucleotides("ACG"), 40)
    return [a, b, broken, joined, marked.astype(np.uint8), repeats, a[:5], a[:0], None, repeats]


@pytest.mark.parametrize("k", [1, 5, 16])
def test_it_is_what_sets_of_words_say(k: int) -> None:
    rnas = some_rnas()
    index = SharedKmers(rnas, k)
    for _ in range(5):
        others = RNG.random(len(rnas)) < 0.4
        assert index.share_with(others) == pytest.approx(by_sets(rnas, others, k))


def test_it_is_the_same_in_many_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rnas = some_rnas()
    others = np.arange(len(rnas)) % 2 == 0
    whole = SharedKmers(rnas)
    monkeypatch.setattr(shared_kmers, "AT_ONCE", 100)
    parts = SharedKmers(rnas)
    assert parts.distinct.tolist() == whole.distinct.tolist()
    assert parts.share_with(others).tolist() == whole.share_with(others).tolist()


def test_what_two_others_have_between_them_counts() -> None:
    a = RNG.integers(0, 4, 400).astype(np.uint8)
    share = SharedKmers([a, a[:210], a[190:]]).share_with(np.array([False, True, True]))
    assert share[0] == 1.0


def test_an_mrna_is_not_its_reverse_complement() -> None:
    a = RNG.integers(0, 4, 400).astype(np.uint8)
    index = SharedKmers([a, reverse_complement(a)])
    assert index.share_with(np.array([False, True])).tolist() == [0.0, 1.0]


def test_marks_of_codons_and_exons_are_not_sequence() -> None:
    rnas = some_rnas()
    others = np.zeros(len(rnas), bool)
    others[4] = True
    assert SharedKmers(rnas).share_with(others)[0] == 1.0


def test_nothing_to_count_and_a_k_that_does_not_fit() -> None:
    assert SharedKmers([None, None]).share_with(np.array([True, False])).tolist() == [0, 0]
    assert SharedKmers([]).share_with(np.empty(0, bool)).tolist() == []
    with pytest.raises(ValueError, match="k is 17, expected 1 to 16"):
        SharedKmers([], 17)
