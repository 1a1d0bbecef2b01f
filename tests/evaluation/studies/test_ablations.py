import json
from typing import Any

import polars as pl
import pytest

import isoclr
from isoclr.errors import InputError
from isoclr.evaluation.evaluate import evaluate

RUNS = """
[ablations]
pretrain = { steps = 2, batch_size = 4, held_out = 0, model = "isoclr-s" }
[[ablations.run]]
name = "full"
[[ablations.run]]
name = "mask alone"
isoforms = "one"
grouping = "genes"
[[ablations.run]]
name = "full again"
mask = 0.15
"""


@pytest.mark.slow
def test_every_ablation_is_a_run_of_its_own_corpus_and_equal_ones_are_run_once(world: Any) -> None:
    out = world.folder / "out"
    evaluate(world.plan(RUNS), out=out, report=False)
    rows = pl.read_csv(out / "results" / "ablations.csv")
    assert rows["method"].unique(maintain_order=True).to_list() == [
        "full",
        "mask alone",
        "full again",
    ]
    (corpus,) = [
        path
        for path in (out / "corpora").iterdir()
        if path.is_dir()
        and isoclr.open_corpus(path).num_gene_sets == 48
        and len(isoclr.open_corpus(path)) == 48
        and isoclr.open_corpus(path).meta["options"]["subset"]["isoforms"] == "one"
    ]
    assert isoclr.open_corpus(corpus).meta["homology"] is None
    values = rows.filter(metric="pearson")["value"]
    assert values[0] == values[2]
    assert values[0] != values[1]
    assert len(list((out / "runs").iterdir())) == 2  # a default is the same, said or not
    assert not list(out.rglob("checkpoint.safetensors"))
    details = json.loads(next((out / "cells" / "ablations").glob("*.json")).read_text())["details"]
    assert details["options"]["steps"] == 2


def test_runs_of_different_lengths_are_refused(world: Any) -> None:
    uneven = RUNS.replace("mask = 0.15", "steps = 3")
    with pytest.raises(
        InputError, match=r"\[ablations\]: pretrain.steps must be given, and be equal"
    ):
        evaluate(world.plan(uneven), out=world.folder / "out", list=True)
    without = RUNS.replace("steps = 2, ", "")
    with pytest.raises(InputError, match="must be given"):
        evaluate(world.plan(without), out=world.folder / "out", list=True)


def test_minutes_beside_steps_are_refused(world: Any) -> None:
    plan = world.plan(RUNS.replace("mask = 0.15", "minutes = 3"))
    with pytest.raises(InputError, match="minutes is given for 'full again', expected steps alone"):
        evaluate(plan, out=world.folder / "out", list=True)
