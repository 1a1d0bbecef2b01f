"""Whole studies: learning, resuming, and the errors of bad input."""

import json
import math
import os
import shutil
import signal
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

import isoclr
from isoclr._io import sha256
from isoclr.cli import main
from isoclr.corpus.corpus import Corpus
from isoclr.errors import InputError
from isoclr.finetuning import finetune as module
from isoclr.finetuning.config import FinetuneConfig
from isoclr.finetuning.data import read_label_specs
from isoclr.finetuning.finetune import finetune as finetune_with_configs
from isoclr.finetuning.finetune import make_builder, study_options
from isoclr.finetuning.models import ModelFactory
from isoclr.finetuning.report import FinetuneReport
from isoclr.finetuning.saluki import load_saluki
from isoclr.finetuning.trainer import TrainerState, TrialRunner
from isoclr.tasks.dataset import LabelledRnas
from isoclr.tasks.splits import SplitConfig
from isoclr.training.device import RuntimeConfig
from isoclr.training.logging import read_log

QUICK: dict[str, Any] = {
    "split": "fold",
    "max_splits": 1,
    "epochs": 8,
    "batch_size": 27,
    "hidden": 16,
    "dropout": 0.0,
    "encoder_learning_rate": 0.01,
    "threads": 1,
}


def finetune(**options: Any) -> FinetuneReport:
    """Fine-tune with options by name, as on the command line."""
    kinds = {"config": FinetuneConfig, "splits": SplitConfig, "runtime": RuntimeConfig}
    configs = {
        name: kind(**{f.name: options.pop(f.name) for f in fields(kind) if f.name in options})
        for name, kind in kinds.items()
    }
    return finetune_with_configs(**options, **configs)


@pytest.fixture
def options(corpus_path: Path, label_files: dict[str, Path], model: Path, tmp_path: Path) -> dict[str, Any]:
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
    corpus_path: Path, label_files: dict[str, Path], model: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], FinetuneReport]:
    """A study of two folds that is done, and its options."""
    options = {
        "labels": (label_files["human"],),
        "corpus": corpus_path,
        "model": str(model),
        "out": tmp_path_factory.mktemp("finished") / "out",
        **QUICK,
        "max_splits": 2,
        "epochs": 2,
        "precision": "float32",
    }
    return options, finetune(**options)


@pytest.mark.parametrize(("train", "found"), [("head", 0.5), ("last-stage", 0.6), ("full", 0.6)])
def test_every_trained_part_learns(options: dict[str, Any], train: str, found: float) -> None:
    rate = None if train == "head" else 0.01
    report = finetune(**options | {"train": train, "encoder_learning_rate": rate})
    assert report.summary("half_life")["pearson"].mean > found
    assert report.results[0].metrics["half_life"]["n"] == report.results[0].test
    assert report.predictions.height == report.results[0].test


def test_scratch_learns(options: dict[str, Any]) -> None:
    report = finetune(**options | {"scratch": True, "epochs": 12})
    assert report.method == "supervised tiny"
    assert report.summary("half_life")["pearson"].mean > 0.3


def test_saluki_learns(options: dict[str, Any]) -> None:
    changes = {"model": "saluki", "learning_rate": 0.003, "min_epochs": 0, "l2": 0.0}
    report = finetune(**options | changes | {"encoder_learning_rate": None, "hidden": None})
    assert report.method == "Saluki"
    assert report.summary("half_life")["pearson"].mean > 0.8
    assert load_saluki(report.out).tasks == ("half_life",)


def test_two_species(options: dict[str, Any], label_files: dict[str, Path], corpus: Corpus) -> None:
    both = (label_files["human"], label_files["mouse"])
    report = finetune(**options | {"labels": both, "species": ("human", "mouse"), "epochs": 6})
    assert report.tasks == ("half_life (human)", "half_life (mouse)")
    assert all(report.summary(task)["pearson"].mean > 0.7 for task in report.tasks)
    names = report.predictions["transcript_id"].to_list()
    symbols = dict(corpus.transcripts.select("transcript_id", "gene_symbol").iter_rows())
    assert report.predictions["gene_symbol"].to_list() == [symbols[name] for name in names]
    codes = [corpus.codes_of(corpus.find(name)) for name in names]
    gc = np.array([np.isin(one & 7, [1, 2]).mean() for one in codes])
    table = isoclr.predict((options["corpus"],), head=report.out).table
    rows = [table["transcript_id"].to_list().index(name) for name in names]
    human, mouse = (table[f"half_life ({one})_value"].to_numpy()[rows] for one in ("human", "mouse"))
    assert abs(human - (10 + 5 * gc)).mean() < 0.6  # own units, not z-scores
    assert abs(mouse - -100 * gc).mean() < 12


def test_saved_model_gives_the_predictions(
    finished: tuple[dict[str, Any], FinetuneReport], label_files: dict[str, Path]
) -> None:
    options, report = finished
    best = max(report.results, key=lambda result: result.best)
    found = isoclr.predict((options["corpus"],), head=report.out)
    assert found.head.metadata["seed"] == best.seed
    tested = report.predictions.filter(pl.col("split") == best.split)
    table = tested.join(found.table, on="transcript_id", maintain_order="left")
    labels = pl.read_csv(label_files["human"], separator="\t")
    table = table.with_columns(pl.col("gene_id").str.split(".").list.first())  # without version
    table = table.join(labels, on="gene_id", maintain_order="left")
    std, mean = np.polyfit(table["true"].to_numpy(), table["half_life"].to_numpy(), 1)
    np.testing.assert_allclose(table["value"].to_numpy(), table["predicted"].to_numpy() * std + mean, atol=1e-4)
    errors = np.sort((table["half_life"] - table["value"]).abs())  # the widths come from those of the test RNAs
    half = errors[math.ceil(0.9 * (len(table) + 1)) - 1]
    np.testing.assert_allclose((table["upper"] - table["lower"]).to_numpy() / 2, half, rtol=1e-3)
    assert found.head.rnas == "all"
    assert found.head.species == ("human",)
    file = isoclr.embed((options["corpus"],), model=str(report.out / "encoder"), out=report.out.parent / "e.parquet")
    again = isoclr.predict((file,), head=report.out).table
    np.testing.assert_allclose(again["value"].to_numpy(), found.table["value"].to_numpy(), rtol=1e-5)


def test_report_of_a_cross_validation(finished: tuple[dict[str, Any], FinetuneReport]) -> None:
    options, report = finished
    names = report.predictions["transcript_id"]
    assert names.n_unique() == len(names) == sum(result.test for result in report.results)
    facts = json.loads((report.out / "report.json").read_text())
    assert facts["options"]["epochs"] == 2
    assert facts["options"]["weights"] == isoclr.load(options["model"]).sha256
    assert facts["trainings"][0]["history"][1]["epoch"] == 2
    assert facts["summary"]["half_life"]["pearson"]["low"] is not None
    assert [leaks["gene"] for leaks in facts["leaks"]["splits"]] == [0, 0]
    assert [leaks["test"] for leaks in facts["leaks"]["splits"]] == [40, 40]


def test_resume_a_finished_study(
    finished: tuple[dict[str, Any], FinetuneReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    options, first = finished

    def never(*_: Any) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(TrialRunner, "_train", never)
    again = finetune(**options | {"resume": True})
    assert again.predictions.equals(first.predictions)
    assert again.rows() == first.rows()


def test_resume_with_other_ids(finished: tuple[dict[str, Any], FinetuneReport], tmp_path: Path) -> None:
    options, _ = finished
    ids = tmp_path / "ids.tsv"
    ids.write_text("gene_id\tentrez\tsymbol\nENSG1\t1\tA\n")
    with pytest.raises(InputError, match="was started with --gene-ids none"):
        finetune(**options | {"gene_ids": ids, "resume": True})
    with pytest.raises(InputError, match=r"was started with --id-column none \(given: gene_id\)"):
        finetune(**options | {"id_column": "gene_id", "resume": True})


def test_resume_with_other_options(finished: tuple[dict[str, Any], FinetuneReport]) -> None:
    options, _ = finished
    with pytest.raises(InputError, match=r"--epochs 2 \(given: 3\)"):
        finetune(**options | {"epochs": 3, "resume": True})
    with pytest.raises(InputError, match="add --resume"):
        finetune(**options)


class KilledError(Exception):
    """The process dies here."""


def _at_step(monkeypatch: pytest.MonkeyPatch, step: int, do: Any) -> None:
    original, count = TrialRunner._after_step, [0]

    def counting(self: TrialRunner, state: TrainerState) -> Any:
        after_step = original(self, state)

        def counted(nt: int, loss: float) -> bool:
            count[0] += 1
            if count[0] == step:
                do()
            return after_step(nt, loss)

        return counted

    monkeypatch.setattr(TrialRunner, "_after_step", counting)


def _history(report: FinetuneReport) -> list[list[dict[str, float]]]:
    timed = ("seconds", "nt_per_second")
    return [
        [{k: v for k, v in epoch.items() if k not in timed} for epoch in result.history] for result in report.results
    ]


def _log(report: FinetuneReport) -> list[tuple[str, int, float]]:
    records = read_log(report.out / "log.jsonl")
    return [(record["trial"], record["epoch"], record["loss"]) for record in records]


@pytest.mark.parametrize("model_name", ["tiny", "saluki"])
def test_killed_and_resumed_is_bit_exact(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model_name: str
) -> None:
    options |= {"max_splits": 2, "epochs": 2, "dropout": 0.2}
    options |= {"model": "saluki", "min_epochs": 0, "hidden": None} if model_name == "saluki" else {}
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
    assert _log(resumed) == _log(whole)
    assert len(_log(whole)) == 4
    mine, theirs = (
        {path.relative_to(report.out): path.read_bytes() for path in report.out.rglob("*.safetensors")}
        for report in (resumed, whole)
    )
    assert mine == theirs
    assert mine
    assert not (tmp_path / "out" / "checkpoint.safetensors").exists()


def test_signal(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    options |= {"epochs": 2}
    with monkeypatch.context() as context:
        _at_step(context, 5, lambda: os.kill(os.getpid(), signal.SIGTERM))
        stopped = finetune(**options)
    assert stopped.stopped_by == signal.SIGTERM
    assert not stopped.results
    assert not (options["out"] / "report.json").exists()
    done = finetune(**options | {"resume": True})
    assert done.stopped_by == 0
    assert (options["out"] / "report.json").exists()


def test_encoder_learning_rate_of_zero(options: dict[str, Any]) -> None:
    report = finetune(**options | {"encoder_learning_rate": 0.0, "epochs": 1})
    before = dict(isoclr.load(options["model"]).network.named_parameters())
    after = dict(isoclr.load(report.out / "encoder").network.named_parameters())
    assert all(np.array_equal(after[name].detach(), before[name].detach()) for name in before)


def test_split_by_homology(options: dict[str, Any]) -> None:
    changes = {"split": "homology", "splits": 1, "epochs": 1}
    report = finetune(**options | changes)
    assert report.counts["groups"] == 80
    assert report.predictions["group"].str.starts_with("HID:").all()


def test_reporter_assay_without_a_corpus(options: dict[str, Any], assay: Path) -> None:
    changes = {"labels": (assay,), "corpus": None, "split": None, "splits": 3, "max_splits": None}
    head = {"train": "head", "encoder_learning_rate": None, "batch_size": 7, "epochs": 12}
    report = finetune(**options | changes | head)
    assert report.summary("load")["pearson"].mean > 0.5
    assert report.split == "random 70/15/15 × 3 by whole genes"
    assert report.leaks is not None
    assert report.leaks.compared == "insert of the construct"


def test_split_by_chromosome(options: dict[str, Any], label_files: dict[str, Path], tmp_path: Path) -> None:
    where = tmp_path / "where.tsv"
    table = pl.read_csv(label_files["human"], separator="\t")
    names = pl.Series("chromosome", [gene % 9 for gene in range(table.height)])
    table.select("gene_id", names).write_csv(where, separator="\t")
    changes = {"split": "chromosome", "chromosomes": (where,), "splits": 1}
    report = finetune(**options | changes | {"epochs": 1})
    assert report.counts["groups"] == 9
    assert set(report.predictions["group"]) < {f"human|{name}" for name in range(9)}
    where.write_text(where.read_text() + "ENSG99\t9\n")
    with pytest.raises(InputError, match=r"--chromosomes .*given"):
        finetune(**options | changes | {"epochs": 1, "resume": True})


def test_train_fraction(options: dict[str, Any]) -> None:
    report = finetune(**options | {"train_fraction": 0.25, "epochs": 1, "max_splits": 2})
    assert [result.train for result in report.results] == [20, 20]
    assert [result.valid for result in report.results] == [40, 40]
    assert {row["fraction"] for row in report.rows()} == {0.25}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "isoclr-x"}, "isoclr-x: no such directory"),
        ({"species": ("human", "mouse", "cow")}, "--species: got 3 values for 1 tables"),
        ({"species": ("cow",)}, "no RNA of species 'cow'"),
        ({"species": ("mouse",)}, "none of its 160 ids"),
        ({"folds": 4}, "--folds"),
        ({"splits": 0}, "--splits is 0"),
        ({"labels": ()}, "no labels"),
        ({"labels": ("gene-ontology-human",)}, "isoclr ontology"),
        ({"corpus": None}, "needs --corpus"),
        ({"chromosomes": (Path("x.tsv"),)}, "--chromosomes is for --split chromosome"),
        ({"split": "random", "folds": 2}, "there are 2, expected 3 or more"),
        ({"corpus": Path("nowhere")}, "nowhere: not a corpus"),
        ({"device": "abacus"}, "--device is 'abacus'"),
    ],
)
def test_bad_input(options: dict[str, Any], changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        finetune(**options | changes)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert not options["out"].exists()


def test_options_of_a_study(assay: Path, model: Path) -> None:
    factory = ModelFactory(FinetuneConfig(model=str(model)))

    def options(file: Path, *chromosomes: Path) -> dict[str, Any]:
        splits = SplitConfig(chromosomes=chromosomes)
        return study_options(factory, read_label_specs([file]), None, splits)

    other = assay.with_name("other.toml")
    other.write_text(assay.read_text().replace('after = "CC"', 'after = "CA"'))
    assert options(other) != options(assay)
    assert options(assay)["chromosomes"] == []
    assert options(assay, assay)["chromosomes"] == [sha256(assay)]


def test_a_corpus_with_other_ids_is_another_study(options: dict[str, Any], corpus_path: Path, tmp_path: Path) -> None:
    finetune(**options | {"epochs": 1})
    other = Path(shutil.copytree(corpus_path, tmp_path / "corpus"))
    table = pl.read_parquet(other / "transcripts.parquet")
    table.with_columns(gene_symbol=pl.lit("other")).write_parquet(other / "transcripts.parquet")
    meta = json.loads((other / "corpus.json").read_text())
    file = other / "transcripts.parquet"
    meta["files"][file.name] = {"size": file.stat().st_size, "sha256": sha256(file)}
    (other / "corpus.json").write_text(json.dumps(meta))
    with pytest.raises(InputError, match=r"options\.json.*corpus"):
        finetune(**options | {"epochs": 1, "corpus": other, "resume": True})


@pytest.mark.parametrize("name", ["model.safetensors", "recipe.json"])
def test_resume_a_foreign_directory(options: dict[str, Any], tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_text("mine")
    with pytest.raises(InputError, match=r"is no run to resume, expected one with options\.json"):
        finetune(**options | {"resume": True})
    assert [file.name for file in out.iterdir()] == [name]


CPU = torch.device("cpu")


def test_activation_checkpointing_of_large_batches(
    model: Path, rnas: LabelledRnas, monkeypatch: pytest.MonkeyPatch
) -> None:
    factory = ModelFactory(FinetuneConfig(model=str(model)))
    builder = make_builder(factory, rnas, CPU, torch.float32)
    assert factory.encoder is not None
    assert not factory.encoder.network.recompute
    monkeypatch.setattr(module, "MAX_BATCH_BYTES", 1)
    make_builder(factory, rnas, CPU, torch.float32)
    assert factory.encoder.network.recompute
    assert builder.precision == "float32"
    assert len(builder.codes) == len(rnas)


def test_chunks_of_saluki(rnas: LabelledRnas) -> None:
    factory = ModelFactory(FinetuneConfig(model="saluki"))
    builder = make_builder(factory, rnas, CPU, torch.bfloat16)
    assert builder.chunk_nt == module.SALUKI_CHUNK_NT
    assert builder.precision == "bf16"


def test_command(options: dict[str, Any], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    labels, out = str(options["labels"][0]), str(tmp_path / "out")
    command = ["finetune", labels, "--corpus", str(options["corpus"]), "-o", out]
    command += ["--model", options["model"], "--train", "head", "--split", "fold"]
    command += ["--max-splits", "1", "--epochs", "1", "--hidden", "8", "--threads", "1"]
    assert main([*command, "--species", "human"]) == 0
    printed = capsys.readouterr().out
    assert "frozen tiny: 160 RNAs, the label file's own folds (the first 1)" in printed
    assert "half_life (human)" in printed
    assert main([*command, "--tune", "half"]) == 2
    assert "--tune" in capsys.readouterr().err
    assert main(["finetune", labels, "--corpus", "nowhere", "-o", out + "2"]) == 2
    assert "nowhere: not a corpus" in capsys.readouterr().err
