"""The verb prints a table, and names what is wrong with an option."""

from pathlib import Path
from typing import Any

import pytest

from isoclr.cli import main
from isoclr.finetuning.report import FinetuneReport
from isoclr.finetuning.trials import PREDICTIONS, TrialResult
from isoclr.tasks.leakage import Leakage, LeakageReport

METRICS = {"half_life": {"pearson": 0.5, "spearman": 0.4, "mse": 0.8, "n": 7}}
DONE = [
    TrialResult(f"fold-{i}.0", f"fold {i}", 0, 6, 2, 2, 5, 3, 0.5, 60.0, METRICS, [])
    for i in (1, 2)
]

LEAKS = LeakageReport(16, 0.9, "whole RNA", [Leakage("fold 1", 20, 3, None, 2, 20)])


def fake(stopped_by: int, asked: dict[str, Any]) -> Any:
    def finetune(
        labels: tuple[Path, ...], *, corpus: Path, out: Path, species: tuple[str, ...] | None = None
    ) -> FinetuneReport:
        """Stand in for the study."""
        asked.update(labels=labels, corpus=corpus, species=species)
        return FinetuneReport(
            out, "fine-tuned x", "x", "full", ("half_life",), "folds", True, 1.0, {"RNAs": 10},
            DONE, PREDICTIONS.to_frame(), {}, stopped_by, LEAKS,
        )  # fmt: skip

    return finetune


def test_it_prints_a_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr("isoclr.finetuning.finetune.finetune", fake(0, asked))
    main(
        ["finetune", "a.tsv", "b.tsv", "--corpus", "c", "-o", "out", "--species", "human", "mouse"]
    )
    assert asked == {
        "labels": (Path("a.tsv"), Path("b.tsv")),
        "corpus": Path("c"),
        "species": ("human", "mouse"),
    }
    table = capsys.readouterr().out
    assert "fine-tuned x: 10 RNAs, folds" in table
    assert "0.500 [0.500, 0.500]" in table
    assert "leak audit: test RNAs that share with a training part (whole RNA)" in " ".join(
        table.split()
    )
    assert "15.0%" in table


def test_a_stopped_study_ends_with_the_signals_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isoclr.finetuning.finetune.finetune", fake(15, {}))
    assert main(["finetune", "a.tsv", "--corpus", "c", "--out", "out"]) == 143


def test_options_are_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.tsv").write_text("gene_id\tx\nA\t1\nB\t2\n")
    labels, out = str(tmp_path / "a.tsv"), str(tmp_path / "o")
    assert main(["finetune", labels, "--corpus", "c", "-o", out, "--tune", "half"]) == 2
    assert "--tune" in capsys.readouterr().err
    assert main(["finetune", labels, "--corpus", "nowhere", "-o", out]) == 2
    assert "nowhere: not a corpus" in capsys.readouterr().err
