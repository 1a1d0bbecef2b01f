from collections import Counter

import numpy as np
import polars as pl
import pytest

from isoclr.embedding.sharding import parse_shard, shard_rows
from isoclr.embedding.sources import Rnas
from isoclr.errors import InputError


def rnas(name: str, lengths: list[int]) -> Rnas:
    table = pl.DataFrame(
        {"transcript_id": [f"{name}{i}" for i in range(len(lengths))], "length": lengths}
    )
    starts = np.cumsum([0, *lengths[:-1]])
    return Rnas(table, np.zeros(sum(lengths), np.uint8), starts, Counter())


@pytest.mark.parametrize("of", [1, 2, 3, 7, 20])
def test_the_parts_are_the_whole_in_order(of: int) -> None:
    inputs = [rnas("a", [50, 10, 900]), rnas("b", [5]), rnas("c", [300, 20, 20, 70])]
    whole = [name for part in inputs for name in part.table["transcript_id"]]
    found = [
        name
        for number in range(1, of + 1)
        for part in shard_rows(inputs, number, of)
        for name in part.table["transcript_id"]
    ]
    assert found == whole


def test_the_parts_have_equally_many_nucleotides() -> None:
    lengths = np.random.default_rng(0).integers(100, 5000, 1000).tolist()
    sums = [
        sum(int(part.lengths.sum()) for part in shard_rows([rnas("a", lengths)], number, 4))
        for number in range(1, 5)
    ]
    assert max(sums) - min(sums) <= 2 * 5000


def test_a_part_keeps_its_own_codes() -> None:
    whole = rnas("a", [4, 4, 4])
    whole.codes[:] = np.repeat([0, 1, 2], 4)
    (last,) = shard_rows([whole], 3, 3)
    assert last.codes_of(0).tolist() == [2, 2, 2, 2]


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/0", "1/2/3"])
def test_no_such_part(text: str) -> None:
    with pytest.raises(InputError, match=f"--shard {text}: expected i/n"):
        parse_shard(text)
