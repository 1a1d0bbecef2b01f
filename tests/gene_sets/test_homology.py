import gzip
from pathlib import Path

import pytest

from isoclr.errors import InputError
from isoclr.gene_sets.homology import read_homology
from isoclr.gene_sets.orthologs import HEADER


@pytest.mark.parametrize(
    ("data", "group"),
    [
        (b"3\t9606\t34\tACADM\t1\tNP_1\n", "HID:3"),
        (b"3\t9606\t34\tACADM\n", "HID:3"),
        (HEADER + b"\n9606\t34\tOrtholog\t10090\t35\n", "ORTH:34"),
        (b"9606\t34\tOrtholog\t10090\t35\n", "ORTH:34"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_the_format_is_told_by_content(
    tmp_path: Path, data: bytes, group: str, packed: bool
) -> None:
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(data) if packed else data)
    table = read_homology(path)
    assert table.select("taxid", "entrez", "group").row(0) == (9606, 34, group)


@pytest.mark.parametrize("data", [b"gene_a\tgene_b\n", b">a\nACGT\n", b"1,2,3,4\n"])
def test_another_file_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"file: line 1 is .*, expected HomoloGene's columns HID"):
        read_homology(path)


@pytest.mark.realdata
def test_real_files(real_data: Path) -> None:
    homologene = read_homology(real_data / "homology/homologene.data.gz")
    assert homologene["group"].n_unique() == 43_941
    assert homologene["taxid"].n_unique() == 21
    orthologs = read_homology(real_data / "homology/gene_orthologs.gz")
    assert orthologs["group"].n_unique() == 11_809
    assert orthologs["taxid"].n_unique() == 10
