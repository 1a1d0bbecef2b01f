"""The catalogue names each file once, by an https address."""

import pytest

from isoclr.downloads.catalog import CATALOG, select
from isoclr.errors import InputError
from isoclr.genomics.species import find


def test_names_and_places_are_unique_and_addresses_secure() -> None:
    assert len({entry.name for entry in CATALOG}) == len(CATALOG)
    assert len({entry.file for entry in CATALOG}) == len(CATALOG)
    addresses = [url for entry in CATALOG for url in (*entry.urls, entry.checksums) if url]
    assert all(url.startswith("https://") for url in addresses)


def test_the_papers_ten_species_have_genome_and_annotation() -> None:
    groups = {entry.group for entry in CATALOG} - {"homology", "ids", "labels"}
    assert len(groups) == 10
    assert all(find(group) is not None for group in groups)
    for group in groups:
        files = {entry.name for entry in CATALOG if entry.group == group}
        assert files == {f"{group}/annotation", f"{group}/genome"}


def test_groups_and_files_are_chosen_by_name() -> None:
    assert [e.name for e in select(["worm/genome", "homology"])] == [
        "worm/genome",
        "homology/homologene",
        "homology/gene_orthologs",
    ]


def test_the_archive_comes_only_when_asked_for() -> None:
    archive = "labels/saluki_archive"
    assert archive not in {e.name for e in select([])}
    assert archive not in {e.name for e in select(["labels"])}
    assert [e.name for e in select([archive])] == [archive]


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(InputError, match="'axolotl' cannot be downloaded; expected one of human"):
        select(["axolotl"])
