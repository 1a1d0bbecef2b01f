"""Who has which gene, and that chance depends on the gene alone."""

import re
from collections import Counter
from itertools import product

import numpy as np

from isoclr.genomics.species import SPECIES
from isoclr.simulation import families
from isoclr.simulation import families as names
from isoclr.simulation.families import Chance, Member, chance
from isoclr.simulation.genes import Size


def test_every_species_has_its_number_of_genes() -> None:
    for species, genes in ((1, 1), (3, 200), (2, 7)):
        plan = families.plan(Size(species=species, genes=genes), seed=5)
        assert [len(genome) for genome in plan] == [genes] * species
        assert all([m.number for m in genome] == list(range(genes)) for genome in plan)


def test_families_have_orthologs_paralogs_and_losses() -> None:
    plan = families.plan(Size(species=2, genes=1000), seed=0)
    counts = [Counter(m.family for m in genome if m.coding) for genome in plan]
    shared = counts[0].keys() & counts[1].keys()
    assert 0.75 < len(shared) / len(counts[0]) < 0.98
    assert 0.05 < np.mean([n > 1 for n in counts[0].values()]) < 0.25
    known = [m.known for genome in plan for m in genome if m.coding]
    assert 0.8 < np.mean(known) < 0.9
    assert not any(m.known for genome in plan for m in genome if not m.coding)


def test_a_family_codes_or_does_not() -> None:
    plan = families.plan(Size(species=3, genes=300), seed=1)
    kinds = {(m.family, m.coding) for genome in plan for m in genome}
    assert len(kinds) == len({family for family, _ in kinds})


def test_copies_of_a_family_in_a_species_are_numbered() -> None:
    for genome in families.plan(Size(species=2, genes=500), seed=2):
        assert len({(m.family, m.copy) for m in genome}) == len(genome)


def test_chance_is_by_purpose_and_key() -> None:
    draws = {chance(1, purpose, key).random() for purpose in Chance for key in range(3)}
    assert len(draws) == 3 * len(Chance)
    assert chance(1, Chance.LOCUS, 2).random() == chance(1, Chance.LOCUS, 2).random()
    assert chance(1, Chance.LOCUS, 2).random() != chance(2, Chance.LOCUS, 2).random()


def test_orthologs_are_closer_than_paralogs() -> None:
    size = Size()
    near: list[float] = []
    far: list[float] = []
    for family in range(20):
        founder = families.ancestor(size, 0, family, True)
        for copy, into in ((0, near), (1, far)):
            member = families.Member(0, 0, family, copy, True, True)
            now = families.descend(founder, member, 0)
            assert founder.cds is not None
            assert now.cds is not None
            length = min(now.cds[1] - now.cds[0], founder.cds[1] - founder.cds[0], 150)
            pair = (g.bases[g.cds[0] : g.cds[0] + length] for g in (founder, now) if g.cds)
            into.append(float(np.equal(*pair).mean()))
    assert np.mean(near) > np.mean(far) + 0.05


def member(
    species: int = 0, number: int = 0, family: int = 0, copy: int = 0, known: bool = True
) -> Member:
    return Member(species, number, family, copy, True, known)


def test_ids_are_unique_across_species_genes_and_isoforms() -> None:
    members = [member(s, n) for s, n in product(range(len(SPECIES)), (0, 1, 59_999))]
    for make in (names.gene, names.entrez):
        assert len({str(make(m)) for m in members}) == len(members)
    for make_part in (names.transcript, names.protein, names.exon):
        assert len({make_part(m, i) for m in members for i in range(60)}) == 60 * len(members)


def test_ids_have_ensembls_form() -> None:
    assert re.fullmatch(r"ENSSAAG\d{11}\.\d+", names.gene(member()))
    assert re.fullmatch(r"ENSSABT\d{11}\.\d+", names.transcript(member(1), 3))


def test_orthologs_share_symbol_and_group_but_paralogs_only_the_group() -> None:
    human, mouse, paralog = member(0, 1, 7), member(1, 5, 7), member(0, 9, 7, copy=1)
    assert names.symbol(human) == names.symbol(mouse) != names.symbol(paralog)
    assert names.gene_set(human) == names.gene_set(mouse) == names.gene_set(paralog) == "HID:8"


def test_a_gene_that_homologene_does_not_know_is_its_own_set() -> None:
    alone = member(1, 5, 7, known=False)
    assert names.gene_set(alone) == "mouse|" + names.gene(alone).partition(".")[0]


def test_species_have_the_numbers_that_homology_files_use() -> None:
    assert (names.species(0), names.taxon(0)) == ("human", 9606)
