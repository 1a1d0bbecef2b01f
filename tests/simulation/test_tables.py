"""The small files, line by line."""

from pathlib import Path

import numpy as np

from isoclr.gene_sets.homologene import read_homologene
from isoclr.simulation import tables
from isoclr.simulation.families import Member

HUMAN = [
    Member(0, 0, 2, 0, True, True),
    Member(0, 1, 0, 0, True, True),
    Member(0, 2, 1, 0, True, False),
]
MOUSE = [Member(1, 0, 2, 1, True, True)]


def test_homologene_has_the_known_families_by_group(tmp_path: Path) -> None:
    tables.homologene([HUMAN, MOUSE], tmp_path / "h")
    assert (tmp_path / "h").read_text() == (
        "1\t9606\t10000002\tSIM1\t\t\n3\t9606\t10000001\tSIM3\t\t\n3\t10090\t20000001\tSIM3L1\t\t\n"
    )
    assert len(read_homologene(tmp_path / "h", (tmp_path / "h").read_bytes())) == 3


def test_gene_ids_have_no_version(tmp_path: Path) -> None:
    tables.gene_ids(MOUSE, tmp_path / "ids")
    assert (tmp_path / "ids").read_text() == (
        "ensembl_gene_id\tentrez_gene_id\tsymbol\tbiotype\n"
        "ENSSABG00000000001\t20000001\tSIM3L1\tprotein_coding\n"
    )


def test_a_family_shares_its_fold(tmp_path: Path) -> None:
    tables.labels([HUMAN[0], MOUSE[0]], np.array([0.5, -1.25]), tmp_path / "labels")
    assert (tmp_path / "labels").read_text() == (
        "gene_id\thalf_life\tfold\nENSSAAG00000000001\t0.500000\t2\nENSSABG00000000001\t-1.250000\t2\n"
    )
