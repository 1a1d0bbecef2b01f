from typing import Any

import numpy as np
import pytest

from isoclr.benchmarking.prepared import prepare
from isoclr.errors import InputError


def test_samples_are_rows_of_the_corpus_and_genes_are_never_divided(world: Any) -> None:
    bench = world.bench()
    asked = bench.plan.tasks["gc"]
    prepared = bench.samples(asked, "random", 3)
    assert len(prepared.samples) == 48
    names = bench.corpus.transcripts["transcript_id"]
    for row, name in zip(
        prepared.samples.rows, prepared.samples.table["transcript_id"], strict=True
    ):
        assert names[int(row)] == name
    assert len(prepared.codes[0]) == len(bench.corpus.codes_of(int(prepared.samples.rows[0])))
    for split in prepared.splits:
        assert not set(prepared.groups[split.train]) & set(prepared.groups[split.test])
    assert [leak.gene for leak in prepared.leaks().splits] == [0, 0, 0]


def test_only_rnas_that_all_models_have(world: Any) -> None:
    bench = world.bench()
    task = bench.plan.tasks["gc"].task
    shared = {f"T{gene}.1" for gene in range(30)}
    prepared = prepare(task, bench.rnas(), split="random", repeats=1, seed=0, shared=shared)
    assert set(prepared.samples.table["transcript_id"]) == shared
    assert prepared.counts["RNAs that a foreign model has not"] == 66
    with pytest.raises(InputError, match="no RNA of the task is in all"):
        prepare(task, bench.rnas(), split="random", repeats=1, seed=0, shared=set())


def test_folds_are_the_tables_own(world: Any) -> None:
    bench = world.bench(splits='["fold"]')
    prepared = bench.samples(bench.plan.tasks["gc"], "fold", 3)
    folds = prepared.samples.table["fold"].to_numpy()
    for split in prepared.splits:
        assert len(np.unique(folds[split.test])) == 1
