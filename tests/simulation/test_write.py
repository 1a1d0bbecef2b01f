"""Genomes are written as FASTA that any reader takes."""

import hashlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pysam
import pytest

from isoclr.genomics.encoding import letters, nucleotides
from isoclr.genomics.homology import read_homologene
from isoclr.simulation import families
from isoclr.simulation.families import Gene
from isoclr.simulation.genes import Floats, Size
from isoclr.simulation.simulate import SimulatedData
from isoclr.simulation.splicing import Isoform, Locus
from isoclr.simulation.write import (
    CEILING,
    EFFECTS,
    gene_row,
    genome_name,
    gtf_lines,
    half_lives,
    truth_rows,
    write_fasta,
    write_gene_ids,
    write_homologene,
    write_labels,
    write_species,
)


@pytest.mark.parametrize("bgzip", [True, False])
def test_write_fasta(tmp_path: Path, bgzip: bool) -> None:
    rng = np.random.default_rng(0)
    sequences = {"chr1": rng.integers(0, 5, 10_007, np.uint8), "chr2": np.zeros(120, np.uint8)}
    path = tmp_path / ("g.fa.gz" if bgzip else "g.fa")
    with pysam.BGZFile(str(path), "wb", None) if bgzip else path.open("wb") as stream:
        for name, codes in sequences.items():
            write_fasta(stream, name, codes, rng)
    with pysam.FastaFile(str(path)) as read:
        assert list(read.references) == list(sequences)
        for name, codes in sequences.items():
            assert read.fetch(name).upper() == letters(codes)
        assert 300 <= sum(letter.islower() for letter in read.fetch("chr1")) <= 1200
    if not bgzip:
        assert max(map(len, path.read_text().splitlines())) == 60


def test_genes_do_not_overlap(world: SimulatedData, genomes: dict[str, Any], annotations: dict[str, Any]) -> None:
    for name, by_id in annotations.items():
        spans: dict[tuple[str, str], tuple[int, int]] = {}
        for annotated in by_id.values():
            key = (annotated.chrom, annotated.gene_id)
            low, high = spans.get(key, (1 << 60, 0))
            spans[key] = (min(low, *(a for a, _ in annotated.exons)), max(high, *(b for _, b in annotated.exons)))
        for (here, one), (there, other) in pairwise(sorted((chrom, span) for (chrom, _), span in spans.items())):
            assert here != there or one[1] < other[0]
            assert one[1] < len(genomes[name][here])
        assert list(genomes[name]) == ["chr1", "chr2"]


def test_fewer_genes_than_chromosomes(tmp_path: Path) -> None:
    size = Size(species=1, genes=2, chromosomes=5, bgzip=False)
    genes = families.plan_genomes(size, 0)[0]
    steps: list[int] = []
    _, coding = write_species(size, 0, genes, tmp_path, steps.append)
    assert sum(steps) == 2
    assert len(coding) == sum(gene.coding for gene in genes)
    assert (tmp_path / genome_name(size)).read_text().count(">chr") == 2


def lines(strand: str, isoform: Isoform, nt: int = 40) -> list[tuple[str, int, int, str]]:
    """Feature, start, end and frame of each line of a gene of 40 nt at position 1000 (0-based)."""
    member = Gene(0, 0, 0, 0, True, True)
    locus = Locus(member, np.zeros(nt, np.uint8), strand, [isoform], 0)
    rows = [line.rstrip().split("\t") for line in gtf_lines(locus, "chr1", 1000)]
    assert {row[6] for row in rows} == {strand}
    return [(row[2], int(row[3]), int(row[4]), row[7]) for row in rows]


WHOLE = Isoform(np.array([[0, 10], [20, 32], [36, 40]]), (4, 23), 0, True, True, "protein_coding")


def test_gtf_coordinates() -> None:
    assert lines("+", WHOLE) == [
        ("gene", 1001, 1040, "."),
        ("transcript", 1001, 1040, "."),
        ("exon", 1001, 1010, "."),
        ("CDS", 1005, 1010, "0"),
        ("start_codon", 1005, 1007, "0"),
        ("exon", 1021, 1032, "."),
        ("CDS", 1021, 1030, "0"),
        ("stop_codon", 1031, 1032, "2"),
        ("exon", 1037, 1040, "."),
        ("stop_codon", 1037, 1037, "0"),
        ("UTR", 1001, 1004, "."),
        ("UTR", 1031, 1032, "."),
        ("UTR", 1037, 1040, "."),
    ]


def test_gtf_minus_strand() -> None:
    mirrored = [(f, 2041 - end, 2041 - start, frame) for f, start, end, frame in lines("+", WHOLE)]
    assert lines("-", WHOLE) == mirrored


@pytest.mark.parametrize("phase", [0, 1, 2])
def test_gtf_frame(phase: int) -> None:
    fragment = Isoform(np.array([[0, 10], [20, 40]]), (0, 24 + phase), phase, False, True, "protein_coding")
    rows = lines("+", fragment)
    frames = [frame for feature, _, _, frame in rows if feature == "CDS"]
    assert frames == [str(phase), str((phase - 10) % 3)]
    assert "start_codon" not in {feature for feature, *_ in rows}


def test_gtf_without_cds() -> None:
    rows = lines("-", Isoform(np.array([[0, 40]]), None, 0, False, False, "retained_intron"))
    assert [feature for feature, *_ in rows] == ["gene", "transcript", "exon"]


def test_gtf_attributes() -> None:
    locus = Locus(Gene(0, 4, 2, 0, True, True), np.zeros(40, np.uint8), "+", [WHOLE], 0)
    exon = list(gtf_lines(locus, "chr1", 0))[2]
    for part in (
        'gene_id "ENSSAAG00000000005.3"; transcript_id "ENSSAAT00000000401.1";',
        'gene_type "protein_coding"; gene_name "SIM3"; transcript_type "protein_coding";',
        'exon_number 1; exon_id "ENSSAAE00000004001.1";',
        'tag "basic"; tag "Ensembl_canonical";',
    ):
        assert part in exon


def factors(count: int) -> Floats:
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(size=(count, 2)), rng.poisson(2, (count, 3))], axis=1)


def test_half_life_noise() -> None:
    true, measured = half_lives(factors(20_000), np.random.default_rng(1))
    assert np.corrcoef(true, measured)[0, 1] ** 2 == pytest.approx(CEILING, abs=0.01)
    assert measured.mean() == pytest.approx(0, abs=1e-9)
    assert measured.std() == pytest.approx(1)


def test_half_life_effects() -> None:
    table = factors(5000)
    true, _ = half_lives(table, np.random.default_rng(1))
    signs = [np.sign(np.corrcoef(column, true)[0, 1]) for column in table.T]
    assert signs == [1, 1, -1, -1, 1]


def test_half_life_constant_factors() -> None:
    true, measured = half_lives(np.ones((4, 5)), np.random.default_rng(0))
    assert true.tolist() == [0, 0, 0, 0]
    assert np.isfinite(measured).all()


def test_half_life_is_independent_of_length(world: SimulatedData) -> None:
    genes = pl.read_parquet(world.path / "genes.parquet")
    table = world.truth().filter("principal").join(genes, on="gene_id")
    correlation = np.corrcoef(np.log(table["length"]), table["half_life"])[0, 1]
    assert abs(correlation) < 0.2


HUMAN = [Gene(0, 0, 2, 0, True, True), Gene(0, 1, 0, 0, True, True), Gene(0, 2, 1, 0, True, False)]
MOUSE = [Gene(1, 0, 2, 1, True, True)]


def test_homologene(tmp_path: Path) -> None:
    write_homologene([HUMAN, MOUSE], tmp_path / "h")
    assert (tmp_path / "h").read_text() == (
        "1\t9606\t10000002\tSIM1\t\t\n3\t9606\t10000001\tSIM3\t\t\n3\t10090\t20000001\tSIM3L1\t\t\n"
    )
    assert len(read_homologene(tmp_path / "h", (tmp_path / "h").read_bytes())) == 3


def test_gene_ids(tmp_path: Path) -> None:
    write_gene_ids(MOUSE, tmp_path / "ids")
    assert (tmp_path / "ids").read_text() == (
        "ensembl_gene_id\tentrez_gene_id\tsymbol\tbiotype\nENSSABG00000000001\t20000001\tSIM3L1\tprotein_coding\n"
    )


def test_labels(tmp_path: Path) -> None:
    names = {"gene_id": ["G1.4", "G2.1"], "family": [2, 12]}
    rows = pl.DataFrame({**names, **dict.fromkeys(EFFECTS, 0), "junctions": [2.0, 1.0]}).to_dicts()
    table = write_labels(rows, np.random.default_rng(0), tmp_path / "labels")
    one, two = table["half_life"]
    assert table["half_life_true"].to_list() == pytest.approx([1, -1])
    assert (tmp_path / "labels").read_text() == f"gene_id\thalf_life\tfold\nG1\t{one:.6f}\t2\nG2\t{two:.6f}\t2\n"


def test_gene_row() -> None:
    row = gene_row(Locus(Gene(0, 0, 4, 0, True, True), BASES, "-", [ISOFORM], 0))
    assert [row[name] for name in EFFECTS] == [-1, 1 / 9 * 1000, 1, 0, 0]
    assert (row["species"], row["family"], row["gene_set"]) == ("human", 4, "HID:5")


BASES = nucleotides("CCATGAAAGTTTAGTAATATTTATCC")  # exons CCATGAAA and TAATATTTATCC
ISOFORM = Isoform(np.array([[0, 8], [14, 26]]), (2, 11), 0, True, True, "protein_coding")


def test_truth_of_both_strands() -> None:
    loci = [Locus(Gene(0, 0, 4, 0, True, True), BASES, strand, [ISOFORM], 0) for strand in "+-"]
    plus, minus = (row for locus in loci for row in truth_rows(locus, "chr1", 100))
    assert plus["exon_starts"] == [100, 114]
    assert minus["exon_starts"] == [118, 100]
    for row in (plus, minus):
        assert row["exon_lengths"] == [8, 12]
        assert row["sha256"] == hashlib.sha256(b"CCATGAAATAATATTTATCC").hexdigest()
        assert (row["length"], row["cds_start"], row["cds_end"]) == (20, 2, 11)
        assert (row["are"], row["pumilio"], row["c_rich"]) == (1, 0, 0)
        assert (row["gene_set"], row["principal"]) == ("HID:5", True)
