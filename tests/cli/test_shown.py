import pytest

from isoclr.cli import _shown
from isoclr.tasks.leakage import LeakAudit, Leaks


def test_counts_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    _shown.say_counts({"genes": 12_345, "without a label": 3}, of="half-life: ")
    assert capsys.readouterr().err.splitlines() == [
        "   12,345  half-life: genes",
        "        3  half-life: without a label",
    ]


def test_a_leak_table_says_what_was_compared(capsys: pytest.CaptureFixture[str]) -> None:
    leaks = LeakAudit(
        16, 0.9, "insert", [Leaks("a", 4, 2, None, 0, 4), Leaks("b", 4, 1, None, 1, 4)]
    )
    _shown.leak_table(leaks, of=", process")
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())  # whatever the width
    assert shown.startswith(
        "leak audit, process: test RNAs that share with a training part (insert)"
    )
    assert " gene 3 8 37.5% gene set not known ≥ 90% of 16-mers 1 8 12.5% " in shown
