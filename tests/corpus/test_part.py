import numpy as np
import polars as pl
import pytest

from isoclr.corpus.coding import OrfCalling
from isoclr.corpus.part import Options, Part, select


def _part(lengths: list[int], genes: list[str] | None = None) -> Part:
    table = pl.DataFrame(
        {"length": lengths, "gene_id": genes or [f"g{i}" for i in range(len(lengths))]}
    )
    return Part(table, np.empty(0, np.uint8), len(lengths))


def _options(max_length: int = 100, shard: tuple[int, int] | None = None) -> Options:
    return Options(OrfCalling(True, 300), True, max_length, shard)


def test_empty_and_too_long_transcripts_are_dropped_and_counted() -> None:
    part = _part([0, 1, 100, 101, 500])
    select(part, "human", _options())
    assert part.table["length"].to_list() == [1, 100]
    assert part.dropped == {"empty": 1, "longer_than_max_length": 2}
    assert part.seen == 5


def test_a_row_of_unknown_length_is_not_lost_in_silence() -> None:
    part = _part([5, 6])
    part.table = part.table.with_columns(length=pl.Series([5, None]))
    select(part, "human", _options())
    assert part.table.height + sum(part.dropped.values()) == 2


def test_notes_count_and_keep() -> None:
    part = _part([1, 2, 3])
    part.note(pl.col("length") > 1, "odd")
    part.note(pl.col("length") > 9, "never")
    assert part.noted == {"odd": 2}
    assert part.table.height == 3


@pytest.mark.parametrize("of", [1, 2, 7])
def test_every_gene_is_in_exactly_one_shard_whatever_its_version(of: int) -> None:
    genes = [f"ENSG{i // 3:011d}.{i % 3 + 1}" for i in range(90)]
    seen: dict[str, int] = {}
    total = 0
    for number in range(1, of + 1):
        part = _part([9] * 90, genes)
        select(part, "human", _options(shard=(number, of)))
        total += part.table.height
        for gene in part.table["gene_id"]:
            assert seen.setdefault(gene.split(".")[0], number) == number
    assert total == 90
    assert len(set(seen.values())) == of
