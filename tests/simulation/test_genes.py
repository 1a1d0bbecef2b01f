"""Ancestral genes: frames that cassettes keep, exons that add up."""

from typing import Any

import numpy as np
import pytest

from isoclr.errors import InputError
from isoclr.genomics.encoding import START_CODON, nucleotides
from isoclr.simulation import genes
from isoclr.simulation.genes import SIZES, Ints, Kind, Template, resolve_size


@pytest.fixture(scope="module")
def ancestors() -> list[Template]:
    return [genes.coding_gene(np.random.default_rng(seed), SIZES["small"]) for seed in range(60)]


def cds_of(gene: Template) -> tuple[int, int]:
    """The coding sequence, after a look at its reading frame and at the lengths of what describes a base."""
    assert gene.cds is not None
    codons = genes.codons_of(gene.bases[slice(*gene.cds)])
    assert codons[0] == START_CODON
    assert codons[-1] in genes.STOPS
    assert not np.isin(codons[:-1], genes.STOPS).any()
    assert len(gene.bases) == len(gene.block) == len(gene.conserved)
    assert (np.diff(gene.block) >= 0).all()
    assert np.unique(gene.block).tolist() == list(range(len(gene.kinds)))
    return gene.cds


def coding_cassettes(gene: Template) -> list[Ints]:
    """The bases of every cassette within the coding sequence."""
    start, end = cds_of(gene)
    blocks = [np.flatnonzero(gene.block == b) for b, kind in enumerate(gene.kinds) if kind is Kind.CASSETTE]
    return [bases for bases in blocks if start < bases[0] and bases[-1] < end]


def test_coding_gene(ancestors: list[Template]) -> None:
    seen = 0
    for gene in ancestors:
        start, end = cds_of(gene)
        assert not gene.conserved[:end].any()
        assert {gene.kinds[b] for b in gene.block[[start, start + 2, end - 3, end - 1]]} == {Kind.ALWAYS}
        for bases in coding_cassettes(gene):
            assert (bases[0] - start) % 3 == len(bases) % 3 == 0
            seen += 1
    assert seen > 40


def test_noncoding_gene() -> None:
    gene = genes.noncoding_gene(np.random.default_rng(0))
    assert gene.cds is None
    assert gene.kinds[0] is Kind.FIRST
    assert gene.kinds[-1] is Kind.ALWAYS


def test_evolve_at_distance_zero(ancestors: list[Template]) -> None:
    for gene in ancestors[:5]:
        now = genes.evolve(gene, 0.0, rng())
        assert now.bases.tolist() == gene.bases.tolist()
        assert now.cds == gene.cds


@pytest.mark.parametrize("distance", [0.1, 2.0])
def test_evolve_keeps_the_reading_frame_and_cassettes(ancestors: list[Template], distance: float) -> None:
    shifted = 0
    for seed, gene in enumerate(ancestors[:40]):
        now = genes.evolve(gene, distance, np.random.default_rng(seed))
        shifted += cds_of(now) != gene.cds
        assert all(len(bases) % 3 == 0 for bases in coding_cassettes(now))
    assert shifted > 20


def test_rates_of_substitution(ancestors: list[Template]) -> None:
    same = {"utr": [], "codon": [], "amino": []}  # type: dict[str, list[float]]
    for gene in ancestors[:30]:
        now = genes.substitute(gene, 0.1, np.random.default_rng(1))
        assert gene.cds is not None
        utr3 = slice(gene.cds[1], None)
        free = ~gene.conserved[utr3]
        same["utr"].append((gene.bases[utr3] == now.bases[utr3])[free].mean())
        before, after = (genes.codons_of(g.bases[slice(*gene.cds)]) for g in (gene, now))
        same["codon"].append((before == after).mean())
        same["amino"].append((genes.AMINO[before] == genes.AMINO[after]).mean())
    assert 0.74 < np.mean(same["utr"]) < 0.82
    assert 0.70 < np.mean(same["codon"]) < 0.90
    assert np.mean(same["amino"]) > 0.95


def test_evolve_conserves_motifs(ancestors: list[Template]) -> None:
    before, after = np.zeros(3), np.zeros(3)
    for seed, gene in enumerate(ancestors):
        now = genes.evolve(gene, 0.2, np.random.default_rng(seed))
        for total, one in ((before, gene), (after, now)):
            assert one.cds is not None
            total += [*genes.count_motifs(one.bases[one.cds[1] :]).values()]
    assert (after > 0.7 * before).all()


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_codon_usage() -> None:
    usage = genes.codon_usage(0.5, -0.3)
    for amino in set(genes.AMINO.tolist()) - {ord("*")}:
        assert usage[np.equal(genes.AMINO, amino)].sum() == pytest.approx(1)
    assert usage[genes.STOPS].tolist() == [0, 0, 0]


def test_codon_usage_bias_and_gc() -> None:
    def drawn(bias: float, gc: float) -> tuple[float, float]:
        codons = genes.random_codons(rng(), 20_000, genes.codon_usage(bias, gc))
        bases = genes.bases_of(codons)
        return genes.optimality(bases), float(np.isin(bases[2::3], (1, 2)).mean())

    plain, optimal, rich = drawn(0, 0), drawn(1, 0), drawn(0, 1)
    assert optimal[0] > plain[0] + 0.4
    assert rich[1] > plain[1] + 0.2
    assert abs(rich[0] - plain[0]) < 0.2


def test_optimality() -> None:
    assert genes.optimality(nucleotides("ATGAAGAAGTAA")) == 1.0
    assert genes.optimality(nucleotides("ATGAAGAAATAA")) == 0.0


def test_count_motifs() -> None:
    utr3 = nucleotides("TATTTATCCTGTACATAGGTGTAAATAACCCTCCCTTTATTTATTTAT")
    # the second AU-rich element overlaps a third, which does not count
    assert genes.count_motifs(utr3) == {"are": 2, "pumilio": 2, "c_rich": 1}


def test_insert_motifs() -> None:
    total = 0
    for seed in range(50):
        utr3 = np.zeros(400, np.uint8)  # all A: no motif by chance
        marked = genes.insert_motifs(np.random.default_rng(seed), utr3)
        counts = genes.count_motifs(utr3).values()
        lengths = [7, 8, 7]
        assert marked.sum() == sum(n * length for n, length in zip(counts, lengths, strict=True))
        assert not utr3[~marked].any()
        total += sum(counts)
    assert total > 50


def test_insert_motifs_in_a_short_utr() -> None:
    assert not genes.insert_motifs(np.random.default_rng(0), np.zeros(15, np.uint8)).any()


def test_resolve() -> None:
    assert resolve_size("small", None, None) is not None
    size = resolve_size("gencode", 2, 50)
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
def test_resolve_out_of_range(options: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve_size(*options)
