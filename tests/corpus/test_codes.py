import numpy as np
import pytest

from isoclr.corpus import codes
from isoclr.errors import InputError


def test_letters_of_every_case_and_alphabet() -> None:
    assert codes.nucleotides("ACGTUacgtu").tolist() == [0, 1, 2, 3, 3] * 2
    assert (codes.nucleotides("NRYSWKMBDHVXnryswkmbdhvx") == codes.N).all()
    assert codes.nucleotides(b"GATN").tolist() == codes.nucleotides("GATN").tolist() == [2, 0, 3, 4]


@pytest.mark.parametrize("bad", ["MKV*", "ACG-T", "AC GT", "ACE\x00", "ACé"])
def test_what_is_no_nucleic_acid_is_refused_by_position(bad: str) -> None:
    with pytest.raises(InputError, match=r"record 7: position [1-4] is .*expected a nucleotide"):
        codes.nucleotides(bad, name="record 7")


def test_reverse_complement() -> None:
    assert codes.letters(codes.reverse_complement(codes.nucleotides("AACGTN"))) == "NACGTT"


def test_encode_marks_whole_codons_and_every_exon_end() -> None:
    encoded = codes.encode(codes.nucleotides("CCATGAAATAGC"), np.array([4, 8]), (2, 11))
    assert np.flatnonzero(encoded & codes.CODON_START).tolist() == [2, 5, 8]
    assert np.flatnonzero(encoded & codes.EXON_END).tolist() == [3, 11]
    assert codes.letters(encoded) == "CCATGAAATAGC"


@pytest.mark.parametrize("end", [8, 9, 10])
def test_a_cds_that_is_no_multiple_of_three_marks_its_whole_codons(end: int) -> None:
    encoded = codes.encode(codes.nucleotides("CCATGAAATA"), None, (2, end))
    assert np.flatnonzero(encoded & codes.CODON_START).tolist() == [2, 5]
    assert not (encoded & codes.EXON_END).any()


def test_encode_refuses_what_does_not_fit() -> None:
    bases = codes.nucleotides("ATGTAA")
    with pytest.raises(ValueError, match="exons add up to 5 nt, the transcript has 6"):
        codes.encode(bases, np.array([2, 3]))
    with pytest.raises(ValueError, match="CDS 0-7 outside"):
        codes.encode(bases, None, (0, 7))


def test_tracks_of_a_transcript() -> None:
    tracks = codes.tracks(codes.encode(codes.nucleotides("ATGN"), np.array([4]), (0, 3)))
    assert tracks.shape == (6, 4)
    assert tracks.dtype == np.float32
    assert tracks[:4].T.tolist() == [[1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0], [0.25] * 4]
    assert tracks[4].tolist() == [1, 0, 0, 0]
    assert tracks[5].tolist() == [0, 0, 0, 1]


def test_padding_is_zero_and_a_mask_a_quarter_in_all_tracks() -> None:
    assert (codes.TRACKS[codes.PAD] == 0).all()
    for marks in (0, codes.CODON_START, codes.EXON_END):
        assert (codes.TRACKS[codes.MASK | marks] == 0.25).all()
        assert (codes.TRACKS[codes.PAD | marks] == 0).all()
