import pytest

from isoclr.sequences.headers import parse_headers

NOWHERE = (-1, -1)


def parse(header: str) -> tuple[str, str, str, str, tuple[int, int]]:
    *words, start, end = parse_headers([header]).row(0)
    return (*words, (start, end))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            "ENST00000641244.1 cdna chromosome:GRCh38:19:9210276:9219589:-1 gene:ENSG00000174667.4 "
            "gene_biotype:protein_coding transcript_biotype:retained_intron gene_symbol:OR7D4 description:a [b]",
            ("ENST00000641244.1", "ENSG00000174667.4", "OR7D4", "retained_intron", NOWHERE),
        ),
        (
            "ENSBTAT1.6 cdna gene:ENSBTAG6.6 gene_biotype:lncRNA",
            ("ENSBTAT1.6", "ENSBTAG6.6", "", "lncRNA", NOWHERE),
        ),
        ("ENST2 cdna gene:ENSG2 gene_symbol:", ("ENST2", "ENSG2", "", "", NOWHERE)),
        ("T1 cdna description:a gene:ENSG9 gene_symbol:X", ("T1", "", "", "", NOWHERE)),
        ("NM_015464 mrna", ("NM_015464", "", "", "", NOWHERE)),
        ("RGPS_TP53", ("RGPS_TP53", "", "", "", NOWHERE)),
        ("AT1G01010.1", ("AT1G01010.1", "", "", "", NOWHERE)),
    ],
)
def test_ensembl_and_bare(
    header: str, expected: tuple[str, str, str, str, tuple[int, int]]
) -> None:
    assert parse(header) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            "ENST1.2|ENSG1.7|OTTHUMG1.4|OTTHUMT1.1|OR4F5-201|OR4F5|2618|UTR5:1-60|CDS:61-1041|UTR3:1042-2618|"
            "protein_coding|",
            ("ENST1.2", "ENSG1.7", "OR4F5", "protein_coding", (60, 1041)),
        ),
        (
            "ENST1.2|ENSG1.7|-|-|OR4F5-201|OR4F5|918|CDS:1-918|",
            ("ENST1.2", "ENSG1.7", "OR4F5", "", (0, 918)),
        ),
        (
            "ENSMUST1.2|ENSMUSG1.7|-|-|X-201|Xist|1070|lncRNA|",
            ("ENSMUST1.2", "ENSMUSG1.7", "Xist", "lncRNA", NOWHERE),
        ),
        ("ENST1.2|ENSG1.7|-|-|X-201|X|712|", ("ENST1.2", "ENSG1.7", "X", "", NOWHERE)),
        (
            "ENST1.2_PAR_Y|ENSG1.7_PAR_Y|-|-|X-201|X|712|protein_coding|",
            ("ENST1.2_PAR_Y", "ENSG1.7_PAR_Y", "X", "protein_coding", NOWHERE),
        ),
    ],
)
def test_gencode(header: str, expected: tuple[str, str, str, str, tuple[int, int]]) -> None:
    assert parse(header) == expected


@pytest.mark.parametrize(
    ("header", "symbol", "biotype"),
    [
        (
            "NM_000014.6 Homo sapiens alpha-2-macroglobulin (A2M), transcript variant 1, mRNA",
            "A2M",
            "mRNA",
        ),
        (
            "NM_001151.4 Homo sapiens solute carrier family 25 member 4 (SLC25A4), mRNA; nuclear",
            "SLC25A4",
            "mRNA",
        ),
        ("NM_1.1 Homo sapiens complex (IV), subunit 4 (COX4I1), mRNA", "COX4I1", "mRNA"),
        (
            "NM_2.3 Drosophila melanogaster lethal (2) giant larvae (l(2)gl), transcript variant A, mRNA",
            "l(2)gl",
            "mRNA",
        ),
        (
            "XR_1.1 PREDICTED: Bos taurus x (LOC123), transcript variant X1, misc_RNA",
            "LOC123",
            "misc_RNA",
        ),
        ("NR_1.1 Mus musculus y (Gm1), long non-coding RNA", "Gm1", "long non-coding RNA"),
        ("NM_3.1 Caenorhabditis elegans protein (Y74C9A.3), partial mRNA", "Y74C9A.3", "mRNA"),
    ],
)
def test_refseq(header: str, symbol: str, biotype: str) -> None:
    assert parse(header)[1:4] == (symbol, symbol, biotype)


@pytest.mark.parametrize(
    ("header", "gene", "symbol"),
    [
        (
            "lcl|NC_1.1_mrna_NM_4.2_7 [gene=A2M] [db_xref=Ensembl:E1,GeneID:2] [transcript_id=NM_4.2]",
            "2",
            "A2M",
        ),
        ("NM_4.2 A2M [organism=Homo sapiens] [GeneID=2] [transcript=1]", "2", "A2M"),
        ("NM_4.2 gene=A2M", "A2M", "A2M"),
        ("NM_4.2 gene=WBGene00022277", "WBGene00022277", ""),
        ("NM_4.2 type=mRNA; loc=X:1..2; name=x-RA; parent=FBgn0031126; MD5=1", "FBgn0031126", ""),
        ("AT1G01010.1 | Symbols: NAC001, ANAC001 | NAC domain", "AT1G01010", "NAC001"),
        ("AT1G01020.2 | Symbols:  | ARV1", "AT1G01020", ""),
    ],
)
def test_other_databases(header: str, gene: str, symbol: str) -> None:
    transcript, *found, _, _ = parse(header)
    assert found == [gene, symbol]
    assert transcript == ("NM_4.2" if "NM_4" in header else header.split()[0])


def test_gffread_gives_the_cds() -> None:
    assert parse("T1 gene=TP53 CDS=61-900") == ("T1", "TP53", "TP53", "", (60, 900))


def test_biomart_fields_are_known_by_their_form() -> None:
    header = "ENSG00000000003|ENSG00000000003.15|ENST00000373020|ENST00000373020.9|TSPAN6"
    assert parse(header)[:2] == ("ENST00000373020.9", "ENSG00000000003.15")
    assert parse("foo|bar|baz")[:2] == ("foo|bar|baz", "")


def test_formats_may_mix_in_one_file() -> None:
    table = parse_headers(["a gene:g1", "ENST1.2|g2|-|-|x|S|9|CDS:2-9|lncRNA|", "c"])
    assert table["gene_id"].to_list() == ["g1", "g2", ""]
    assert table["cds_start"].to_list() == [-1, 1, -1]
