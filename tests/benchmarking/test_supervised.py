from typing import Any

from isoclr.benchmarking.studies import finetuning, latent, low_data, ontology
from isoclr.benchmarking.supervised import supervised_embeddings

NAME = "supervised on gc"
OPTIONS = "options = { epochs = 1, batch_size = 16 }"
PLAN = f"""
[low_data]
methods = ["supervised"]
shares = [100, 50]
tuned_repeats = 2
{OPTIONS}
[finetuning]
methods = ["supervised"]
splits = ["random"]
{OPTIONS}
[ontology]
tasks = ["go.toml"]
supervised = "gc"
{OPTIONS}
[latent]
supervised = "gc"
{OPTIONS}
"""


def test_it_is_the_network_of_the_other_studies_whatever_the_tasks_own_split(
    world: Any,
) -> None:
    world.ontology()
    bench = world.bench(PLAN, splits='["fold"]')
    plan = bench.plan
    (product,) = supervised_embeddings(bench, "gc", plan.ontology.options).values()
    network = product.inputs["tuned"]
    small = low_data.cells(bench, plan.low_data)
    assert [cell.inputs["trained"] == network for cell in small] == [True, False, False, False]
    assert [cell.inputs["trained"] for cell in finetuning.cells(bench, plan.finetuning)] == [
        network
    ]
    (terms,) = ontology.cells(bench, plan.ontology)
    assert terms.inputs["beside"] == {NAME: product.key}
    *_, drawn, neighbours = latent.cells(bench, plan.latent)
    assert (drawn.inputs["method"], drawn.inputs["embedding"]) == (NAME, product.key)
    assert neighbours.inputs["embeddings"][NAME] == product.key


def test_other_options_make_another_network(world: Any) -> None:
    bench = world.bench()
    one, other = (
        supervised_embeddings(bench, "gc", options)[NAME].key
        for options in ({"epochs": 1}, {"epochs": 2})
    )
    assert one != other


def test_nothing_is_trained_that_no_plan_asks_for(world: Any) -> None:
    assert supervised_embeddings(world.bench(), None, {}) == {}
