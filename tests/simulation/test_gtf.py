"""GTF lines in GENCODE's conventions, on both strands, by hand."""

import numpy as np
import pytest

from isoclr.simulation.ancestors import Kind, Template
from isoclr.simulation.families import Member
from isoclr.simulation.gtf import GeneLines
from isoclr.simulation.isoforms import Isoform
from isoclr.simulation.loci import Locus

TEMPLATE = Template(
    np.zeros(30, np.uint8),
    np.zeros(30, np.int64),
    np.zeros(30, bool),
    (Kind.ALWAYS,),
    (4, 19),
    np.ones(64),
)


def lines(strand: str, isoform: Isoform, nt: int = 40) -> list[tuple[str, int, int, str]]:
    """Feature, start, end and frame of each line of a gene of 40 nt at position 1000 (0-based)."""
    member = Member(0, 0, 0, 0, True, True)
    locus = Locus(member, TEMPLATE, np.zeros(nt, np.uint8), strand, [isoform], 0)
    rows = [line.split("\t") for line in GeneLines(locus, "chr1", 1000).text().splitlines()]
    assert {row[6] for row in rows} == {strand}
    return [(row[2], int(row[3]), int(row[4]), row[7]) for row in rows]


WHOLE = Isoform(np.array([[0, 10], [20, 32], [36, 40]]), (4, 23), 0, True, True, "protein_coding")


def test_coordinates_are_one_based_and_cds_excludes_the_stop() -> None:
    assert lines("+", WHOLE) == [
        ("gene", 1001, 1040, "."),
        ("transcript", 1001, 1040, "."),
        ("exon", 1001, 1010, "."),
        ("CDS", 1005, 1010, "0"),
        ("start_codon", 1005, 1007, "0"),
        ("exon", 1021, 1032, "."),
        ("CDS", 1021, 1030, "0"),
        ("stop_codon", 1031, 1032, "2"),
        ("exon", 1037, 1040, "."),
        ("stop_codon", 1037, 1037, "0"),
        ("UTR", 1001, 1004, "."),
        ("UTR", 1031, 1032, "."),
        ("UTR", 1037, 1040, "."),
    ]


def test_the_minus_strand_is_the_mirror_image() -> None:
    mirrored = [(f, 2041 - end, 2041 - start, frame) for f, start, end, frame in lines("+", WHOLE)]
    assert lines("-", WHOLE) == mirrored


@pytest.mark.parametrize("phase", [0, 1, 2])
def test_a_cut_codon_shows_in_the_frame(phase: int) -> None:
    fragment = Isoform(
        np.array([[0, 10], [20, 40]]), (0, 24 + phase), phase, False, True, "protein_coding"
    )
    found = lines("+", fragment)
    frames = [frame for feature, _, _, frame in found if feature == "CDS"]
    assert frames == [str(phase), str((phase - 10) % 3)]
    assert "start_codon" not in {feature for feature, *_ in found}


def test_a_transcript_without_cds_has_exons_only() -> None:
    found = lines("-", Isoform(np.array([[0, 40]]), None, 0, False, False, "retained_intron"))
    assert [feature for feature, *_ in found] == ["gene", "transcript", "exon"]


def test_attributes_are_gencodes() -> None:
    locus = Locus(Member(0, 4, 2, 0, True, True), TEMPLATE, np.zeros(40, np.uint8), "+", [WHOLE], 0)
    exon = GeneLines(locus, "chr1", 0).text().splitlines()[2]
    for part in (
        'gene_id "ENSSAAG00000000005.3"; transcript_id "ENSSAAT00000000401.1";',
        'gene_type "protein_coding"; gene_name "SIM3"; transcript_type "protein_coding";',
        'exon_number 1; exon_id "ENSSAAE00000004001.1";',
        'tag "basic"; tag "Ensembl_canonical";',
    ):
        assert part in exon
