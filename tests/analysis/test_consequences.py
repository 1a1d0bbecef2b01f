import numpy as np
import pytest

from isoclr.analysis.consequences import CONSEQUENCES, consequences
from isoclr.genomics.encoding import encode, nucleotides

UTR5, CDS, UTR3 = "CAGGC", "ATGAAATTTTAA", "GGATTCAGTGTACATAC"


def kind(position: int, base: str, utr5: str = UTR5, cds: str = CDS, utr3: str = UTR3) -> str:
    codes = encode(nucleotides(utr5 + cds + utr3), cds=(len(utr5), len(utr5) + len(cds)))
    return CONSEQUENCES[consequences(codes)[position, "ACGT".index(base)]]


@pytest.mark.parametrize(
    ("position", "base", "expected"),
    [
        (0, "T", "5' UTR, other"),
        (5, "G", "start codon lost"),
        (7, "A", "start codon lost"),
        (8, "T", "stop codon gained"),  # AAA → UAA
        (10, "G", "synonymous"),  # AAA → AAG
        (10, "C", "missense"),  # AAA → AAC
        (13, "C", "synonymous"),  # UUU → UUC
        (15, "G", "synonymous"),  # UAA → UGA
        (16, "C", "stop codon lost"),
        (17, "A", "3' UTR, other"),
        (22, "T", "3' UTR, AU-rich element gained"),
    ],
)
def test_kinds(position: int, base: str, expected: str) -> None:
    assert kind(position, base) == expected


def test_upstream_atgs() -> None:
    assert kind(2, "T", utr5="CAAGCC") == "5' UTR, upstream ATG gained"
    assert kind(2, "C", utr5="CATGCC") == "5' UTR, upstream ATG lost"
    assert kind(0, "A", utr5="CATGCC") == "5' UTR, other"


def test_elements_of_the_3_utr() -> None:
    first = len(UTR5 + CDS)
    assert kind(first + 3, "T", utr3="GATATAG") == "3' UTR, AU-rich element gained"
    assert kind(first + 3, "C", utr3="GATTTAG") == "3' UTR, AU-rich element lost"
    assert kind(first + 2, "T", utr3="TGGACATA") == "3' UTR, Pumilio site gained"
    assert kind(first + 2, "T", utr3="TGGCCATA") == "3' UTR, other", "two bases are amiss"
    assert kind(first + 4, "G", utr3="TGTACATA") == "3' UTR, other", "any base may stand there"
    assert kind(first + 0, "A", utr3="TGTACATA") == "3' UTR, Pumilio site lost"


def test_the_base_that_is_there_is_no_mutation() -> None:
    codes = encode(nucleotides(UTR5 + CDS + UTR3), cds=(5, 17))
    found = consequences(codes)
    assert (found[np.arange(len(codes)), codes & 7] == -1).all()
    assert (found == -1).sum() == len(codes)


def test_unknown_bases() -> None:
    codes = encode(nucleotides("NNATGAANTAANN"), cds=(2, 11))
    found = consequences(codes)
    assert CONSEQUENCES[found[0, 0]] == "5' UTR, other"
    assert {CONSEQUENCES[i] for i in found[7]} == {"missense"}, "of an unknown amino acid"


def test_a_coding_sequence_that_does_not_begin_with_a_start_codon() -> None:
    assert kind(5, "C", cds="CTGAAATTTTAA") != "start codon lost"
    assert kind(5, "T", cds="CTGAAATTTTAA") == "synonymous"


def test_without_a_coding_sequence() -> None:
    found = consequences(encode(nucleotides("ATG")))
    assert {CONSEQUENCES[i] for i in found[found >= 0]} == {"RNA without coding sequence"}
    assert consequences(encode(nucleotides(""))).shape == (0, 4)
