"""GTF: what each trap of the format does to exons, CDS and names."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from isoclr.annotations import Annotation
from isoclr.annotations.gtf import read_gtf
from isoclr.errors import InputError

Rows = Callable[[Annotation], dict[str, dict[str, Any]]]
Write = Callable[..., Path]
NAMES = 'gene_id "G"; transcript_id "T";'


def gtf(*parts: str, strand: str = "+", names: str = NAMES, chrom: str = "chr1") -> str:
    """Lines from parts such as ``exon 1 100`` or ``CDS 11 50 2`` (feature, start, end, frame)."""
    lines = []
    for part in parts:
        feature, start, end, *frame = part.split()
        cells = [chrom, "test", feature, start, end, ".", strand, *(frame or ["."]), names]
        lines.append("\t".join(cells) + "\n")
    return "".join(lines)


@pytest.fixture
def one(write: Write) -> Callable[..., dict[str, Any]]:
    """The only row of a GTF of these parts."""

    def read(*parts: str, **options: str) -> dict[str, Any]:
        table = read_gtf(write(gtf(*parts, **options))).table
        assert table.height == 1
        return table.row(0, named=True)

    return read


One = Callable[..., dict[str, Any]]


def test_exons_are_zero_based_and_in_order_whatever_the_order_of_lines(one: One) -> None:
    row = one("exon 301 400", "CDS 301 309 0", "exon 1 100", "exon 201 210")
    assert row["exon_starts"] == [0, 200, 300]
    assert row["exon_lengths"] == [100, 10, 100]
    assert row["length"] == 210
    assert (row["cds_start"], row["cds_end"]) == (110, 119)


def test_exons_of_the_minus_strand_run_from_5_to_3_prime(one: One) -> None:
    row = one("exon 1 100", "exon 201 230", "CDS 50 100 0", "CDS 201 210 0", strand="-")
    assert row["exon_starts"] == [200, 0]
    assert row["exon_lengths"] == [30, 100]
    assert (row["cds_start"], row["cds_end"]) == (20, 81)


@pytest.mark.parametrize(
    ("strand", "cds", "stop", "expected"),
    [
        ("+", "11 40", "41 43", (10, 43)),
        ("-", "44 73", "41 43", (27, 60)),
    ],
)
def test_the_stop_codon_is_added_to_the_cds(
    one: One, strand: str, cds: str, stop: str, expected: tuple[int, int]
) -> None:
    row = one("exon 1 100", f"CDS {cds} 0", f"stop_codon {stop} 0", strand=strand)
    assert (row["cds_start"], row["cds_end"]) == expected


def test_a_stop_codon_split_by_an_intron_is_added_whole(one: One) -> None:
    row = one(
        "exon 1 41", "exon 101 150", "CDS 12 40 0", "stop_codon 41 41 0", "stop_codon 101 102 2"
    )
    assert (row["cds_start"], row["cds_end"]) == (11, 43)


def test_a_stop_codon_in_an_exon_of_its_own_is_added(one: One) -> None:
    row = one("exon 1 40", "exon 101 150", "CDS 11 40 0", "stop_codon 101 103 0")
    assert (row["cds_start"], row["cds_end"]) == (10, 43)


def test_a_cds_that_includes_the_stop_codon_stays_as_it_is(one: One) -> None:
    row = one("exon 1 100", "CDS 11 43 0", "stop_codon 41 43 0")
    assert (row["cds_start"], row["cds_end"]) == (10, 43)


@pytest.mark.parametrize(("strand", "expected"), [("+", (12, 43)), ("-", (59, 90))])
def test_the_frame_of_the_first_cds_piece_moves_the_start(
    one: One, strand: str, expected: tuple[int, int]
) -> None:
    """Only the piece at the transcript's 5' end counts, which lies at the highest coordinate on the minus strand."""
    low, high = ("2", "1") if strand == "+" else ("1", "2")
    row = one("exon 1 100", f"CDS 11 20 {low}", f"CDS 21 43 {high}", strand=strand)
    assert (row["cds_start"], row["cds_end"]) == expected


def test_a_cds_that_is_no_multiple_of_three_is_kept(one: One) -> None:
    row = one("exon 1 100", "CDS 1 100 0")
    assert (row["cds_start"], row["cds_end"]) == (0, 100)


def test_abutting_exons_stay_two_exons_and_may_share_a_cds_line(one: One) -> None:
    row = one("exon 1 50", "exon 51 100", "CDS 41 60 0")
    assert row["exon_lengths"] == [50, 50]
    assert (row["cds_start"], row["cds_end"]) == (40, 60)


def test_exons_are_the_union_of_cds_and_utr_where_none_are_written(one: One) -> None:
    row = one(
        "five_prime_utr 1 10",
        "CDS 11 40 0",
        "CDS 101 120 0",
        "stop_codon 121 123 0",
        "3UTR 124 150",
    )
    assert row["exon_starts"] == [0, 100]
    assert row["exon_lengths"] == [40, 50]
    assert (row["cds_start"], row["cds_end"]) == (10, 63)


def test_a_transcript_without_cds_has_none(one: One) -> None:
    row = one("transcript 1 100", "exon 1 100")
    assert (row["cds_start"], row["cds_end"]) == (-1, -1)


def test_repeated_tags_and_semicolons_in_quotes_do_no_harm(one: One) -> None:
    names = (
        'gene_id "G;1"; transcript_id "T.3"; tag "basic"; note "a; gene_name b; c"; gene_name "HLA;A";'
        ' gene_type "lncRNA"; transcript_type "retained_intron"; tag "CCDS";'
    )
    row = one("exon 1 9", names=names)
    assert row["transcript_id"] == "T.3"
    assert row["gene_id"] == "G;1"
    assert row["gene_symbol"] == "HLA;A"
    assert row["biotype"] == "retained_intron"


def test_keys_that_end_alike_are_not_mistaken(one: One) -> None:
    row = one(
        "exon 1 9", names='ref_gene_id "R"; gene_id "G"; oId_transcript_id "X"; transcript_id "T";'
    )
    assert (row["transcript_id"], row["gene_id"]) == ("T", "G")


def test_unquoted_values_are_read(one: One) -> None:
    row = one("exon 1 9", names="gene_id G1; transcript_id T1")
    assert (row["transcript_id"], row["gene_id"]) == ("T1", "G1")


def test_the_versions_that_ensembl_writes_apart_are_appended(one: One) -> None:
    names = 'gene_id "ENSG1"; gene_version "5"; transcript_id "ENST1"; transcript_version "2"; gene_biotype "x";'
    row = one("exon 1 9", names=names)
    assert (row["transcript_id"], row["gene_id"], row["biotype"]) == ("ENST1.2", "ENSG1.5", "x")


def test_a_version_that_is_there_already_is_not_repeated(one: One) -> None:
    row = one("exon 1 9", names='gene_id "G.5"; transcript_id "T.2"; transcript_version "2";')
    assert row["transcript_id"] == "T.2"


def test_par_genes_of_gencode_are_their_own_transcripts(write: Write, rows: Rows) -> None:
    y = 'gene_id "G.5_PAR_Y"; transcript_id "T.2_PAR_Y";'
    text = gtf("exon 1 9", names='gene_id "G.5"; transcript_id "T.2";', chrom="chrX")
    annotation = read_gtf(write(text + gtf("exon 1 9", names=y, chrom="chrY")))
    assert [row["gene_id"] for row in rows(annotation).values()] == ["G.5", "G.5_PAR_Y"]
    assert not annotation.dropped


def test_the_ncbi_gene_number_is_the_gene_id_of_refseq(one: One) -> None:
    names = (
        'gene_id "TP53"; transcript_id "NM_1.2"; db_xref "GenBank:NM_1.2"; db_xref "GeneID:7157";'
        ' gene "TP53"; transcript_biotype "mRNA";'
    )
    row = one("exon 1 9", names=names)
    assert (row["gene_id"], row["gene_symbol"], row["biotype"]) == ("7157", "TP53", "mRNA")


def test_names_on_the_transcript_line_alone_are_found(write: Write) -> None:
    text = gtf("exon 1 9") + gtf("transcript 1 9", names=NAMES + ' gene_name "ABC";')
    assert read_gtf(write(text)).table["gene_symbol"].to_list() == ["ABC"]


def test_what_is_no_sound_transcript_is_dropped_and_counted(write: Write) -> None:
    def transcript(name: str) -> str:
        return f'gene_id "G"; transcript_id "{name}";'

    text = (
        gtf("exon 1 9", names=transcript("strands"))
        + gtf("exon 21 29", names=transcript("strands"), strand="-")
        + gtf("exon 1 9", names=transcript("chromosomes"))
        + gtf("exon 21 29", names=transcript("chromosomes"), chrom="chr2")
        + gtf("exon 1 9", names=transcript("strandless"), strand=".")
        + gtf("exon 1 9", "exon 9 29", names=transcript("overlap"))
        + gtf("transcript 1 9", names=transcript("empty"))
        + gtf("exon 1 9", names=transcript("good"))
    )
    annotation = read_gtf(write(text))
    assert annotation.table["transcript_id"].to_list() == ["good"]
    assert annotation.dropped == {
        "two_strands": 1,
        "two_chromosomes": 1,
        "no_strand": 1,
        "overlapping_exons": 1,
        "no_exons": 1,
    }


def test_comments_crlf_and_blank_lines_are_passed_over(write: Write) -> None:
    text = "#!genome\n\n" + gtf("exon 1 9") + "\n# end\n"
    row = read_gtf(write(text.replace("\n", "\r\n"), "a.gtf.gz")).table.row(0, named=True)
    assert (row["transcript_id"], row["length"]) == ("T", 9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            gtf("exon 1 9") + "#c\n" + gtf("exon 0 9"),
            r"line 3: interval 0-9, expected 1 ≤ start ≤ end",
        ),
        (gtf("exon 9 1"), r"line 1: interval 9-1"),
        (gtf("exon 1 9") + gtf("exon 1 9 7"), r"line 2: phase is '7'"),
        (gtf("exon 1 9", names='gene_id "G";'), r"line 1: no transcript_id attribute"),
        ("#c\n" + gtf("gene 1 x"), r"line 2: end is 'x', expected a whole number"),
        (gtf("exon 1 9") + "\nchr1\tx\n", r"line 3: 2 tab-separated columns, expected 9"),
        (gtf("exon 1 9")[:-1] + "\tmore\n", r"line 1: 10 tab-separated columns, expected 9"),
        ("", "the file is empty"),
    ],
)
def test_bad_lines_are_named(write: Write, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_gtf(write(text))
