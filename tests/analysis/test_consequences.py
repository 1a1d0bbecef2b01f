import numpy as np
import pytest

from isoclr.analysis.consequences import CONSEQUENCES, coding_changes, consequences
from isoclr.genomics.encoding import encode, nucleotides

UTR5, CDS, UTR3 = "CAGGC", "ATGAAATTTTAA", "GGATTCAGTGTACATAC"


def kind(position: int, base: str, utr5: str = UTR5, cds: str = CDS, utr3: str = UTR3) -> str:
    codes = encode(nucleotides(utr5 + cds + utr3), cds=(len(utr5), len(utr5) + len(cds)))
    return str(CONSEQUENCES[consequences(codes)[position, "ACGT".index(base)]])


@pytest.mark.parametrize(
    ("position", "base", "expected"),
    [
        (0, "T", "5_prime_UTR_variant"),
        (5, "G", "start_lost"),
        (7, "A", "start_lost"),
        (8, "T", "stop_gained"),  # AAA → UAA
        (10, "G", "synonymous_variant"),  # AAA → AAG
        (10, "C", "missense_variant"),  # AAA → AAC
        (13, "C", "synonymous_variant"),  # UUU → UUC
        (15, "G", "stop_retained_variant"),  # UAA → UGA
        (16, "C", "stop_lost"),
        (17, "A", "3_prime_UTR_variant"),
        (22, "T", "ARE_gained"),
    ],
)
def test_kinds(position: int, base: str, expected: str) -> None:
    assert kind(position, base) == expected


def test_upstream_start_codons() -> None:
    assert kind(2, "T", utr5="CAAGCC") == "uAUG_gained"
    assert kind(2, "C", utr5="CATGCC") == "uAUG_lost"
    assert kind(0, "A", utr5="CATGCC") == "5_prime_UTR_variant"


def test_stop_codons_of_upstream_reading_frames() -> None:
    utr5 = "ATGAAGTGACC"  # uORF: ATG AAG TGA
    assert kind(3, "T", utr5=utr5) == "uSTOP_gained"  # TAG
    assert kind(6, "C", utr5=utr5) == "uSTOP_lost"  # CGA
    assert kind(7, "A", utr5=utr5) == "5_prime_UTR_variant", "TAA is a stop codon too"
    assert kind(1, "C", utr5=utr5) == "uAUG_lost"
    assert kind(3, "T", utr5="CTGAAGTGACC") == "5_prime_UTR_variant", "no start codon before it"
    assert kind(9, "T", utr5="ATGTAAATGCAA") == "uSTOP_gained", "in the second reading frame"
    assert kind(9, "T", utr5="ATGAAAAACAAA") == "uSTOP_gained"  # TAA, the last codon of the 5' UTR
    assert kind(11, "T", utr5="ATGAAAAAAAAA") == "5_prime_UTR_variant"


def test_upstream_frame_that_reaches_the_coding_sequence() -> None:
    """The codon T|AT of the frame lies partly in the coding sequence, whose bases count and are not marked."""
    assert kind(3, "T", utr5="ATGC", cds="AATAAATTTTAA") == "uSTOP_gained"
    assert kind(4, "G", utr5="ATGT", cds="AATAAATTTTAA") == "missense_variant"


def test_codon_and_amino_acid_changes() -> None:
    codes = encode(nucleotides(UTR5 + CDS + UTR3), cds=(5, 17))
    positions, bases = (np.array([0, 5, 8, 10, 10, 15, 16, 20]), np.array([3, 2, 3, 2, 1, 2, 1, 0], np.uint8))
    codons, amino_acids = coding_changes(codes, positions, bases)
    assert codons.tolist() == [*("", "AUG>GUG", "AAA>UAA", "AAA>AAG", "AAA>AAC", "UAA>UGA", "UAA>UAC", "")]
    assert amino_acids.tolist() == ["", "M1V", "K2*", "K2=", "K2N", "*4=", "*4Y", ""]
    unknown = encode(nucleotides("ATGAANTAA"), cds=(0, 9))
    assert coding_changes(unknown, np.array([3]), np.array([1], np.uint8))[1].tolist() == ["X2="]
    none = coding_changes(codes[:4], np.array([1]), np.array([1], np.uint8))
    assert [one.tolist() for one in none] == [[""], [""]]


def test_utr3_elements() -> None:
    first = len(UTR5 + CDS)
    assert kind(first + 3, "T", utr3="GATATAG") == "ARE_gained"
    assert kind(first + 3, "C", utr3="GATTTAG") == "ARE_lost"
    assert kind(first + 2, "T", utr3="TGGACATA") == "PUM_site_gained"
    assert kind(first + 2, "T", utr3="TGGCCATA") == "3_prime_UTR_variant", "two mismatches"
    assert kind(first + 4, "G", utr3="TGTACATA") == "3_prime_UTR_variant", "any base fits there"
    assert kind(first + 0, "A", utr3="TGTACATA") == "PUM_site_lost"


def test_reference_base_has_no_consequence() -> None:
    codes = encode(nucleotides(UTR5 + CDS + UTR3), cds=(5, 17))
    numbers = consequences(codes)
    assert (numbers[np.arange(len(codes)), codes & 7] == -1).all()
    assert (numbers == -1).sum() == len(codes)


def test_unknown_bases() -> None:
    codes = encode(nucleotides("NNATGAANTAANN"), cds=(2, 11))
    numbers = consequences(codes)
    assert CONSEQUENCES[numbers[0, 0]] == "5_prime_UTR_variant"
    assert {CONSEQUENCES[i] for i in numbers[7]} == {"coding_sequence_variant"}


def test_cds_without_start_codon() -> None:
    assert kind(5, "C", cds="CTGAAATTTTAA") != "start_lost"
    assert kind(5, "T", cds="CTGAAATTTTAA") == "synonymous_variant"


def test_noncoding_rna() -> None:
    numbers = consequences(encode(nucleotides("ATG")))
    assert {CONSEQUENCES[i] for i in numbers[numbers >= 0]} == {"non_coding_transcript_exon_variant"}
    assert consequences(encode(nucleotides(""))).shape == (0, 4)
