from typing import Any

import polars as pl
import pytest

from isoclr.benchmarking import benchmark

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
    done = benchmark(world.plan(PLAN), out=out)  # with a page: one split has no interval
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
    again = benchmark(world.plan(PLAN), out=out, report=False)
    assert sum(one.computed for one in again.studies) == 0
