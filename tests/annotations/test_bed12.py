"""BED12: blocks, the thick part, browser lines, and lines that are no BED12."""

from collections.abc import Callable
from pathlib import Path

import pytest

from isoclr.annotations.bed12 import read_bed12
from isoclr.errors import InputError

Write = Callable[..., Path]
LINE = "chr1 1000 1300 NM_1 0 - 1050 1210 0 2 100,100, 0,200,"


def test_blocks_are_relative_to_the_start_and_the_thick_part_is_the_cds(write: Write) -> None:
    row = read_bed12(write(LINE, tabs=True)).table.row(0, named=True)
    assert row["exon_starts"] == [1200, 1000]
    assert row["exon_lengths"] == [100, 100]
    assert (row["cds_start"], row["cds_end"]) == (90, 150)
    assert (row["transcript_id"], row["gene_id"], row["gene_symbol"]) == ("NM_1", "NM_1", "")


@pytest.mark.parametrize("thick", ["1000 1000", "1300 1300"])
def test_an_empty_thick_part_is_no_cds(write: Write, thick: str) -> None:
    row = read_bed12(write(LINE.replace("1050 1210", thick), tabs=True)).table.row(0, named=True)
    assert (row["cds_start"], row["cds_end"]) == (-1, -1)


def test_browser_track_and_comment_lines_are_passed_over(write: Write) -> None:
    text = (
        "browser position chr1\ntrack name=x\n#c\n" + LINE.replace(" ", "\t") + "\ntrack name=y\n"
    )
    assert read_bed12(write(text, "a.bed.gz")).table.height == 1


def test_more_columns_than_twelve_are_not_used(write: Write) -> None:
    assert read_bed12(write(LINE + " x y", tabs=True)).table.height == 1


def test_the_same_name_twice_is_kept_once(write: Write) -> None:
    annotation = read_bed12(write(LINE + "\n" + LINE.replace("chr1", "chr2"), tabs=True))
    assert annotation.table["chrom"].to_list() == ["chr1"]
    assert annotation.dropped == {"duplicate_id": 1}


def test_overlapping_blocks_drop_the_transcript(write: Write) -> None:
    annotation = read_bed12(write(LINE.replace("100,100,", "201,100,"), tabs=True))
    assert annotation.dropped == {"overlapping_exons": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("chr1 0 9 a 0 +\n", r"line 1: BED with 6 columns, expected 12"),
        (LINE + "\n" + LINE.replace(" 2 ", " 1 "), "line 2: blockSizes is not .* list of 1 whole"),
        ("#\n" + LINE.replace("0,200,", "0,201,"), "line 2: a block ends beyond chromEnd 1300"),
        (LINE.replace("0,200,", "-1001,200,"), "line 1: an exon starts before 0"),
        (LINE.replace("1050", "."), "line 1: thickStart is '.', expected a whole number"),
    ],
)
def test_bad_lines_are_named(write: Write, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_bed12(write(text, tabs=True))
