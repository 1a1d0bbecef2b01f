"""Genes with introns: spliced back, they are their template."""

import numpy as np

from isoclr.corpus.codes import N, reverse_complement
from isoclr.simulation import ancestors, loci
from isoclr.simulation.families import Member
from isoclr.simulation.sizes import SIZES, Size

MEMBER = Member(0, 0, 0, 0, True, True)


def make(seed: int, size: Size = SIZES["small"]) -> loci.Locus:
    rng = np.random.default_rng(seed)
    return loci.locus(MEMBER, ancestors.coding(rng, size), size, rng)


def test_the_principal_isoform_is_its_blocks() -> None:
    for seed in range(20):
        gene = make(seed)
        firsts = [b for b, k in enumerate(gene.template.kinds) if k is ancestors.Kind.FIRST]
        used = ~np.isin(gene.template.block, firsts[1:])
        mature = gene.mature(gene.isoforms[0])
        same = mature == gene.template.bases[used]
        assert same[mature != N].all()
        assert (mature == N).sum() <= 1


def test_the_minus_strand_is_the_reverse_complement() -> None:
    strands = set()
    for seed in range(10):
        gene = make(seed)
        strands.add(gene.strand)
        expected = gene.bases if gene.strand == "+" else reverse_complement(gene.bases)
        assert gene.forward().tolist() == expected.tolist()
    assert strands == {"+", "-"}


def test_some_genes_have_an_unknown_base() -> None:
    assert 0 < sum((make(seed).bases == N).any() for seed in range(300)) < 15


def test_background_has_the_gc_of_a_genome() -> None:
    bases = loci.background(np.random.default_rng(0), 100_000)
    assert 0.40 < np.isin(bases, (1, 2)).mean() < 0.42
