"""Parts of transcripts, as GTF and GFF3 give them."""

import polars as pl

from isoclr.annotations.features import gather, merged


def parts(*rows: tuple[str, str, int, int]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, ["key", "part", "start", "end"], orient="row")
    return frame.with_columns(chrom=pl.lit("1"), strand=pl.lit("-"), phase=pl.lit("."))


def test_exons_are_implied_only_where_none_are_written() -> None:
    rows = parts(("a", "exon", 1, 9), ("a", "CDS", 4, 30), ("b", "CDS", 1, 9), ("c", "exon", 1, 2))
    models = gather(rows, pl.DataFrame({"key": ["a", "b"]}))
    assert models.exons.select("tx", "start", "end").sort("tx").rows() == [(0, 0, 9), (1, 0, 9)]
    assert models.coding.select("tx", "start", "end", "phase").rows() == [
        (0, 3, 30, 0),
        (1, 0, 9, 0),
    ]


def test_touching_and_nested_pieces_are_one_exon() -> None:
    rows = [
        (0, 10, 20),
        (0, 0, 10),
        (0, 12, 15),
        (0, 30, 40),
        (1, 35, 50),
        (1, 40, 45),
        (1, 48, 60),
    ]
    pieces = pl.DataFrame(rows, ["tx", "start", "end"], orient="row")
    pieces = pieces.with_columns(chrom=pl.lit("1"), strand=pl.lit("+"))
    assert merged(pieces).select("tx", "start", "end").rows() == [
        (0, 0, 20),
        (0, 30, 40),
        (1, 35, 60),
    ]
