"""Where isoforms differ, and what is put back."""

import numpy as np
import pytest

from isoclr.atlas.isoforms import Difference, differences, put_back
from isoclr.genomics.encoding import EXON_END, NUCLEOTIDE_BITS, Codes, coding_region, encode, letters, nucleotides

Stretches = tuple[tuple[int, int], tuple[int, int]]
E1, E2, E3 = "CCATGGCA", "GATTACAGATTA", "GGCTGACCCCC"


def rna(*exons: str, cds: tuple[int, int] | None = None) -> Codes:
    return encode(nucleotides("".join(exons)), np.array([len(exon) for exon in exons]), cds)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((E1, E2, E3), (E1, E3), [((8, 20), (8, 8))]),  # skipped exon
        ((E1, E3), (E1, E2, E3), [((8, 8), (8, 20))]),
        ((E1, E3), (E1, E3), []),
        ((E1, E2 + "CCCC", E3), (E1, E2, E3), [((19, 24), (19, 20))]),  # splice site within an exon
        (("TTT" + E1, E3), (E1, E3), [((0, 3), (0, 0))]),  # other 5' end
        ((E1, E3 + "AAA"), (E1, E3), [((18, 22), (18, 19))]),  # other 3' end
    ],
)  # fmt: skip
def test_differences(a: tuple[str, ...], b: tuple[str, ...], expected: list[Stretches]) -> None:
    assert differences(rna(*a), rna(*b)) == [Difference(*one) for one in expected]


def test_unknown_exons_are_one_stretch() -> None:
    a, b = encode(nucleotides("AAACCC")), encode(nucleotides("AAAGGGCCC"))
    assert differences(a, b) == [Difference((3, 3), (3, 6))]


def test_all_parts_make_the_other_isoform() -> None:
    random = np.random.default_rng(1)
    pool = ["".join(random.choice(list("ACGT"), random.integers(5, 30))) for _ in range(12)]
    for _ in range(50):
        a, b = (rna(*[pool[i] for i in np.flatnonzero(random.random(12) < 0.6)]) for _ in range(2))
        changed, shift = a, 0
        for part in differences(a, b):
            moved = Difference((part.a[0] + shift, part.a[1] + shift), part.b)
            changed = put_back(changed, b, moved)
            shift += (part.b[1] - part.b[0]) - (part.a[1] - part.a[0])
        marks = NUCLEOTIDE_BITS | EXON_END
        assert ((changed & marks) == (b & marks)).all()


def test_coding_sequence_is_read_anew() -> None:
    full = rna(E1, E2, E3, cds=(2, 26))  # ATG GCA GAT TAC AGA TTA GGC TGA
    skipped = rna(E1, E3, cds=(2, 14))
    (part,) = differences(skipped, full)
    with_exon = put_back(skipped, full, part)
    assert letters(with_exon) == E1 + E2 + E3
    assert coding_region(with_exon) == (2, 26)
    shifted = rna(E1, "G", E3)
    (part,) = differences(rna(E1, E3, cds=(2, 14)), shifted)
    out_of_frame = put_back(rna(E1, E3, cds=(2, 14)), shifted, part)
    assert coding_region(out_of_frame) == (2, 20)  # ATG GCA GGG CTG ACC CCC: no stop


def test_coding_sequence_is_kept_beside_a_stretch_of_a_utr() -> None:
    """A selenocysteine's UGA ends no coding sequence that the stretch leaves as it is."""
    selenoprotein = "ATGTGACATTAA"
    a, b = rna("CC", selenoprotein, "GG", cds=(2, 14)), rna("ACC", selenoprotein, "GGTTC", cds=(3, 15))
    assert [coding_region(put_back(a, b, part)) for part in differences(a, b)] == [(3, 15), (2, 14)]
    open_end = rna("CC", "ATGCAT", cds=(2, 8))  # whose stop codon is not known
    (part,) = differences(open_end, rna("CC", "ATGCATCATTAA"))
    assert coding_region(put_back(open_end, rna("CC", "ATGCATCATTAA"), part)) == (2, 14)


def test_noncoding_rnas_stay_noncoding() -> None:
    a, b = rna(E1, E3), rna(E1, E2, E3)
    (part,) = differences(a, b)
    assert coding_region(put_back(a, b, part)) == (0, 0)


def test_start_of_the_other_isoform() -> None:
    a = rna("CCATGGCATGACC", E2, cds=(2, 11))
    b = rna("GGGGATGTTTTAACC", E2, cds=(4, 13))
    (part,) = differences(a, b)
    assert coding_region(put_back(a, b, part)) == (4, 13)
