"""Positions in the transcript, checked base by base against a plain loop."""

import numpy as np
import polars as pl

from isoclr.annotations.layout import lay_out


def test_every_base_has_the_position_that_a_plain_loop_gives() -> None:
    exons = [("+", [(5, 9), (9, 12), (20, 21)]), ("-", [(3, 6), (10, 14)]), ("-", [(0, 2)])]
    rows = [(i, strand, *e) for i, (strand, places) in enumerate(exons) for e in places]
    layout = lay_out(pl.DataFrame(rows, ["tx", "strand", "start", "end"], orient="row"), 4)
    assert layout.length.tolist() == [8, 7, 2, 0]
    for tx, (strand, places) in enumerate(exons):
        bases = [base for start, end in places for base in range(start, end)]
        bases = bases if strand == "+" else bases[::-1]
        asked = np.arange(25)
        expected = [bases.index(b) if b in bases else -1 for b in asked.tolist()]
        assert layout.position(np.full(25, tx), asked).tolist() == expected
