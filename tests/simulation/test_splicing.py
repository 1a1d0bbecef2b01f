"""Isoforms of a gene: different, in frame, and cut where they should be."""

import numpy as np

from isoclr.genomics.encoding import N
from isoclr.simulation import splicing
from isoclr.simulation.families import Gene
from isoclr.simulation.genes import SIZES, Kind, Size, Template, coding_gene
from isoclr.simulation.splicing import Isoform


def template(kinds: list[Kind], lengths: list[int], cds: tuple[int, int]) -> Template:
    total = sum(lengths)
    return Template(
        bases=np.zeros(total, np.uint8),
        block=np.repeat(np.arange(len(lengths)), lengths),
        conserved=np.zeros(total, bool),
        kinds=tuple(kinds),
        cds=cds,
        usage=np.zeros(64),
    )


def placed(lengths: list[int], intron: int = 100) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    ends = np.cumsum(np.array(lengths) + intron) - intron
    return np.stack([ends - lengths, ends], axis=1)


def test_skipped_cassette() -> None:
    lengths = [50, 40, 100, 30, 200]
    gene = template([Kind.FIRST, Kind.CASSETTE, Kind.ALWAYS, Kind.CASSETTE, Kind.ALWAYS], lengths, (100, 280))
    blocks = placed(lengths)
    whole = splicing.join_blocks(gene, blocks, (0, 1, 2, 3, 4))
    assert whole.cds == (100, 280)
    short = splicing.join_blocks(gene, blocks, (0, 2, 4))
    assert short.cds == (60, 210)
    assert short.exons.tolist() == blocks[[0, 2, 4]].tolist()


def test_distal_utr() -> None:
    lengths = [50, 100, 80]
    gene = template([Kind.FIRST, Kind.ALWAYS, Kind.DISTAL], lengths, (60, 120))
    blocks = np.array([[0, 50], [150, 250], [250, 330]])
    whole = splicing.join_blocks(gene, blocks, (0, 1, 2))
    assert whole.exons.tolist() == [[0, 50], [150, 330]]
    assert whole.cds == (60, 120)


def test_trim() -> None:
    exons = np.array([[0, 10], [20, 30], [40, 50]])
    assert splicing.trim(exons, 12, 25).tolist() == [[22, 30], [40, 45]]
    assert splicing.trim(exons, 10, 20).tolist() == [[20, 30]]
    assert splicing.trim(exons, 0, 30).tolist() == exons.tolist()


def test_make_isoforms() -> None:
    most = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        gene = coding_gene(rng, SIZES["small"])
        transcripts = splicing.make_isoforms(gene, placed(np.bincount(gene.block).tolist()), 12, rng)
        assert len({one.exons.tobytes() for one in transcripts}) == len(transcripts) <= 12
        most = max(most, len(transcripts))
        assert transcripts[0].has_start
        assert transcripts[0].has_stop
        assert transcripts[0].cds is not None
        for one in transcripts:
            assert (one.exons[:, 1] > one.exons[:, 0]).all()
            assert (one.exons[1:, 0] >= one.exons[:-1, 1]).all()
            if one.cds:
                assert 0 <= one.cds[0] < one.cds[1] <= one.length
    assert most == 12


def test_vary() -> None:
    kinds = set()
    whole = Isoform(np.array([[0, 400], [500, 900]]), (50, 650), 0, True, True, "protein_coding")
    for seed in range(200):
        one = splicing.vary(whole, np.random.default_rng(seed))
        kinds.add((one.biotype, one.has_start, one.has_stop))
        if one.biotype == "retained_intron":
            assert one.exons.tolist() == [[0, 900]]
            assert one.cds is None
        elif not one.has_start:
            cut = whole.length - one.length
            assert one.phase == (50 - cut) % 3
            assert one.cds == (0, 650 - cut)
        elif not one.has_stop:
            assert one.cds == (50, one.length)
    assert kinds == {
        ("protein_coding", True, True),
        ("protein_coding", False, True),
        ("protein_coding", True, False),
        ("retained_intron", False, False),
    }


def test_shift_ends() -> None:
    whole = Isoform(np.array([[0, 400], [500, 900]]), (150, 450), 0, True, True, "protein_coding")
    lengths = set()
    for seed in range(50):
        one = splicing.shift_ends(whole, np.random.default_rng(seed))
        assert one.cds is not None
        assert one.cds[1] - one.cds[0] == 300
        assert one.cds[0] >= 15
        assert one.exons[0, 1] == 400
        lengths.add(one.length)
    assert len(lengths) > 30


def test_isoform_count() -> None:
    rng = np.random.default_rng(0)
    counts = np.array([splicing.isoform_count(rng, Size(), 0, True) for _ in range(4000)])
    assert 0.4 < (counts == 1).mean() < 0.5
    assert 3.5 < counts.mean() < 5
    assert 30 < counts.max() <= splicing.MAX_ISOFORMS
    later = [splicing.isoform_count(rng, Size(), 3, True) for _ in range(4000)]
    assert np.mean(later) < counts.mean() - 0.7


def test_principal_isoform() -> None:
    strands = set()
    for seed in range(20):
        rng = np.random.default_rng(seed)
        gene = coding_gene(rng, SIZES["small"])
        locus = splicing.make_locus(Gene(0, 0, 0, 0, True, True), gene, SIZES["small"], rng)
        strands.add(locus.strand)
        firsts = [b for b, kind in enumerate(gene.kinds) if kind is Kind.FIRST]
        mature = locus.mature(locus.isoforms[0])
        same = mature == gene.bases[~np.isin(gene.block, firsts[1:])]
        assert same[mature != N].all()
        assert (mature == N).sum() <= 1
    assert strands == {"+", "-"}


def test_background() -> None:
    bases = splicing.background(np.random.default_rng(0), 100_000)
    assert 0.40 < np.isin(bases, (1, 2)).mean() < 0.42
