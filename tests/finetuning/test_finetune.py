"""The whole way: a planted signal is found by every mode, a stopped study goes on, bad input is one line."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.numpy import load_file

import isoclr
from isoclr._io import sha256
from isoclr.corpus.corpus import Corpus
from isoclr.errors import InputError
from isoclr.finetuning import finetune as sizing
from isoclr.finetuning.config import FinetuneConfig, SplitConfig
from isoclr.finetuning.data import Dataset
from isoclr.finetuning.finetune import choose_split, finetune, fingerprint, open_run_dir, read_tasks
from isoclr.finetuning.models import ModelFactory
from isoclr.finetuning.predictor import load_predictor
from isoclr.finetuning.report import FinetuneReport
from isoclr.finetuning.trials import TrialRunner

QUICK: dict[str, Any] = {
    "split": "fold",
    "splits": 1,
    "epochs": 8,
    "batch_size": 27,
    "hidden": 16,
    "dropout": 0.0,
    "encoder_learning_rate": 0.01,
    "threads": 1,
}


@pytest.fixture
def options(
    corpus_path: Path, label_files: dict[str, Path], model: Path, tmp_path: Path
) -> dict[str, Any]:
    """Of a training that takes a second."""
    return {
        "labels": (label_files["human"],),
        "corpus": corpus_path,
        "model": str(model),
        "out": tmp_path / "out",
        **QUICK,
    }


@pytest.fixture(scope="module")
def finished(
    corpus_path: Path,
    label_files: dict[str, Path],
    model: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[dict[str, Any], FinetuneReport]:
    """A study of two folds that is done, and its options."""
    options = {
        "labels": (label_files["human"],),
        "corpus": corpus_path,
        "model": str(model),
        "out": tmp_path_factory.mktemp("finished") / "out",
        **QUICK,
        "splits": 2,
        "epochs": 2,
        "precision": "float32",
    }
    return options, finetune(**options)


@pytest.mark.parametrize(("tune", "found"), [("frozen", 0.5), ("last-stage", 0.6), ("full", 0.6)])
def test_every_mode_finds_a_planted_signal(
    options: dict[str, Any], tune: str, found: float
) -> None:
    rate = None if tune == "frozen" else 0.01
    report = finetune(**options | {"tune": tune, "encoder_learning_rate": rate})
    assert report.summary("half_life")["pearson"].mean > found
    assert report.outcomes[0].metrics["half_life"]["n"] == report.outcomes[0].test
    assert report.predictions.height == report.outcomes[0].test


def test_a_model_from_scratch_learns_too(options: dict[str, Any]) -> None:
    report = finetune(**options | {"scratch": True})
    assert report.method == "supervised tiny"
    assert report.summary("half_life")["pearson"].mean > 0.4


def test_saluki_learns_too(options: dict[str, Any]) -> None:
    changes = {"model": "saluki", "learning_rate": 0.003, "min_epochs": 0, "l2": 0.0}
    report = finetune(**options | changes | {"encoder_learning_rate": None, "hidden": None})
    assert report.method == "Saluki"
    assert report.summary("half_life")["pearson"].mean > 0.8
    assert load_predictor(report.out).name == "saluki"


def test_two_species_are_learnt_by_one_encoder(
    options: dict[str, Any], label_files: dict[str, Path], corpus: Corpus
) -> None:
    both = (label_files["human"], label_files["mouse"])
    report = finetune(**options | {"labels": both, "species": ("human", "mouse"), "epochs": 6})
    assert report.tasks == ("half_life (human)", "half_life (mouse)")
    assert all(report.summary(task)["pearson"].mean > 0.7 for task in report.tasks)
    names = report.predictions["transcript_id"].to_list()
    codes = [corpus.codes_of(corpus.find(name)) for name in names]
    gc = np.array([np.isin(one & 7, [1, 2]).mean() for one in codes])
    predicted = load_predictor(report.out).predict_codes(codes)
    assert abs(predicted[:, 0] - (10 + 5 * gc)).mean() < 0.6  # own units, not z-scores
    assert abs(predicted[:, 1] - -100 * gc).mean() < 12


def test_the_model_that_is_kept_gave_the_predictions(
    finished: tuple[dict[str, Any], FinetuneReport], corpus: Corpus
) -> None:
    _, report = finished
    best = max(report.outcomes, key=lambda outcome: outcome.best)
    kept = load_predictor(report.out)
    assert kept.facts["split"] == best.split
    rows = report.predictions.filter(pl.col("split") == best.split)
    codes = [corpus.codes_of(corpus.find(name)) for name in rows["transcript_id"]]
    scaled = (kept.predict_codes(codes)[:, 0] - kept.mean[0]) / kept.deviation[0]
    np.testing.assert_allclose(scaled, rows["predicted"].to_numpy(), rtol=1e-4, atol=1e-4)
    embedded = isoclr.load(report.out / "encoder").embed_codes(codes)
    np.testing.assert_allclose(embedded, kept.encoder.embed_codes(codes), rtol=1e-5, atol=1e-6)


def test_every_fold_is_tested_once_and_the_report_says_how(
    finished: tuple[dict[str, Any], FinetuneReport],
) -> None:
    options, report = finished
    names = report.predictions["transcript_id"]
    assert names.n_unique() == len(names) == sum(outcome.test for outcome in report.outcomes)
    facts = json.loads((report.out / "report.json").read_text())
    assert facts["recipe"]["rules"]["epochs"] == 2
    assert facts["recipe"]["weights"] == isoclr.load(options["model"]).sha256
    assert facts["trainings"][0]["history"][1]["epoch"] == 2
    assert facts["summary"]["half_life"]["pearson"]["low"] is not None
    assert [leaks["gene"] for leaks in facts["leaks"]["splits"]] == [0, 0]
    assert [leaks["test"] for leaks in facts["leaks"]["splits"]] == [40, 40]


def test_a_finished_study_is_not_done_again(
    finished: tuple[dict[str, Any], FinetuneReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    options, first = finished

    def never(*_: Any) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(TrialRunner, "_train", never)
    again = finetune(**options | {"resume": True})
    assert again.predictions.equals(first.predictions)
    assert again.rows() == first.rows()


def test_other_options_cannot_resume(finished: tuple[dict[str, Any], FinetuneReport]) -> None:
    options, _ = finished
    with pytest.raises(InputError, match="epochs is 2 there and 3 now"):
        finetune(**options | {"epochs": 3, "resume": True})
    with pytest.raises(InputError, match="add --resume"):
        finetune(**options)


class KilledError(Exception):
    """The process dies here."""


def _at_step(monkeypatch: pytest.MonkeyPatch, step: int, do: Any) -> None:
    tick, count = TrialRunner._tick, [0]

    def counted(self: TrialRunner, *arguments: Any) -> bool:
        count[0] += 1
        if count[0] == step:
            do()
        return tick(self, *arguments)

    monkeypatch.setattr(TrialRunner, "_tick", counted)


def _history(report: FinetuneReport) -> list[list[dict[str, float]]]:
    timed = ("seconds", "nt_per_second")
    return [
        [{k: v for k, v in epoch.items() if k not in timed} for epoch in outcome.history]
        for outcome in report.outcomes
    ]


@pytest.mark.parametrize("model_name", ["tiny", "saluki"])
def test_a_killed_study_goes_on_as_if_it_never_stopped(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model_name: str
) -> None:
    options |= {"splits": 2, "epochs": 2, "dropout": 0.2}
    options |= (
        {"model": "saluki", "min_epochs": 0, "hidden": None} if model_name == "saluki" else {}
    )
    whole = finetune(**options | {"out": tmp_path / "whole"})

    def kill() -> None:
        raise KilledError

    for step in (2, 4, 7):  # in the first epoch, in the second, in the second training
        with monkeypatch.context() as context:
            _at_step(context, step, kill)
            with pytest.raises(KilledError):
                finetune(**options | {"resume": True})
    resumed = finetune(**options | {"resume": True})
    assert resumed.predictions.equals(whole.predictions)
    assert _history(resumed) == _history(whole)
    mine, theirs = (load_file(report.out / "model.safetensors") for report in (resumed, whole))
    assert all(np.array_equal(mine[name], theirs[name]) for name in theirs)
    assert not (tmp_path / "out" / "checkpoint.safetensors").exists()


def test_a_signal_ends_a_study_in_good_order(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    options |= {"epochs": 2}
    with monkeypatch.context() as context:
        _at_step(context, 5, lambda: os.kill(os.getpid(), signal.SIGTERM))
        stopped = finetune(**options)
    assert stopped.stopped_by == signal.SIGTERM
    assert not stopped.outcomes
    assert not (options["out"] / "report.json").exists()
    done = finetune(**options | {"resume": True})
    assert done.stopped_by == 0
    assert (options["out"] / "report.json").exists()


def test_an_encoder_that_may_not_move_does_not(options: dict[str, Any]) -> None:
    report = finetune(**options | {"encoder_learning_rate": 0.0, "epochs": 1})
    before = dict(isoclr.load(options["model"]).network.named_parameters())
    after = dict(load_predictor(report.out).network.named_parameters())
    assert all(np.array_equal(after[name].detach(), before[name].detach()) for name in before)


def test_homology_keeps_gene_sets_together(options: dict[str, Any]) -> None:
    changes = {"split": "homology", "splits": None, "seeds": 1, "epochs": 1}
    report = finetune(**options | changes)
    assert report.counts["groups"] == 80
    assert report.predictions["group"].str.starts_with("HID:").all()


def test_constructs_are_learnt_without_a_corpus(options: dict[str, Any], assay: Path) -> None:
    changes = {"labels": (assay,), "corpus": None, "split": None, "splits": None, "seeds": 1}
    report = finetune(**options | changes | {"batch_size": 7, "epochs": 12})
    assert report.summary("load")["pearson"].mean > 0.5
    assert report.split == "random 70/15/15 by whole genes"
    assert report.leaks is not None
    assert report.leaks.compared == "insert of the construct"


def test_whole_chromosomes_stay_together(
    options: dict[str, Any], label_files: dict[str, Path], tmp_path: Path
) -> None:
    where = tmp_path / "where.tsv"
    table = pl.read_csv(label_files["human"], separator="\t")
    names = pl.Series("chromosome", [gene % 9 for gene in range(table.height)])
    table.select("gene_id", names).write_csv(where, separator="\t")
    changes = {"split": "chromosome", "chromosomes": (where,), "splits": None, "seeds": 1}
    report = finetune(**options | changes | {"epochs": 1})
    assert report.counts["groups"] == 9
    assert set(report.predictions["group"]) < {f"human|{name}" for name in range(9)}
    where.write_text(where.read_text() + "ENSG99\t9\n")
    with pytest.raises(InputError, match="was begun with other options: chromosomes is"):
        finetune(**options | changes | {"epochs": 1, "resume": True})


def test_a_share_of_the_labels_trains_on_fewer(options: dict[str, Any]) -> None:
    report = finetune(**options | {"train_share": 0.25, "epochs": 1, "splits": 2})
    assert [outcome.train for outcome in report.outcomes] == [20, 20]
    assert [outcome.valid for outcome in report.outcomes] == [40, 40]
    assert {row["share"] for row in report.rows()} == {0.25}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "isoclr-x"}, "isoclr-x: no such directory"),
        ({"scratch": True, "tune": "frozen"}, "--tune frozen: a model from scratch"),
        ({"model": "saluki", "tune": "last-stage"}, "--tune last-stage: saluki"),
        ({"model": "saluki", "pooling": "all"}, "--pooling all is for IsoCLR encoders"),
        ({"model": "saluki"}, "--hidden 16 is for IsoCLR encoders, saluki has layers of its own"),
        ({"tune": "frozen"}, "--encoder-learning-rate 0.01: with --tune frozen the encoder learns"),
        ({"species": ("human", "mouse", "cow")}, "--species has 3 words for 1 tables"),
        ({"species": ("cow",)}, "no transcript is of species 'cow'"),
        ({"species": ("mouse",)}, "none of its 160 ids"),
        ({"folds": 4}, "--split fold takes the tables' own"),
        ({"train_share": 0.0}, "--train-share 0: expected above 0"),
        ({"train_share": 1.5}, "--train-share 1.5: expected above 0 and up to 1"),
        ({"epochs": 0}, "--epochs is 0, expected at least 1"),
        ({"batch_size": 1}, "--batch-size is 1, expected at least 2"),
        ({"dropout": 1.0}, "--dropout is 1, expected 0 to 0.99"),
        ({"seeds": 0}, "--seeds 0: expected 1 or more"),
        ({"threads": 0}, "--threads 0: expected 1 or more"),
        ({"precision": "half"}, "--precision is 'half'"),
        ({"labels": ()}, "no labels"),
        ({"labels": ("gene-ontology-human",)}, "`isoclr ontology` takes it"),
        ({"corpus": None}, "its RNAs are a corpus', which --corpus must name"),
        ({"chromosomes": ("x.tsv",)}, "--chromosomes is for --split chromosome, not for --split f"),
        ({"split": "random", "folds": 2}, "there are 2, expected 3 or more"),
        ({"corpus": Path("nowhere")}, "nowhere: not a corpus"),
        ({"device": "abacus"}, "--device is 'abacus'"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    options: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError) as error:
        finetune(**options | changes)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert not options["out"].exists()


RECIPE = {"model": "isoclr-s", "rules": {"epochs": 3, "l2": 1e-5}}


def test_one_word_is_for_all_tables(label_files: dict[str, Path]) -> None:
    paths = list(label_files.values())
    assert [t.species for t in read_tasks(paths, None, ["human", "mouse"])] == ["human", "mouse"]
    assert [t.name for t in read_tasks(paths, None, None)] == ["half_life", "half_life [mouse.tsv]"]
    assert read_tasks(paths[:1], ["half_life"], ["human"])[0].name == "half_life (human)"


def test_a_label_of_one_value_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "flat.tsv"
    path.write_text("gene_id\tx\nA\t1\nB\t1\n")
    with pytest.raises(InputError, match="x is 1 in every row"):
        read_tasks([path], None, None)


def test_a_task_file_says_column_species_rnas_and_split(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text("Gene\ty\tz\tcv\nA\t1\t5\t1\nB\t2\t6\t2\n")
    file = tmp_path / "own.toml"
    file.write_text(
        'name = "own"\ntitle = "own"\n[labels]\nfile = "x.tsv"\nlabel = "y"\n[labels.columns]\n'
        'gene_id = "Gene"\nfold = "cv"\n[samples]\nspecies = "cow"\nrnas = "coding"\nsplit = "fold"\n'
    )
    (task,) = read_tasks([file])
    assert (task.name, task.species, task.rnas) == ("y (cow)", "cow", "coding")
    assert task.labels.table["id"].to_list() == ["A", "B"]
    assert task.labels.table["fold"].to_list() == ["1", "2"]
    assert choose_split([task], None) == "fold"
    (other,) = read_tasks([file], ["z"], ["yak"], "all")
    assert (other.name, other.species, other.rnas) == ("z (yak)", "yak", "all")


def test_tasks_of_different_splits_need_a_choice(
    label_files: dict[str, Path], assay: Path, tmp_path: Path
) -> None:
    folded = tmp_path / "folded.toml"
    table = f'[labels]\nfile = "{label_files["human"]}"\n[samples]\nsplit = "fold"\n'
    folded.write_text('name = "folded"\ntitle = "folded"\n' + table)
    assert choose_split(read_tasks([label_files["human"], assay]), None) == "random"
    tasks = read_tasks([folded, label_files["mouse"]])
    assert choose_split(tasks, "homology") == "homology"
    with pytest.raises(InputError, match=r"fold of half_life, random of .*; choose one with --spl"):
        choose_split(tasks, None)


def test_a_construct_is_of_no_species(assay: Path) -> None:
    assert read_tasks([assay], None, ["human"])[0].species is None


def test_a_recipe_names_all_that_a_task_file_and_chromosomes_decide(
    assay: Path, model: Path, dealing: Callable[..., SplitConfig], rules: FinetuneConfig
) -> None:
    start = ModelFactory(str(model), scratch=False, tune="full")

    def recipe(file: Path, *chromosomes: Path) -> dict[str, Any]:
        return fingerprint(start, read_tasks([file]), None, rules, dealing(), chromosomes, {})

    other = assay.with_name("other.toml")
    other.write_text(assay.read_text().replace('after = "CC"', 'after = "CA"'))
    assert recipe(other) != recipe(assay)
    assert "chromosomes" not in recipe(assay)
    assert recipe(assay, assay)["chromosomes"] == [sha256(assay)]


def test_a_directory_is_entered_once_or_resumed_with_the_same_recipe(tmp_path: Path) -> None:
    out = tmp_path / "out"
    open_run_dir(out, RECIPE, resume=True)  # nothing there yet: begin
    assert json.loads((out / "recipe.json").read_text()) == RECIPE
    open_run_dir(out, RECIPE, resume=True)
    with pytest.raises(InputError, match="exists already; add --resume"):
        open_run_dir(out, RECIPE, resume=False)
    other = {"model": "isoclr-m", "rules": {"epochs": 4, "l2": 1e-5}}
    with pytest.raises(InputError) as error:
        open_run_dir(out, other, resume=True)
    assert "model is 'isoclr-s' there and 'isoclr-m' now; epochs is 3 there and 4 now" in str(
        error.value
    )
    (out / "recipe.json").write_text("{")
    with pytest.raises(InputError, match="not a study's recipe"):
        open_run_dir(out, RECIPE, resume=True)


def test_nothing_but_a_study_is_resumed(tmp_path: Path) -> None:
    killed = tmp_path / "killed"
    killed.mkdir()
    (killed / ".recipe.json.x1.part.json").touch()  # killed while it began
    open_run_dir(killed, RECIPE, resume=True)
    assert (killed / "recipe.json").exists()
    (tmp_path / "model.safetensors").write_text("mine")
    for out in (tmp_path, tmp_path / "model.safetensors"):
        with pytest.raises(InputError, match="is no study to resume, expected one with recipe"):
            open_run_dir(out, RECIPE, resume=True)
    with pytest.raises(InputError, match="is a file, expected a folder"):
        open_run_dir(tmp_path / "model.safetensors" / "out", RECIPE, resume=False)
    assert not (tmp_path / "recipe.json").exists()


CPU = torch.device("cpu")


def test_activations_are_computed_again_only_when_a_batch_has_many(
    model: Path, dataset: Dataset, rules: FinetuneConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = ModelFactory(str(model), scratch=False, tune="full")
    feed = sizing.make_feed(start, dataset, rules, CPU, torch.float32)
    assert start.encoder is not None
    assert not start.encoder.network.recompute
    monkeypatch.setattr(sizing, "KEPT", 1)
    sizing.make_feed(start, dataset, rules, CPU, torch.float32)
    assert start.encoder.network.recompute
    assert feed.precision == "float32"
    assert feed.codes is dataset.codes


def test_saluki_has_chunks_of_its_own(dataset: Dataset, rules: FinetuneConfig) -> None:
    feed = sizing.make_feed(
        ModelFactory("saluki", scratch=False, tune="full"), dataset, rules, CPU, torch.bfloat16
    )
    assert feed.chunk_nt == sizing.SALUKI_CHUNK_NT
    assert feed.precision == "bf16"
