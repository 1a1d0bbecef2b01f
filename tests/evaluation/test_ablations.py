import json
import math
from typing import Any

import numpy as np
import polars as pl
import pytest

import isoclr
from isoclr.errors import InputError
from isoclr.evaluation.evaluate import evaluate

RUNS = """
[ablations]
steps = 2
seeds = 2
pretrain = { batch_size = 4, val_fraction = 0, model = "isoclr-s" }
[[ablations.run]]
name = "full"
[[ablations.run]]
name = "mask alone"
corpus.isoforms = "one"
corpus.grouping = "genes"
[[ablations.run]]
name = "full again"
pretrain.mask = 0.15
"""


@pytest.mark.slow
def test_every_ablation_is_a_run_and_equal_ones_share_it(world: Any) -> None:
    out = world.folder / "out"
    evaluate(world.plan(RUNS), out=out, report=False)
    rows = pl.read_csv(out / "results" / "ablations.csv")
    names = ["full", "mask alone", "full again"]
    assert rows["method"].unique(maintain_order=True).to_list() == names
    opened = [isoclr.open_corpus(path) for path in (out / "corpora").iterdir() if path.is_dir()]
    (corpus,) = [one for one in opened if one.meta["options"]["subset"]["isoforms"] == "one"]
    assert (len(corpus), corpus.num_gene_sets, corpus.meta["homology"]) == (48, 48, None)
    values = rows.filter(metric="pearson")["value"]
    assert values[0] == values[2]
    assert values[0] != values[1]
    assert len(list((out / "runs").iterdir())) == 4  # two seeds of two runs: a default is the same, given or not
    assert not list(out.rglob("checkpoint.safetensors"))
    stored = [json.loads(path.read_text()) for path in (out / "cache" / "ablations").glob("*.json")]
    details = next(one["details"] for one in stored if one["rows"][0]["method"] == "full")
    assert details["options"]["steps"] == 2
    first, second = ([split["pearson"] for split in splits] for splits in details["by_seed"])
    assert values[0] == pytest.approx(np.mean([first, second]), rel=1e-4)
    row = rows.row(0, named=True)
    assert (row["metric"], row["seeds"]) == ("pearson", 2)
    assert row["seed_sd"] == pytest.approx(abs(np.mean(first) - np.mean(second)) / math.sqrt(2), rel=1e-4)
    averaged = [split["pearson"] for split in details["by_split"]]
    assert averaged == pytest.approx(np.mean([first, second], axis=0).tolist())


def test_tasks_outside_the_corpus(world: Any) -> None:
    plan = world.plan(RUNS, task=world.constructs())
    with pytest.raises(InputError, match=r"ablations\.tasks: .* assay"):
        evaluate(plan, out=world.folder / "out", dry_run=True)
