import pytest

from isoclr._report import count_lines
from isoclr.tasks.leakage import Leakage, LeakageReport


def test_counts_have_their_reason() -> None:
    assert list(count_lines({"genes": 12_345, "without a label": 3}, of="half-life: ")) == [
        "   12,345  half-life: genes",
        "        3  half-life: without a label",
    ]


def test_a_leak_table_says_what_was_compared(capsys: pytest.CaptureFixture[str]) -> None:
    leaks = LeakageReport(
        16, 0.9, "insert", [Leakage("a", 4, 2, None, 0, 4), Leakage("b", 4, 1, None, 1, 4)]
    )
    leaks.print(of=", process")
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())  # whatever the width
    assert shown.startswith(
        "leak audit, process: test RNAs that share with a training part (insert)"
    )
    assert " gene 3 8 37.5% gene set not known ≥ 90% of 16-mers 1 8 12.5% " in shown
