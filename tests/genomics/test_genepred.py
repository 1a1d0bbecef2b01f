"""BED12: blocks, the thick part, browser lines, and lines that are no BED12."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from isoclr.errors import InputError
from isoclr.genomics.genepred import genepred_columns, read_bed12, read_genepred, read_structures
from isoclr.genomics.transcript_models import Annotation

Write = Callable[..., Path]
LINE = "chr1 1000 1300 NM_1 0 - 1050 1210 0 2 100,100, 0,200,"


def test_bed12_blocks_and_cds(write: Write) -> None:
    row = read_bed12(write(LINE, tabs=True)).table.row(0, named=True)
    assert row["exon_starts"] == [1200, 1000]
    assert row["exon_lengths"] == [100, 100]
    assert (row["cds_start"], row["cds_end"]) == (90, 150)
    assert (row["transcript_id"], row["gene_id"], row["gene_symbol"]) == ("NM_1", "NM_1", "")


@pytest.mark.parametrize("thick", ["1000 1000", "1300 1300"])
def test_bed12_without_cds(write: Write, thick: str) -> None:
    row = read_bed12(write(LINE.replace("1050 1210", thick), tabs=True)).table.row(0, named=True)
    assert (row["cds_start"], row["cds_end"]) == (-1, -1)


def test_bed12_browser_track_and_comment_lines(write: Write) -> None:
    text = "browser position chr1\ntrack name=x\n#c\n" + LINE.replace(" ", "\t") + "\ntrack name=y\n"
    assert read_bed12(write(text, "a.bed.gz")).table.height == 1


def test_bed12_with_more_columns(write: Write) -> None:
    assert read_bed12(write(LINE + " x y", tabs=True)).table.height == 1


def test_bed12_duplicate_name(write: Write) -> None:
    annotation = read_bed12(write(LINE + "\n" + LINE.replace("chr1", "chr2"), tabs=True))
    assert annotation.table["chrom"].to_list() == ["chr1"]
    assert annotation.dropped == {"duplicate_id": 1}


def test_bed12_overlapping_blocks(write: Write) -> None:
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
def test_bed12_bad_lines(write: Write, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_bed12(write(text, tabs=True))


Rows = Callable[[Annotation], dict[str, dict[str, Any]]]

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
def test_genepred_layouts(write: Write, line: str, gene: str) -> None:
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
def test_genepred_exon_frames(write: Write, strand: str, frames: str, start: int) -> None:
    """Frame 1 means that one base of the codon is missing: two more are to be skipped."""
    line = EXT.replace("-", strand).replace("1,2,", frames)
    assert read_genepred(write(line, tabs=True)).table["cds_start"].to_list() == [start]


def test_genepred_frames_of_noncoding_exons(write: Write) -> None:
    line = "NM_1 chr1 + 0 300 210 240 2 0,200, 100,300, 0 ABC cmpl cmpl -1,2,"
    assert read_genepred(write(line, tabs=True)).table["cds_start"].to_list() == [111]


def test_genepred_without_cds(write: Write) -> None:
    line = "NR_1 chr1 + 0 300 300 300 1 0, 300,"
    row = read_genepred(write(line, tabs=True)).table.row(0, named=True)
    assert (row["cds_start"], row["cds_end"]) == (-1, -1)


def test_genepred_cds_end_in_an_intron(write: Write) -> None:
    annotation = read_genepred(write(CORE.replace("210", "150"), tabs=True))
    assert annotation.table["cds_end"].to_list() == [-1]
    assert annotation.dropped == {"cds_outside_exons": 1}


def test_genepred_duplicate_accession(write: Write) -> None:
    annotation = read_genepred(write(CORE + "\n" + CORE.replace("chr1", "chr2"), tabs=True))
    assert annotation.table["chrom"].to_list() == ["chr1"]
    assert annotation.dropped == {"duplicate_id": 1}


def test_genepred_ensembl_gene_in_name2(write: Write) -> None:
    row = read_genepred(write(EXT.replace("ABC", "ENSMUSG01.2"), tabs=True)).table.row(0, named=True)
    assert (row["gene_id"], row["gene_symbol"]) == ("ENSMUSG01.2", "")


def test_genepred_columns_of_a_bed_line() -> None:
    line = "chr1 0 300 NM_1 0 - 50 210 0 2 100,100, 0,200,"
    assert genepred_columns(line.split()) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CORE + "\n" + CORE.replace(" 2 ", " 3 "), "line 2: exonStarts is not .* list of 3 whole"),
        (CORE.replace("100,300,", "100,x,"), "line 1: exonEnds is not"),
        (CORE.replace("100,300,", "0,300,"), "line 1: an exon ends before it starts"),
        (CORE.replace("NM_1", ""), "line 1: no transcript_id"),
        (CORE + "\n\n" + CORE.replace("50", "5x"), "line 3: cdsStart is '5x', expected a whole number"),
        (CORE + "\nNM_2 chr1 -\n", "line 2: 3 tab-separated columns, expected 10"),
        ("#c\na b c\n", "line 2: not a genePred line"),
        ("# only comments\n", "no transcripts"),
    ],
)
def test_genepred_bad_lines(write: Write, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_genepred(write(text, tabs=True))


HEADER = "transcript_id\tutr5_len\tcds_len\tutr3_len\texon_lengths\n"


def one(write: Write, line: str, header: str = HEADER) -> dict[str, Any]:
    table = read_structures(write(header + line.replace(" ", "\t") + "\n", "a.tsv.gz")).table
    assert table.height == 1
    return table.row(0, named=True)


@pytest.mark.parametrize(
    ("line", "length", "cds", "exons"),
    [
        ("T.1 10 30 5 20,25", 45, (10, 40), [20, 25]),
        ("T.1 10 30 5 ", 45, (10, 40), None),
        ("T.1    20,25", 45, (-1, -1), [20, 25]),
        ("T.1 10 30  20,25", 45, (10, 40), [20, 25]),
        ("T.1 10 30  ", None, (10, 40), None),
        ("T.1  30 5 45", 45, (-1, -1), [45]),
        ("T.1 0 0 45 45", 45, (-1, -1), [45]),
        ("T.1    ", None, (-1, -1), None),
    ],
)
def test_structures(write: Write, line: str, length: int | None, cds: tuple[int, int], exons: list[int] | None) -> None:
    row = one(write, line)
    assert row["length"] == length
    assert (row["cds_start"], row["cds_end"]) == cds
    assert row["exon_lengths"] == exons
    assert row["exon_starts"] is None
    assert row["chrom"] is None
    assert row["strand"] is None
    assert (row["transcript_id"], row["gene_id"]) == ("T.1", "T.1")


def test_structures_exons_disagree_with_length(write: Write) -> None:
    annotation = read_structures(write(HEADER + "T\t10\t30\t5\t20,26\n"))
    row = annotation.table.row(0, named=True)
    assert (row["length"], row["exon_lengths"], row["cds_end"]) == (45, None, 40)
    assert annotation.dropped == {"exons_disagree_with_length": 1}


def test_structures_cds_beyond_the_exons(write: Write) -> None:
    annotation = read_structures(write(HEADER + "T\t10\t30\t\t39\n"))
    assert annotation.table["cds_end"].to_list() == [-1]
    assert annotation.dropped == {"cds_outside_exons": 1}


def test_structures_columns_by_name(write: Write) -> None:
    header = "gene_id\texon_lengths\tcds_len\tutr3_len\tutr5_len\ttranscript_id\tgene_symbol\n"
    row = one(write, "G.1 45 30 5 10 T ABC", header="# made by us\n" + header)
    assert (row["gene_id"], row["gene_symbol"], row["cds_start"]) == ("G.1", "ABC", 10)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("transcript_id\tcds_len\n", "line 1: no column utr5_len, expected transcript_id, utr5_len"),
        (HEADER + "T\t1\t2\t3\t6\nU\t-1\t2\t3\t\n", "line 3: utr5_len is '-1', expected a length"),
        (HEADER + "#\nT\t1\t2\t3\t6,x\n", "line 3: exon_lengths is '6,x', expected comma-separated"),
        (HEADER + "T\t1\t2\t3\t0,6\n", "line 2: exon_lengths is '0,6'"),
        (HEADER + "\t1\t2\t3\t6\n", "line 2: no transcript_id"),
        (HEADER + "T\t1\t2\n", "line 2: 3 tab-separated columns, expected 5"),
    ],
)
def test_structures_bad_lines(write: Write, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_structures(write(text))
