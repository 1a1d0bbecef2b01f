"""Genomes are written as FASTA that any reader takes."""

import gzip
import hashlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pysam
import pytest

from isoclr.genomics.encoding import letters, nucleotides
from isoclr.genomics.homology import read_homologene
from isoclr.simulation import families
from isoclr.simulation import write as stability
from isoclr.simulation import write as tables
from isoclr.simulation.families import Member
from isoclr.simulation.genes import Kind, Size, Template
from isoclr.simulation.simulate import SimulatedData
from isoclr.simulation.splicing import Isoform, Locus
from isoclr.simulation.write import (
    Causes,
    FastaWriter,
    GeneLines,
    Truth,
    genome_name,
    write_species,
)


@pytest.mark.parametrize("bgzip", [True, False])
def test_a_genome_reads_back_with_soft_masked_stretches(tmp_path: Path, bgzip: bool) -> None:
    rng = np.random.default_rng(0)
    sequences = {"chr1": rng.integers(0, 5, 10_007, np.uint8), "chr2": np.zeros(120, np.uint8)}
    path = tmp_path / ("g.fa.gz" if bgzip else "g.fa")
    with FastaWriter(path, bgzip=bgzip) as fasta:
        for name, codes in sequences.items():
            fasta.write(name, codes, rng)
    with pysam.FastaFile(str(path)) as read:
        assert list(read.references) == list(sequences)
        for name, codes in sequences.items():
            assert read.fetch(name).upper() == letters(codes)
        assert 300 <= sum(letter.islower() for letter in read.fetch("chr1")) <= 1200
    if not bgzip:
        assert max(map(len, path.read_text().splitlines())) == 60


def test_genes_lie_apart_within_their_chromosomes(
    world: SimulatedData, genomes: dict[str, Any], annotations: dict[str, Any]
) -> None:
    for name, by_id in annotations.items():
        spans: dict[tuple[str, str], tuple[int, int]] = {}
        for said in by_id.values():
            key = (said.chrom, said.gene_id)
            low, high = spans.get(key, (1 << 60, 0))
            spans[key] = (
                min(low, *(a for a, _ in said.exons)),
                max(high, *(b for _, b in said.exons)),
            )
        for (here, one), (there, other) in pairwise(
            sorted((chrom, span) for (chrom, _), span in spans.items())
        ):
            assert here != there or one[1] < other[0]
            assert one[1] < len(genomes[name][here])
        assert list(genomes[name]) == ["chr1", "chr2"]


def test_text_is_the_same_in_any_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = Size(species=1, genes=9, chromosomes=1)
    genes = families.plan(size, 0)[0]
    texts = []
    for block in (2000, 4):
        monkeypatch.setattr("isoclr.simulation.write._BLOCK", block)
        (tmp_path / str(block)).mkdir()
        write_species(size, 0, genes, tmp_path / str(block), Truth(), lambda _: None)
        texts.append(gzip.decompress((tmp_path / str(block) / "annotation.gtf.gz").read_bytes()))
    assert texts[0] == texts[1]
    assert texts[0].count(b"\tgene\t") == 9


def test_a_species_with_fewer_genes_than_chromosomes(tmp_path: Path) -> None:
    size = Size(species=1, genes=2, chromosomes=5, bgzip=False)
    genes = families.plan(size, 0)[0]
    told: list[int] = []
    causes = write_species(size, 0, genes, tmp_path, Truth(), told.append)
    assert sum(told) == 2
    assert len(causes) == sum(gene.coding for gene in genes)
    assert (tmp_path / genome_name(size)).read_text().count(">chr") == 2


TEMPLATE = Template(
    np.zeros(30, np.uint8),
    np.zeros(30, np.int64),
    np.zeros(30, bool),
    (Kind.ALWAYS,),
    (4, 19),
    np.ones(64),
)


def lines(strand: str, isoform: Isoform, nt: int = 40) -> list[tuple[str, int, int, str]]:
    """Feature, start, end and frame of each line of a gene of 40 nt at position 1000 (0-based)."""
    member = Member(0, 0, 0, 0, True, True)
    locus = Locus(member, TEMPLATE, np.zeros(nt, np.uint8), strand, [isoform], 0)
    rows = [line.split("\t") for line in GeneLines(locus, "chr1", 1000).text().splitlines()]
    assert {row[6] for row in rows} == {strand}
    return [(row[2], int(row[3]), int(row[4]), row[7]) for row in rows]


WHOLE = Isoform(np.array([[0, 10], [20, 32], [36, 40]]), (4, 23), 0, True, True, "protein_coding")


def test_coordinates_are_one_based_and_cds_excludes_the_stop() -> None:
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


def test_the_minus_strand_is_the_mirror_image() -> None:
    mirrored = [(f, 2041 - end, 2041 - start, frame) for f, start, end, frame in lines("+", WHOLE)]
    assert lines("-", WHOLE) == mirrored


@pytest.mark.parametrize("phase", [0, 1, 2])
def test_a_cut_codon_shows_in_the_frame(phase: int) -> None:
    fragment = Isoform(
        np.array([[0, 10], [20, 40]]), (0, 24 + phase), phase, False, True, "protein_coding"
    )
    found = lines("+", fragment)
    frames = [frame for feature, _, _, frame in found if feature == "CDS"]
    assert frames == [str(phase), str((phase - 10) % 3)]
    assert "start_codon" not in {feature for feature, *_ in found}


def test_a_transcript_without_cds_has_exons_only() -> None:
    found = lines("-", Isoform(np.array([[0, 40]]), None, 0, False, False, "retained_intron"))
    assert [feature for feature, *_ in found] == ["gene", "transcript", "exon"]


def test_attributes_are_gencodes() -> None:
    locus = Locus(Member(0, 4, 2, 0, True, True), TEMPLATE, np.zeros(40, np.uint8), "+", [WHOLE], 0)
    exon = GeneLines(locus, "chr1", 0).text().splitlines()[2]
    for part in (
        'gene_id "ENSSAAG00000000005.3"; transcript_id "ENSSAAT00000000401.1";',
        'gene_type "protein_coding"; gene_name "SIM3"; transcript_type "protein_coding";',
        'exon_number 1; exon_id "ENSSAAE00000004001.1";',
        'tag "basic"; tag "Ensembl_canonical";',
    ):
        assert part in exon


def genes(count: int) -> list[Causes]:
    rng = np.random.default_rng(0)
    return [
        Causes(rng.normal(), rng.normal(), tuple(int(n) for n in rng.poisson(2, 3)))
        for _ in range(count)
    ]


def test_noise_bounds_what_can_be_predicted() -> None:
    true, measured = stability.half_lives(genes(20_000), np.random.default_rng(1))
    assert np.corrcoef(true, measured)[0, 1] ** 2 == pytest.approx(stability.CEILING, abs=0.01)
    assert measured.mean() == pytest.approx(0, abs=1e-9)
    assert measured.std() == pytest.approx(1)


def test_each_cause_has_its_sign() -> None:
    known = genes(5000)
    true, _ = stability.half_lives(known, np.random.default_rng(1))
    table = np.array([[g.optimality, g.junctions, *g.motifs] for g in known])
    signs = [np.sign(np.corrcoef(column, true)[0, 1]) for column in table.T]
    assert signs == [1, 1, -1, -1, 1]


def test_a_cause_that_does_not_vary_has_no_effect() -> None:
    same = [Causes(0.5, 3.0, (1, 1, 1))] * 4
    true, measured = stability.half_lives(same, np.random.default_rng(0))
    assert true.tolist() == [0, 0, 0, 0]
    assert np.isfinite(measured).all()


def test_length_alone_says_little(world: SimulatedData) -> None:
    table = world.truth().filter("principal").join(world.gene_truth(), on="gene_id")
    correlation = np.corrcoef(np.log(table["length"]), table["half_life"])[0, 1]
    assert abs(correlation) < 0.2


HUMAN = [
    Member(0, 0, 2, 0, True, True),
    Member(0, 1, 0, 0, True, True),
    Member(0, 2, 1, 0, True, False),
]
MOUSE = [Member(1, 0, 2, 1, True, True)]


def test_homologene_has_the_known_families_by_group(tmp_path: Path) -> None:
    tables.homologene([HUMAN, MOUSE], tmp_path / "h")
    assert (tmp_path / "h").read_text() == (
        "1\t9606\t10000002\tSIM1\t\t\n3\t9606\t10000001\tSIM3\t\t\n3\t10090\t20000001\tSIM3L1\t\t\n"
    )
    assert len(read_homologene(tmp_path / "h", (tmp_path / "h").read_bytes())) == 3


def test_gene_ids_have_no_version(tmp_path: Path) -> None:
    tables.gene_ids(MOUSE, tmp_path / "ids")
    assert (tmp_path / "ids").read_text() == (
        "ensembl_gene_id\tentrez_gene_id\tsymbol\tbiotype\n"
        "ENSSABG00000000001\t20000001\tSIM3L1\tprotein_coding\n"
    )


def test_a_family_shares_its_fold(tmp_path: Path) -> None:
    tables.labels([HUMAN[0], MOUSE[0]], np.array([0.5, -1.25]), tmp_path / "labels")
    assert (tmp_path / "labels").read_text() == (
        "gene_id\thalf_life\tfold\nENSSAAG00000000001\t0.500000\t2\nENSSABG00000000001\t-1.250000\t2\n"
    )


BASES = nucleotides("CCATGAAAGTTTAGTAATATTTATCC")  # exons CCATGAAA and TAATATTTATCC
ISOFORM = Isoform(np.array([[0, 8], [14, 26]]), (2, 11), 0, True, True, "protein_coding")
TEMPLATE_TRUTH = Template(
    BASES, np.zeros(26, np.int64), np.zeros(26, bool), (Kind.ALWAYS,), (2, 11), np.ones(64)
)


def test_both_strands() -> None:
    truth = Truth()
    for strand in "+-":
        locus = Locus(Member(0, 0, 4, 0, True, True), TEMPLATE_TRUTH, BASES, strand, [ISOFORM], 0)
        truth.add(locus, "chr1", 100)
    plus, minus = truth.table().iter_rows(named=True)
    assert plus["exon_starts"] == [100, 114]
    assert minus["exon_starts"] == [118, 100]
    for row in (plus, minus):
        assert row["exon_lengths"] == [8, 12]
        assert row["sha256"] == hashlib.sha256(b"CCATGAAATAATATTTATCC").hexdigest()
        assert (row["length"], row["cds_start"], row["cds_end"]) == (20, 2, 11)
        assert (row["are"], row["pumilio"], row["c_rich"]) == (1, 0, 0)
        assert (row["gene_set"], row["principal"]) == ("HID:5", True)
