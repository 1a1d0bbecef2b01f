"""GFF3: the tree of genes and transcripts as RefSeq, Ensembl, WormBase, FlyBase and TAIR write it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from isoclr.annotations import Annotation
from isoclr.annotations.gff3 import read_gff3
from isoclr.errors import InputError

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


def test_exons_and_cds_of_several_parents_go_to_each(read: Read) -> None:
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


def test_the_cds_of_gff3_includes_the_stop_codon_and_a_written_one_adds_nothing(read: Read) -> None:
    text = gff("mRNA 1 99 ID=T", "exon 1 99 Parent=T", "CDS 11 43 0 Parent=T")
    assert read(text)["T"]["cds_end"] == 43
    assert read(text + gff("stop_codon 41 43 0 Parent=T"))["T"]["cds_end"] == 43


@pytest.mark.parametrize(("strand", "expected"), [("+", (12, 43)), ("-", (58, 90))])
def test_phase_at_the_5_prime_end(read: Read, strand: str, expected: tuple[int, int]) -> None:
    lines = (
        "mRNA 1 100 ID=T",
        "exon 1 100 Parent=T",
        "CDS 11 20 2 Parent=T",
        "CDS 21 43 1 Parent=T",
    )
    row = read(gff(*lines, strand=strand))["T"]
    assert (row["cds_start"], row["cds_end"]) == expected


def test_refseq_ids_come_from_its_attributes(read: Read) -> None:
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


def test_an_accession_on_two_places_is_kept_once(write: Write) -> None:
    text = "".join(
        gff(
            f"mRNA 1 99 ID=rna-N{i};transcript_id=NM_1.2", f"exon 1 99 Parent=rna-N{i}", chrom=chrom
        )
        for i, chrom in enumerate("XY")
    )
    annotation = read_gff3(write(text))
    assert annotation.table["chrom"].to_list() == ["X"]
    assert annotation.dropped == {"duplicate_id": 1}


def test_mitochondrial_genes_with_a_cds_and_no_transcript_are_kept(read: Read) -> None:
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


def test_a_cds_that_also_names_its_gene_makes_no_second_transcript(read: Read) -> None:
    text = gff(
        "gene 1 30 ID=G", "mRNA 1 30 ID=T;Parent=G", "exon 1 30 Parent=T", "CDS 1 30 0 Parent=G,T"
    )
    assert list(read(text)) == ["T"]


def test_a_mirna_in_its_precursor_belongs_to_the_gene(read: Read) -> None:
    text = gff(
        "gene 1 90 ID=G",
        "primary_transcript 1 90 ID=P;Parent=G",
        "exon 1 90 Parent=P",
        "miRNA 1 20 ID=M;Parent=P",
        "exon 1 20 Parent=M",
    )
    assert {row["gene_id"] for row in read(text).values()} == {"G"}


def test_ensembl_prefixes_go_and_versions_are_appended(read: Read) -> None:
    text = gff(
        "gene 1 9 ID=gene:ENSG1;Name=ABC;biotype=protein_coding;gene_id=ENSG1;version=5",
        "mRNA 1 9 ID=transcript:ENST1;Parent=gene:ENSG1;biotype=protein_coding;transcript_id=ENST1;version=2",
        "exon 1 9 Parent=transcript:ENST1;version=1",
    )
    row = read(text)["ENST1.2"]
    assert (row["gene_id"], row["gene_symbol"], row["biotype"]) == (
        "ENSG1.5",
        "ABC",
        "protein_coding",
    )


def test_gencode_ids_come_with_their_versions(read: Read) -> None:
    text = gff(
        "gene 1 9 ID=ENSG1.5;gene_id=ENSG1.5;gene_type=protein_coding;gene_name=ABC",
        "transcript 1 9 ID=ENST1.2;Parent=ENSG1.5;gene_id=ENSG1.5;transcript_id=ENST1.2;"
        "gene_type=protein_coding;gene_name=ABC;transcript_type=retained_intron",
        "exon 1 9 ID=exon:ENST1.2:1;Parent=ENST1.2;transcript_type=retained_intron",
    )
    row = read(text)["ENST1.2"]
    assert (row["gene_id"], row["gene_symbol"], row["biotype"]) == (
        "ENSG1.5",
        "ABC",
        "retained_intron",
    )


def test_wormbase_symbols_and_foreign_features(read: Read) -> None:
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


def test_flybase_keeps_its_own_gene_id(read: Read) -> None:
    text = gff(
        "gene 1 9 ID=FBgn1;Name=l(2)gl;Dbxref=FlyBase:FBan1,EntrezGene:33155",
        "mRNA 1 9 ID=FBtr1;Parent=FBgn1",
        "exon 1 9 Parent=FBtr1",
    )
    assert (read(text)["FBtr1"]["gene_id"], read(text)["FBtr1"]["gene_symbol"]) == (
        "FBgn1",
        "l(2)gl",
    )


def test_escapes_are_resolved_after_parents_are_split(read: Read) -> None:
    text = gff("gene 1 9 ID=G;Name=a%2Cb%3B", "mRNA 1 9 ID=T%2C1;Parent=G", "exon 1 9 Parent=T%2C1")
    assert read(text)["T,1"]["gene_symbol"] == "a,b;"


def test_exons_are_made_of_cds_and_utrs_where_none_are_written(read: Read) -> None:
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
def test_the_genome_at_the_end_is_not_read(read: Read, mark: str) -> None:
    text = gff("mRNA 1 9 ID=T", "exon 1 9 Parent=T")
    assert list(read(text + mark)) == ["T"]


def test_trans_spliced_transcripts_are_dropped_and_counted(write: Write) -> None:
    text = gff("mRNA 1 9 ID=T", "exon 1 9 Parent=T") + gff("exon 20 29 Parent=T", strand="-")
    assert read_gff3(write(text)).dropped == {"two_strands": 1}


def test_exons_whose_transcript_has_no_line_are_counted(write: Write) -> None:
    text = gff("mRNA 1 9 ID=T", "exon 1 9 Parent=T", "exon 1 9 Parent=U,V", "exon 20 29 Parent=U")
    assert read_gff3(write(text)).dropped == {"no_transcript_line": 2}


def test_a_bad_line_is_named(write: Write) -> None:
    text = gff("mRNA 1 9 ID=T") + "\n###\n" + gff("exon 9 1 Parent=T")
    with pytest.raises(InputError, match=r"a\.gff3: line 4: interval 9-1"):
        read_gff3(write(text, "a.gff3"))
