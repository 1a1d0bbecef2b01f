import json
from typing import Any

import polars as pl
import pytest

import isoclr
from isoclr.errors import InputError
from isoclr.evaluation.evaluate import evaluate

RUNS = """
[ablations]
steps = 2
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
    assert len(list((out / "runs").iterdir())) == 2  # a default is the same, given or not
    assert not list(out.rglob("checkpoint.safetensors"))
    result = json.loads(next((out / "cache" / "ablations").glob("*.json")).read_text())
    assert result["details"]["options"]["steps"] == 2


def test_tasks_outside_the_corpus(world: Any) -> None:
    plan = world.plan(RUNS, task=world.constructs())
    with pytest.raises(InputError, match=r"ablations\.tasks: .* assay"):
        evaluate(plan, out=world.folder / "out", dry_run=True)
