"""Ancestral genes: frames that cassettes keep, exons that add up."""

from typing import Any

import numpy as np
import pytest

from isoclr.errors import InputError
from isoclr.genomics.encoding import nucleotides
from isoclr.simulation import genes as ancestors
from isoclr.simulation import genes as code
from isoclr.simulation import genes as evolution
from isoclr.simulation import genes as genetic_code
from isoclr.simulation import genes as motifs
from isoclr.simulation.genes import SIZES, Kind, Template, resolve


@pytest.mark.parametrize("seed", range(25))
def test_a_coding_gene_is_consistent(seed: int) -> None:
    gene = ancestors.coding(np.random.default_rng(seed), SIZES["small"])
    assert gene.cds is not None
    start, end = gene.cds
    codons = genetic_code.codons_of(gene.bases[start:end])
    assert codons[0] == genetic_code.START
    assert codons[-1] in genetic_code.STOPS
    assert not np.isin(codons[:-1], genetic_code.STOPS).any()
    assert len(gene.bases) == len(gene.block) == len(gene.kept)
    assert np.unique(gene.block).tolist() == list(range(len(gene.kinds)))
    assert not gene.kept[:end].any()


def test_coding_cassettes_start_and_end_between_codons() -> None:
    seen = 0
    for seed in range(60):
        gene = ancestors.coding(np.random.default_rng(seed), SIZES["small"])
        assert gene.cds is not None
        for block, kind in enumerate(gene.kinds):
            bases = np.flatnonzero(gene.block == block)
            if kind is Kind.CASSETTE and gene.cds[0] < bases[0] and bases[-1] < gene.cds[1]:
                assert (bases[0] - gene.cds[0]) % 3 == 0
                assert len(bases) % 3 == 0
                seen += 1
    assert seen > 40


def test_the_blocks_of_start_and_stop_are_in_every_isoform() -> None:
    for seed in range(60):
        gene = ancestors.coding(np.random.default_rng(seed), SIZES["small"])
        assert gene.cds is not None
        blocks = gene.block[[gene.cds[0], gene.cds[0] + 2, gene.cds[1] - 3, gene.cds[1] - 1]]
        assert {gene.kinds[b] for b in blocks} == {Kind.ALWAYS}


def test_a_lncrna_gene_has_no_cds() -> None:
    gene = ancestors.noncoding(np.random.default_rng(0))
    assert gene.cds is None
    assert gene.kinds[0] is Kind.FIRST
    assert gene.kinds[-1] is Kind.ALWAYS


def founders(count: int) -> list[Template]:
    return [ancestors.coding(np.random.default_rng(i), SIZES["small"]) for i in range(count)]


def descend(gene: Template, distance: float, seed: int = 0) -> Template:
    return evolution.evolve(gene, distance, np.random.default_rng(seed))


def test_at_distance_zero_nothing_changes() -> None:
    for gene in founders(5):
        now = descend(gene, 0.0)
        assert now.bases.tolist() == gene.bases.tolist()
        assert now.cds == gene.cds


@pytest.mark.parametrize("distance", [0.1, 0.5, 2.0])
def test_a_reading_frame_stays_open(distance: float) -> None:
    for seed, gene in enumerate(founders(40)):
        now = descend(gene, distance, seed)
        assert now.cds is not None
        codons = genetic_code.codons_of(now.bases[slice(*now.cds)])
        assert codons[0] == genetic_code.START
        assert codons[-1] in genetic_code.STOPS
        assert not np.isin(codons[:-1], genetic_code.STOPS).any()
        assert len(now.bases) == len(now.block) == len(now.kept)


def test_cassettes_keep_the_frame() -> None:
    for seed, gene in enumerate(founders(40)):
        now = descend(gene, 1.0, seed)
        assert now.cds is not None
        lengths = np.bincount(now.block)
        assert len(lengths) == len(now.kinds)
        for block, kind in enumerate(now.kinds):
            inside = now.cds[0] < np.argmax(now.block == block) < now.cds[1]
            assert not (kind is Kind.CASSETTE and inside) or lengths[block] % 3 == 0


def test_proteins_change_less_than_codons_and_utrs_more() -> None:
    same = {"utr": [], "codon": [], "amino": []}  # type: dict[str, list[float]]
    for gene in founders(30):
        now = evolution._substitute(gene, 0.1, np.random.default_rng(1))
        assert gene.cds is not None
        utr3 = slice(gene.cds[1], None)
        free = ~gene.kept[utr3]
        same["utr"].append((gene.bases[utr3] == now.bases[utr3])[free].mean())
        before, after = (genetic_code.codons_of(g.bases[slice(*gene.cds)]) for g in (gene, now))
        same["codon"].append((before == after).mean())
        same["amino"].append((genetic_code._AMINO[before] == genetic_code._AMINO[after]).mean())
    assert 0.74 < np.mean(same["utr"]) < 0.82
    assert 0.70 < np.mean(same["codon"]) < 0.90
    assert np.mean(same["amino"]) > 0.95


def test_selection_keeps_motifs() -> None:
    before, after = np.zeros(3), np.zeros(3)
    for seed, gene in enumerate(founders(80)):
        now = descend(gene, 0.2, seed)
        for total, one in ((before, gene), (after, now)):
            assert one.cds is not None
            total += motifs.count(one.bases[one.cds[1] :])
    assert (after > 0.7 * before).all()


def test_insertions_and_deletions_keep_blocks_apart() -> None:
    for seed, gene in enumerate(founders(20)):
        now = descend(gene, 2.0, seed)
        assert (np.diff(now.block) >= 0).all()
        assert np.bincount(now.block).min() >= 1


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize(
    ("codon", "amino"),
    [("ATG", "M"), ("TGG", "W"), ("TAA", "*"), ("TAG", "*"), ("TGA", "*"), ("AAA", "K"), ("CTG", "L"),
     ("AGC", "S"), ("CGA", "R"), ("ATA", "I"), ("TGT", "C"), ("GGG", "G")],
)  # fmt: skip
def test_codons_mean_their_amino_acid(codon: str, amino: str) -> None:
    assert chr(code._AMINO[code.codon_index(codon)]) == amino


def test_start_and_stops_are_numbered_right() -> None:
    assert code.codon_index("ATG") == code.START
    assert [code.codon_index(codon) for codon in ("TAA", "TAG", "TGA")] == code.STOPS.tolist()


def test_bases_and_codons_are_inverse() -> None:
    codons = np.arange(64)
    assert code.codons_of(code.bases_of(codons)).tolist() == codons.tolist()
    assert code.bases_of(np.array([code.START])).tolist() == nucleotides("ATG").tolist()


def test_usage_adds_up_to_one_for_each_amino_acid() -> None:
    usage = code.codon_usage(0.5, -0.3)
    for amino in set(code._AMINO.tolist()) - {ord("*")}:
        assert usage[np.equal(code._AMINO, amino)].sum() == pytest.approx(1)
    assert usage[code.STOPS].tolist() == [0, 0, 0]


def test_bias_raises_optimality_and_gc_does_not() -> None:
    def drawn(bias: float, gc: float) -> tuple[float, float]:
        codons = code.random_codons(rng(), 20_000, code.codon_usage(bias, gc))
        bases = code.bases_of(codons)
        return code.optimality(bases), float(np.isin(bases[2::3], (1, 2)).mean())

    plain, optimal, rich = drawn(0, 0), drawn(1, 0), drawn(0, 1)
    assert optimal[0] > plain[0] + 0.4
    assert rich[1] > plain[1] + 0.2
    assert abs(rich[0] - plain[0]) < 0.2


def test_synonymous_changes_keep_the_protein() -> None:
    codons = code.random_codons(rng(), 5000, code.codon_usage(0, 0))
    changed = code.synonymous(rng(), codons, code.codon_usage(0, 0))
    assert (code._AMINO[changed] == code._AMINO[codons]).all()
    assert 0.3 < (changed != codons).mean() < 0.9


def test_optimality_leaves_start_and_stop_out() -> None:
    assert code.optimality(nucleotides("ATGAAGAAGTAA")) == 1.0
    assert code.optimality(nucleotides("ATGAAGAAATAA")) == 0.0


def test_copies_are_counted_by_spelling() -> None:
    utr3 = nucleotides("TATTTATCCTGTACATAGGTGTAAATAACCCTCCCTTTATTTATTTAT")
    assert motifs.count(utr3) == (
        2,
        2,
        1,
    )  # the second AU-rich element overlaps a third, which does not count


def test_planted_motifs_are_whole_and_marked() -> None:
    marked = 0
    for seed in range(50):
        utr3 = np.zeros(400, np.uint8)  # all A: no motif by chance
        kept = motifs.plant(np.random.default_rng(seed), utr3)
        found = motifs.count(utr3)
        lengths = [7, 8, 7]
        assert kept.sum() == sum(n * length for n, length in zip(found, lengths, strict=True))
        assert not utr3[~kept].any()
        marked += sum(found)
    assert marked > 50


def test_a_short_utr_has_room_for_none() -> None:
    assert not motifs.plant(np.random.default_rng(0), np.zeros(15, np.uint8)).any()


def test_options_change_the_named_size() -> None:
    assert resolve("small", None, None) is not None
    size = resolve("gencode", 2, 50)
    assert (size.species, size.genes) == (2, 50)
    assert size.intron_nt == SIZES["gencode"].intron_nt


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("huge", None, None), "--size 'huge' is not one of tiny, small, medium, gencode"),
        (("small", 0, None), "--species is 0, expected a whole number from 1 to"),
        (("small", 1000, None), "--species is 1000"),
        (("small", None, -1), "--genes is -1"),
    ],
)
def test_what_is_out_of_range_is_refused(options: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve(*options)
