"""Variants of the genome as edits of transcripts, on both strands."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoclr.genomics.encoding import letters, nucleotides
from isoclr.genomics.genome import splice
from isoclr.variants.edits import Rna, apply
from isoclr.variants.placement import Placement, Transcript, Variant, place

MakeTranscript = Callable[..., Transcript]
CHROMOSOME = "A" * 100 + "GGATGGCT" + "GT" + "C" * 86 + "AAAG" + "GCTTAAGG" + "A" * 92
EXONS = [(100, 108), (200, 208)]
DONOR = ("splice_donor_variant", "intron_variant")
ACCEPTOR = ("splice_acceptor_variant", "intron_variant")
REGION = ("splice_region_variant",)
LOSS = "exon_loss_variant"


def summary(placement: Placement | None) -> tuple[object, ...] | None:
    if placement is None:
        return None
    edit = placement.edit
    shown = None if edit is None else (edit.start, edit.end, letters(edit.alt))
    return shown, placement.terms, placement.flag


@pytest.mark.parametrize(
    ("position", "ref", "alt", "plus", "minus"),
    [
        (99, "A", "G", None, None),
        (208, "A", "G", None, None),
        (100, "G", "A", ((0, 1, "A"), (), ""), ((15, 16, "T"), (), "")),
        (207, "G", "A", ((15, 16, "A"), (), ""), ((0, 1, "T"), (), "")),
        (104, "G", "A", ((4, 5, "A"), (), ""), ((11, 12, "T"), (), "")),
        (105, "G", "A", ((5, 6, "A"), REGION, "splice_region"), ((10, 11, "T"), (), "")),
        (107, "T", "A", ((7, 8, "A"), REGION, "splice_region"), ((8, 9, "T"), REGION, "splice_region")),
        (200, "G", "A", ((8, 9, "A"), REGION, "splice_region"), ((7, 8, "T"), REGION, "splice_region")),
        (202, "T", "A", ((10, 11, "A"), (), ""), ((5, 6, "T"), REGION, "splice_region")),
        (108, "G", "A", (None, DONOR, "intron"), (None, ACCEPTOR, "intron")),
        (109, "T", "A", (None, DONOR, "intron"), (None, ACCEPTOR, "intron")),
        (110, "C", "A", (None, (*REGION, "intron_variant"), "intron"), (None, (*REGION, "intron_variant"), "intron")),
        (113, "C", "A", (None, (*REGION, "intron_variant"), "intron"), (None, ("intron_variant",), "intron")),
        (114, "C", "A", (None, ("intron_variant",), "intron"), (None, ("intron_variant",), "intron")),
        (197, "A", "C", (None, (*REGION, "intron_variant"), "intron"), (None, (*REGION, "intron_variant"), "intron")),
        (199, "G", "C", (None, ACCEPTOR, "intron"), (None, DONOR, "intron")),
        (150, "", "AC", (None, ("intron_variant",), "intron"), (None, ("intron_variant",), "intron")),
        (103, "", "AC", ((3, 3, "AC"), (), ""), ((13, 13, "GT"), (), "")),
        (100, "", "AC", None, None),
        (208, "", "AC", None, None),
        (108, "", "A", ((8, 8, "A"), REGION, "exon_edge"), ((8, 8, "T"), REGION, "exon_edge")),
        (200, "", "A", ((8, 8, "A"), REGION, "exon_edge"), ((8, 8, "T"), REGION, "exon_edge")),
        (106, "CTG", "", ((6, 8, ""), DONOR, "exon_edge"), ((8, 10, ""), ACCEPTOR, "exon_edge")),
        (98, "AAGG", "", ((0, 2, ""), (), "transcript_end"), ((14, 16, ""), (), "transcript_end")),
        (98, "AAG", "TGA", ((0, 1, "A"), (), "transcript_end"), ((15, 16, "T"), (), "transcript_end")),
        (98, "AAG", "TC", ((0, 1, "TC"), (), "transcript_end"), ((15, 16, "GA"), (), "transcript_end")),
        (206, "GGAA", "", ((14, 16, ""), (), "transcript_end"), ((0, 2, ""), (), "transcript_end")),
        (
            99,
            "AGGATGGCTG",
            "",
            ((0, 8, ""), (LOSS, *DONOR), "exon_edge"),
            ((8, 16, ""), (LOSS, *ACCEPTOR), "exon_edge"),
        ),
        (106, "CTG", "A", (None, DONOR, "exon_edge"), (None, ACCEPTOR, "exon_edge")),
    ],
)
def test_place(transcript: MakeTranscript, position: int, ref: str, alt: str, plus: object, minus: object) -> None:
    variant = Variant("chr1", position, ref, alt)
    assert CHROMOSOME[position : position + len(ref)] == ref
    assert summary(place(transcript(CHROMOSOME, EXONS), variant)) == plus
    assert summary(place(transcript(CHROMOSOME, EXONS, minus=True), variant)) == minus


@pytest.mark.parametrize("minus", [False, True])
def test_loss_of_a_whole_exon(transcript: MakeTranscript, minus: bool) -> None:
    three = transcript(CHROMOSOME, [(100, 108), (120, 130), (200, 208)], minus=minus)
    found = place(three, Variant("chr1", 118, CHROMOSOME[118:133], ""))
    assert found is not None
    assert found.edit is not None
    assert (found.edit.start, found.edit.end, found.flag) == (8, 18, "exon_edge")
    assert found.terms[0] == "exon_loss_variant"
    assert {"splice_donor_variant", "splice_acceptor_variant"} < set(found.terms)
    edited = apply(three.rna, [found.edit])
    assert edited.exon_lengths is not None
    assert edited.exon_lengths.tolist() == [8, 8]


@pytest.mark.parametrize("exons", [[(100, 108)], EXONS])
def test_loss_of_a_whole_transcript(transcript: MakeTranscript, exons: list[tuple[int, int]]) -> None:
    found = place(transcript(CHROMOSOME, exons), Variant("chr1", 90, CHROMOSOME[90:220], ""))
    assert found is not None
    assert found.edit is not None
    assert (found.edit.end, found.terms[0]) == (8 * len(exons), "exon_loss_variant")
    assert found.flag


def test_insertions_at_an_exons_edges_join_that_exon(transcript: MakeTranscript) -> None:
    plus, minus = (transcript(CHROMOSOME, EXONS, minus=m) for m in (False, True))
    for one, position, lengths in (
        (plus, 108, [9, 8]),
        (plus, 200, [8, 9]),
        (minus, 108, [8, 9]),
        (minus, 200, [9, 8]),
    ):
        found = place(one, Variant("chr1", position, "", "A"))
        assert found is not None
        assert found.edit is not None
        edited = apply(one.rna, [found.edit])
        assert edited.exon_lengths is not None
        assert edited.exon_lengths.tolist() == lengths


def test_trimming_leaves_the_smallest_change() -> None:
    assert Variant("1", 5, "ACGT", "ACT").trimmed() == Variant("1", 7, "G", "")
    assert Variant("1", 5, "a", "ag").trimmed() == Variant("1", 6, "", "G")
    assert Variant("1", 5, "AC", "AC").trimmed() == Variant("1", 5, "", "")
    assert Variant("1", 5, "AC", "GT").trimmed() == Variant("1", 5, "AC", "GT")


@st.composite
def genomes(draw: st.DrawFn) -> tuple[str, list[tuple[int, int]], bool, Variant]:
    """A chromosome, exons, a strand, and a variant inside one exon."""
    sizes = draw(st.lists(st.integers(4, 20), min_size=3, max_size=7).filter(lambda s: len(s) % 2))
    edges = np.cumsum([draw(st.integers(0, 9)), *sizes]).tolist()
    exons = [(edges[i], edges[i + 1]) for i in range(0, len(sizes), 2)]
    chromosome = draw(st.text("ACGT", min_size=edges[-1] + 5, max_size=edges[-1] + 5))
    first, last = draw(st.sampled_from(exons))
    start = draw(st.integers(first, last - 1))
    end = draw(st.integers(start + 1, min(start + 4, last)))
    ref = chromosome[start:end]
    alt = ref[0] + draw(st.text("ACGT", max_size=4))
    return chromosome, exons, draw(st.booleans()), Variant("chr1", start, ref, alt)


@settings(max_examples=200, deadline=None)
@given(genomes())
def test_the_edited_rna_is_that_of_the_mutated_genome(case: tuple[str, list[tuple[int, int]], bool, Variant]) -> None:
    """The same RNA as splicing the mutated chromosome by the moved annotation."""
    chromosome, exons, minus, variant = case
    original = _splice(chromosome, exons, minus)
    unedited = Transcript("T", "G", "", "chr1", minus, original[0], original[1])
    trimmed = variant.trimmed()
    if trimmed.ref == trimmed.alt:
        return
    found = place(unedited, trimmed)
    if found is None or found.edit is None or found.flag == "exon_edge":
        return  # an insertion before the first base lies outside
    mutated = chromosome[: variant.position] + variant.alt + chromosome[variant.end :]
    change = len(variant.alt) - len(variant.ref)
    moved = [(start + change * (start >= variant.end), end + change * (end >= variant.end)) for start, end in exons]
    expected = _splice(mutated, moved, minus)[1]
    edited = apply(unedited.rna, [found.edit])
    assert letters(edited.bases) == letters(expected.bases)
    assert edited.exon_lengths is not None
    assert expected.exon_lengths is not None
    assert edited.exon_lengths.tolist() == expected.exon_lengths.tolist()


def _splice(chromosome: str, exons: list[tuple[int, int]], minus: bool) -> tuple[np.ndarray, Rna]:
    ordered = sorted(exons, reverse=minus)
    starts = np.array([start for start, _ in ordered])
    lengths = np.array([end - start for start, end in ordered])
    bases = splice(nucleotides(chromosome), starts, lengths, np.full(len(starts), minus))
    return starts, Rna(bases, lengths, None)
