from typing import Any

import numpy as np
import polars as pl

from isoclr.corpus.codes import CODON_START, nucleotides
from isoclr.corpus.duplicates import drop_duplicates

SOURCE = nucleotides("ACGTACGTACGTTTTT")


def _row(order: int, transcript_id: str, **other: Any) -> dict[str, Any]:
    row = {
        "order": order,
        "transcript_id": transcript_id,
        "species": "human",
        "gene_set": "g",
        "cds_source": "none",
        "n_exons": 0,
        "source": 0,
        "start": 0,
        "length": 4,
    }
    return row | other


def _kept(*rows: dict[str, Any]) -> tuple[list[str], dict[str, dict[str, int]]]:
    table, dropped = drop_duplicates(pl.DataFrame(rows), [SOURCE, SOURCE | np.uint8(CODON_START)])
    return table["transcript_id"].to_list(), {name: dict(count) for name, count in dropped.items()}


def test_one_sequence_within_a_gene_set_stays_whatever_its_marks() -> None:
    kept, dropped = _kept(_row(0, "a"), _row(1, "b", start=4, source=1), _row(2, "c", start=1))
    assert kept == ["a", "c"]
    assert dropped == {"human": {"identical_sequence": 1}}


def test_the_same_sequence_in_another_gene_set_stays() -> None:
    assert _kept(_row(0, "a"), _row(1, "b", gene_set="h"))[0] == ["a", "b"]


def test_a_prefix_is_another_sequence() -> None:
    assert _kept(_row(0, "a"), _row(1, "b", length=8))[0] == ["a", "b"]


def test_the_better_annotated_stays_then_the_earlier() -> None:
    assert _kept(_row(0, "a"), _row(1, "b", cds_source="annotated"))[0] == ["b"]
    assert _kept(_row(0, "a", cds_source="orf"), _row(1, "b", n_exons=2))[0] == ["b"]
    better = _row(1, "b", cds_source="annotated")
    assert _kept(_row(0, "a", n_exons=3), better)[0] == ["b"]
    assert _kept(_row(0, "a", cds_source="orf"), _row(1, "b"))[0] == ["a"]


def test_an_id_stays_once_in_a_species_even_if_sequences_differ() -> None:
    other = _row(2, "a", species="mouse", start=2)
    kept, dropped = _kept(_row(0, "a"), _row(1, "a", start=1, n_exons=2), other)
    assert kept == ["a", "a"]
    assert dropped == {"human": {"duplicate_id": 1}, "mouse": {}}


def test_rows_stay_in_the_order_of_the_inputs() -> None:
    rows = [_row(i, f"t{i}", start=i % 8, length=5 + i % 3, n_exons=i % 2) for i in range(8)]
    assert _kept(*rows[::-1])[0] == [f"t{i}" for i in range(8)]
