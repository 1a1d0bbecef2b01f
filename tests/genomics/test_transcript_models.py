"""Sound exons become rows, all at once."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from isoclr.genomics.transcript_models import SCHEMA, ExonLayout, Models, Pieces, annotate, finish

Make = Callable[..., Models]


def test_repeated_exon(models: Make) -> None:
    annotation = annotate(models([(0, 10), (20, 30), (0, 10)], []), "gtf")
    assert annotation.table["length"].to_list() == [20]
    assert not annotation.dropped


def test_no_transcripts(models: Make) -> None:
    nothing = models([(0, 1)], [])
    empty = Models(nothing.names.clear(), nothing.exons.clear(), nothing.coding.clear())
    annotation = annotate(empty, "gtf", Counter({"x": 1}))
    assert len(annotation) == 0
    assert annotation.dropped == {"x": 1}


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
def test_impossible_cds(cds: list[tuple[int, int]], reason: str, models: Make) -> None:
    annotation = annotate(models([(0, 10), (20, 25), (30, 40)], cds), "gtf")
    assert annotation.table.select("cds_start", "cds_end").rows() == [(-1, -1)]
    assert annotation.dropped == {reason: 1}


def test_phase_beyond_the_cds(models: Make) -> None:
    assert annotate(models([(0, 10)], [(0, 4)], phase=2), "gtf").dropped == {"cds_without_codon": 1}


@pytest.mark.parametrize("second", [(5, 10), (3, 10)])
def test_frameshift(second: tuple[int, int], models: Make) -> None:
    annotation = annotate(models([(0, 10)], [(0, 4), second]), "gtf")
    assert annotation.table["cds_end"].to_list() == [10]
    assert annotation.dropped == {"cds_frameshift": 1}


def test_gaps() -> None:
    tx, low, high = np.array([0, 0, 0, 1, 1]), np.array([0, 2, 9, 4, 8]), np.array([8, 5, 12, 8, 9])
    pieces = Pieces(tx, low, high, np.zeros(5, np.int64), np.zeros(5, np.bool_))
    assert pieces.gaps().tolist() == [0, -6, 1, 0, 0]
    assert pieces[tx == 1].gaps().tolist() == [0, 0]


def test_position_equals_a_plain_loop() -> None:
    exons = [("+", [(5, 9), (9, 12), (20, 21)]), ("-", [(3, 6), (10, 14)]), ("-", [(0, 2)])]
    rows = [(i, strand, *e) for i, (strand, places) in enumerate(exons) for e in places]
    layout = ExonLayout.of(pl.DataFrame(rows, ["tx", "strand", "start", "end"], orient="row"), 4)
    assert layout.length.tolist() == [8, 7, 2, 0]
    for tx, (strand, places) in enumerate(exons):
        bases = [base for start, end in places for base in range(start, end)]
        bases = bases if strand == "+" else bases[::-1]
        queries = np.arange(25)
        expected = [bases.index(b) if b in bases else -1 for b in queries.tolist()]
        assert layout.position(np.full(25, tx), queries).tolist() == expected


def test_finish() -> None:
    row = dict.fromkeys(SCHEMA, None) | {"transcript_id": "T", "length": 5}
    annotation = finish(pl.DataFrame([row, row | {"length": 6}, row | {"transcript_id": "U"}]), "gtf", Counter())
    assert annotation.table.schema == pl.Schema(SCHEMA)
    assert annotation.table.select("transcript_id", "length").rows() == [("T", 5), ("U", 5)]
    assert annotation.dropped == {"duplicate_id": 1}
    assert len(annotation) == 2
