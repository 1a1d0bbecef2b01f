"""Ancestral genes: frames that cassettes keep, exons that add up."""

import numpy as np
import pytest

from isoclr.simulation import ancestors, genetic_code
from isoclr.simulation.ancestors import Kind
from isoclr.simulation.sizes import SIZES


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
