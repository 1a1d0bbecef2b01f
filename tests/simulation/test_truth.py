"""Rows of the truth, by hand."""

import hashlib

import numpy as np

from isoclr.corpus.codes import nucleotides
from isoclr.simulation.ancestors import Kind, Template
from isoclr.simulation.families import Member
from isoclr.simulation.isoforms import Isoform
from isoclr.simulation.loci import Locus
from isoclr.simulation.truth import Truth

BASES = nucleotides("CCATGAAAGTTTAGTAATATTTATCC")  # exons CCATGAAA and TAATATTTATCC
ISOFORM = Isoform(np.array([[0, 8], [14, 26]]), (2, 11), 0, True, True, "protein_coding")
TEMPLATE = Template(
    BASES, np.zeros(26, np.int64), np.zeros(26, bool), (Kind.ALWAYS,), (2, 11), np.ones(64)
)


def test_both_strands() -> None:
    truth = Truth()
    for strand in "+-":
        locus = Locus(Member(0, 0, 4, 0, True, True), TEMPLATE, BASES, strand, [ISOFORM], 0)
        truth.add(locus, "chr1", 100)
    plus, minus = truth.table().iter_rows(named=True)
    assert plus["exon_starts"] == [100, 114]
    assert minus["exon_starts"] == [118, 100]
    for row in (plus, minus):
        assert row["exon_lengths"] == [8, 12]
        assert row["sha256"] == hashlib.sha256(b"CCATGAAATAATATTTATCC").hexdigest()
        assert (row["length"], row["cds_start"], row["cds_end"]) == (20, 2, 11)
        assert (row["are"], row["pumilio"], row["c_rich"]) == (1, 0, 0)
        assert (row["gene_set"], row["principal"]) == ("HID:5", True)
