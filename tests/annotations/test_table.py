"""The table that every reader gives."""

from collections import Counter

import polars as pl

from isoclr.annotations.table import SCHEMA, count, finish


def test_the_first_of_equal_ids_stays_and_types_are_those_of_the_schema() -> None:
    row = dict.fromkeys(SCHEMA, None) | {"transcript_id": "T", "length": 5}
    annotation = finish(
        pl.DataFrame([row, row | {"length": 6}, row | {"transcript_id": "U"}]), "gtf", Counter()
    )
    assert annotation.table.schema == pl.Schema(SCHEMA)
    assert annotation.table.select("transcript_id", "length").rows() == [("T", 5), ("U", 5)]
    assert annotation.dropped == {"duplicate_id": 1}
    assert len(annotation) == 2


def test_reasons_that_never_occurred_are_absent() -> None:
    dropped: Counter[str] = Counter()
    count(dropped, "x", 0)
    assert not dropped
