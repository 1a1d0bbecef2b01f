"""Against a plain count, letter by letter."""

from collections import Counter
from itertools import product

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from isoclr.corpus.codes import EXON_END, Codes, encode, nucleotides
from isoclr.views import Resident, composition
from isoclr.views.composition import SIZE

WORDS = ["".join(word) for word in product("ACGT", repeat=4)]
CODONS = ["".join(word) for word in product("ACGT", repeat=3)]


class Small:
    """A corpus of a few RNAs."""

    def __init__(self, rnas: list[Codes]) -> None:
        lengths = [len(rna) for rna in rnas]
        self.codes = np.concatenate(rnas)
        self.index = np.zeros(len(rnas), [("offset", np.int64), ("length", np.int64)])
        self.index["length"] = lengths
        self.index["offset"] = np.cumsum(lengths) - lengths
        self.members = np.arange(len(rnas)), np.arange(len(rnas) + 1)


def codes(text: str, cds: tuple[int, int] | None, ends: list[int]) -> Codes:
    made = encode(nucleotides(text), cds=cds)
    made[ends] |= EXON_END
    return made


def plain(text: str, cds: tuple[int, int] | None, ends: list[int]) -> list[float]:
    """The composition of one RNA as its docstring tells it."""

    def shares(words: list[str], vocabulary: list[str]) -> list[float]:
        counts = Counter(word for word in words if word in vocabulary)
        return [counts[word] / max(1, counts.total()) for word in vocabulary]

    start, end = cds or (0, 0)
    regions = [text[:start], text[start:end], text[end:]]
    inside = [
        sum(a <= e < b for e in ends) for a, b in ((0, start), (start, end), (end, len(text)))
    ]
    return [
        *shares([text[i : i + 4] for i in range(len(text) - 3)], WORDS),
        *shares([text[i : i + 3] for i in range(start, end, 3)], CODONS),
        *(share for region in regions for share in shares(list(region), list("ACGT"))),
        *(float(np.log2(1 + len(region))) for region in regions),
        *(float(np.log2(1 + n)) for n in inside),
        len(ends) / len(text) * 1000,
        inside[1] / max(1, end - start) * 1000,
    ]


RNAS: list[tuple[str, tuple[int, int] | None, list[int]]] = [
    ("GGATGGCATTTTAGCCA", (2, 14), [6, 16]),
    ("ACGNNACGTACG", None, [11]),
    ("AC", None, []),
    ("ATGTAA", (0, 6), [1, 3, 5]),
    ("NNN", None, []),
]


def corpus() -> Resident:
    made = [codes(*rna) for rna in RNAS]
    return Resident(Small(made))


@pytest.mark.parametrize("chosen", [[0], [1, 0], [4, 3, 2, 1, 0, 0]])
def test_every_number_is_that_of_a_plain_count(chosen: list[int]) -> None:
    found = composition(corpus(), np.array(chosen))
    assert found.shape == (len(chosen), SIZE)
    assert found.dtype == torch.float32
    for row, which in zip(found.tolist(), chosen, strict=True):
        assert row == pytest.approx(plain(*RNAS[which]), abs=1e-5)


def test_a_random_rna_too() -> None:
    rng = np.random.default_rng(1)
    text = "".join(rng.choice(list("ACGTN"), 900, p=[0.3, 0.2, 0.2, 0.28, 0.02]))
    ends = sorted(rng.choice(900, 8, replace=False).tolist())
    resident = Resident(Small([codes(text, (100, 700), ends)]))
    wanted = plain(text, (100, 700), ends)
    assert composition(resident, np.zeros(1, np.int64))[0].tolist() == pytest.approx(
        wanted, abs=1e-5
    )


def test_none_is_no_row() -> None:
    nothing: NDArray[np.int64] = np.empty(0, np.int64)
    assert composition(corpus(), nothing).shape == (0, SIZE)
