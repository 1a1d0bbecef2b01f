from pathlib import Path
from typing import Any

import polars as pl
import pytest

from isoclr.errors import InputError
from isoclr.evaluation.context import Context
from isoclr.evaluation.evaluate import evaluate
from isoclr.evaluation.plan import read_plan
from isoclr.evaluation.studies import finetuning

PLAN = """
[main]
methods = ["embedding", "length"]
[finetuning]
methods = ["fine-tuned", "supervised"]
finetune = { epochs = 1, batch_size = 16, hidden = 8 }
[low_data]
methods = ["fine-tuned"]
percentages = [100, 50]
finetune = { epochs = 1, batch_size = 16, hidden = 8 }
"""


@pytest.mark.slow
def test_studies_share_networks(world: Any) -> None:
    plan, out = world.plan(PLAN), world.folder / "out"
    plan.write_text(plan.read_text().replace("splits = 3", "splits = 1"))
    done = evaluate(plan, out=out)  # with a page: one split has no interval
    assert {one.study: one.computed for one in done.studies} == {"main": 3, "low_data": 2, "finetuning": 2}
    assert done.report == out / "report.html"
    assert (out / "report.html").is_file()
    for path in (out / "results").glob("*.csv"):
        assert "nan" not in path.read_text()
    assert len(list((out / "networks").iterdir())) == 3  # all labels fine-tuned: the same in both
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
    again = evaluate(plan, out=out, report=False)
    assert sum(one.computed for one in again.studies) == 0


TOGETHER = """
[finetuning]
tasks = ["gc"]
methods = ["fine-tuned"]
finetune = { epochs = 1, batch_size = 16, hidden = 8 }
multitask = [["gc", "assay"]]
"""


def two_tasks(world: Any, second: str) -> Path:
    more = f"[[task]]\ntask = '{second}'\nsplit = ['random']\n"
    path: Path = world.plan(more + TOGETHER)
    return path


def test_multitask_networks(world: Any) -> None:
    out = world.folder / "out"
    done = evaluate(two_tasks(world, world.constructs()), out=out, report=False)
    assert [one.computed for one in done.studies] == [3]
    assert len(list((out / "networks").iterdir())) == 2
    rows = pl.read_csv(out / "results" / "finetuning.csv").filter(metric="pearson")
    both = "small, fine-tuned on gc + assay"
    assert rows.select("task", "method").rows() == [("gc", "small, fine-tuned"), ("gc", both), ("assay", both)]
    assert rows["n"].to_list()[:2] == [rows["n"][0]] * 2  # the same test RNAs
    paired = pl.read_csv(out / "results" / "finetuning_differences.csv")
    assert paired.select("task", "against").rows() == [("gc", both)]


def test_multitask_networks_of_the_same_genes(world: Any) -> None:
    """A gene of one task's test part must not train the other's: the test parts are others then."""
    half = (world.folder / "gc.tsv").read_text().splitlines()[:30]
    (world.folder / "half.tsv").write_text("\n".join(half) + "\n")
    task = world.task("assay", 'file = "half.tsv"', "[samples]", 'species = "human"')
    context = Context(read_plan(two_tasks(world, task)), world.folder / "out")
    alone, first, second = finetuning.results(context, context.plan.studies["finetuning"])
    assert first.inputs["network"] == second.inputs["network"] != alone.inputs["network"]
    assert first.key != second.key
    assert "by_split" in first.compute().details  # all of gc's genes are split, as alone
    assert "by_split" not in second.compute().details


def test_tasks_without_a_common_split(world: Any) -> None:
    plan = two_tasks(world, world.constructs())
    plan.write_text(plan.read_text().replace("split = ['random']", "split = ['fold']"))
    with pytest.raises(InputError, match="gc and assay have no split in common"):
        evaluate(plan, out=world.folder / "out", dry_run=True)
