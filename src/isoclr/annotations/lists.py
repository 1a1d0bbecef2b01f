"""Comma-separated cells of whole numbers, as UCSC tables, BED12 and structure tables write exons."""

import polars as pl

from isoclr.annotations.lines import Block, require


def numbers(column: str) -> pl.Expr:
    """A cell such as ``100,200,`` as a list of integers; null where it is empty or holds anything else."""
    cell = pl.col(column).str.strip_chars_end(",")
    listed = cell.str.split(",").cast(pl.List(pl.Int64), strict=False)
    whole = cell.str.contains(r"^-?\d{1,18}(?:,-?\d{1,18})*$")
    return pl.when(whole).then(listed).otherwise(None).alias(column)


def check_lists(block: Block, lines: pl.DataFrame, columns: list[str], number: str) -> None:
    """Every list is there and as long as the line's own count of exons.

    Args:
        block: where the lines come from.
        lines: columns as :func:`numbers` made them, and ``row``.
        columns: the lists to check.
        number: the column that counts the exons.

    Raises:
        InputError: the first line with a list that is not.
    """
    for column in columns:
        good = (pl.col(column).list.len() == pl.col(number)) & (pl.col(number) > 0)
        require(
            block,
            lines,
            good,
            lambda row, column=column: (  # type: ignore[misc]
                f"{column} is not a comma-separated list of {row[number]} whole numbers"
            ),
        )
