"""What cannot be trained or fitted is refused when the plan is read, not after hours."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from isoclr.embedding.embeddings import SCHEMA
from isoclr.errors import InputError
from isoclr.evaluation import networks as tuning
from isoclr.evaluation.evaluate import evaluate
from isoclr.evaluation.networks import (
    NetworkRun,
    results_by_split,
    summary_rows,
    supervised_embeddings,
)
from isoclr.evaluation.studies import finetuning, latent, low_data, ontology

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


def refused(world: Any, plan: Path, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        evaluate(plan, out=world.folder / "out", list=True)
    assert "\n" not in str(caught.value)


def test_heads_of_tasks_that_rename_columns_are_refused(world: Any) -> None:
    columns = ("[labels.columns]", 'fold = "chromosome"')
    plan = world.plan("[mutagenesis]", task=world.task("own", 'file = "gc.tsv"', *columns))
    refused(world, plan, "own.* renames columns")


OPTIONS_TUNING: dict[str, Any] = {"epochs": 1, "batch_size": 16, "hidden": 8}


def test_a_task_with_renamed_columns_is_trained_on(world: Any) -> None:
    columns = ("[labels.columns]", 'fold = "chromosome"')
    own = world.task("own", 'file = "gc.tsv"', *columns)
    bench = world.bench("[finetuning]", task=own, splits='["fold"]')
    training = NetworkRun(
        bench.plan.tasks["own"], "fine-tuned", "fold", 1, 0, 1.0, {**OPTIONS_TUNING, "splits": 2}
    )
    assert [one["split"] for one in results_by_split(bench, training)] == ["fold chr0", "fold chr1"]


def test_constructs_are_trained_on_with_the_splits_of_their_probes(world: Any) -> None:
    bench = world.bench("[finetuning]", task=world.constructs())
    asked = bench.plan.tasks["assay"]
    training = NetworkRun(asked, "fine-tuned", "random", 1, 0, 1.0, OPTIONS_TUNING)
    (means, *_), _ = summary_rows(bench, training, "finetuning")
    (split,) = bench.samples(asked, "random", 1).splits
    assert (means["task"], means["method"]) == ("assay", "small, fine-tuned")
    assert means["n"] == len(split.test) == 6


def test_constructs_that_are_asked_for_are_refused(world: Any) -> None:
    plan = world.plan("[mutagenesis]\ntasks = ['assay']", task=world.constructs())
    refused(world, plan, "tasks has assay, but its RNAs are no corpus'")


def foreign(world: Any, genes: int) -> str:
    """Embeddings of the RNAs of the first so many genes, as a plan asks for them."""
    names = [f"T{gene}.{i}" for gene in range(genes) for i in (1, 2)]
    values: dict[str, Any] = {
        "transcript_id": names,
        "gene_id": [name[1:].partition(".")[0] for name in names],
        "species": "human",
        "length": 9,
        "cds_length": 0,
        "cds_source": "none",
    }
    table = pl.DataFrame(values).select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())
    vectors = pl.Series([[1.0, 2.0]] * len(names), dtype=pl.Array(pl.Float32, 2))
    table.with_columns(embedding=vectors).write_parquet(world.folder / "other.parquet")
    return "[[embeddings]]\nname = 'other'\npath = 'other.parquet'\n"


@pytest.mark.parametrize("study", ["[finetuning]", "[low_data]\nmethods = ['k-mers', 'saluki']"])
def test_networks_beside_probes_of_fewer_samples_are_refused(world: Any, study: str) -> None:
    message = "have not all labelled RNAs of gc, and networks train on all"
    refused(world, world.plan(foreign(world, 30) + study), message)
    whole = world.plan(foreign(world, 48) + study)
    assert evaluate(whole, out=world.folder / "out", list=True).to_do


def test_metrics_of_a_split_are_means_over_its_trainings(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainings = [
        {"split": name, "train": 30, "test": 20, "metrics": {"gc": {"pearson": r, "n": 9}}}
        for name, r in (("fold 0", 0.2), ("fold 1", 0.5), ("fold 0", 0.4), ("fold 1", None))
    ]
    told = {"summary": {"gc": {"pearson": {}}}, "trainings": trainings}
    (world.folder / "report.json").write_text(json.dumps(told))

    class Trained:
        def path(self) -> Path:
            return Path(world.folder)

    monkeypatch.setattr(tuning, "trained", lambda *_: Trained())
    bench = world.bench()
    training = NetworkRun(bench.plan.tasks["gc"], "saluki", "fold", 2, 0, 1.0, {})
    first, second = results_by_split(bench, training)
    assert first == {"split": "fold 0", "train": 30, "test": 9, "pearson": pytest.approx(0.3)}
    assert second["pearson"] is None


@pytest.mark.parametrize(
    ("method", "kept"), [("saluki", {"epochs"}), ("fine-tuned", {"epochs", "hidden", "pooling"})]
)
def test_saluki_is_given_no_options_of_encoders(method: str, kept: set[str]) -> None:
    options = {"epochs": 1, "hidden": 8, "pooling": "all"}
    asked: Any = None
    assert set(tuning._options(NetworkRun(asked, method, "random", 1, 0, 1.0, options))) == kept
