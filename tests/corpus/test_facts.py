from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl

from isoclr.corpus.facts import facts
from isoclr.corpus.part import Part
from isoclr.corpus.planning import DEFAULTS, make_plan


def _part(records: int, dropped: dict[str, int], noted: dict[str, int]) -> Part:
    return Part(
        pl.DataFrame(),
        np.empty(0, np.uint8),
        records,
        records - 1,
        Counter(dropped),
        Counter(noted),
    )


def test_counts_are_added_up_by_species_and_files_named_by_content(tmp_path: Path) -> None:
    fasta, homology = tmp_path / "t.fa", tmp_path / "h.data"
    fasta.write_text(">a\nACGT\n")
    homology.write_text("12345")
    words = [f"species={name},transcripts={fasta}" for name in ("human", "mouse", "human")]
    plan = make_plan([], {}, words, DEFAULTS | {"homology": homology, "shard": "1/2"})
    parts = [
        _part(10, {"empty": 1}, {"odd": 2}),
        _part(20, {}, {}),
        _part(30, {"empty": 2, "noncoding": 5}, {}),
    ]
    found = facts(plan, parts, {"human": (3, 9)}, {fasta: "f" * 64, homology: "0" * 64})
    assert found["by_species"]["human"] == {
        "records": 38,
        "genes": 9,
        "mapped_genes": 3,
        "dropped": {"empty": 3, "noncoding": 5},
        "noted": {"odd": 2},
    }
    assert found["by_species"]["mouse"]["genes"] == 0
    assert found["inputs"][1]["transcripts"] == {"name": "t.fa", "size": 8, "sha256": "f" * 64}
    assert found["homology"] == {"name": "h.data", "size": 5, "sha256": "0" * 64}
    assert found["shard"] == [1, 2]
    assert "jobs" not in found["options"]  # it changes nothing in the corpus
