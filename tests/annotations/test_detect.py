"""The format is found by what the lines look like; the name helps only where they leave it open."""

from collections.abc import Callable
from pathlib import Path

import pytest

from isoclr.annotations.detect import detect_format
from isoclr.errors import InputError

Write = Callable[..., Path]
NINE = "chr1\tx\texon\t1\t9\t.\t+\t.\t"


@pytest.mark.parametrize("name", ["a.gtf", "a.txt.gz", "a.gff3", "a.bed"])
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (NINE + 'gene_id "G"; transcript_id "T=1";', "gtf"),
        (NINE + "Parent=T", "gff3"),
        ("NM_1\tchr1\t+\t0\t9\t0\t9\t1\t0,\t9,", "genepred"),
        ("7\tNM_1\tchr1\t+\t0\t9\t0\t9\t1\t0,\t9,", "genepred"),
        ("ABC\tNM_1\tchr1\t+\t0\t9\t0\t9\t1\t0,\t9,", "genepred"),
        ("chr1\t0\t9\tT\t0\t+\t0\t9\t0\t1\t9,\t0,", "bed12"),
        ("transcript_id\tutr5_len\tcds_len\tutr3_len\texon_lengths", "structures"),
    ],
)
def test_content_decides_whatever_the_name(
    write: Write, name: str, line: str, expected: str
) -> None:
    assert detect_format(write("# a comment\n" * 5 + line + "\n", name)) == expected


def test_the_name_decides_between_lines_without_attributes(write: Write) -> None:
    assert detect_format(write(NINE + ".\n", "a.gff3.gz")) == "gff3"
    assert detect_format(write(NINE + ".\n" + NINE + "ID=x\n", "a.gtf")) == "gff3"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("chr1\t0\t9\tT\t0\t+\n", "line 1: BED with 6 columns, expected BED12"),
        ("#c\n>chr1\nACGT\n", "line 2: a FASTA header"),
        ("a b c\n", "line 1: 1 tab-separated columns, expected GTF or GFF3"),
        (NINE + ".\n", "line 1: 9 columns without attributes"),
        ("# nothing\n", "no data lines"),
        ("", "the file is empty"),
        ("a\0b", "binary data"),
    ],
)
def test_what_is_no_annotation_is_refused(write: Write, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        detect_format(write(text, "a.txt"))
