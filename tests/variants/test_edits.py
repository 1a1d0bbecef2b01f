"""Edits of RNAs: bases, exon ends, coding sequence."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoclr.genomics.encoding import CODON_START, EXON_END, letters, nucleotides
from isoclr.variants.edits import Edit, Rna, apply, translate

STOPS = ("TAA", "TAG", "TGA")


def rna(text: str, exons: list[int], cds: tuple[int, int] | None) -> Rna:
    return Rna(nucleotides(text), np.array(exons), cds)


# 5' UTR GG, ATG GCT GCT TAA, 3' UTR GG; exons of 8 and 8 nt
SMALL = rna("GGATGGCTGCTTAAGG", [8, 8], (2, 14))


@pytest.mark.parametrize(
    ("start", "end", "alt", "bases", "exons", "cds", "protein"),
    [
        (5, 6, "A", "GGATGACTGCTTAAGG", [8, 8], (2, 14), "MTA*"),  # missense
        (5, 5, "A", "GGATGAGCTGCTTAAGG", [9, 8], (2, 17), "MSCLR"),  # frameshift without a stop
        (7, 10, "", "GGATGGCTTAAGG", [7, 6], (2, 11), "MA*"),  # one codon over an exon end
        (11, 12, "G", "GGATGGCTGCTGAAGG", [8, 8], (2, 14), "MAAE"),  # stop lost, none behind
        (0, 2, "", "ATGGCTGCTTAAGG", [6, 8], (0, 12), "MAA*"),  # 5' UTR deleted
        (2, 2, "CC", "GGCCATGGCTGCTTAAGG", [10, 8], (4, 16), "MAA*"),  # before the start codon
        (14, 16, "", "GGATGGCTGCTTAA", [8, 6], (2, 14), "MAA*"),  # 3' UTR deleted
        (0, 8, "", "GCTTAAGG", [8], None, ""),  # a whole exon, with the start codon
        (8, 9, "T", "GGATGGCTTCTTAAGG", [8, 8], (2, 14), "MAS*"),
    ],
)
def test_one_edit(
    start: int, end: int, alt: str, bases: str, exons: list[int], cds: tuple[int, int] | None, protein: str
) -> None:
    edited = apply(SMALL, [Edit(start, end, nucleotides(alt))])
    assert letters(edited.bases) == bases
    assert edited.exon_lengths is not None
    assert edited.exon_lengths.tolist() == exons
    assert edited.cds == cds
    assert edited.protein == protein


def test_start_lost_moves_to_the_next_aug_in_frame() -> None:
    unedited = rna("GATGGCCATGTGAC", [14], (1, 13))
    assert unedited.protein == "MAM*"
    edited = apply(unedited, [Edit(2, 3, nucleotides("C"))])
    assert edited.cds == (7, 13)
    assert edited.protein == "M*"


def test_start_codon_replaced_by_an_equal_one_stays() -> None:
    unedited = rna("GGATGGCTTAA", [11], (2, 11))
    edited = apply(unedited, [Edit(1, 4, nucleotides("CAT"))])  # G AT -> C AT
    assert edited.cds == (2, 11)


def test_start_that_is_no_aug_is_kept() -> None:
    unedited = rna("CTGGCTTAAG", [10], (0, 9))  # begins inside the coding sequence
    assert apply(unedited, [Edit(0, 1, nucleotides("A"))]).cds == (0, 9)


def test_selenocysteine_is_read_through_unless_it_or_the_frame_changes() -> None:
    unedited = rna("ATGTGAGCTTAAG", [13], (0, 12))
    assert unedited.protein == "M*A*"
    assert apply(unedited, [Edit(7, 8, nucleotides("A"))]).cds == (0, 12)
    assert apply(unedited, [Edit(5, 6, nucleotides("G"))]).cds == (0, 12)  # TGG
    assert apply(unedited, [Edit(4, 6, nucleotides("AA"))]).cds == (0, 6)  # TAA, a new stop


def test_codes_carry_codons_and_exon_ends() -> None:
    edited = apply(SMALL, [Edit(7, 7, nucleotides("AAA"))])
    assert np.flatnonzero(edited.codes & EXON_END).tolist() == [10, 18]
    assert np.flatnonzero(edited.codes & CODON_START).tolist() == [2, 5, 8, 11, 14]


def test_several_edits_of_a_haplotype() -> None:
    edits = [Edit(11, 12, nucleotides("T")), Edit(5, 5, nucleotides("A")), Edit(9, 10, nucleotides(""))]
    edited = apply(SMALL, edits)
    assert letters(edited.bases) == "GGATGAGCTGTTAAGG"  # one base in, one out: back in frame
    assert edited.exon_lengths is not None
    assert edited.exon_lengths.tolist() == [9, 7]


def test_bases_inserted_between_exons_belong_where_they_join() -> None:
    before = apply(SMALL, [Edit(8, 8, nucleotides("CC"))])
    after = apply(SMALL, [Edit(8, 8, nucleotides("CC"), joins_next=True)])
    assert before.exon_lengths is not None
    assert after.exon_lengths is not None
    assert before.exon_lengths.tolist() == [10, 8]
    assert after.exon_lengths.tolist() == [8, 10]


def test_overlapping_edits_are_refused() -> None:
    edits = [Edit(3, 6, nucleotides("")), Edit(5, 7, nucleotides(""))]
    with pytest.raises(ValueError, match="overlaps"):
        apply(SMALL, edits)
    with pytest.raises(ValueError, match="outside 16 nt"):
        apply(SMALL, [Edit(15, 17, nucleotides(""))])


def test_unknown_bases_are_translated_to_x() -> None:
    assert translate(nucleotides("AUGNNNUAA")) == "MX*"


def plain_cds(text: str, start: int) -> tuple[int, int] | None:
    """First in-frame stop codon from a start, or the end of the last whole codon."""
    for i in range(start, len(text) - 2, 3):
        if text[i : i + 3] in STOPS:
            return start, i + 3
    end = start + 3 * ((len(text) - start) // 3)
    return (start, end) if end > start else None


@st.composite
def coding_rnas(draw: st.DrawFn) -> tuple[Rna, Edit]:
    utr5 = draw(st.text("ACGT", max_size=12))
    body = draw(st.lists(st.sampled_from(["GCT", "TGG", "AAA", "CAC", "ATG"]), min_size=1, max_size=8))
    utr3 = draw(st.text("ACGT", max_size=12))
    text = utr5 + "ATG" + "".join(body) + draw(st.sampled_from(STOPS)) + utr3
    cut = draw(st.integers(1, len(text) - 1))
    cds = (len(utr5), len(utr5) + 3 * (len(body) + 2))
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(start + 5, len(text))))
    alt = draw(st.text("ACGT", max_size=5))
    return rna(text, [cut, len(text) - cut], cds), Edit(start, end, nucleotides(alt))


@settings(max_examples=150, deadline=None)
@given(coding_rnas())
def test_an_edit_equals_editing_the_text(case: tuple[Rna, Edit]) -> None:
    unedited, edit = case
    text = letters(unedited.bases)
    new = text[: edit.start] + letters(edit.alt) + text[edit.end :]
    edited = apply(unedited, [edit])
    assert letters(edited.bases) == new
    assert edited.exon_lengths is not None
    assert edited.exon_lengths.sum() == len(new)
    assert unedited.cds is not None
    start = unedited.cds[0]
    if edit.end <= start:  # the start codon moves as a whole
        assert edited.cds == plain_cds(new, start + edit.change)
    elif edit.start >= start + 3:
        assert edited.cds == plain_cds(new, start)
    elif edited.cds is not None:  # touched: whatever it is now, it is an AUG with its own stop codon
        assert new[edited.cds[0] : edited.cds[0] + 3] == "ATG"
        assert edited.cds == plain_cds(new, edited.cds[0])
