"""HGVS names."""

import random
import re
from collections.abc import Callable

import numpy as np
import pytest

from isoclr.genomics.encoding import letters, nucleotides
from isoclr.variants.consequences import consequences
from isoclr.variants.edits import Edit, Rna, apply
from isoclr.variants.hgvs import genomic_name, protein_name, rna_name, shift_3prime, synonymous_name
from isoclr.variants.placement import Transcript, Variant

MakeTranscript = Callable[..., Transcript]

# 5' UTR GGCC, then M A A K K E stop, 3' UTR TTT; exons of 12 and 16 nt
RNA = Rna(nucleotides("GGCCATGGCAGCTAAAAAGGAATAATTT"), np.array([12, 16]), (4, 25))


@pytest.mark.parametrize(
    ("start", "end", "alt", "name", "protein"),
    [
        (0, 1, "A", "c.-4G>A", ""),
        (3, 4, "G", "c.-1C>G", ""),
        (26, 27, "A", "c.*2T>A", ""),
        (4, 5, "G", "c.1A>G", "p.Met1?"),
        (8, 9, "A", "c.5C>A", "p.Ala2Glu"),
        (16, 17, "T", "c.13A>T", "p.Lys5Ter"),
        (22, 23, "C", "c.19T>C", "p.Ter7GlnextTer?"),
        (13, 14, "", "c.14del", "p.Lys5ArgfsTer?"),  # one of five A is named at the 3' end
        (13, 13, "A", "c.14dup", "p.Glu6GlyfsTer?"),
        (12, 12, "G", "c.8_9insG", "p.Lys4Ter"),
        (7, 10, "", "c.6_8del", "p.Ala3del"),
        (7, 7, "GCA", "c.6_8dup", "p.Ala3dup"),
        (16, 19, "", "c.13_15del", "p.Lys5del"),
        (13, 13, "TTT", "c.9_10insTTT", "p.Ala3_Lys4insPhe"),
        (7, 13, "TGG", "c.4_9delinsTGG", "p.Ala2_Ala3delinsTrp"),
        (8, 10, "TT", "c.5_6delinsTT", "p.Ala2Val"),
        (10, 10, "GGTTAA", "c.7_8insGTTAAG", "p.Ala3_Lys4delinsGlyTer"),
        (28, 28, "A", "c.*3_*4insA", ""),
    ],
)
def test_coding_rna(start: int, end: int, alt: str, name: str, protein: str) -> None:
    edit = Edit(start, end, nucleotides(alt))
    edited = apply(RNA, [edit])
    assert rna_name(RNA, edit) == name
    assert protein_name(RNA, edited, consequences(RNA, [edit], edited)) == protein


def test_synonymous_and_extended_proteins() -> None:
    assert synonymous_name(RNA, Edit(9, 10, nucleotides("G"))) == "p.Ala2="
    longer = Rna(nucleotides("ATGGCTTAAGCATGA"), np.array([15]), (0, 9))
    edit = Edit(6, 7, nucleotides("C"))
    edited = apply(longer, [edit])
    terms = consequences(longer, [edit], edited)
    assert protein_name(longer, edited, terms) == "p.Ter3GlnextTer2"


def test_noncoding_rna() -> None:
    rna = Rna(nucleotides("ACGTACGT"), np.array([8]), None)
    assert rna_name(rna, Edit(2, 3, nucleotides("A"))) == "n.3G>A"
    assert rna_name(rna, Edit(4, 6, nucleotides(""))) == "n.5_6del"


def test_a_deletion_is_not_shifted_out_of_its_exon() -> None:
    rna = Rna(nucleotides("CCAAAA"), np.array([4, 2]), None)
    shifted = shift_3prime(rna, Edit(2, 3, nucleotides("")))
    assert (shifted.start, shifted.end) == (3, 4)


@pytest.mark.parametrize(
    ("position", "ref", "alt", "plus", "minus"),
    [
        (108, "G", "T", "n.8+1G>T", "n.9-1C>A"),
        (112, "C", "T", "n.8+5C>T", "n.9-5G>A"),
        (199, "G", "T", "n.9-1G>T", "n.8+1C>A"),
        (108, "GT", "", "n.8+1_8+2del", "n.9-2_9-1del"),
        (106, "CTG", "", "n.7_8+1del", "n.9-1_10del"),
        (110, "", "AC", "n.8+2_8+3insAC", "n.9-3_9-2insGT"),
        (197, "A", "CC", "n.9-3delinsCC", "n.8+3delinsGG"),
    ],
)
def test_intron(transcript: MakeTranscript, position: int, ref: str, alt: str, plus: str, minus: str) -> None:
    chromosome = "A" * 100 + "GGATGGCT" + "GT" + "C" * 86 + "AAAG" + "GCTTAAGG" + "A" * 92
    exons = [(100, 108), (200, 208)]
    variant = Variant("chr1", position, ref, alt)
    assert genomic_name(transcript(chromosome, exons), variant) == plus
    assert genomic_name(transcript(chromosome, exons, minus=True), variant) == minus


def test_any_edit_has_a_name() -> None:
    """Complete and incomplete coding sequences, edits over their ends."""
    rng = random.Random(0)
    texts = ("GGCCATGGCAGCTAAAAAGGAATAATTT", "GGCCATGGCAGCTAAAAAGGAATCATTT", "CCGGCAGCTAAAAAGGAATAATTTGGCC")
    for text, cds in zip(texts, ((4, 25), (4, 28), (0, 21)), strict=True):
        rna = Rna(nucleotides(text), np.array([12, 16]), cds)
        for _ in range(1_000):
            start = rng.randrange(len(text))
            end = rng.randrange(start, min(start + 8, len(text)) + 1)
            edit = Edit(start, end, nucleotides("".join(rng.choices("ACGT", k=rng.randrange(7)))))
            if letters(edit.alt) == text[start:end]:
                continue
            edited = apply(rna, [edit])
            name = protein_name(rna, edited, consequences(rna, [edit], edited))
            assert not name or name.startswith("p.")
            assert re.fullmatch(r"c\.[-*]?\d+(_[-*]?\d+)?([ACGT]>[ACGT]|del|dup|(del)?ins[ACGT]+)", rna_name(rna, edit))
