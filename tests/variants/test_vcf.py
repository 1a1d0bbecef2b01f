"""Reading variants."""

import gzip
from collections import Counter
from pathlib import Path

import pysam
import pytest

from isoclr.errors import InputError
from isoclr.variants.placement import Variant
from isoclr.variants.vcf import read_variants

HEADER = """##fileformat=VCFv4.2
##contig=<ID=chr1,length=1000>
##INFO=<ID=END,Number=1,Type=Integer,Description="e">
##FORMAT=<ID=GT,Number=1,Type=String,Description="g">
##FORMAT=<ID=PS,Number=1,Type=Integer,Description="p">
"""
LINES = HEADER + (
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\tS2\n"
    "chr1\t10\trs1\tA\tC,AT\t.\t.\t.\tGT\t1|2\t0/1\n"
    "chr1\t20\t.\tACG\tA\t.\t.\t.\tGT:PS\t0|1:7\t1/1\n"
    "chr1\t30\t.\tA\t<DEL>\t.\t.\t.\tGT\t0/1\t0/0\n"
    "chr1\t31\t.\tA\t*\t.\t.\t.\tGT\t0/1\t0/0\n"
    "chr1\t32\t.\tA\tA[chr1:50[\t.\t.\t.\tGT\t0/1\t0/0\n"
    "chr1\t33\t.\tA\t.\t.\t.\t.\tGT\t0/0\t0/0\n"
    f"chr1\t34\t.\tA\t{'A' * 1001}\t.\t.\t.\tGT\t0/1\t0/0\n"
)


@pytest.fixture(params=["vcf", "gz", "bgz", "bcf"])
def path(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    plain = tmp_path / "calls.vcf"
    plain.write_text(LINES)
    if request.param == "gz":
        packed = tmp_path / "calls.vcf.gz"
        packed.write_bytes(gzip.compress(LINES.encode()))
        return packed
    if request.param == "bgz":
        pysam.tabix_compress(str(plain), str(tmp_path / "calls.vcf.bgz"))
        return tmp_path / "calls.vcf.bgz"
    if request.param == "bcf":
        with (
            pysam.VariantFile(str(plain)) as source,
            pysam.VariantFile(str(tmp_path / "calls.bcf"), "wb", header=source.header) as out,
        ):
            for record in source:
                out.write(record)
        return tmp_path / "calls.bcf"
    return plain


def test_every_allele_is_read_or_counted(path: Path) -> None:
    skipped: Counter[str] = Counter()
    records = [*read_variants(path, skipped)]
    assert [record.variant for record in records] == [
        Variant("chr1", 9, "A", "C"),
        Variant("chr1", 9, "A", "AT"),
        Variant("chr1", 19, "ACG", "A"),
    ]
    assert [record.name for record in records] == ["rs1", "rs1", "."]
    assert [record.line for record in records] == [1, 1, 2]
    assert records[2].key == "chr1:20:ACG:A"
    reasons = ("symbolic", "overlapping_deletion", "breakend", "no_alternative", "too_long")
    assert skipped == dict.fromkeys(reasons, 1)


@pytest.mark.parametrize(
    ("sample", "carried", "phased", "sets"),
    [
        ("S1", [(True, False), (False, True), (False, True)], [True] * 3, ["", "", "7"]),
        ("S2", [(False, True), (False, False), (True, True)], [False, False, True], [""] * 3),
    ],
)
def test_genotypes(path: Path, sample: str, carried: list[object], phased: list[bool], sets: list[str]) -> None:
    genotypes = [one.genotype for one in read_variants(path, Counter(), sample=sample)]
    assert [one and one.carried for one in genotypes] == carried
    assert [one and one.is_phased for one in genotypes] == phased
    assert [one and one.phase_set for one in genotypes] == sets


def test_genotypes_need_a_sample(path: Path, tmp_path: Path) -> None:
    for sample, message in (("", "--sample is not given: expected one of S1, S2"), ("X", "X: exp")):
        with pytest.raises(InputError, match=message):
            list(read_variants(path, Counter(), sample=sample))
    (tmp_path / "v.tsv").write_text("chrom\tpos\tref\talt\n1\t10\ta\tg\n")
    with pytest.raises(InputError, match="a table has no genotypes"):
        list(read_variants(tmp_path / "v.tsv", Counter(), sample=""))


@pytest.mark.parametrize(
    "text",
    [
        "chrom\tpos\tref\talt\tid\n1\t10\ta\tg\trs5\n1\t20\tAC\tA\t\n",
        "#CHROM,POS,REF,ALT,ID\n1,10,a,g,rs5\n\n1,20,AC,A,\n",
        "Chr\tPosition\tReference\tAlternative\trsid\n1\t10\ta\tg\trs5\n1\t20\tAC\tA\t\n",
        "\ufeffchrom\tpos\tref\talt\tid\r\n1\t10\ta\tg\trs5\r\n1\t20\tAC\tA",
        'id\tpos\tref\talt\tchrom\tgene\nrs5\t10\ta\tg\t1\t"5\' end\n\t20\tAC\tA\t1\tx"\n',
    ],
)
def test_tables(tmp_path: Path, text: str) -> None:
    (tmp_path / "v.tsv").write_text(text)
    records = [*read_variants(tmp_path / "v.tsv", Counter())]
    assert [record.variant for record in records] == [Variant("1", 9, "a", "g"), Variant("1", 19, "AC", "A")]
    assert [record.name for record in records] == ["rs5", "."]


@pytest.mark.parametrize("text", ["#CHROM\tPOS\tREF\tALT\n1\t10\tA\tC,*,T\n", 'chrom,pos,ref,alt\n1,10,A,"C,*,T"\n'])
def test_several_alleles_in_a_line_of_a_table(tmp_path: Path, text: str) -> None:
    (tmp_path / "v.tsv").write_text(text)
    skipped = Counter[str]()
    assert [record.variant.alt for record in read_variants(tmp_path / "v.tsv", skipped)] == ["C", "T"]
    assert skipped == {"overlapping_deletion": 1}


@pytest.mark.parametrize("separator", ["\t", ","])
def test_a_long_allele_of_a_table(tmp_path: Path, separator: str) -> None:
    rows = (
        ("chrom", "pos", "ref", "alt"),
        ("1", "10", "A", "C"),
        ("1", "20", "a", "c" * 200_000),
        ("1", "30", "A", "C"),
    )
    (tmp_path / "v.tsv").write_text("\n".join(map(separator.join, rows)))
    skipped = Counter[str]()
    assert [record.line for record in read_variants(tmp_path / "v.tsv", skipped)] == [1, 3]
    assert skipped == {"too_long": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("chrom\tpos\tref\n1\t5\tA\n", "line 1 has no column alt"),
        ("hello\n", "line 1 is no header"),
        ("", "line 1 is no header"),
        ("chrom\tpos\tref\talt\n1\t0\tA\tC\n", "line 2: pos is '0'"),
        ("chrom\tpos\tref\talt\n1\tx\tA\tC\n", "line 2: pos is 'x'"),
        ("##fileformat=VCFv4.2\nnonsense\n", "cannot be read as VCF"),
    ],
)
def test_damaged_files(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "v").write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        list(read_variants(tmp_path / "v", Counter()))
    assert str(tmp_path / "v") in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.vcf"):
        list(read_variants(tmp_path / "none.vcf", Counter()))
