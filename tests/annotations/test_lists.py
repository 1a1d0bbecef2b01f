"""Lists of numbers in one cell."""

from pathlib import Path

import polars as pl
import pytest

from isoclr.annotations.lines import Block
from isoclr.annotations.lists import check_lists, numbers
from isoclr.errors import InputError


def test_cells_become_lists_and_anything_else_null() -> None:
    cells = ["1,2,3,", "7", "1,,2", "", "a,1", "1, 2", "-1,0,", None, "1.5"]
    lists = pl.DataFrame({"x": cells}).select(numbers("x"))["x"].to_list()
    assert lists == [[1, 2, 3], [7], None, None, None, None, [-1, 0], None, None]


def test_a_list_of_the_wrong_length_is_named() -> None:
    lines = pl.DataFrame({"row": [0, 1], "x": [[1, 2], [1]], "n": [2, 2]})
    with pytest.raises(InputError, match="line 2: x is not a comma-separated list of 2"):
        check_lists(Block(Path("f"), b"a\nb\n", 1), lines, ["x"], "n")
