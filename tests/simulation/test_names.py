"""Identifiers are unique and look like the real ones, but are none."""

import re
from itertools import product

from isoclr.simulation import names
from isoclr.simulation.families import Member
from isoclr.species import SPECIES


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
