"""One rule for versions: what carries one loses it, other dots are part of a name."""

import polars as pl
import pytest

from isoclr.genomics.species import SPECIES, find_species, taxid_of, without_version, without_versions

NAMES = {
    "ENST00000335137.4": "ENST00000335137",
    "ENSMUSG00000051951.6": "ENSMUSG00000051951",
    "ENSMUSG00000059552": "ENSMUSG00000059552",
    "ENSG00000182378.15_PAR_Y": "ENSG00000182378",
    "ENST00000381192_PAR_Y": "ENST00000381192",
    "ENST00000456328.2_1": "ENST00000456328",  # GENCODE's lift to GRCh37
    "ENSG00000002586.20_10": "ENSG00000002586",
    "ENSG00000182378.15_4_PAR_Y": "ENSG00000182378",
    "ENSG00000182378.15_PAR_Y_4": "ENSG00000182378",
    "ENST00000456328_1": "ENST00000456328_1",
    "MGP_CAROLIEiJ_G0012345.1": "MGP_CAROLIEiJ_G0012345",
    "NM_001005484.2": "NM_001005484",
    "NM_001005484": "NM_001005484",
    "XR_001737556.1": "XR_001737556",
    "WBGene00022277.1": "WBGene00022277",
    "FBgn0031126.2": "FBgn0031126",
    "MSTRG.12": "MSTRG.12",  # StringTie: another gene than MSTRG.13
    "MSTRG.12.3": "MSTRG.12.3",
    "Y74C9A.3": "Y74C9A.3",  # a worm's sequence name
    "AC010201.1": "AC010201.1",  # a gene named by its clone
    "AT1G01010.1": "AT1G01010.1",
    "YAL069W": "YAL069W",
    "X_PAR_Y": "X_PAR_Y",
    "7157": "7157",
    "": "",
}


def test_without_versions() -> None:
    assert {name: without_version(name) for name in NAMES} == NAMES
    column = pl.DataFrame({"name": list(NAMES)}).select(without_versions(pl.col("name")))
    assert column["name"].to_list() == list(NAMES.values())


TAXIDS = {
    "human": 9606, "mouse": 10090, "chicken": 9031, "worm": 6239, "chimpanzee": 9598, "cow": 9913, "dog": 9615,
    "fly": 7227, "rat": 10116, "zebrafish": 7955, "macaque": 9544, "pig": 9823, "arabidopsis": 3702, "yeast": 4932,
    "Homo sapiens": 9606, "homo_sapiens": 9606, "H. sapiens": 9606, "c. elegans": 6239, " HG38 ": 9606, "grch38": 9606,
    "mm10": 10090, "galGal6": 9031, "ce11": 6239, "panTro6": 9598, "bosTau9": 9913, "canFam4": 9615, "dm6": 7227,
    "rn7": 10116, "danRer11": 7955, "9606": 9606, "424242": 424242,
}  # fmt: skip


def test_taxid_of() -> None:
    assert {name: taxid_of(name) for name in TAXIDS} == TAXIDS


@pytest.mark.parametrize("name", ["axolotl", "", "-1", "0", "9606.0", "humans", "²"])
def test_unknown_species(name: str) -> None:
    assert taxid_of(name) is None
    assert find_species(name) is None


def test_names_are_unique() -> None:
    for species in SPECIES:
        for name in (species.name, species.latin, *species.aliases):
            assert find_species(name) == species
    assert len({s.taxid for s in SPECIES}) == len(SPECIES)
