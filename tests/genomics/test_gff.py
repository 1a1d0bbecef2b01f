"""Parts of transcripts, as GTF and GFF3 give them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from isoclr.errors import InputError
from isoclr.genomics.gff import merge_parts, read_gff3, read_gtf
from isoclr.genomics.transcript_models import Annotation


def test_merge_parts() -> None:
    rows = [(0, 10, 20), (0, 0, 10), (0, 12, 15), (0, 30, 40), (1, 35, 50), (1, 40, 45), (1, 48, 60)]
    pieces = pl.DataFrame(rows, ["tx", "start", "end"], orient="row")
    pieces = pieces.with_columns(chrom=pl.lit("1"), strand=pl.lit("+"))
    assert merge_parts(pieces).select("tx", "start", "end").rows() == [(0, 0, 20), (0, 30, 40), (1, 35, 60)]


Rows = Callable[[Annotation], dict[str, dict[str, Any]]]
Write = Callable[..., Path]


def gff(*lines: str, strand: str = "+", chrom: str = "I") -> str:
    """Lines from ``feature start end [phase] attributes``, separated by spaces."""
    out = []
    for line in lines:
        feature, start, end, *phase, attributes = line.split()
        cells = [chrom, "src", feature, start, end, ".", strand, *(phase or ["."]), attributes]
        out.append("\t".join(cells) + "\n")
    return "".join(out)


@pytest.fixture
def read(write: Write, rows: Rows) -> Callable[[str], dict[str, dict[str, Any]]]:
    return lambda text: rows(read_gff3(write(text, "a.gff3")))


Read = Callable[[str], dict[str, dict[str, Any]]]


def test_gff3_several_parents(read: Read) -> None:
    text = gff(
        "exon 1 50 Parent=T1,T2",
        "CDS 11 43 0 ID=C;Parent=T1,T2,T1-Protein",
        "exon 101 120 Parent=T2",
        "mRNA 1 50 ID=T1;Parent=G",
        "protein 11 43 ID=T1-Protein;Derives_from=T1",
        "mRNA 1 120 ID=T2;Parent=G",
        "gene 1 120 ID=G;Name=abc-1",
    )
    rows = read("##gff-version 3\n" + text)
    assert list(rows) == ["T1", "T2"]
    assert rows["T2"]["exon_lengths"] == [50, 20]
    assert {(row["cds_start"], row["cds_end"]) for row in rows.values()} == {(10, 43)}
    assert {(row["gene_id"], row["gene_symbol"]) for row in rows.values()} == {("G", "abc-1")}
    assert {row["biotype"] for row in rows.values()} == {"mRNA"}


def test_gff3_stop_codon(read: Read) -> None:
    text = gff("mRNA 1 99 ID=T", "exon 1 99 Parent=T", "CDS 11 43 0 Parent=T")
    assert read(text)["T"]["cds_end"] == 43
    assert read(text + gff("stop_codon 41 43 0 Parent=T"))["T"]["cds_end"] == 43


@pytest.mark.parametrize(("strand", "expected"), [("+", (12, 43)), ("-", (58, 90))])
def test_gff3_phase(read: Read, strand: str, expected: tuple[int, int]) -> None:
    lines = ("mRNA 1 100 ID=T", "exon 1 100 Parent=T", "CDS 11 20 2 Parent=T", "CDS 21 43 1 Parent=T")
    row = read(gff(*lines, strand=strand))["T"]
    assert (row["cds_start"], row["cds_end"]) == expected


def test_gff3_refseq_ids(read: Read) -> None:
    text = gff(
        "gene 1 99 ID=gene-TP53;Dbxref=GeneID:7157,HGNC:HGNC:11998;gene=TP53;gene_biotype=protein_coding",
        "mRNA 1 99 ID=rna-NM_1.2-2;Parent=gene-TP53;Dbxref=GeneID:7157;gene=TP53;transcript_id=NM_1.2",
        "exon 1 99 ID=exon-1;Parent=rna-NM_1.2-2;transcript_id=NM_1.2",
        "tRNA 1 99 ID=rna-TRNF;Parent=gene-TP53",
        "exon 1 99 Parent=rna-TRNF",
    )
    rows = read(text)
    assert list(rows) == ["NM_1.2", "TRNF"]
    assert {(row["gene_id"], row["gene_symbol"]) for row in rows.values()} == {("7157", "TP53")}


def test_gff3_duplicate_accession(write: Write) -> None:
    text = "".join(
        gff(f"mRNA 1 99 ID=rna-N{i};transcript_id=NM_1.2", f"exon 1 99 Parent=rna-N{i}", chrom=chrom)
        for i, chrom in enumerate("XY")
    )
    annotation = read_gff3(write(text))
    assert annotation.table["chrom"].to_list() == ["X"]
    assert annotation.dropped == {"duplicate_id": 1}


def test_gff3_gene_with_cds_without_transcript(read: Read) -> None:
    text = gff(
        "gene 1 30 ID=gene-ND1;Dbxref=GeneID:4535;gene=ND1;gene_biotype=protein_coding",
        "CDS 1 30 0 ID=cds-ND1;Parent=gene-ND1",
        "pseudogene 50 60 ID=gene-P;gene=P",
        "exon 50 60 Parent=gene-P",
    )
    rows = read(text)
    assert list(rows) == ["ND1"]
    assert rows["ND1"]["gene_id"] == "4535"
    assert rows["ND1"]["exon_lengths"] == [30]
    assert (rows["ND1"]["cds_start"], rows["ND1"]["cds_end"]) == (0, 30)
    assert rows["ND1"]["biotype"] == "protein_coding"


def test_gff3_cds_with_gene_as_parent(read: Read) -> None:
    text = gff("gene 1 30 ID=G", "mRNA 1 30 ID=T;Parent=G", "exon 1 30 Parent=T", "CDS 1 30 0 Parent=G,T")
    assert list(read(text)) == ["T"]


def test_gff3_mirna_in_its_precursor(read: Read) -> None:
    text = gff(
        "gene 1 90 ID=G",
        "primary_transcript 1 90 ID=P;Parent=G",
        "exon 1 90 Parent=P",
        "miRNA 1 20 ID=M;Parent=P",
        "exon 1 20 Parent=M",
    )
    assert {row["gene_id"] for row in read(text).values()} == {"G"}


def test_gff3_ensembl_ids(read: Read) -> None:
    text = gff(
        "gene 1 9 ID=gene:ENSG1;Name=ABC;biotype=protein_coding;gene_id=ENSG1;version=5",
        "mRNA 1 9 ID=transcript:ENST1;Parent=gene:ENSG1;biotype=protein_coding;transcript_id=ENST1;version=2",
        "exon 1 9 Parent=transcript:ENST1;version=1",
    )
    row = read(text)["ENST1.2"]
    assert (row["gene_id"], row["gene_symbol"], row["biotype"]) == ("ENSG1.5", "ABC", "protein_coding")


def test_gff3_gencode_ids(read: Read) -> None:
    text = gff(
        "gene 1 9 ID=ENSG1.5;gene_id=ENSG1.5;gene_type=protein_coding;gene_name=ABC",
        "transcript 1 9 ID=ENST1.2;Parent=ENSG1.5;gene_id=ENSG1.5;transcript_id=ENST1.2;"
        "gene_type=protein_coding;gene_name=ABC;transcript_type=retained_intron",
        "exon 1 9 ID=exon:ENST1.2:1;Parent=ENST1.2;transcript_type=retained_intron",
    )
    row = read(text)["ENST1.2"]
    assert (row["gene_id"], row["gene_symbol"], row["biotype"]) == ("ENSG1.5", "ABC", "retained_intron")


def test_gff3_wormbase(read: Read) -> None:
    text = gff(
        "transcript_region 1 9 Name=reads",
        "intron 1 9 Name=x",
        "gene 1 9 ID=Gene:WBGene1;Name=WBGene1;sequence_name=Y74C9A.3;locus=homt-1",
        "gene 20 29 ID=Gene:WBGene2;Name=WBGene2;sequence_name=Y74C9A.6",
        "mRNA 1 9 ID=Transcript:Y74C9A.3.1;Parent=Gene:WBGene1",
        "snoRNA 20 29 ID=Transcript:Y74C9A.6;Parent=Gene:WBGene2",
        "exon 1 9 Parent=Transcript:Y74C9A.3.1",
        "exon 20 29 Parent=Transcript:Y74C9A.6",
    )
    rows = read(text)
    assert [row["gene_symbol"] for row in rows.values()] == ["homt-1", "Y74C9A.6"]
    assert [row["gene_id"] for row in rows.values()] == ["WBGene1", "WBGene2"]
    assert rows["Y74C9A.6"]["biotype"] == "snoRNA"


def test_gff3_flybase(read: Read) -> None:
    text = gff(
        "gene 1 9 ID=FBgn1;Name=l(2)gl;Dbxref=FlyBase:FBan1,EntrezGene:33155",
        "mRNA 1 9 ID=FBtr1;Parent=FBgn1",
        "exon 1 9 Parent=FBtr1",
    )
    assert (read(text)["FBtr1"]["gene_id"], read(text)["FBtr1"]["gene_symbol"]) == ("FBgn1", "l(2)gl")


def test_gff3_escapes(read: Read) -> None:
    text = gff("gene 1 9 ID=G;Name=a%2Cb%3B", "mRNA 1 9 ID=T%2C1;Parent=G", "exon 1 9 Parent=T%2C1")
    assert read(text)["T,1"]["gene_symbol"] == "a,b;"


def test_gff3_without_exons(read: Read) -> None:
    text = gff(
        "mRNA 1 150 ID=T",
        "five_prime_UTR 1 10 Parent=T",
        "CDS 11 40 0 Parent=T",
        "CDS 101 120 0 Parent=T",
        "three_prime_UTR 121 150 Parent=T",
    )
    row = read(text)["T"]
    assert row["exon_lengths"] == [40, 50]
    assert (row["cds_start"], row["cds_end"]) == (10, 60)


@pytest.mark.parametrize("mark", ["##FASTA\n>I\nACGT\n", ">I\nACGT\n"])
def test_gff3_with_fasta(read: Read, mark: str) -> None:
    text = gff("mRNA 1 9 ID=T", "exon 1 9 Parent=T")
    assert list(read(text + mark)) == ["T"]


def test_gff3_trans_splicing(write: Write) -> None:
    text = gff("mRNA 1 9 ID=T", "exon 1 9 Parent=T") + gff("exon 20 29 Parent=T", strand="-")
    assert read_gff3(write(text)).dropped == {"two_strands": 1}


def test_gff3_orphan_exons(write: Write) -> None:
    text = gff("mRNA 1 9 ID=T", "exon 1 9 Parent=T", "exon 1 9 Parent=U,V", "exon 20 29 Parent=U")
    assert read_gff3(write(text)).dropped == {"no_transcript_line": 2}


def test_gff3_bad_line(write: Write) -> None:
    text = gff("mRNA 1 9 ID=T") + "\n###\n" + gff("exon 9 1 Parent=T")
    with pytest.raises(InputError, match=r"a\.gff3: line 4: interval 9-1"):
        read_gff3(write(text, "a.gff3"))


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


def test_gtf_exons(one: One) -> None:
    row = one("exon 301 400", "CDS 301 309 0", "exon 1 100", "exon 201 210")
    assert row["exon_starts"] == [0, 200, 300]
    assert row["exon_lengths"] == [100, 10, 100]
    assert row["length"] == 210
    assert (row["cds_start"], row["cds_end"]) == (110, 119)


def test_gtf_minus_strand(one: One) -> None:
    row = one("exon 1 100", "exon 201 230", "CDS 50 100 0", "CDS 201 210 0", strand="-")
    assert row["exon_starts"] == [200, 0]
    assert row["exon_lengths"] == [30, 100]
    assert (row["cds_start"], row["cds_end"]) == (20, 81)


@pytest.mark.parametrize(
    ("strand", "cds", "stop", "expected"), [("+", "11 40", "41 43", (10, 43)), ("-", "44 73", "41 43", (27, 60))]
)
def test_gtf_stop_codon(one: One, strand: str, cds: str, stop: str, expected: tuple[int, int]) -> None:
    row = one("exon 1 100", f"CDS {cds} 0", f"stop_codon {stop} 0", strand=strand)
    assert (row["cds_start"], row["cds_end"]) == expected


def test_gtf_split_stop_codon(one: One) -> None:
    row = one("exon 1 41", "exon 101 150", "CDS 12 40 0", "stop_codon 41 41 0", "stop_codon 101 102 2")
    assert (row["cds_start"], row["cds_end"]) == (11, 43)


def test_gtf_stop_codon_in_its_own_exon(one: One) -> None:
    row = one("exon 1 40", "exon 101 150", "CDS 11 40 0", "stop_codon 101 103 0")
    assert (row["cds_start"], row["cds_end"]) == (10, 43)


def test_gtf_cds_with_stop_codon(one: One) -> None:
    row = one("exon 1 100", "CDS 11 43 0", "stop_codon 41 43 0")
    assert (row["cds_start"], row["cds_end"]) == (10, 43)


@pytest.mark.parametrize(("strand", "expected"), [("+", (12, 43)), ("-", (59, 90))])
def test_gtf_frame(one: One, strand: str, expected: tuple[int, int]) -> None:
    """Only the piece at the transcript's 5' end counts, which lies at the highest coordinate on the minus strand."""
    low, high = ("2", "1") if strand == "+" else ("1", "2")
    row = one("exon 1 100", f"CDS 11 20 {low}", f"CDS 21 43 {high}", strand=strand)
    assert (row["cds_start"], row["cds_end"]) == expected


def test_gtf_incomplete_cds(one: One) -> None:
    row = one("exon 1 100", "CDS 1 100 0")
    assert (row["cds_start"], row["cds_end"]) == (0, 100)


def test_gtf_abutting_exons(one: One) -> None:
    row = one("exon 1 50", "exon 51 100", "CDS 41 60 0")
    assert row["exon_lengths"] == [50, 50]
    assert (row["cds_start"], row["cds_end"]) == (40, 60)


def test_gtf_without_exons(one: One) -> None:
    row = one("five_prime_utr 1 10", "CDS 11 40 0", "CDS 101 120 0", "stop_codon 121 123 0", "3UTR 124 150")
    assert row["exon_starts"] == [0, 100]
    assert row["exon_lengths"] == [40, 50]
    assert (row["cds_start"], row["cds_end"]) == (10, 63)


def test_gtf_without_cds(one: One) -> None:
    row = one("transcript 1 100", "exon 1 100")
    assert (row["cds_start"], row["cds_end"]) == (-1, -1)


def test_gtf_repeated_tags_and_semicolons(one: One) -> None:
    names = (
        'gene_id "G;1"; transcript_id "T.3"; tag "basic"; note "a; gene_name b; c"; gene_name "HLA;A";'
        ' gene_type "lncRNA"; transcript_type "retained_intron"; tag "CCDS";'
    )
    row = one("exon 1 9", names=names)
    assert row["transcript_id"] == "T.3"
    assert row["gene_id"] == "G;1"
    assert row["gene_symbol"] == "HLA;A"
    assert row["biotype"] == "retained_intron"


TAGS = ["MANE_Select", "MANE Select", "Ensembl_canonical", "RefSeq Select"]


@pytest.mark.parametrize("tag", TAGS)
def test_canonical_transcript_of_a_gtf(one: One, tag: str) -> None:
    names = 'gene_id "G"; transcript_id "T"; tag "basic";'
    assert one("transcript 1 9", "exon 1 9", names=f'{names} tag "{tag}";')["canonical"]
    assert not one("transcript 1 9", "exon 1 9", names=names)["canonical"]
    assert not one("exon 1 9", names=f'{names} tag "MANE_Plus_Clinical"; note "{tag}";')["canonical"]


@pytest.mark.parametrize("tagged", ["transcript", "exon"])
def test_canonical_by_any_line_of_a_gtf(write: Write, rows: Rows, tagged: str) -> None:
    names = 'gene_id "G"; transcript_id "T";'
    tags = {tagged: ' tag "MANE_Select";'}
    lines = [f"1\tx\t{one}\t1\t9\t.\t+\t.\t{names}{tags.get(one, '')}\n" for one in ("transcript", "exon")]
    assert rows(read_gtf(write("".join(lines), "a.gtf")))["T"]["canonical"]


@pytest.mark.parametrize("tag", TAGS)
def test_canonical_transcripts_of_a_gff3(read: Read, tag: str) -> None:
    transcripts = [
        f"mRNA 1 9 ID={name};Parent=G;tag={tags}"
        for name, tags in (
            ("a", f"basic,{tag.replace(' ', '~')},CCDS"),
            ("b", tag.replace(" ", "~")),
            ("c", "basic,MANE_Plus_Clinical"),
            ("d", "basic"),
        )
    ]
    exons = [f"exon 1 9 Parent={name}" for name in "abcd"]
    text = gff("gene 1 9 ID=G", *transcripts, *exons).replace("~", " ")
    assert [read(text)[name]["canonical"] for name in "abcd"] == [True, True, False, False]


def test_gtf_keys_with_a_common_suffix(one: One) -> None:
    row = one("exon 1 9", names='ref_gene_id "R"; gene_id "G"; oId_transcript_id "X"; transcript_id "T";')
    assert (row["transcript_id"], row["gene_id"]) == ("T", "G")


def test_gtf_unquoted_values(one: One) -> None:
    row = one("exon 1 9", names="gene_id G1; transcript_id T1")
    assert (row["transcript_id"], row["gene_id"]) == ("T1", "G1")


def test_gtf_version_attributes(one: One) -> None:
    names = 'gene_id "ENSG1"; gene_version "5"; transcript_id "ENST1"; transcript_version "2"; gene_biotype "x";'
    row = one("exon 1 9", names=names)
    assert (row["transcript_id"], row["gene_id"], row["biotype"]) == ("ENST1.2", "ENSG1.5", "x")


def test_gtf_version_in_the_id(one: One) -> None:
    row = one("exon 1 9", names='gene_id "G.5"; transcript_id "T.2"; transcript_version "2";')
    assert row["transcript_id"] == "T.2"


def test_gtf_par_genes(write: Write, rows: Rows) -> None:
    y = 'gene_id "G.5_PAR_Y"; transcript_id "T.2_PAR_Y";'
    text = gtf("exon 1 9", names='gene_id "G.5"; transcript_id "T.2";', chrom="chrX")
    annotation = read_gtf(write(text + gtf("exon 1 9", names=y, chrom="chrY")))
    assert [row["gene_id"] for row in rows(annotation).values()] == ["G.5", "G.5_PAR_Y"]
    assert not annotation.dropped


def test_gtf_refseq_gene_id(one: One) -> None:
    names = (
        'gene_id "TP53"; transcript_id "NM_1.2"; db_xref "GenBank:NM_1.2"; db_xref "GeneID:7157";'
        ' gene "TP53"; transcript_biotype "mRNA";'
    )
    row = one("exon 1 9", names=names)
    assert (row["gene_id"], row["gene_symbol"], row["biotype"]) == ("7157", "TP53", "mRNA")


def test_gtf_names_on_the_transcript_line(write: Write) -> None:
    transcript = gtf("transcript 1 9", names=NAMES + ' gene_name "ABC";')
    for exon in (gtf("exon 1 9"), gtf("exon 1 9", names=NAMES + ' gene_name "OTHER";')):
        assert read_gtf(write(exon + transcript)).table["gene_symbol"].to_list() == ["ABC"]


def test_gtf_invalid_transcripts(write: Write) -> None:
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


def test_gtf_comments_crlf_and_blank_lines(write: Write) -> None:
    text = "#!genome\n\n" + gtf("exon 1 9") + "\n# end\n"
    row = read_gtf(write(text.replace("\n", "\r\n"), "a.gtf.gz")).table.row(0, named=True)
    assert (row["transcript_id"], row["length"]) == ("T", 9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (gtf("exon 1 9") + "#c\n" + gtf("exon 0 9"), r"line 3: interval 0-9, expected 1 ≤ start ≤ end"),
        (gtf("exon 9 1"), r"line 1: interval 9-1"),
        (gtf("exon 1 9") + gtf("exon 1 9 7"), r"line 2: phase is '7'"),
        (gtf("exon 1 9", names='gene_id "G";'), r"line 1: no transcript_id attribute"),
        ("#c\n" + gtf("gene 1 x"), r"line 2: end is 'x', expected a whole number"),
        (gtf("exon 1 9") + "\nchr1\tx\n", r"line 3: 2 tab-separated columns, expected 9"),
        (gtf("exon 1 9")[:-1] + "\tmore\n", r"line 1: 10 tab-separated columns, expected 9"),
        ("", "the file is empty"),
    ],
)
def test_gtf_bad_lines(write: Write, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_gtf(write(text))
