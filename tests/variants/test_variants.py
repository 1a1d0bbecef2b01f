"""The command: VCF in, table out."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pysam
import pytest
from polars.testing import assert_frame_equal

import isoclr
from isoclr.cli import main
from isoclr.errors import InputError
from isoclr.variants.rows import SCHEMA
from isoclr.variants.variants import VariantEffects, variants
from isoclr.variants.vcf import FIELDS

pytestmark = pytest.mark.usefixtures("narrow")
EXON1, INTRON, EXON2 = "GGCCATGGCA", "GTAAGTCCCCCCCCAG", "GCTAAAAAGGAATAATTT"
CHROMOSOME = "T" * 50 + EXON1 + INTRON + EXON2 + "T" * 50
START = 50


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    second = START + len(EXON1) + len(INTRON)
    end = second + len(EXON2)
    blocks = f"2\t{len(EXON1)},{len(EXON2)}\t0,{second - START}"
    cds = (START + 4, end - 4)
    bed = f"chr1\t{START}\t{end}\tENST00000000001.2\t0\t+\t{cds[0]}\t{cds[1]}\t0\t{blocks}\n"
    bed += f"chr2\t{START}\t{end}\tT2\t0\t-\t{START}\t{START}\t0\t{blocks}\n"
    (tmp_path / "t.bed").write_text(bed)
    (tmp_path / "g.fa").write_text(f">1\n{CHROMOSOME}\n>2\n{CHROMOSOME}\n")
    (tmp_path / "m.fa").write_text(f">ENST00000000001\n{EXON1}{EXON2}\n")
    isoclr.create("isoclr-s", seed=0).save(tmp_path / "model")
    header = "##fileformat=VCFv4.2\n##contig=<ID=chr1,length=144>\n##contig=<ID=chr2,length=144>\n"
    header += "##contig=<ID=chr9,length=144>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    lines = [
        ("chr1", START + 8, "GC", "G,GCA"),  # in the coding sequence
        ("chr1", START + len(EXON1) + 1, "G", "A"),  # splice donor
        ("chr1", START + 1, "G", "<DEL>"),
        ("chr1", 10, "T", "A"),  # outside
        ("chr2", second + 8, "A", "C"),
        ("chr9", 10, "T", "A"),
    ]
    text = "".join(f"{c}\t{p}\tv{i}\t{r}\t{a}\t.\t.\t.\n" for i, (c, p, r, a) in enumerate(lines))
    (tmp_path / "v.vcf").write_text(header + text)
    return tmp_path


def run(calls: str = "v.vcf", **options: object) -> VariantEffects:
    """The command with the annotation, genome and model of the folder."""
    given = {"annotation": (Path("t.bed"),), "genome": Path("g.fa"), "model": "model"}
    return variants(Path(calls), **{**given, **options})  # type: ignore[arg-type]


def test_every_allele_has_a_row_or_a_reason(folder: Path) -> None:
    found = run()
    assert found.table.schema == pl.Schema(SCHEMA)
    written = run(out=Path("v.tsv"))
    assert '""' not in Path("v.tsv").read_text()
    text = pl.selectors.string()
    assert written.table.select(text).equals(found.table.select(text))
    assert found.skipped == {"symbolic": 1, "outside_transcripts": 1, "chromosome_without_transcripts": 1}
    columns = ["ID", "ALT", "transcript", "region", "consequence", "HGVSc", "flag"]
    assert found.table.select(columns).rows() == [
        ("v0", "G", "ENST00000000001.2", "CDS", "frameshift_variant&splice_region_variant", "c.5del", "splice_region"),
        (
            "v0",
            "GCA",
            "ENST00000000001.2",
            "CDS",
            "frameshift_variant&splice_region_variant",
            "c.6dup",
            "splice_region",
        ),
        ("v1", "A", "ENST00000000001.2", "intron", "splice_donor_variant&intron_variant", "c.6+1G>A", "intron"),
        ("v4", "C", "T2", "non-coding exon", "non_coding_transcript_exon_variant", "n.11T>G", ""),
    ]
    scored = found.table["delta"].is_not_null().to_list()
    assert scored == [False, False, False, True]
    assert found.unscored == written.unscored == {"splice_region": 2, "intron": 1}


def test_variants_next_to_introns_are_scored_when_asked(folder: Path) -> None:
    found = run(score_splice=True, rank=True)
    assert found.table["delta"].is_not_null().to_list() == [True, True, False, True]
    assert found.table["rank"].drop_nulls().is_between(0, 100).all()


def test_exonic_variants_need_no_genome(folder: Path) -> None:
    with_genome, without = (
        variants(Path("v.vcf"), annotation=(Path("t.bed"),), model="model", score_splice=True, **options)
        for options in ({"genome": Path("g.fa")}, {"transcripts": (Path("m.fa"),)})
    )
    assert without.dropped == {"no_sequence": 1}
    same = with_genome.table.filter(pl.col("transcript") == "ENST00000000001.2")
    assert_frame_equal(without.table, same)  # but for rounding: other RNAs are in the batch


def test_wrong_build_is_refused(folder: Path) -> None:
    lines = "".join(f"chr1\t{START + 1 + i}\tT\tC\n" for i in (0, 1, 2, 3))
    (folder / "w.tsv").write_text("chrom\tpos\tref\talt\n" + lines)
    with pytest.raises(InputError, match=r"4 of 4 reference alleles differ.*genome build"):
        run("w.tsv")


def test_a_line_that_differs_is_one_whatever_its_alleles_and_transcripts(folder: Path) -> None:
    bed = (folder / "t.bed").read_text()
    (folder / "t.bed").write_text(bed + bed.replace("ENST00000000001.2", "ENST00000000002.1").replace("T2", "T3"))
    (folder / "w.tsv").write_text(f"chrom\tpos\tref\talt\nchr1\t{START + 1}\tT\tC,A\n")
    found = run("w.tsv", all_transcripts=True)
    assert found.skipped == {"reference_mismatch": 2}
    assert found.mismatches == (f"chr1:{START + 1}:T:C",)


@pytest.mark.parametrize("chrom", [1, 2])
def test_positions_from_0_are_named(folder: Path, chrom: int) -> None:
    places = [(START + i, CHROMOSOME[START + i]) for i in range(5)]  # the first is before its base
    lines = "".join(f"{chrom}\t{position}\t{ref}\tN\n" for position, ref in places)
    (folder / "w.tsv").write_text("chrom\tpos\tref\talt\n" + lines)
    with pytest.raises(InputError, match=r"(\d) of \d reference alleles differ.*; \1 are those of the next base"):
        run("w.tsv")


def test_a_structure_table_has_no_coordinates(folder: Path) -> None:
    (folder / "s.tsv").write_text("transcript_id\tutr5_len\tcds_len\tutr3_len\texon_lengths\nt\t1\t3\t1\t3,2\n")
    with pytest.raises(InputError, match=r"s\.tsv: no transcript with coordinates, .* \(a structure table has none\)"):
        run(annotation=(Path("s.tsv"),))


def test_annotation_of_another_assembly_is_refused(folder: Path) -> None:
    bed = "".join(f"1\t{9 * i}\t{9 * i + 9}\tT{i}\t0\t+\t{9 * i}\t{9 * i + 9}\t0\t1\t9\t0\n" for i in range(12))
    (folder / "t.bed").write_text(bed)
    (folder / "g.fa").write_text(">1\n" + "TGTTAACCC" * 12 + "\n")
    with pytest.raises(InputError, match=r"t\.bed and g\.fa: 12 of 12 annotated coding sequences have a stop codon"):
        run(all_transcripts=True)


def rename(path: Path, **names: str) -> None:
    text = path.read_text()
    for old, new in names.items():
        text = text.replace(old, new)
    path.write_text(text)


@pytest.mark.parametrize("accession_in", ["t.bed", "v.vcf"])
def test_an_accession_is_the_chromosome_that_the_genome_says(folder: Path, accession_in: str) -> None:
    expected = run().table.drop("CHROM")
    rename(folder / accession_in, chr1="NC_000001.11", chr2="NC_000002.12")
    (folder / "g.fa").write_text(
        f">NC_000001.11 Homo sapiens chromosome 1, GRCh38.p14 Primary Assembly\n{CHROMOSOME}\n"
        f">NC_000002.12 Homo sapiens chromosome 2, GRCh38.p14 Primary Assembly\n{CHROMOSOME}\n"
    )
    assert_frame_equal(run().table.drop("CHROM"), expected)


def test_variants_on_chromosomes_that_the_annotation_has_not_are_refused(folder: Path) -> None:
    before = sorted(folder.iterdir())
    for name, old in (("t.bed", "chr"), ("g.fa", ">")):
        rename(folder / name, **{old: old.strip("chr") + "NC_00000"})
    with pytest.raises(InputError, match="'chr1' in the variants and 'NC_000001' in the annotation"):
        run(out=Path("o.tsv"))
    assert sorted(folder.iterdir()) == before
    (folder / "empty.tsv").write_text("chrom\tpos\tref\talt\n")
    assert run("empty.tsv").height == 0


def test_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["variants", "v.vcf", "--annotation", "t.bed", "--genome", "g.fa", "--model", "model"]
    assert main([*words, "-o", "out.tsv"]) == 0
    shown = capsys.readouterr()
    assert "embedding distance" in shown.out
    assert "1  alleles not used: symbolic" in shown.err
    assert "2  alleles not scored: splice_region" in shown.err
    assert "1  alleles not scored: intron" in shown.err
    assert pl.read_csv("out.tsv", separator="\t").height == 4
    assert main([*words, "-o", "out.tsv"]) == 2
    assert "out.tsv" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none.vcf", "--annotation", "t.bed", "--genome", "g.fa"], "none.vcf"),
        (["v.vcf", "--annotation", "t.bed"], "--genome"),
        (["v.vcf", "--annotation", "none.bed", "--genome", "g.fa"], "none.bed"),
        (["v.vcf", "--annotation", "t.bed", "--genome", "none.fa"], "none.fa"),
        (["v.vcf", "--annotation", "t.bed", "--genome", "g.fa", "--head", "none"], "none"),
        (["v.vcf", "--annotation", "t.bed", "--genome", "g.fa", "--mane", "t.bed"], "t.bed"),
        (["v.vcf", "--annotation", "t.bed", "--genome", "g.fa", "-o", "x.doc"], "x.doc"),
    ],
)
def test_bad_input_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    before = sorted(folder.iterdir())
    assert main(["variants", *words, *([] if "-o" in words else ["-o", "o.tsv"]), "--model", "model"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("isoclr: error: ")
    assert error.count("\n") == 1
    assert message in error
    assert sorted(folder.iterdir()) == before


def test_mane_select_stands_for_its_gene(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gtf = "".join(
        f'chr1\tx\texon\t{START + 1}\t{end}\t.\t+\t.\tgene_id "G"; transcript_id "{name}";\n'
        for name, end in (("LONG.1", START + 40), ("MANE.1", START + 20))
    )
    (folder / "a.gtf").write_text(gtf)
    mane = "RefSeq_nuc\tEnsembl_nuc\tMANE_status\nX\tMANE.1\tMANE Select\n"
    (folder / "mane.txt").write_text(mane)
    (folder / "s.tsv").write_text(f"chrom\tpos\tref\talt\n1\t{START + 2}\tG\tC\n")
    annotation = (Path("a.gtf"),)
    longest = run("s.tsv", annotation=annotation)
    selected = run("s.tsv", mane=Path("mane.txt"), annotation=annotation)
    assert "none of its MANE" not in capsys.readouterr().err
    (folder / "b.gtf").write_text(gtf.replace('"MANE.1";', '"MANE.1"; tag "Ensembl_canonical";'))
    assert run("s.tsv", annotation=(Path("b.gtf"),)).table["transcript"].to_list() == ["MANE.1"]
    run("s.tsv", mane=Path("mane.txt"))
    assert "mane.txt: none of its MANE Select transcripts is among those of the annotation, such as ENST" in (
        capsys.readouterr().err
    )
    every = run("s.tsv", all_transcripts=True, annotation=annotation)
    assert longest.table["transcript"].to_list() == ["LONG.1"]
    assert selected.table.select("transcript", "MANE").rows() == [("MANE.1", True)]
    assert every.table["transcript"].to_list() == ["LONG.1", "MANE.1"]
    assert np.isfinite(every.table["delta"].to_numpy()).all()


@pytest.mark.parametrize("name", ["out.vcf", "out.vcf.gz", "out.bcf"])
def test_vcf_output(folder: Path, name: str) -> None:
    found = run(vcf_out=Path(name))
    with pysam.VariantFile(name) as opened:
        assert str(opened.header.info["ISOCLR"].description).endswith("|".join(FIELDS))
        records = [*opened]
    assert len(records) == 6, "all lines of the input are there"
    entries = [record.info.get("ISOCLR", ()) for record in records]
    assert [len(entry) for entry in entries] == [2, 1, 0, 0, 1, 0]
    last = dict(zip(FIELDS, entries[4][0].split("|"), strict=True))
    row = found.table.row(3, named=True)
    assert last["Feature"] == "T2"
    assert last["HGVSc"] == "n.11T>G"
    assert last["Score"] == "embedding_distance"
    assert float(last["Delta"]) == pytest.approx(row["delta"], rel=1e-5)


@pytest.mark.parametrize("name", ["again.vcf", "again.bcf"])
def test_the_field_of_an_earlier_run_is_replaced(folder: Path, name: str) -> None:
    lines = (folder / "v.vcf").read_text().splitlines()
    fields = [f'##INFO=<ID={key},Number=1,Type=String,Description="old">' for key in ("A", "ISOCLR", "Z")]
    old = [line[:-1] + "A=1;ISOCLR=old;Z=2" for line in lines[5:]]
    (folder / "old.vcf").write_text("\n".join([*lines[:4], *fields, lines[4], *old, ""]))
    run("v.vcf", vcf_out=Path("new.vcf"))
    run("old.vcf", vcf_out=Path(name))
    run(name, vcf_out=Path("third.vcf"))
    with pysam.VariantFile("new.vcf") as one, pysam.VariantFile(name) as other, pysam.VariantFile("third.vcf") as third:
        for new, again, last in zip(one, other, third, strict=True):
            assert again.info.get("ISOCLR", ()) == last.info.get("ISOCLR", ()) == new.info.get("ISOCLR", ())
            assert (again.info["A"], last.info["Z"]) == ("1", "2")


def test_an_allele_on_two_lines_has_its_effects_once(folder: Path) -> None:
    lines = (folder / "v.vcf").read_text().splitlines(keepends=True)
    (folder / "twice.vcf").write_text("".join([*lines[:-2], lines[-2], lines[-2]]))
    run("twice.vcf", vcf_out=Path("out.vcf"))
    with pysam.VariantFile("out.vcf") as opened:
        entries = [record.info.get("ISOCLR", ()) for record in opened]
    assert [len(entry) for entry in entries[-2:]] == [1, 1]


def test_an_end_that_the_header_lacks_is_copied(folder: Path) -> None:
    text = (folder / "v.vcf").read_text().replace("<DEL>\t.\t.\t.", "<DEL>\t.\t.\tEND=90")
    (folder / "end.vcf").write_text(text)
    run("end.vcf", vcf_out=Path("out.vcf"))
    with pysam.VariantFile("out.vcf") as opened:
        assert [record.stop for record in opened if record.alts == ("<DEL>",)] == [90]


@pytest.mark.skipif(shutil.which("bcftools") is None, reason="bcftools is not installed")
def test_split_vep_reads_the_vcf(folder: Path) -> None:
    run(vcf_out=Path("out.vcf"))
    query = ["-a", "ISOCLR", "-d", "-f", "%POS %Feature %Consequence %HGVSc\n"]
    done = subprocess.run(["bcftools", "+split-vep", "out.vcf", *query], capture_output=True, text=True, check=False)
    if "no functionality" in done.stderr or "could not" in done.stderr.lower():
        pytest.skip("bcftools has no plugin split-vep")
    first = f"{START + 8} ENST00000000001.2 frameshift_variant&splice_region_variant c.5del"
    assert done.stdout.splitlines()[0] == first, done.stderr


def test_vcf_output_needs_a_vcf_file(folder: Path) -> None:
    for calls, out in (("-", "o.vcf"), ("v.vcf", "o.txt")):
        with pytest.raises(InputError, match=r"--vcf-out|o\.txt"):
            run(calls, vcf_out=Path(out))


def test_a_stop_codon_that_the_annotation_leaves_out_belongs_to_the_coding_sequence(folder: Path) -> None:
    bed, second = (folder / "t.bed").read_text(), START + len(EXON1) + len(INTRON)
    end = second + EXON2.index("TAA", 9) + 3
    for name, last in (("with.bed", end), ("without.bed", end - 3)):
        (folder / name).write_text(bed.replace(f"\t{second + len(EXON2) - 4}\t", f"\t{last}\t"))
    lines = f"1\t{second + 6}\tA\tG\n1\t{end - 3}\tA\tG\n1\t{end - 1}\tA\tG\n"  # AAA → AAG, GAA → GAG, TAA → TGA
    (folder / "s.tsv").write_text("chrom\tpos\tref\talt\n" + lines)
    both, without = (run("s.tsv", annotation=(Path(name),)).table for name in ("with.bed", "without.bed"))
    assert both["consequence"].to_list() == ["synonymous_variant", "synonymous_variant", "stop_retained_variant"]
    assert without.equals(both)


@pytest.mark.parametrize("name", ["chrM", "NC_012920.1"])
def test_coding_transcripts_of_mitochondria_are_left_out(folder: Path, name: str) -> None:
    bed = (folder / "t.bed").read_text()
    (folder / "t.bed").write_text(bed.replace("chr1", name) + bed.replace("chr2", name).replace("T2", "T3"))
    (folder / "g.fa").write_text((folder / "g.fa").read_text() + f">MT\n{CHROMOSOME}\n")
    lines = "".join(f"{chrom}\t{START + 2}\tG\tC\n" for chrom in ("M", "2"))
    (folder / "s.tsv").write_text("chrom\tpos\tref\talt\n" + lines)
    found = run("s.tsv")
    assert found.dropped == {"mitochondrial_genetic_code": 1}
    assert found.table["transcript"].to_list() == ["T3", "T2"]
