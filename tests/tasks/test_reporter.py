from pathlib import Path

import polars as pl
import pytest

from isoclr.errors import InputError
from isoclr.genomics.encoding import EXON_END, coding_region, letters
from isoclr.genomics.fasta import read_transcripts
from isoclr.tasks.reporter import Construct, insert_names, read_construct, write_fasta

REPORTER = Construct(insert="utr5", before="GGA", cds="ATGCCCTAA", after="TT")
SOURCE = Path("task.toml")


def test_an_mrna_has_its_insert_one_exon_and_the_reporters_cds() -> None:
    codes = REPORTER.codes("acgu", "x")
    assert letters(codes) == "GGA" + "ACGT" + "ATGCCCTAA" + "TT"
    assert coding_region(codes) == REPORTER.cds_span("acgu") == (7, 16)
    assert (codes & EXON_END).nonzero()[0].tolist() == [17]


def test_the_fasta_is_read_back_with_its_cds(tmp_path: Path) -> None:
    path = tmp_path / "mrnas.fa"
    write_fasta(path, ["a", "b"], ["", "ccccc"], REPORTER)
    read = read_transcripts(path)
    rows = read.table.select("transcript_id", "gene_id", "cds_start", "cds_end").rows()
    assert rows == [("a", "a", 3, 12), ("b", "b", 8, 17)]
    assert letters(read.codes[read.offsets[1] : read.offsets[2]]) == "GGACCCCCATGCCCTAATT"


def test_a_wrong_letter_of_an_insert_is_named_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="b: position 4 is 'J'"):
        write_fasta(tmp_path / "x.fa", ["a", "b"], ["AC", "JJ"], REPORTER)
    assert not list(tmp_path.iterdir())


def test_names_follow_the_lines_of_the_table() -> None:
    assert insert_names("mrl", pl.DataFrame({"line": [2, 100_000]})) == ["mrl-00002", "mrl-100000"]


def test_sequences_may_be_wrapped_and_rna() -> None:
    fields = {"insert": "utr5", "before": "gga\n", "cds": "AUGCCC\nUAA", "after": "UU"}
    assert read_construct(SOURCE, fields) == REPORTER


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"insert": 3}, r"task.toml: \[construct\] insert is 3, expected text: a column"),
        ({"after": None}, r"\[construct\] after is None, expected text: a sequence"),
        ({"poly_a": "AAA"}, r"\[construct\] has 'poly_a', expected insert, before, cds, after"),
        ({"before": "GXQ"}, r"\[construct\] before: position 3 is 'Q'"),
        ({"cds": "ATGCCCTA"}, r"cds has 8 nt, ATG…CTA; expected the reporter's whole"),
        ({"cds": "ATGCCCTTT"}, r"cds has 9 nt, ATG…TTT"),
        ({"cds": "ATGTAACCCTAA"}, r"ATG to its only stop codon"),
        ({"cds": "CCCCCCTAA"}, r"cds has 9 nt, CCC…TAA"),
        ({"cds": ""}, r"cds has 0 nt, nothing"),
    ],
)
def test_a_wrong_construct_is_one_line(change: dict[str, object], message: str) -> None:
    fields = {"insert": "utr5", "before": "GGA", "cds": "ATGCCCTAA", "after": "TT", **change}
    with pytest.raises(InputError, match=message):
        read_construct(SOURCE, fields)
