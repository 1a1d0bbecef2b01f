"""Who has which gene, and that chance depends on the gene alone."""

import re
from collections import Counter
from itertools import product

import numpy as np

from isoclr.genomics.species import SPECIES
from isoclr.simulation import families
from isoclr.simulation.families import Gene, Purpose, keyed_rng
from isoclr.simulation.genes import Size


def test_plan_genomes() -> None:
    for species, genes in ((1, 1), (3, 200), (2, 7)):
        plan = families.plan_genomes(Size(species=species, genes=genes), seed=5)
        assert [len(genome) for genome in plan] == [genes] * species
        assert all([m.number for m in genome] == list(range(genes)) for genome in plan)


def test_orthologs_paralogs_and_losses() -> None:
    plan = families.plan_genomes(Size(species=2, genes=1000), seed=0)
    counts = [Counter(m.family for m in genome if m.coding) for genome in plan]
    shared = counts[0].keys() & counts[1].keys()
    assert 0.75 < len(shared) / len(counts[0]) < 0.98
    assert 0.05 < np.mean([n > 1 for n in counts[0].values()]) < 0.25
    mapped = [m.in_homologene for genome in plan for m in genome if m.coding]
    assert 0.8 < np.mean(mapped) < 0.9
    assert not any(m.in_homologene for genome in plan for m in genome if not m.coding)


def test_families() -> None:
    plan = families.plan_genomes(Size(species=3, genes=300), seed=1)
    kinds = {(m.family, m.coding) for genome in plan for m in genome}
    assert len(kinds) == len({family for family, _ in kinds})  # coding, or not
    for genome in plan:
        assert len({(m.family, m.copy) for m in genome}) == len(genome)


def test_keyed_rng() -> None:
    draws = {keyed_rng(1, purpose, key).random() for purpose in Purpose for key in range(3)}
    assert len(draws) == 3 * len(Purpose)
    assert keyed_rng(1, Purpose.LOCUS, 2).random() == keyed_rng(1, Purpose.LOCUS, 2).random()
    assert keyed_rng(1, Purpose.LOCUS, 2).random() != keyed_rng(2, Purpose.LOCUS, 2).random()


def test_orthologs_are_closer_than_paralogs() -> None:
    near: list[float] = []
    far: list[float] = []
    for family in range(20):
        human = families.descend(Size(), 0, member(0, family=family))
        for other, into in ((member(1, family=family), near), (member(0, family=family, copy=1), far)):
            genes = [human, families.descend(Size(), 0, other)]
            one, two = (gene.bases[gene.cds[0] :][:150] for gene in genes if gene.cds)
            into.append(float(np.equal(one, two).mean()))
    assert np.mean(near) > np.mean(far) + 0.05


def member(species: int = 0, number: int = 0, family: int = 0, copy: int = 0, in_homologene: bool = True) -> Gene:
    return Gene(species, number, family, copy, True, in_homologene)


def test_ids_are_unique() -> None:
    members = [member(s, n) for s, n in product(range(len(SPECIES)), (0, 1, 59_999))]
    for name in ("gene_id", "bare_id", "entrez"):
        assert len({getattr(m, name) for m in members}) == len(members)
    for name in ("transcript_id", "protein_id", "exon_id"):
        ids = {getattr(m, name)(i) for m in members for i in range(60)}
        assert len(ids) == 60 * len(members)


def test_form_of_ids() -> None:
    assert re.fullmatch(r"ENSSAAG\d{11}\.\d+", member().gene_id)
    assert re.fullmatch(r"ENSSABT\d{11}\.\d+", member(1).transcript_id(3))


def test_symbols_and_gene_sets() -> None:
    human, mouse, paralog = member(0, 1, 7), member(1, 5, 7), member(0, 9, 7, copy=1)
    assert human.symbol == mouse.symbol != paralog.symbol
    assert human.gene_set == mouse.gene_set == paralog.gene_set == "HID:8"


def test_gene_set_without_homologene() -> None:
    alone = member(1, 5, 7, in_homologene=False)
    assert alone.gene_set == "mouse|" + alone.gene_id.partition(".")[0]
