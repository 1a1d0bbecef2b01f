import pytest

from isoclr.downloads.catalog import CATALOG, select
from isoclr.errors import InputError
from isoclr.genomics.species import find


def test_names_and_addresses() -> None:
    assert len({entry.name for entry in CATALOG}) == len(CATALOG)
    assert len({entry.file for entry in CATALOG}) == len(CATALOG)
    addresses = [url for entry in CATALOG for url in (*entry.urls, entry.checksums) if url]
    assert all(url.startswith("https://") for url in addresses)


def test_ten_species() -> None:
    groups = {entry.group for entry in CATALOG} - {"homology", "ids", "labels"}
    assert len(groups) == 10
    assert all(find(group) is not None for group in groups)
    for group in groups:
        files = {entry.name for entry in CATALOG if entry.group == group}
        assert files == {f"{group}/annotation", f"{group}/genome"}


def test_select() -> None:
    assert [e.name for e in select(["worm/genome", "homology"])] == [
        "worm/genome",
        "homology/homologene",
        "homology/gene_orthologs",
    ]


def test_select_optional_files() -> None:
    archive = "labels/saluki_archive"
    assert archive not in {e.name for e in select([])}
    assert archive not in {e.name for e in select(["labels"])}
    assert [e.name for e in select([archive])] == [archive]


def test_select_unknown_name() -> None:
    with pytest.raises(InputError, match="'axolotl' cannot be downloaded; expected one of human"):
        select(["axolotl"])
