"""A CDS is one interval of its transcript, or none; what cannot be is counted."""

from collections.abc import Callable

import numpy as np
import pytest

from isoclr.annotations.assembly import assemble
from isoclr.annotations.coding import Pieces
from isoclr.annotations.table import Models

Make = Callable[..., Models]


@pytest.mark.parametrize(
    ("cds", "reason"),
    [
        ([(5, 25)], "cds_outside_exons"),  # one piece over an intron
        ([(15, 25)], "cds_outside_exons"),
        ([(0, 10), (50, 60)], "cds_outside_exons"),
        ([(0, 10), (30, 40)], "cds_with_gap"),  # the exon between is left out
        ([(0, 3), (6, 10)], "cds_with_gap"),
        ([(0, 2)], "cds_without_codon"),
    ],
)
def test_a_cds_that_cannot_be_is_dropped_and_counted(
    cds: list[tuple[int, int]], reason: str, models: Make
) -> None:
    annotation = assemble(models([(0, 10), (20, 25), (30, 40)], cds), "gtf")
    assert annotation.table.select("cds_start", "cds_end").rows() == [(-1, -1)]
    assert annotation.dropped == {reason: 1}


def test_a_phase_beyond_the_cds_leaves_no_codon(models: Make) -> None:
    assert assemble(models([(0, 10)], [(0, 4)], phase=2), "gtf").dropped == {"cds_without_codon": 1}


@pytest.mark.parametrize("second", [(5, 10), (3, 10)])
def test_a_programmed_frameshift_is_kept_and_counted(second: tuple[int, int], models: Make) -> None:
    annotation = assemble(models([(0, 10)], [(0, 4), second]), "gtf")
    assert annotation.table["cds_end"].to_list() == [10]
    assert annotation.dropped == {"cds_frameshift": 1}


def test_gaps_are_to_the_furthest_piece_before() -> None:
    tx, low, high = np.array([0, 0, 0, 1, 1]), np.array([0, 2, 9, 4, 8]), np.array([8, 5, 12, 8, 9])
    pieces = Pieces(tx, low, high, np.zeros(5, np.int64), np.zeros(5, np.bool_))
    assert pieces.gaps().tolist() == [0, -6, 1, 0, 0]
    assert pieces[tx == 1].gaps().tolist() == [0, 0]
