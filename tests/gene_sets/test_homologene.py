from pathlib import Path

import pytest

from isoclr.errors import InputError
from isoclr.gene_sets.homologene import read_homologene

FILE = Path("homologene.data")


def test_rows_with_blank_or_missing_last_columns() -> None:
    data = b"3\t9606\t34\tACADM\t4557231\tNP_000007.1\n3\t10090\t11364\tAcadm\t\t\r\n12\t9606\t7\tX\n\n"
    table = read_homologene(FILE, data)
    assert table.columns == ["taxid", "entrez", "symbol", "group", "rank"]
    assert table.rows() == [
        (9606, 34, "ACADM", "HID:3", 3),
        (10090, 11364, "Acadm", "HID:3", 3),
        (9606, 7, "X", "HID:12", 12),
    ]


def test_quotes_in_a_symbol_are_letters() -> None:
    table = read_homologene(FILE, b"3\t7227\t34\tl(2)\"x\t\t\n4\t7227\t35\t'y\t\t\n")
    assert table["symbol"].to_list() == ['l(2)"x', "'y"]


def test_a_broken_line_is_named() -> None:
    message = r"homologene\.data: line 3: gene id is 'abc', expected a number \(HomoloGene's"
    with pytest.raises(InputError, match=message):
        read_homologene(FILE, b"3\t9606\t34\tA\t\t\n\n3\t9606\tabc\tB\t\t\n")


def test_a_short_line_is_named() -> None:
    with pytest.raises(InputError, match="line 2: gene id is '', expected a number"):
        read_homologene(FILE, b"3\t9606\t34\tA\t\t\n3\t9606\n")
