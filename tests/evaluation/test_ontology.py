from typing import Any

import polars as pl

import isoclr
from isoclr.evaluation.evaluate import evaluate
from isoclr.evaluation.studies import ontology
from isoclr.probing.ontology import SHUFFLED

PLAN = '[ontology]\ntasks = ["go.toml"]\nsplits = 2\n'
BASELINES = ["random-init encoder", "k-mers + codons", "sequence features", SHUFFLED]
SUPERVISED = 'supervised = "gc"\nfinetune = { epochs = 1, batch_size = 16, hidden = 8 }\n'


def names(world: Any, plan: str = PLAN) -> list[str]:
    context = world.context(plan)
    return [one.key for one in ontology.results(context, context.plan.studies["ontology"])]


def test_methods_on_the_same_genes(world: Any) -> None:
    world.ontology()
    out = world.folder / "out"
    isoclr.create("isoclr-s", seed=9).save(world.folder / "second")
    second = "[[model]]\nname = 'another'\npath = 'second'\n"
    evaluate(world.plan(second + PLAN), out=out, report=False)
    rows = pl.read_csv(out / "results" / "ontology.csv").filter(metric="roc_auc")
    assert rows["method"].unique(maintain_order=True).to_list() == ["small", "another", *BASELINES]
    assert rows.filter(term_id="all")["n"].unique().to_list() == [48]
    assert rows["term"].n_unique() == 1 + 2 * 2  # the mean, and two classes of each hierarchy
    process = rows.filter(hierarchy="process", term_id="all")
    values = dict(process.select("method", "value").rows())
    assert values["k-mers + codons"] > 0.85  # what a gene does is its G+C content


def test_everything_that_decides_a_result_is_in_its_name(world: Any) -> None:
    world.ontology()
    first = names(world)
    assert first == names(world)
    values = {*first, *names(world, PLAN.replace("2", "3")), *names(world, PLAN + SUPERVISED)}
    for file in ("go.obo", "gene2go", "ids.tsv", "go.toml"):
        path = world.folder / file
        path.write_text(path.read_text() + "\n")
        values |= set(names(world))
    assert len(values) == 7
