import json
from pathlib import Path
from typing import Any

import pytest

from isoclr.errors import InputError
from isoclr.evaluation.cache import Artifact
from isoclr.evaluation.context import Context
from isoclr.evaluation.evaluate import evaluate
from isoclr.evaluation.studies import finetuning, latent, low_data, ontology
from isoclr.evaluation.studies.finetuning import NetworkRun, supervised_embeddings
from isoclr.finetuning.config import FinetuneConfig
from isoclr.tasks.splits import SplitKind

NAME = "supervised on gc"
OPTIONS = "finetune = { epochs = 1, batch_size = 16 }"
PLAN = f"""
[low_data]
methods = ["supervised"]
percentages = [100, 50]
network_splits = 2
{OPTIONS}
[finetuning]
methods = ["supervised"]
split = ["random"]
{OPTIONS}
[ontology]
tasks = ["go.toml"]
supervised = "gc"
{OPTIONS}
[latent]
supervised = "gc"
{OPTIONS}
"""


def test_studies_share_a_network_for_any_split_of_the_tasks(world: Any) -> None:
    world.ontology()
    context = world.context(PLAN, split='["fold"]')
    studies = context.plan.studies
    (embedded,) = supervised_embeddings(context, "gc", studies["ontology"].finetune).values()
    network = embedded.inputs["network"]
    small = low_data.results(context, studies["low_data"])
    assert [one.inputs["network"] == network for one in small] == [True, False, False, False]
    (tuned,) = finetuning.results(context, studies["finetuning"])
    assert tuned.inputs["network"] == network
    (terms,) = ontology.results(context, studies["ontology"])
    assert terms.inputs["others"] == {NAME: embedded.key}
    *_, drawn, neighbors = latent.results(context, studies["latent"])
    assert (drawn.inputs["method"], drawn.inputs["embedding"]) == (NAME, embedded.key)
    assert neighbors.inputs["embeddings"][NAME] == embedded.key


def test_other_options_make_another_network(world: Any) -> None:
    context = world.context()
    one, other = (supervised_embeddings(context, "gc", FinetuneConfig(epochs=epochs))[NAME].key for epochs in (1, 2))
    assert one != other
    assert supervised_embeddings(context, None, FinetuneConfig()) == {}


SMALL = FinetuneConfig(epochs=1, batch_size=16, hidden=8)


def run_of(
    context: Context, kind: SplitKind, network: str = "fine-tuned", options: FinetuneConfig = SMALL
) -> NetworkRun:
    entries = tuple(context.plan.tasks.values())
    return NetworkRun(context, entries, network, entries[0].split_config(kind, 0, 1), options)


@pytest.mark.slow
def test_tasks_with_renamed_columns(world: Any) -> None:
    parts = (
        (world.folder / "gc.tsv").read_text().replace("chr3", "chr0").replace("chr4", "chr1").replace("chr5", "chr2")
    )
    (world.folder / "parts.tsv").write_text(parts)
    columns = ("[labels.columns]", 'fold = "chromosome"')
    own = world.task("own", 'file = "parts.tsv"', *columns)
    context = world.context("[finetuning]", task=own, split='["fold"]')
    by_split = run_of(context, "fold").by_split()
    assert [one["split"] for one in by_split] == ["fold chr0", "fold chr1", "fold chr2"]


@pytest.mark.slow
def test_constructs_have_the_splits_of_their_probes(world: Any) -> None:
    context = world.context("[finetuning]", task=world.constructs())
    run = run_of(context, "random")
    means, *_ = run.summary_rows("finetuning")
    (split,) = context.dataset(run.entries[0], run.config).splits
    assert (means["task"], means["method"]) == ("assay", "small, fine-tuned")
    assert means["n"] == len(split.test) == 6
    assert run.is_tested_as_alone(0)


@pytest.mark.parametrize("study", ["[finetuning]", "[low_data]\nmethods = ['k-mers', 'saluki']"])
def test_networks_need_probes_of_the_same_samples(world: Any, study: str) -> None:
    with pytest.raises(InputError, match="lack labelled RNAs of gc"):
        evaluate(world.plan(world.external(30) + study), out=world.folder / "out", dry_run=True)
    whole = world.plan(world.external(48) + study)
    assert evaluate(whole, out=world.folder / "out", dry_run=True).to_do


def test_metrics_of_a_split_are_means_over_its_trainings(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    trainings = [
        {"split": name, "seed": 0, "train": 30, "metrics": {"gc": {"pearson": r, "n": 9}}}
        for name, r in (("fold 0", 0.2), ("fold 1", 0.5), ("fold 0", 0.4), ("fold 1", None))
    ]
    summary = {"gc": {"pearson": {"mean": 0.4, "low": None, "high": None}}}
    report = {"summary": summary, "trainings": trainings, "anything": "else"}
    (world.folder / "report.json").write_text(json.dumps(report))
    monkeypatch.setattr(Artifact, "path", lambda _: Path(world.folder))
    first, second = run_of(world.context(), "fold", "saluki").by_split()
    assert first == {"split": "fold 0", "train": 30, "test": 9, "pearson": pytest.approx(0.3)}
    assert second["pearson"] is None


def test_saluki_has_no_options_of_encoders(world: Any) -> None:
    options = FinetuneConfig(epochs=1, hidden=8, pooling="all")
    saluki = run_of(world.context(), "random", "saluki", options)._finetune
    assert (saluki.model, saluki.epochs, saluki.hidden, saluki.pooling) == ("saluki", 1, None, None)
    tuned = run_of(world.context(), "random", "fine-tuned", options)._finetune
    assert (tuned.epochs, tuned.hidden, tuned.pooling) == (1, 8, "all")
