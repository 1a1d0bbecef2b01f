"""One rule for versions: what carries one loses it, other dots are part of a name."""

import polars as pl
import pytest

from isoclr.accessions import without_version, without_versions

NAMES = {
    "ENST00000335137.4": "ENST00000335137",
    "ENSMUSG00000051951.6": "ENSMUSG00000051951",
    "ENSMUSG00000059552": "ENSMUSG00000059552",
    "ENSG00000182378.15_PAR_Y": "ENSG00000182378",
    "ENST00000381192_PAR_Y": "ENST00000381192",
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


@pytest.mark.parametrize("name", NAMES)
def test_only_ids_that_carry_versions_lose_them(name: str) -> None:
    assert without_version(name) == NAMES[name]


def test_a_column_is_treated_as_one_name_is() -> None:
    column = pl.DataFrame({"name": list(NAMES)}).select(without_versions(pl.col("name")))
    assert column["name"].to_list() == list(NAMES.values())
