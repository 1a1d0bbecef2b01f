import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pysam
import pytest

from isoclr.errors import InputError
from isoclr.genomics import fasta
from isoclr.genomics.encoding import letters
from isoclr.genomics.fasta import Transcripts, parse_headers, read_transcripts


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    def _write(content: bytes) -> Path:
        path = tmp_path / "x.fa"
        path.write_bytes(content)
        return path

    return _write


def joined(path: Path) -> list[tuple[str, list[int]]]:
    """Records with their codes, whatever pieces they came in."""
    records: list[tuple[str, list[int]]] = []
    for header, codes, _ in fasta.pieces(path):
        if header is not None:
            records.append((header, []))
        records[-1][1].extend(codes)
    return records


def test_lower_case_u_iupac_blank_lines_and_line_ends(write: Callable[[bytes], Path]) -> None:
    path = write(b"\xef\xbb\xbf\n\n>a first\r\nACgu\r\n\r\nRT A\r\n>b\nTT")
    assert joined(path) == [("a first", [0, 1, 2, 3, 4, 3, 0]), ("b", [3, 3])]


def test_block_boundaries(write: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(b">a one > two\r\nACGT\r\nAC\n\n>bb\n>c\nGGGG\nTTTTTTTTTT\n")
    expected = [("a one > two", [0, 1, 2, 3, 0, 1]), ("bb", []), ("c", [2] * 4 + [3] * 10)]
    for size in range(1, 25):
        monkeypatch.setattr(fasta, "BLOCK", size)
        if size > 3:  # what begins the file must fit in one block
            assert joined(path) == expected
        assert list(fasta.headers(path)) == ["a one > two", "bb", "c"]


def test_header_at_the_end_of_the_file(write: Callable[[bytes], Path]) -> None:
    assert joined(write(b">a\nA\n>b")) == [("a", [0]), ("b", [])]


def test_gzip_of_several_members(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(b">a\nAC") + gzip.compress(b"GT\n>b\nA\n"))
    assert joined(path) == [("a", [0, 1, 2, 3]), ("b", [0])]


def test_biomart_sequence_unavailable(write: Callable[[bytes], Path]) -> None:
    assert joined(write(b">a\nSequence unavailable\n>b\nA\n")) == [("a", []), ("b", [0])]


def test_is_bgzip(tmp_path: Path) -> None:
    plain, packed, block = (tmp_path / name for name in ("a.gz", "b.fa", "c.fa"))
    plain.write_bytes(b">a\nA\n")
    packed.write_bytes(gzip.compress(b">a\nA\n"))
    pysam.tabix_compress(str(plain), str(block), force=True)
    assert [fasta.is_bgzip(p) for p in (plain, packed, block)] == [False, False, True]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"x\.fa: the file is empty, expected a FASTA file"),
        (b" \n\n", r"x\.fa: the file is empty"),
        (b"@read\nACGT\n+\nIIII\n", r"begins with '@' \(FASTQ\?\), expected FASTA"),
        (b"\x89PNG\r\n", r"begins with '\\x89', expected FASTA"),
        (b">p1 x\nMKVLEF\n", r"record 'p1' \(line 1\), position 4 is 'L'.*is this a protein\?"),
        (b">a\nACGT\nAC-T\n", r"record 'a' \(line 1\), position 7 is '-', expected a nucleotide \(ACGTU"),
        (b">a\nAC\x00T\n", r"record 'a' \(line 1\), position 3 is '\\x00'"),
        (gzip.compress(b">a\n" + b"ACGT" * 500, mtime=0)[:-9], r"the gzip file is cut off"),
        (b"\x1f\x8b\x08\x00garbage that is long enough", r"the gzip file is damaged"),
        (gzip.compress(b"hello", mtime=0), r"begins with 'h'"),
    ],
)
def test_not_a_nucleotide_fasta(write: Callable[[bytes], Path], content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        joined(write(content))
    assert "\n" not in str(error.value)


def test_invalid_letter_in_a_later_piece(write: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fasta, "BLOCK", 8)
    with pytest.raises(InputError, match=r"record 'a' \(line 1\), position 21 is 'J'"):
        joined(write(b">a\n" + b"ACGTACGTAC\n" * 2 + b"J\n"))


def test_missing_file_and_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.fa", tmp_path):
        with pytest.raises(InputError, match="expected a FASTA file"):
            joined(path)


def test_record_without_a_name() -> None:
    assert fasta.name_of("chr1 the first", Path("g.fa")) == "chr1"
    with pytest.raises(InputError, match=r"g\.fa: a record has no name"):
        fasta.name_of("  ", Path("g.fa"))


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
        ("ENSBTAT1.6 cdna gene:ENSBTAG6.6 gene_biotype:lncRNA", ("ENSBTAT1.6", "ENSBTAG6.6", "", "lncRNA", NOWHERE)),
        ("ENST2 cdna gene:ENSG2 gene_symbol:", ("ENST2", "ENSG2", "", "", NOWHERE)),
        ("T1 cdna description:a gene:ENSG9 gene_symbol:X", ("T1", "", "", "", NOWHERE)),
        ("NM_015464 mrna", ("NM_015464", "", "", "", NOWHERE)),
        ("ENST3.1 ncrna", ("ENST3.1", "", "", "ncRNA", NOWHERE)),
        ("ENST3.1 ncrna gene:ENSG3.1", ("ENST3.1", "ENSG3.1", "", "ncRNA", NOWHERE)),
        (
            "ENST3.1 ncrna chromosome:GRCh38:1:1:9:1 gene:ENSG3.1 gene_biotype:miRNA",
            ("ENST3.1", "ENSG3.1", "", "miRNA", NOWHERE),
        ),
        ("ENST3.1 ncrna_like ncrna", ("ENST3.1", "", "", "", NOWHERE)),
        ("RGPS_TP53", ("RGPS_TP53", "", "", "", NOWHERE)),
        ("AT1G01010.1", ("AT1G01010.1", "", "", "", NOWHERE)),
    ],
)
def test_ensembl_headers(header: str, expected: tuple[str, str, str, str, tuple[int, int]]) -> None:
    assert parse(header) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            "ENST1.2|ENSG1.7|OTTHUMG1.4|OTTHUMT1.1|OR4F5-201|OR4F5|2618|UTR5:1-60|CDS:61-1041|UTR3:1042-2618|"
            "protein_coding|",
            ("ENST1.2", "ENSG1.7", "OR4F5", "protein_coding", (60, 1041)),
        ),
        ("ENST1.2|ENSG1.7|-|-|OR4F5-201|OR4F5|918|CDS:1-918|", ("ENST1.2", "ENSG1.7", "OR4F5", "", (0, 918))),
        ("ENSMUST1.2|ENSMUSG1.7|-|-|X-201|Xist|1070|lncRNA|", ("ENSMUST1.2", "ENSMUSG1.7", "Xist", "lncRNA", NOWHERE)),
        ("ENST1.2|ENSG1.7|-|-|X-201|X|712|", ("ENST1.2", "ENSG1.7", "X", "", NOWHERE)),
        (
            "ENST1.2_PAR_Y|ENSG1.7_PAR_Y|-|-|X-201|X|712|protein_coding|",
            ("ENST1.2_PAR_Y", "ENSG1.7_PAR_Y", "X", "protein_coding", NOWHERE),
        ),
    ],
)
def test_gencode_headers(header: str, expected: tuple[str, str, str, str, tuple[int, int]]) -> None:
    assert parse(header) == expected


@pytest.mark.parametrize(
    ("header", "symbol", "biotype"),
    [
        ("NM_000014.6 Homo sapiens alpha-2-macroglobulin (A2M), transcript variant 1, mRNA", "A2M", "mRNA"),
        ("NM_001151.4 Homo sapiens solute carrier family 25 member 4 (SLC25A4), mRNA; nuclear", "SLC25A4", "mRNA"),
        ("NM_1.1 Homo sapiens complex (IV), subunit 4 (COX4I1), mRNA", "COX4I1", "mRNA"),
        (
            "NM_2.3 Drosophila melanogaster lethal (2) giant larvae (l(2)gl), transcript variant A, mRNA",
            "l(2)gl",
            "mRNA",
        ),
        ("XR_1.1 PREDICTED: Bos taurus x (LOC123), transcript variant X1, misc_RNA", "LOC123", "misc_RNA"),
        ("NR_1.1 Mus musculus y (Gm1), long non-coding RNA", "Gm1", "long non-coding RNA"),
        ("NM_3.1 Caenorhabditis elegans protein (Y74C9A.3), partial mRNA", "Y74C9A.3", "mRNA"),
    ],
)
def test_refseq_headers(header: str, symbol: str, biotype: str) -> None:
    assert parse(header)[1:4] == (symbol, symbol, biotype)


@pytest.mark.parametrize(
    ("header", "gene", "symbol"),
    [
        ("lcl|NC_1.1_mrna_NM_4.2_7 [gene=A2M] [db_xref=Ensembl:E1,GeneID:2] [transcript_id=NM_4.2]", "2", "A2M"),
        ("NM_4.2 A2M [organism=Homo sapiens] [GeneID=2] [transcript=1]", "2", "A2M"),
        ("NM_4.2 gene=A2M", "A2M", "A2M"),
        ("NM_4.2 gene=WBGene00022277", "WBGene00022277", ""),
        ("NM_4.2 type=mRNA; loc=X:1..2; name=x-RA; parent=FBgn0031126; MD5=1", "FBgn0031126", ""),
        ("AT1G01010.1 | Symbols: NAC001, ANAC001 | NAC domain", "AT1G01010", "NAC001"),
        ("AT1G01020.2 | Symbols:  | ARV1", "AT1G01020", ""),
    ],
)
def test_headers_of_other_databases(header: str, gene: str, symbol: str) -> None:
    transcript, *names, _, _ = parse(header)
    assert names == [gene, symbol]
    assert transcript == ("NM_4.2" if "NM_4" in header else header.split()[0])


def test_gffread_headers() -> None:
    assert parse("T1 gene=TP53 CDS=61-900") == ("T1", "TP53", "TP53", "", (60, 900))


def test_biomart_headers() -> None:
    header = "ENSG00000000003|ENSG00000000003.15|ENST00000373020|ENST00000373020.9|TSPAN6"
    assert parse(header)[:2] == ("ENST00000373020.9", "ENSG00000000003.15")
    assert parse("foo|bar|baz")[:2] == ("foo|bar|baz", "")


def test_mixed_headers() -> None:
    table = parse_headers(["a gene:g1", "ENST1.2|g2|-|-|x|S|9|CDS:2-9|lncRNA|", "c"])
    assert table["gene_id"].to_list() == ["g1", "g2", ""]
    assert table["cds_start"].to_list() == [-1, 1, -1]


def read(tmp_path: Path, text: str) -> Transcripts:
    path = tmp_path / "t.fa"
    path.write_text(text)
    return read_transcripts(path)


def test_read_transcripts(tmp_path: Path) -> None:
    transcripts = read(tmp_path, ">b gene:g1 gene_symbol:S\nACGU\nac\n>a\nNRT\n")
    assert transcripts.table["transcript_id"].to_list() == ["b", "a"]
    assert transcripts.table["gene_id"].to_list() == ["g1", ""]
    assert transcripts.table.columns == [
        "transcript_id", "gene_id", "gene_symbol", "biotype", "cds_start", "cds_end",
    ]  # fmt: skip
    assert transcripts.offsets.tolist() == [0, 6, 9]
    assert transcripts.offsets.dtype == np.int64
    assert [letters(transcripts.codes_of(i)) for i in range(len(transcripts))] == ["ACGTAC", "NNT"]
    assert transcripts.codes.flags.writeable
    assert not transcripts.dropped


def test_duplicate_and_empty_records(tmp_path: Path) -> None:
    transcripts = read(tmp_path, ">a\nAC\n>b\n>a again\nA\nC\n>c\nGG\n>a\nTT\n>b\nA\n>a.1\nAC\n>d\n")
    assert transcripts.table["transcript_id"].to_list() == ["a", "c", "b", "a.1"]
    assert [letters(transcripts.codes_of(i)) for i in range(4)] == ["AC", "GG", "A", "AC"]
    assert transcripts.dropped == {"empty_sequence": 2, "duplicate_record": 1, "duplicate_id": 1}


def test_header_cds(tmp_path: Path) -> None:
    transcripts = read(
        tmp_path,
        ">t1|g|-|-|n|s|12|UTR5:1-3|CDS:4-12|protein_coding|\nGGGATGAAATAA\n"
        ">t2|g|-|-|n|s|6|CDS:4-12|protein_coding|\nGGGATG\n",
    )
    assert transcripts.table.select("cds_start", "cds_end").rows() == [(3, 12), (-1, -1)]
    assert transcripts.dropped == {"cds_outside_sequence": 1}


@pytest.mark.parametrize(
    ("cds", "phase"),
    [
        ("ATGTAAAAATAG", 0),  # a start codon settles it, whatever follows (selenocysteine)
        ("CCCGAAAAATAG", 0),
        ("CTAACCCCCAGTGA", 2),  # the frame that ends in the stop codon, though frame 0 has none
        ("TAAGTGCATTTTAG", 2),
        ("CTGAGCCTAGCATAA", 0),
    ],
)
def test_frame_of_an_incomplete_cds(tmp_path: Path, cds: str, phase: int) -> None:
    n = len(cds)
    transcripts = read(tmp_path, f">t|g|-|-|n|s|{n + 2}|CDS:1-{n}|UTR3:{n + 1}-{n + 2}|protein_coding|\n{cds}CC\n")
    assert transcripts.table.select("cds_start", "cds_end").row(0) == (phase, n)


@pytest.mark.parametrize(
    ("text", "message"),
    [(">a\n>b\n", "none of its 2 records has a sequence"), (">a\nA\n> \nC\n", r"record 2 \(line 3\) has no name")],
)
def test_no_sequences(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, text)


@pytest.mark.realdata
def test_real_transcripts(real_data: Path) -> None:
    counts = {"human_refseq": 4_000, "mouse_more": 1_020, "fly": 2_100}
    for name, count in counts.items():
        transcripts = read_transcripts(real_data / f"transcripts/{name}.fa.gz")
        assert len(transcripts) == count
        assert not transcripts.dropped
        assert transcripts.codes.max() <= 4
        assert np.mean(transcripts.table["gene_id"].to_numpy() != "") > 0.9
