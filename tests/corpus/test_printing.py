from pathlib import Path

import numpy as np
import pytest

from isoclr.corpus import build, describe
from isoclr.corpus.codes import encode, nucleotides
from isoclr.corpus.printing import picture
from isoclr.errors import InputError


def test_codons_stand_below_their_first_base_and_bars_below_exon_ends() -> None:
    lines = picture(encode(nucleotides("CCATGNAATAAC"), np.array([4, 8]), (2, 11)))
    assert [line.rstrip() for line in lines] == [
        " 1 CCATGNAATAAC" + " " * 48 + " 12",
        "     M  X  *" + " " * 52 + "codons",
        "      |       |" + " " * 49 + "exon ends",
    ]


def test_rows_of_sixty() -> None:
    lines = picture(nucleotides("A" * 60 + "C" * 60 + "G"))
    assert [line.split() for line in lines] == [
        ["1", "A" * 60, "60"],
        ["61", "C" * 60, "120"],
        ["121", "G", "121"],
    ]


@pytest.mark.parametrize(
    ("codon", "amino_acid"),
    [
        *[("ATG", "M"), ("TGG", "W"), ("TAA", "*"), ("TAG", "*"), ("TGA", "*"), ("AAA", "K")],
        *[("TTT", "F"), ("CAT", "H"), ("GAG", "E"), ("GGC", "G"), ("CCG", "P"), ("AGA", "R")],
        *[("TGC", "C"), ("ATA", "I"), ("GTT", "V"), ("CTA", "L"), ("TAC", "Y"), ("GAC", "D")],
        *[("AGT", "S"), ("ACG", "T"), ("CAA", "Q"), ("AAC", "N"), ("GCT", "A")],
    ],
)
def test_the_genetic_code(codon: str, amino_acid: str) -> None:
    assert picture(encode(nucleotides(codon), None, (0, 3)))[1].split()[0] == amino_acid


def test_a_transcript_is_described(tmp_path: Path) -> None:
    fasta = tmp_path / "t.fa"
    fasta.write_text(
        ">NM_000001.2 gene:ENSG00000000001.4 gene_symbol:ABC\nCCATGAAATAGC\n"
        ">b gene:ENSG00000000001.4\nGGG\n"
    )
    corpus = build(out=tmp_path / "c", species="human", transcripts=fasta, orf_min_length=9)
    header, *rows = describe(corpus, "NM_000001").split("\n")
    assert header == (
        "NM_000001.2: gene ENSG00000000001.4 ABC; gene set human|ENSG00000000001 "
        "(2 transcripts of 1 species); human; 12 nt; exons unknown; CDS 3-11 (orf)"
    )
    assert len(rows) == 2
    assert "no CDS" in describe(corpus, "b")
    with pytest.raises(InputError, match="no transcript 'c'"):
        describe(corpus, "c")
