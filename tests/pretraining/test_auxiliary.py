"""Against a plain count, letter by letter."""

import math
import re
from collections import Counter
from itertools import product

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from isoclr.genomics.encoding import CODON_START, EXON_END, Codes, encode, nucleotides
from isoclr.pretraining.augmentations import DeviceCorpus
from isoclr.pretraining.auxiliary import (
    FEATURES,
    IUPAC,
    MOTIFS,
    SIZE,
    FlatBases,
    _kmers,
    _motif_classes,
    count,
    flatten_bases,
    sequence_features,
)


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


def words(k: int) -> list[str]:
    return ["".join(word) for word in product("ACGT", repeat=k)]


def shares(found: list[str], vocabulary: list[str]) -> list[float]:
    counts = Counter(word for word in found if word in vocabulary)
    return [counts[word] / max(1, counts.total()) for word in vocabulary]


def log(number: float) -> float:
    return math.log2(1 + number)


def exon_lengths(length: int, ends: list[int]) -> list[float]:
    """Longest, longest inner, first, last exon; an exon without an end is none."""
    exons = np.diff([-1, *ends]).tolist()
    whole = bool(ends) and ends[-1] == length - 1
    inner = exons[1 : -1 if whole else None]
    last = exons[-1] if whole else 0
    return [log(max(exons, default=0)), log(max(inner, default=0)), log(([*exons, 0])[0]), log(last)]


def motif_numbers(regions: list[tuple[int, int]], text: str) -> list[float]:
    patterns = [re.compile("(?=" + "".join(f"[{IUPAC[x]}]" for x in motif) + ")") for motif in MOTIFS]
    found = [[m.start() for m in pattern.finditer(text)] for pattern in patterns]
    inside = [[sum(a <= i < b for i in places) for places in found] for a, b in regions]
    rates = [1000 * n / max(50, b - a) for (a, b), of in zip(regions, inside, strict=True) for n in of]
    return [*rates, *map(log, inside[2])]


def start_context(text: str, start: int, coding: bool) -> list[float]:
    at = range(start - 6, start + 7)
    letters = [text[i] if 0 <= i < len(text) and coding else "N" for i in at]
    return [float(letter == base) for letter in letters for base in "ACGT"]


def plain(text: str, cds: tuple[int, int] | None, ends: list[int]) -> list[float]:
    """The composition of one RNA as the docstrings describe it."""
    start, end = cds or (0, 0)
    regions = [(0, start), (start, end), (end, len(text))]
    inside = [sum(a <= e < b for e in ends) for a, b in regions]
    upstream = [m.start() for m in re.finditer("(?=ATG)", text[:start])]
    windows = [text[:20], text[max(0, start - 30) : start], text[start : start + 60]]
    return [
        *shares([text[i : i + 4] for i in range(len(text) - 3)], words(4)),
        *shares([text[i : i + 3] for i in range(start, end, 3)], words(3)),
        *(share for a, b in regions for share in shares(list(text[a:b]), words(1))),
        *(share for a, b in regions for share in shares([text[i : i + 3] for i in range(a, b)], words(3))),
        *(log(b - a) for a, b in regions),
        *map(log, inside),
        len(ends) / len(text) * 1000,
        inside[1] / max(1, end - start) * 1000,
        *exon_lengths(len(text), ends),
        log(len(upstream)),
        log(sum((start - i) % 3 == 0 for i in upstream)),
        *start_context(text, start, cds is not None),
        *shares(list(windows[0]), words(1)),
        *(s for w in windows[1:] for s in shares(list(w) if cds else [], words(1))),
        *motif_numbers(regions, text),
    ]


RNAS: list[tuple[str, tuple[int, int] | None, list[int]]] = [
    ("GGATGGCATTTTAGCCA", (2, 14), [6, 16]),
    ("ACGNNACGTACG", None, [11]),
    ("AC", None, []),
    ("ATGTAA", (0, 6), [1, 3, 5]),
    ("NNN", None, []),
    ("CATGATGCCATGAAATAATATTTATGTAAATAAAAGGACTGGGG", (9, 18), [3, 30]),
]


def corpus() -> DeviceCorpus:
    return DeviceCorpus(Small([codes(*rna) for rna in RNAS]))


@pytest.mark.parametrize("chosen", [[0], [1, 0], [5], [4, 3, 2, 1, 0, 0, 5]])
def test_features_equal_plain_counts(chosen: list[int]) -> None:
    found = sequence_features(corpus(), np.array(chosen))
    assert found.shape == (len(chosen), SIZE)
    assert found.dtype == torch.float32
    for row, which in zip(found.tolist(), chosen, strict=True):
        assert row == pytest.approx(plain(*RNAS[which]), abs=1e-4)


def random_rna(seed: int) -> tuple[str, tuple[int, int] | None, list[int]]:
    rng = np.random.default_rng(seed)
    length = int(rng.integers(200, 900))
    text = "".join(rng.choice(list("ACGTN"), length, p=[0.3, 0.2, 0.2, 0.28, 0.02]))
    start = int(rng.integers(0, length - 100))
    cds = (start, start + 3 * int(rng.integers(1, (length - start) // 3)))
    ends = sorted({*rng.choice(length - 1, 8, replace=False).tolist(), length - 1})
    return text, cds if seed % 3 else None, ends if seed % 2 else []


def test_features_of_random_rnas() -> None:
    rnas = [random_rna(seed) for seed in range(12)]
    resident = DeviceCorpus(Small([codes(*rna) for rna in rnas]))
    found = sequence_features(resident, np.arange(12))
    for row, rna in zip(found.tolist(), rnas, strict=True):
        assert row == pytest.approx(plain(*rna), abs=2e-4)


def test_sizes_of_groups() -> None:
    rnas: list[Codes] = [codes(*rna) for rna in RNAS]
    assert sum(part.size for part in FEATURES.values()) == SIZE
    assert sequence_features(DeviceCorpus(Small(rnas)), np.arange(len(rnas))).shape == (len(rnas), SIZE)


def test_no_transcripts() -> None:
    nothing: NDArray[np.int64] = np.empty(0, np.int64)
    assert sequence_features(corpus(), nothing).shape == (0, SIZE)


@pytest.mark.parametrize("device", [torch.device("cpu"), torch.device("meta")])
def test_tables_are_cached(device: torch.device) -> None:
    """What is sent anew for every batch would make a GPU wait."""
    tables = [_kmers(4, device), _kmers(3, device), *_motif_classes(device)]
    again = [_kmers(4, device), _kmers(3, device), *_motif_classes(device)]
    assert all(one is other for one, other in zip(tables, again, strict=True))
    assert {table.device for table in tables} == {device}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_features_do_not_wait_for_a_gpu() -> None:
    resident = DeviceCorpus(Small([codes(*rna) for rna in RNAS]), "cuda")
    chosen = np.arange(len(RNAS))
    sequence_features(resident, chosen)
    torch.cuda.set_sync_debug_mode("error")
    try:
        found = sequence_features(resident, chosen)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert torch.equal(found, sequence_features(resident, chosen))


class Held:
    """Two RNAs of a corpus on the CPU: NACG with a codon, TT."""

    device = torch.device("cpu")
    codes = torch.tensor([4, CODON_START, 1, 2, 3, 3 | EXON_END], dtype=torch.uint8)
    offsets = np.array([0, 4])
    lengths = np.array([4, 2])


def tallied(*transcripts: int) -> FlatBases:
    return flatten_bases(Held(), np.array(transcripts))  # type: ignore[arg-type]


def test_flatten_bases() -> None:
    found = tallied(1, 0)
    assert found.base.tolist() == [3, 3, 4, 0, 1, 2]
    assert found.owner.tolist() == [0, 0, 1, 1, 1, 1]
    assert found.within.tolist() == [0, 1, 0, 1, 2, 3]
    assert found.region.tolist() == [2, 2, 0, 1, 1, 1]
    assert found.end.tolist() == [False, True, False, False, False, False]
    assert (found.start.tolist(), found.stop.tolist()) == ([0, 1], [0, 4])


def test_words() -> None:
    assert tallied(1, 0).words(2).tolist() == [18, 19, 20, 1, 7, 14]


def test_around() -> None:
    found = tallied(1, 0).around(torch.tensor([1, 1]), range(-2, 2))
    assert found.tolist() == [[4, 3, 3, 4], [4, 4, 0, 1]]


def test_max_of() -> None:
    values = torch.tensor([5, 7, 1, 9, 4, 2])
    keep = torch.tensor([False, False, True, False, True, True])
    assert tallied(1, 0).max_of(values, keep).tolist() == [0, 4]


def test_counts_by_region() -> None:
    found = tallied(1, 0).by_region(torch.tensor([0, 1, 1, 0, 0, 0]), 2)
    assert found.tolist() == [[[0, 0], [0, 0], [1, 1]], [[0, 1], [3, 0], [0, 0]]]


@pytest.mark.parametrize("size", [3, 5])
def test_count(size: int) -> None:
    assert count(torch.tensor([0, 2, 2]), size).tolist() == [1, 0, 2, 0, 0][:size]
