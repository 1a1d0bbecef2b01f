"""Sizes by name, changed by options."""

from typing import Any

import pytest

from isoclr.errors import InputError
from isoclr.simulation.sizes import SIZES, resolve


def test_options_change_the_named_size() -> None:
    assert resolve("small", None, None) is not None
    size = resolve("gencode", 2, 50)
    assert (size.species, size.genes) == (2, 50)
    assert size.intron_nt == SIZES["gencode"].intron_nt


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("huge", None, None), "--size 'huge' is not one of tiny, small, medium, gencode"),
        (("small", 0, None), "--species is 0, expected a whole number from 1 to"),
        (("small", 1000, None), "--species is 1000"),
        (("small", None, -1), "--genes is -1"),
    ],
)
def test_what_is_out_of_range_is_refused(options: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve(*options)
