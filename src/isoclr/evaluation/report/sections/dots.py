"""Values of methods as a chart's dots."""

from collections.abc import Collection

import polars as pl

from isoclr.evaluation.report.charts import Dot


def method_dots(rows: pl.DataFrame, ours: Collection[str], name: str = "method") -> list[Dot]:
    """A dot a row that has a value, with its interval.

    Args:
        rows: with ``method``, ``value``, ``low`` and ``high``.
        ours: methods that are marked.
        name: column of what the dots are called.
    """
    return [
        Dot(
            row[name],
            row["value"],
            row["low"],
            row["high"],
            "ours" if row["method"] in ours else "other",
        )
        for row in rows.drop_nulls("value").iter_rows(named=True)
    ]
