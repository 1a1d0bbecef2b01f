from pathlib import Path

import pytest

from isoclr.cli import main
from isoclr.evaluation.evaluate import Evaluation, Progress


def test_what_is_there_and_what_is_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    done = Evaluation(Path("out"), [Progress("main", 3, 4, 2)], ["a task: a method"])
    done.print()
    told = capsys.readouterr()
    assert "main" in told.out
    assert "to do: a task: a method" in told.err
    assert "report" not in told.err


def test_a_plan_that_is_not_there_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(tmp_path / "no.toml"), "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr()
    assert told.err.count("\n") == 1
    assert "no.toml: no such file" in told.err
    assert not (tmp_path / "out").exists()


def test_a_report_is_named_only_when_there_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    Evaluation(Path("out"), [], []).print()
    assert "report" not in capsys.readouterr().err
    Evaluation(Path("out"), [], [], Path("out/report.html")).print()
    assert "the report is out/report.html" in capsys.readouterr().err
