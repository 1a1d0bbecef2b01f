from pathlib import Path
from typing import Any

import polars as pl
import pytest

from isoclr.errors import InputError
from isoclr.evaluation.cache import Context
from isoclr.evaluation.evaluate import evaluate
from isoclr.evaluation.read_plan import read_plan
from isoclr.evaluation.studies import finetuning

PLAN = """
[finetuning]
methods = ["fine-tuned", "supervised"]
options = { epochs = 1, batch_size = 16, hidden = 8 }
[low_data]
methods = ["fine-tuned"]
shares = [100, 50]
options = { epochs = 1, batch_size = 16, hidden = 8 }
"""


@pytest.mark.slow
def test_networks_are_trained_once_for_both_studies(world: Any) -> None:
    out = world.folder / "out"
    done = evaluate(world.plan(PLAN), out=out)  # with a page: one split has no interval
    assert {one.study: one.computed for one in done.studies} == {"low_data": 2, "finetuning": 2}
    assert len(list((out / "tuned").iterdir())) == 3  # all labels fine-tuned: the same in both
    rows = pl.read_csv(out / "results" / "finetuning.csv")
    names = ["small, fine-tuned", "small, same architecture from scratch"]
    assert rows["method"].unique(maintain_order=True).to_list() == names
    paired = pl.read_csv(out / "results" / "finetuning_differences.csv")
    assert paired.select("method", "against").rows() == [(names[0], names[1])]
    low = pl.read_csv(out / "results" / "low_data.csv").filter(metric="pearson")
    assert low["share"].to_list() == [100, 50]
    assert low["train"][0] > low["train"][1]
    tuned = rows.filter(metric="pearson", method="small, fine-tuned")["value"][0]
    assert low["value"][0] == pytest.approx(tuned, abs=1e-5)
    again = evaluate(world.plan(PLAN), out=out, report=False)
    assert sum(one.computed for one in again.studies) == 0


TOGETHER = """
[finetuning]
tasks = ["gc"]
methods = ["fine-tuned"]
options = { epochs = 1, batch_size = 16, hidden = 8 }
together = [["gc", "assay"]]
"""


def two_tasks(world: Any, second: str) -> Path:
    more = f"[[task]]\ntask = '{second}'\nsplits = ['random']\n"
    path: Path = world.plan(more + TOGETHER)
    return path


def test_tasks_that_are_learnt_together_are_one_training_with_a_result_each(world: Any) -> None:
    out = world.folder / "out"
    done = evaluate(two_tasks(world, world.constructs()), out=out, report=False)
    assert [one.computed for one in done.studies] == [3]
    assert len(list((out / "tuned").iterdir())) == 2
    rows = pl.read_csv(out / "results" / "finetuning.csv").filter(metric="pearson")
    both = "small, fine-tuned on gc + assay"
    assert rows.select("task", "method").rows() == [
        ("gc", "small, fine-tuned"),
        ("gc", both),
        ("assay", both),
    ]
    assert rows["n"].to_list()[:2] == [rows["n"][0]] * 2  # the same test RNAs
    paired = pl.read_csv(out / "results" / "finetuning_differences.csv")
    assert paired.select("task", "against").rows() == [("gc", both)]


def test_tasks_of_the_same_genes_are_dealt_together_and_not_compared_by_split(world: Any) -> None:
    """A gene of one task's test part must not train the other's: the test parts are others then."""
    half = (world.folder / "gc.tsv").read_text().splitlines()[:30]
    (world.folder / "half.tsv").write_text("\n".join(half) + "\n")
    task = world.task("assay", 'file = "half.tsv"', "[samples]", 'species = "human"')
    bench = Context(read_plan(two_tasks(world, task)), world.folder / "out")
    assert bench.plan.finetuning is not None
    alone, first, second = finetuning.cells(bench, bench.plan.finetuning)
    assert first.inputs["trained"] == second.inputs["trained"] != alone.inputs["trained"]
    assert "task" not in alone.inputs  # as results of older plans are named
    assert first.key != second.key
    assert "by_split" in first.compute().details  # all of gc's genes are dealt, as alone
    assert "by_split" not in second.compute().details


def test_tasks_without_a_common_split_cannot_be_learnt_together(world: Any) -> None:
    plan = two_tasks(world, world.constructs())
    plan.write_text(plan.read_text().replace("splits = ['random']", "splits = ['fold']"))
    with pytest.raises(InputError, match="gc and assay, which have no split in common"):
        evaluate(plan, out=world.folder / "out", list=True)
