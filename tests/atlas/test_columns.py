"""Columns: codes that the page turns back into values, and joins with a user's tables."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from isoclr.atlas.columns import MAX_CLASSES, MISSING, OTHER, STEPS, Column, table_columns
from isoclr.errors import InputError

TABLE = pl.DataFrame(
    {
        "transcript_id": ["ENST00000000001.2", "ENST00000000002.1", "ENST00000000003"],
        "gene_id": ["ENSG00000000001.1", "ENSG00000000001.1", "ENSG00000000002"],
        "gene_symbol": ["ABC", "ABC", ""],
        "species": ["human"] * 3,
    }
)


def test_numbers_are_steps() -> None:
    about, arrays = Column("x", "RNA", pl.Series([1.0, None, 5.0, 2.0])).packed()
    codes = arrays["codes"]
    assert codes[1] == MISSING
    values = about["low"] + codes[[0, 2, 3]] / STEPS * (about["high"] - about["low"])
    np.testing.assert_allclose(values, [1, 5, 2], atol=1e-4)
    assert about["known"] == 3


def test_small_numbers_next_to_large_ones() -> None:
    values = [0.3, 2.0, 3.2, 1e5]
    about, arrays = Column("tpm", "counts", pl.Series([*values, None])).packed()
    assert arrays["codes"][-1] == MISSING
    shown = about["low"] + arrays["codes"][:-1].astype(float) / STEPS * (about["high"] - about["low"])
    np.testing.assert_allclose(shown, values, rtol=1e-3)


def test_columns_of_a_user_keep_zeros_and_negative_numbers() -> None:
    about, arrays = Column("length", "my table", pl.Series([-1.0, 0.0, 2.0, None])).packed()
    assert (about["low"], about["high"], about["log"], about["known"]) == (-1.0, 2.0, False, 3)
    assert arrays["codes"].tolist() == [0, round(STEPS / 3), STEPS, MISSING]


def test_lengths_are_logarithmic() -> None:
    about, arrays = Column("length", "RNA", pl.Series([10.0, 1000.0, 0.0])).packed()
    assert (about["low"], about["high"], about["log"]) == (1.0, 3.0, True)
    assert arrays["codes"].tolist() == [0, STEPS, MISSING]


def test_classes_by_frequency_and_the_rest_together() -> None:
    names = [f"c{i:03d}" for i in range(MAX_CLASSES + 50)]
    about, arrays = Column("x", "RNA", pl.Series(["c249", "c249", "", None, *names])).packed()
    assert about["classes"][:2] == ["c249", "c000"]
    assert about["classes"][-1] == OTHER
    assert about["sizes"][-1] == 50
    codes = arrays["codes"].tolist()
    assert codes[:4] == [1, 1, 0, 0]
    assert codes[4] == 2
    assert codes[-2] == MAX_CLASSES + 1


def test_a_class_called_as_the_rest() -> None:
    about, arrays = Column("x", "RNA", pl.Series([OTHER] * 3 + [f"c{i:03d}" for i in range(MAX_CLASSES + 50)])).packed()
    assert np.bincount(arrays["codes"])[[1, -1]].tolist() == [3, 51] == [about["sizes"][0], about["sizes"][-1]]


@pytest.mark.parametrize("values", [[None, None], [3.0, 3.0]])
def test_constant_and_empty_columns(values: list[float | None]) -> None:
    about, arrays = Column("x", "RNA", pl.Series(values, dtype=pl.Float64)).packed()
    assert set(arrays["codes"].tolist()) <= {0, MISSING}
    assert np.isfinite([about["low"], about["high"]]).all()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("transcript_id\tv\nENST00000000001\t2\nENST00000000003.9\t4\n", [2.0, None, 4.0]),
        ("gene_id\tv\nENSG00000000001\t2\nENSG00000000001.7\t4\n", [3.0, 3.0, None]),
        ("symbol\tv\nABC\tred\n", ["red", "red", None]),
        ("gene_id\tv\nENSG00000000001\ta\nENSG00000000001\tb\nENSG00000000002\tb\n", ["b", "b", "b"]),
    ],
)
def test_tables_are_joined(tmp_path: Path, text: str, expected: list[object]) -> None:
    path = tmp_path / "my.table.tsv"
    path.write_text(text)
    (column,) = table_columns([path], TABLE)
    assert (column.name, column.group) == ("v", "my.table")
    assert column.values.to_list() == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [("name\tv\nENST00000000001\t2\n", "expected one named transcript_id"), ("gene_id\tv\nX\t2\n", "names none")],
)
def test_bad_tables(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "t.tsv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        table_columns([path], TABLE)


def test_entrez_numbers(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_text("entrez_id\tv\n7157\t2\n")
    with pytest.raises(InputError, match="names none of the 3 RNAs by entrez_id"):
        table_columns([path], TABLE)
    (column,) = table_columns([path], TABLE.with_columns(gene_id=pl.Series(["7157", "7157", "1"])))
    assert column.values.to_list() == [2.0, 2.0, None]
