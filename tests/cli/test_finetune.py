"""The verb prints a table, and names what is wrong with an option."""

from pathlib import Path
from typing import Any

import pytest

from isoclr.cli import finetune as verb
from isoclr.errors import InputError
from isoclr.finetuning.report import FinetuneReport
from isoclr.finetuning.trials import PREDICTIONS, Outcome
from isoclr.tasks.leakage import LeakAudit, Leaks

METRICS = {"half_life": {"pearson": 0.5, "spearman": 0.4, "mse": 0.8, "n": 7}}
DONE = [
    Outcome(f"fold-{i}.0", f"fold {i}", 0, 6, 2, 2, 5, 3, 0.5, 60.0, METRICS, []) for i in (1, 2)
]

LEAKS = LeakAudit(16, 0.9, "whole RNA", [Leaks("fold 1", 20, 3, None, 2, 20)])


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
    monkeypatch.setattr(verb, "finetune", fake(0, asked))
    verb.command(["a.tsv", "b.tsv", "--corpus", "c", "-o", "out", "--species", "human", "mouse"])
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
    monkeypatch.setattr(verb, "finetune", fake(15, {}))
    with pytest.raises(SystemExit) as end:
        verb.command(["a.tsv", "--corpus", "c", "--out", "out"])
    assert end.value.code == 143


def test_options_are_checked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="tune"):
        verb.command(["a.tsv", "--corpus", "c", "-o", str(tmp_path / "o"), "--tune", "half"])
    (tmp_path / "a.tsv").write_text("gene_id\tx\nA\t1\nB\t2\n")
    labels, out = str(tmp_path / "a.tsv"), str(tmp_path / "o")
    with pytest.raises(InputError, match="nowhere: not a corpus"):
        verb.command([labels, "--corpus", "nowhere", "-o", out])
    with pytest.raises(InputError, match="which --corpus must name"):
        verb.command([labels, "-o", out])
    with pytest.raises(InputError, match="--chromosomes is for --split chromosome, not for --spl"):
        verb.command([labels, "--chromosomes", "x.gtf", "--split", "random", "-o", out])
