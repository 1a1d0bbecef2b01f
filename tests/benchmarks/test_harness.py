import sys
from pathlib import Path

import pytest
from benchmarks.harness import Figure

from benchmarks import harness


def test_figure_is_a_median_with_its_range() -> None:
    one = Figure.of("speed", [3.0, 1.0, 2.0], "Mnt/s", goal="≥ 2")
    assert (one.value, one.low, one.high, one.met) == (2.0, 1.0, 3.0, "yes")


@pytest.mark.parametrize(
    ("value", "goal", "met"),
    [
        (11.9, "≥ 12", "no"),
        (12, "≥ 12", "yes"),
        (0.6, "≤ 0.5", "no"),
        (1e-6, "≤ 1e-5", "yes"),
        (1, "", ""),
    ],
)
def test_goals(value: float, goal: str, met: str) -> None:
    assert Figure("x", value, "", goal=goal).met == met


def test_fresh_measures_time_memory_and_output() -> None:
    code = "import time; x = bytearray(300_000_000); x[::4096] = b'1' * len(x[::4096]); time.sleep(.3); print('done')"
    ended = harness.fresh(["-c", code])
    assert ended.stdout == "done\n"
    assert ended.seconds > 0.3
    assert 0.3 < ended.peak_gb < 0.4


def test_fresh_tells_why_a_command_failed() -> None:
    with pytest.raises(SystemExit, match="no such luck"):
        harness.fresh(["-c", "raise ValueError('no such luck')"])


def test_variants_take_turns() -> None:
    order: list[str] = []
    found = harness.interleaved({name: lambda n=name: order.append(n) or n for name in "AB"}, 2)  # type: ignore[func-returns-value, misc]
    assert order == ["A", "B", "A", "B"]
    assert found == {"A": ["A", "A"], "B": ["B", "B"]}


def test_results_name_the_machine(tmp_path: Path) -> None:
    harness.save(
        tmp_path / "r.csv", [Figure.of("a, b", [1 / 3], "s", goal="≤ 1")], harness.machine()
    )
    (row,) = harness.read(tmp_path / "r.csv")
    assert row["what"] == "a, b"
    assert (row["value"], row["goal"], row["met"]) == ("0.33333", "≤ 1", "yes")
    assert {"cpu", "cores", "l2", "load", "memory_gb", "flags"} <= row.keys()
    assert f"python {sys.version_info.major}.{sys.version_info.minor}" in row["versions"]


def test_numbers() -> None:
    shown = [harness.number(x) for x in (123456.0, 99.94, 0.1234, 3.1e-7, 0.0)]
    assert shown == ["123,456", "99.9", "0.123", "3.1e-07", "0"]
