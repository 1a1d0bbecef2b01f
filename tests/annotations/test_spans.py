"""Lines with one transcript each, as genePred and BED12 have them."""

from pathlib import Path

import polars as pl
import pytest

from isoclr.annotations.lines import Block
from isoclr.annotations.spans import check_spans, span_models
from isoclr.errors import InputError


def lines(starts: list[int], ends: list[int], name: str | None = "T") -> pl.DataFrame:
    cells = {"row": 0, "transcript_id": name, "gene_id": "G", "gene_symbol": "", "biotype": ""}
    places = {"chrom": "1", "strand": "+", "coding_start": 5, "coding_end": 15, "phase": 0}
    return pl.DataFrame({**cells, **places, "exon_starts": [starts], "exon_ends": [ends]})


def test_exons_become_a_row_each_and_the_cds_one_span() -> None:
    models = span_models(lines([0, 10], [8, 20]))
    assert models.spans
    assert models.exons.select("tx", "start", "end").rows() == [(0, 0, 8), (0, 10, 20)]
    assert models.coding.select("start", "end").rows() == [(5, 15)]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (lines([0], [0]), "an exon ends before it starts"),
        (lines([-1], [5]), "an exon starts before 0"),
        (lines([0], [5], name=None), "no transcript_id"),
    ],
)
def test_impossible_lines_are_named(bad: pl.DataFrame, message: str) -> None:
    with pytest.raises(InputError, match=f"f: line 1: {message}"):
        check_spans(Block(Path("f"), b"x\n", 1), bad)
