import pytest

from isoclr.species import SPECIES, find, taxid_of


@pytest.mark.parametrize(
    ("name", "taxid"),
    [
        ("human", 9606), ("mouse", 10090), ("chicken", 9031), ("worm", 6239), ("chimpanzee", 9598), ("cow", 9913),
        ("dog", 9615), ("fly", 7227), ("rat", 10116), ("zebrafish", 7955), ("macaque", 9544), ("pig", 9823),
        ("arabidopsis", 3702), ("yeast", 4932),
        ("Homo sapiens", 9606), ("homo_sapiens", 9606), ("H. sapiens", 9606), ("c. elegans", 6239), (" HG38 ", 9606),
        ("grch38", 9606), ("mm10", 10090), ("galGal6", 9031), ("ce11", 6239), ("panTro6", 9598), ("bosTau9", 9913),
        ("canFam4", 9615), ("dm6", 7227), ("rn7", 10116), ("danRer11", 7955), ("9606", 9606), ("424242", 424242),
    ],
)  # fmt: skip
def test_any_name_gives_the_taxid(name: str, taxid: int) -> None:
    assert taxid_of(name) == taxid


@pytest.mark.parametrize("name", ["axolotl", "", "-1", "0", "9606.0", "humans", "²"])
def test_an_unknown_species_is_none(name: str) -> None:
    assert taxid_of(name) is None
    assert find(name) is None


def test_no_name_means_two_species() -> None:
    for species in SPECIES:
        for name in (species.name, species.latin, *species.aliases):
            assert find(name) == species
    assert len({s.taxid for s in SPECIES}) == len(SPECIES)
