"""Results are computed once, again when inputs change, and a killed evaluation continues."""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch

from isoclr.cli import main
from isoclr.errors import InputError, MissingExtraError
from isoclr.evaluation import evaluate as running
from isoclr.evaluation.cache import Store
from isoclr.evaluation.context import Context
from isoclr.evaluation.evaluate import Evaluation, Progress, evaluate
from isoclr.evaluation.methods import RANDOM_INIT
from isoclr.evaluation.plan import STUDIES as NAMES
from isoclr.evaluation.plan import read_plan

STUDIES = """
[main]
methods = ["embedding", "k-mers", "length"]
[low_data]
methods = ["k-mers"]
percentages = [100, 50]
splits = 2
"""


def computed(done: Any) -> dict[str, int]:
    return {one.study: one.computed for one in done.studies}


def test_results_are_computed_once_and_again_when_inputs_change(world: Any) -> None:
    plan, out = world.plan(STUDIES), world.folder / "out"

    def times(kind: str) -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in (out / kind).rglob("*.*")}

    assert computed(evaluate(plan, out=out, report=False)) == {"main": 4, "low_data": 4}
    before, embedded = times("cache"), times("embeddings")
    assert len([path for path in before if path.suffix == ".json"]) == 8
    assert computed(evaluate(plan, out=out, report=False)) == {"main": 0, "low_data": 0}
    assert before == times("cache")
    world.plan(STUDIES.replace("[100, 50]", "[100, 50, 25]"))
    assert computed(evaluate(plan, out=out, report=False)) == {"main": 0, "low_data": 2}
    text = (world.folder / "gc.tsv").read_text().replace("G0\t0", "G0\t1")
    (world.folder / "gc.tsv").unlink()
    (world.folder / "gc.tsv").write_text(text)
    assert computed(evaluate(plan, out=out, report=False)) == {"main": 4, "low_data": 6}
    assert embedded == times("embeddings") != {}


def test_a_killed_run_continues(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, out = world.plan(STUDIES), world.folder / "out"
    written: list[str] = []
    write = Store.write

    def stop_at_the_third(self: Store, result: Any, outcome: Any, seconds: float) -> None:
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(result.key)
        write(self, result, outcome, seconds)

    monkeypatch.setattr(Store, "write", stop_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        evaluate(plan, out=out, report=False)
    monkeypatch.undo()
    assert computed(evaluate(plan, out=out, report=False)) == {"main": 2, "low_data": 4}
    assert not [path for path in out.rglob("*") if path.name.startswith(".")]


def test_dry_run(world: Any) -> None:
    out = world.folder / "out"
    done = evaluate(world.plan(STUDIES), out=out, dry_run=True)
    assert len(done.to_do) == 8
    assert not out.exists()


def test_only_some_studies(world: Any) -> None:
    plan, out = world.plan(STUDIES), world.folder / "out"
    done = evaluate(plan, out=out, only=("low_data",), report=False)
    assert computed(done) == {"main": 0, "low_data": 4}
    assert len(done.to_do) == 4
    with pytest.raises(InputError, match=r"--only ontology: .*plan\.toml"):
        evaluate(plan, out=out, only=("ontology",))


def test_csv_files_and_manifest_and_the_removal_of_outdated_ones(world: Any) -> None:
    plan, out = world.plan(STUDIES), world.folder / "out"
    evaluate(plan, out=out, report=False)
    main = pl.read_csv(out / "results" / "main.csv")
    assert set(main["method"]) == {"small", "k-mers + codons", "length alone"}
    kmers = main.filter(method="k-mers + codons", metric="pearson")["value"][0]
    length = main.filter(method="length alone", metric="pearson")["value"][0]
    assert kmers > 0.9 > length  # the label is the G+C content, which k-mers say and the length does not
    differences = pl.read_csv(out / "results" / "main_differences.csv")
    row = differences.row(0, named=True)
    assert row["method"] == "small"
    assert row["low"] <= row["value"] <= row["high"]
    means = pl.read_csv(out / "results" / "low_data_means.csv")
    assert means.filter(metric="pearson").sort("share")["train"].to_list() == [17, 34]
    leaks = pl.read_csv(out / "results" / "leaks.csv")
    assert leaks.filter(metric="gene")["value"].to_list() == [0, 0, 0]
    manifest = json.loads((out / "results" / "manifest.json").read_text())
    assert len(manifest["results"]) == 8
    assert manifest["missing"] == 0
    assert manifest["corpus"]["counts"]["transcripts"] == 96
    assert manifest["tasks"]["gc"]["title"] == "G+C content"
    evaluate(world.plan("[low_data]\nmethods = ['k-mers']\nsplits = 2\npercentages = [50]"), out=out, report=False)
    left = {path.name for path in (out / "results").iterdir()}
    assert left == {"corpus.csv", "low_data.csv", "low_data_means.csv", "manifest.json"}
    assert not list((out / "tables").iterdir())


def test_a_damaged_result_is_named(world: Any) -> None:
    plan, out = world.plan("[main]\nmethods = ['length']"), world.folder / "out"
    evaluate(plan, out=out, report=False)
    path = next((out / "cache" / "main").glob("*.json"))
    path.write_text("{")
    with pytest.raises(InputError, match=r"\.json: .*remove the file"):
        evaluate(plan, out=out, report=False)


def test_out_is_a_file(world: Any) -> None:
    (world.folder / "out").write_text("")
    with pytest.raises(InputError, match="is a file, expected the directory of an evaluation"):
        evaluate(world.plan(), out=world.folder / "out")


def test_every_study_of_a_plan_has_a_function() -> None:
    assert set(running._STUDIES) == set(NAMES)


def test_paths_relative_to_the_plan(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = world.plan("[main]\nmethods = ['length']")
    monkeypatch.chdir(os.sep)
    assert computed(evaluate(plan, out=Path(world.folder / "out"), report=False)) == {"main": 2}


def test_another_name_of_a_model_is_another_result(world: Any) -> None:
    plan, out = world.plan("[main]\nmethods = ['embedding']"), world.folder / "out"
    evaluate(plan, out=out, report=False)
    plan.write_text(plan.read_text().replace('"small"', '"renamed"'))
    evaluate(plan, out=out, report=False)
    assert set(pl.read_csv(out / "results" / "main.csv")["method"]) == {"renamed"}


def test_a_missing_label_table(world: Any) -> None:
    plan = world.plan("[main]\nmethods = ['length']")
    (world.folder / "gc.tsv").unlink()
    with pytest.raises(InputError, match=r"gc\.tsv"):
        evaluate(plan, out=world.folder / "out", dry_run=True)


def test_labels_of_several_classes_are_refused_before_any_work(world: Any) -> None:
    rows = [f"G{gene}\t{'abc'[gene % 3]}\t{gene % 2}{gene % 3 // 2}" for gene in range(48)]
    (world.folder / "places.tsv").write_text("\n".join(["gene_id\tplace\tplaces", *rows]) + "\n")
    task = '\n[[task]]\ntask = "place.toml"\n[main]'
    for labels, count in (('label = "place"', 3), ('label = "places"\nclasses = ["a", "b"]', 2)):
        head = 'name = "place"\ntitle = "place"\n[labels]\nfile = "places.tsv"\n'
        (world.folder / "place.toml").write_text(head + labels + "\n")
        with pytest.raises(InputError, match=rf"places\.tsv: places? has {count} classes, expected numbers"):
            evaluate(world.plan(task), out=world.folder / "out", dry_run=True)


def test_without_plotly_nothing_is_computed(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "plotly", None)
    out = world.folder / "out"
    with pytest.raises(MissingExtraError, match="plotly"):
        evaluate(world.plan("[main]\nmethods = ['length']"), out=out)
    assert not out.exists()


@pytest.mark.parametrize(
    "study",
    [
        "[main]\nmethods = ['embedding']",
        "[low_data]\nmethods = ['embedding', 'supervised']",
        "[finetuning]",
        "[latent]",
    ],
)
def test_a_models_name_decides_its_results(world: Any, study: str) -> None:
    def names() -> set[str]:
        context = Context(read_plan(plan), world.folder / "out")
        (name,) = context.plan.studies
        found = running._STUDIES[name](context, context.plan.studies[name])
        return {one.key for one in found if one.study == name and RANDOM_INIT not in one.title}

    plan = world.plan(study)
    before = names()
    plan.write_text(plan.read_text().replace('"small"', '"renamed"'))
    assert before
    assert not before & names()


def test_the_audit_of_constructs_compares_inserts(world: Any) -> None:
    context = world.context("[main]\nmethods = ['length']", task=world.constructs())
    *_, audit = running._STUDIES["main"](context, context.plan.studies["main"])
    assert audit.inputs["audit"] == "insert of the construct"


@pytest.mark.slow
def test_resumed_results_have_the_same_bytes(world: Any) -> None:
    plan, out = world.plan("[main]\nmethods = ['embedding']"), world.folder / "out"
    evaluate(plan, out=out, report=False)
    before = (out / "results" / "main.csv").read_bytes()
    shutil.rmtree(out / "cache")
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    evaluate(plan, out=out, report=False)
    assert torch.get_num_threads() == 1  # the plan's, although nothing was embedded
    torch.set_num_threads(threads)
    assert (out / "results" / "main.csv").read_bytes() == before


def test_messages(capsys: pytest.CaptureFixture[str]) -> None:
    Evaluation(Path("out"), [Progress("main", 3, 4, 2)], ["a task: a method"]).print()
    printed = capsys.readouterr()
    assert "main" in printed.out
    assert "to do: a task: a method" in printed.err
    assert "report" not in printed.err
    Evaluation(Path("out"), [], [], Path("out/report.html")).print()
    assert "the report is out/report.html" in capsys.readouterr().err


def test_command_without_a_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(tmp_path / "no.toml"), "--out", str(tmp_path / "out")]) == 2
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert "no.toml" in printed.err
    assert not (tmp_path / "out").exists()
