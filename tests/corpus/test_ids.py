import polars as pl
import pytest

from isoclr.corpus.ids import without_version, without_versions

NAMES = {
    "ENST00000335137.4": "ENST00000335137",
    "ENSMUSG00000051951.6": "ENSMUSG00000051951",
    "ENSG00000182378.15_PAR_Y": "ENSG00000182378_PAR_Y",
    "NM_001005484.2": "NM_001005484",
    "XR_001737556.1": "XR_001737556",
    "AT1G01010.1": "AT1G01010.1",
    "Y74C9A.3": "Y74C9A.3",
    "MSTRG.12.3": "MSTRG.12.3",
    "YAL069W": "YAL069W",
    "NM_001005484": "NM_001005484",
    "": "",
}


@pytest.mark.parametrize("name", NAMES)
def test_only_accessions_lose_their_version(name: str) -> None:
    assert without_version(name) == NAMES[name]


def test_a_column_is_treated_as_one_name_is() -> None:
    column = pl.DataFrame({"name": list(NAMES)}).select(without_versions(pl.col("name")))
    assert column["name"].to_list() == list(NAMES.values())
