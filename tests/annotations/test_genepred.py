"""genePred and its relatives: columns in every layout, frames, and what UCSC tables repeat."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from isoclr.annotations import Annotation
from isoclr.annotations.genepred import layout, read_genepred
from isoclr.errors import InputError

Rows = Callable[[Annotation], dict[str, dict[str, Any]]]
Write = Callable[..., Path]

CORE = "NM_1 chr1 - 0 300 50 210 2 0,200, 100,300,"
EXT = CORE + " 0 ABC cmpl cmpl 1,2,"


@pytest.mark.parametrize(
    ("line", "gene"),
    [
        (CORE, "NM_1"),
        ("585 " + CORE, "NM_1"),
        ("ABC " + CORE, "ABC"),
        (EXT, "ABC"),
        ("585 " + EXT, "ABC"),
        (CORE + " P12345 uc001", "NM_1"),
        (EXT.replace("ABC", "none"), "NM_1"),
    ],
)
def test_every_layout_gives_the_same_transcript(write: Write, line: str, gene: str) -> None:
    row = read_genepred(write("#name\n" + line + "\n", "a.txt", tabs=True)).table.row(0, named=True)
    assert (row["transcript_id"], row["gene_id"]) == ("NM_1", gene)
    assert row["exon_starts"] == [200, 0]
    assert row["exon_lengths"] == [100, 100]
    assert row["cds_end"] == 150
    assert row["gene_symbol"] == ("ABC" if gene == "ABC" else "")


@pytest.mark.parametrize(
    ("strand", "frames", "start"),
    [("-", "1,2,", 91), ("-", "2,1,", 92), ("-", "1,0,", 90), ("+", "1,0,", 52), ("+", "2,0,", 51)],
)
def test_the_frame_of_the_first_coding_exon_moves_the_start(
    write: Write, strand: str, frames: str, start: int
) -> None:
    """Frame 1 means that one base of the codon is missing: two more are to be skipped."""
    line = EXT.replace("-", strand).replace("1,2,", frames)
    assert read_genepred(write(line, tabs=True)).table["cds_start"].to_list() == [start]


def test_frames_of_exons_without_cds_do_not_count(write: Write) -> None:
    line = "NM_1 chr1 + 0 300 210 240 2 0,200, 100,300, 0 ABC cmpl cmpl -1,2,"
    assert read_genepred(write(line, tabs=True)).table["cds_start"].to_list() == [111]


def test_an_empty_cds_is_none(write: Write) -> None:
    line = "NR_1 chr1 + 0 300 300 300 1 0, 300,"
    row = read_genepred(write(line, tabs=True)).table.row(0, named=True)
    assert (row["cds_start"], row["cds_end"]) == (-1, -1)


def test_a_cds_end_in_an_intron_drops_the_cds_and_keeps_the_transcript(write: Write) -> None:
    annotation = read_genepred(write(CORE.replace("210", "150"), tabs=True))
    assert annotation.table["cds_end"].to_list() == [-1]
    assert annotation.dropped == {"cds_outside_exons": 1}


def test_an_accession_mapped_twice_is_kept_once(write: Write) -> None:
    annotation = read_genepred(write(CORE + "\n" + CORE.replace("chr1", "chr2"), tabs=True))
    assert annotation.table["chrom"].to_list() == ["chr1"]
    assert annotation.dropped == {"duplicate_id": 1}


def test_an_ensembl_gene_in_name2_is_no_symbol(write: Write) -> None:
    row = read_genepred(write(EXT.replace("ABC", "ENSMUSG01.2"), tabs=True)).table.row(
        0, named=True
    )
    assert (row["gene_id"], row["gene_symbol"]) == ("ENSMUSG01.2", "")


def test_a_bed_line_is_no_gene_prediction() -> None:
    line = "chr1 0 300 NM_1 0 - 50 210 0 2 100,100, 0,200,"
    assert layout(line.split()) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CORE + "\n" + CORE.replace(" 2 ", " 3 "), "line 2: exonStarts is not .* list of 3 whole"),
        (CORE.replace("100,300,", "100,x,"), "line 1: exonEnds is not"),
        (CORE.replace("100,300,", "0,300,"), "line 1: an exon ends before it starts"),
        (
            CORE + "\n\n" + CORE.replace("50", "5x"),
            "line 3: cdsStart is '5x', expected a whole number",
        ),
        (CORE + "\nNM_2 chr1 -\n", "line 2: 3 tab-separated columns, expected 10"),
        ("#c\na b c\n", "line 2: not a genePred line"),
        ("# only comments\n", "no transcripts"),
    ],
)
def test_bad_lines_are_named(write: Write, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_genepred(write(text, tabs=True))
