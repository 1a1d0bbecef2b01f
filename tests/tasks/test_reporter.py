from pathlib import Path

import pytest

from isoclr.errors import InputError
from isoclr.genomics.encoding import EXON_END, coding_region, letters
from isoclr.genomics.fasta import read_transcripts
from isoclr.tasks.reporter import Construct, families

REPORTER = Construct(insert="utr5", before="GGA", cds="ATGCCCTAA", after="TT")


def test_an_mrna_has_its_insert_one_exon_and_the_reporters_cds() -> None:
    codes = REPORTER.codes("acgu", "x")
    assert letters(codes) == "GGA" + "ACGT" + "ATGCCCTAA" + "TT"
    assert coding_region(codes) == REPORTER.cds_span("acgu") == (7, 16)
    assert (codes & EXON_END).nonzero()[0].tolist() == [17]


def test_the_fasta_is_read_back_with_its_cds(tmp_path: Path) -> None:
    path = tmp_path / "mrnas.fa"
    path.write_text(REPORTER.fasta("", "a") + REPORTER.fasta("ccccc", "b"))
    read = read_transcripts(path)
    rows = read.table.select("transcript_id", "gene_id", "cds_start", "cds_end").rows()
    assert rows == [("a", "a", 3, 12), ("b", "b", 8, 17)]
    assert letters(read.codes[read.offsets[1] : read.offsets[2]]) == "GGACCCCCATGCCCTAATT"


def test_a_wrong_letter_of_an_insert_is_named() -> None:
    with pytest.raises(InputError, match="b: position 4 is 'J'"):
        REPORTER.fasta("JJ", "b")


def test_an_insert_may_be_in_the_3_utr_or_the_whole_coding_sequence() -> None:
    reporter = Construct("utr3", "GGA", "ATGCCCTAA", "TT*CC")
    codes = reporter.codes("acgu", "x")
    assert letters(codes) == "GGA" + "ATGCCCTAA" + "TT" + "ACGT" + "CC"
    assert coding_region(codes) == reporter.cds_span("acgu") == (3, 12)
    coding = Construct("cds", "", "*", "A")
    assert coding_region(coding.codes("CTGAAA", "x")) == (0, 6)
    for insert in ("ATGA", ""):
        with pytest.raises(InputError, match=f"x: the coding sequence has {len(insert)} nt"):
            coding.codes(insert, "x")


def test_families_share_consecutive_bases_also_through_others() -> None:
    inserts = ["AAAACCCCGGGG", "GGGGTTTTACAC", "CCGGGGTTTTAA", "ACACACACACAC", "ACG", "ACG"]
    assert families(inserts, 6).tolist() == [0, 0, 0, 3, 4, 5]
    assert families(inserts, 3).tolist() == [0, 0, 0, 0, 4, 4]
    assert families([], 6).tolist() == []
    mixed = [insert.lower() if number % 2 else insert.replace("T", "U") for number, insert in enumerate(inserts)]
    assert families(mixed, 6).tolist() == [0, 0, 0, 3, 4, 5]


def test_sequences_may_be_wrapped_and_rna() -> None:
    assert Construct("utr5", "gga\n", "AUGCCC\nUAA", "UU") == REPORTER


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"before": "GXQ"}, r"construct.before: position 3 is 'Q'"),
        ({"cds": "ATGCCCTA"}, r"cds has 8 nt, ATG…CTA; expected the reporter's whole"),
        ({"cds": "ATGCCCTTT"}, r"cds has 9 nt, ATG…TTT"),
        ({"cds": "ATGTAACCCTAA"}, r"ATG to its only stop codon"),
        ({"cds": "CCCCCCTAA"}, r"cds has 9 nt, CCC…TAA"),
        ({"cds": ""}, r"cds has 0 nt, nothing"),
        ({"before": "G*"}, r"expected one \*, in cds or in after"),
        ({"cds": "*", "after": "T*"}, r"expected one \*, in cds or in after"),
        ({"after": "T*T*"}, r"construct.after: position 3 is '\*'"),
    ],
)
def test_a_wrong_construct_is_one_line(change: dict[str, str], message: str) -> None:
    parts = {"insert": "utr5", "before": "GGA", "cds": "ATGCCCTAA", "after": "TT", **change}
    with pytest.raises(InputError, match=message):
        Construct(**parts)
