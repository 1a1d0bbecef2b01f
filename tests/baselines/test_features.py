from collections import Counter
from itertools import product

import numpy as np
import pytest

from isoclr.baselines.features import FEATURES, KmersAndCodons, Length, RandomInit, SequenceFeatures, StrongFeatures
from isoclr.errors import InputError
from isoclr.genomics.encoding import Codes, encode, nucleotides
from isoclr.genomics.features import UPSTREAM, upstream_features
from isoclr.models.encoder import create

# exons of 4, 6, 7 and 5 nt; CDS 3-15: junctions after position 3 (CDS), 9 (CDS), 16 (3' UTR); the end is no junction
RNA = encode(nucleotides("CCG" + "ATGGCCGCGTAA" + "AATTNNG"), np.array([4, 6, 7, 5]), (3, 15))


def named_features(codes: np.ndarray) -> dict[str, float]:
    features = SequenceFeatures().embed([codes])
    assert features.shape == (1, len(FEATURES))
    assert features.dtype == np.float32
    return dict(zip(FEATURES, features[0].tolist(), strict=True))


def test_every_feature_of_an_rna() -> None:
    found = named_features(RNA)
    expected = {
        "log2 length": np.log2(23),
        "log2 length of 5' UTR": 2,
        "log2 length of CDS": np.log2(13),
        "log2 length of 3' UTR": 3,
        "exons known": 1,
        "log2 exons": np.log2(5),
        "log2 junctions in 5' UTR": 0,
        "log2 junctions in CDS": np.log2(3),
        "log2 junctions in 3' UTR": 1,
        "junctions per kb": 3 / 22 * 1000,
        "junctions per kb of CDS": 2 / 12 * 1000,
        "GC": 11 / 20,
        "GC of 5' UTR": 1,
        "GC of CDS": 7 / 12,
        "GC of 3' UTR": 1 / 5,
        "GC of third codon positions": 3 / 4,
    }
    assert found == pytest.approx(expected, rel=1e-6)


def test_the_end_of_the_rna_is_no_junction_even_within_the_cds() -> None:
    found = named_features(encode(nucleotides("ATGGCCTAA"), np.array([9]), (0, 9)))
    assert found["log2 junctions in CDS"] == found["junctions per kb"] == 0
    assert (found["exons known"], found["log2 exons"]) == (1, 1)


def test_unknown_exons_and_a_noncoding_rna() -> None:
    found = named_features(nucleotides("ACGTNNNNNN"))
    assert (found["exons known"], found["log2 exons"], found["junctions per kb"]) == (0, 0, 0)
    assert found["log2 length of CDS"] == found["log2 length of 5' UTR"] == 0
    assert found["log2 length of 3' UTR"] == found["log2 length"]
    assert (found["GC"], found["GC of CDS"], found["GC of third codon positions"]) == (0.5, 0, 0)


def test_one_row_an_rna_and_progress_in_nucleotides() -> None:
    done: list[int] = []
    assert SequenceFeatures().embed([RNA, nucleotides("ACGTA")], progress=done.append).shape[0] == 2
    assert done == [22, 5]


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
    letters = "".join(np.random.default_rng(seed).choice(list("ACGTN"), length, p=[0.24] * 4 + [0.04]))
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


def test_one_logarithm_an_rna() -> None:
    seen: list[int] = []
    found = Length().embed([np.zeros(8, np.uint8), np.zeros(1024, np.uint8)], seen.append)
    assert found.tolist() == [[3.0], [10.0]]
    assert found.dtype == np.float32
    assert sum(seen) == 1032


RNAS = [nucleotides("ACGTTGCAAC" * 9), nucleotides("GGGTCA" * 20)]


def test_it_is_the_untrained_encoder_of_the_seed() -> None:
    found = RandomInit("isoclr-s", tracks=4, seed=2).embed(RNAS)
    assert found == pytest.approx(create("isoclr-s", tracks=4, seed=2).embed_codes(RNAS), rel=1e-5, abs=1e-5)
    other = RandomInit("isoclr-s", tracks=4, seed=3).embed(RNAS)
    assert np.abs(found - other).max() > 1e-3


def test_an_unknown_architecture_is_an_error() -> None:
    with pytest.raises(InputError, match="is not a model"):
        RandomInit("my-model")


def test_strong_features_are_roots_and_logarithms_of_what_counting_gives() -> None:
    letters, bases = random_rna(3, 240)
    codes = encode(bases, np.array([40, 200]), (11, 161))
    strong = StrongFeatures(5)
    (row,) = strong.embed([codes])
    blocks = np.split(row, np.cumsum(strong.blocks)[:-1])
    assert len(blocks) == 7
    assert row.shape == (sum(strong.blocks),)
    assert blocks[0] == pytest.approx(SequenceFeatures().embed([codes])[0])
    assert blocks[1] == pytest.approx(upstream_features(codes), rel=1e-6)
    frequencies = KmersAndCodons(5).embed([codes])[0]
    assert blocks[2] == pytest.approx(np.sqrt(frequencies[:340]), abs=1e-6)
    assert blocks[4][:64] == pytest.approx(np.sqrt(frequencies[1364:1428]), abs=1e-6)
    assert blocks[6] == pytest.approx(np.sqrt(frequencies[340:1364]), abs=1e-6)
    words = [letters[i : i + 2] for i in range(239)]
    logs = np.log(0.5 + np.array([words.count(a + b) for a, b in product("ACGT", repeat=2)]))
    assert blocks[3][4:20] == pytest.approx(logs - logs.mean(), abs=1e-5)
    inside = [letters[i : i + 3] for i in range(0, 9)]
    assert blocks[5][:64] == pytest.approx(np.sqrt(shares(inside, 3)), abs=1e-6)


@pytest.mark.parametrize(
    ("utr", "expected"),
    [
        ("", {}),
        ("ACCACC", {"purine at -3": 1, "G or C in the last 30 nt": 4 / 6, "G or C after the cap": 4 / 6}),
        # the AUG is out of frame, has no stop, and a purine at -3
        ("ACCATGCCCC", {"log2 upstream AUGs": 1, "log2 AUGs out of frame without a stop in the 5' UTR": 1,
                        "log2 strong start contexts": 1, "log2 distance of the last upstream AUG": 3}),
        ("CCATGCCCCCCC", {"log2 AUGs in frame without a stop": 0, "log2 upstream AUGs": 1}),
        ("CCCATGCCCCCC", {"log2 AUGs in frame without a stop": 1, "log2 upstream AUGs": 1}),
        ("CATGCCTAACC", {"log2 upstream AUGs": 1, "log2 AUGs out of frame without a stop in the 5' UTR": 1}),
        ("CATGCCCTAACC", {"log2 upstream reading frames with their stop in the 5' UTR": 1,
                          "log2 length of the longest upstream reading frame": np.log2(7),
                          "log2 AUGs out of frame without a stop in the 5' UTR": 0}),
    ],
)  # fmt: skip
def test_upstream_start_codons(utr: str, expected: dict[str, float]) -> None:
    bases = nucleotides(utr + "ATGGCCTAA")
    found = dict(zip(UPSTREAM, upstream_features(encode(bases, cds=(len(utr), len(bases)))), strict=True))
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    if not utr:
        assert not any(found.values())
