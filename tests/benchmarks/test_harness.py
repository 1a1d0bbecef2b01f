import sys
from pathlib import Path

import pytest
from benchmarks.harness import Measurement

from benchmarks import harness


def test_measurement_is_a_median_with_its_range() -> None:
    one = Measurement.median("speed", [3.0, 1.0, 2.0], "Mnt/s", "3 runs")
    assert (one.value, one.low, one.high, one.note) == (2.0, 1.0, 3.0, "3 runs")


def test_run_python_measures_time_memory_and_output() -> None:
    code = "import time; x = bytearray(300_000_000); x[::4096] = b'1' * len(x[::4096]); time.sleep(.3); print('done')"
    process = harness.run_python(["-c", code])
    assert process.stdout == "done\n"
    assert process.seconds > 0.3
    assert 0.3 < process.peak_gb < 0.4


def test_run_python_reports_failure() -> None:
    with pytest.raises(SystemExit, match="no such luck"):
        harness.run_python(["-c", "raise ValueError('no such luck')"])


def test_interleave() -> None:
    order: list[str] = []
    results = harness.interleave({name: lambda n=name: order.append(n) or n for name in "AB"}, 2)  # type: ignore[func-returns-value, misc]
    assert order == ["A", "B", "A", "B"]
    assert results == {"A": ["A", "A"], "B": ["B", "B"]}


def test_results_describe_the_machine(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    harness.save(path, [Measurement.median("a, b", [1 / 3], "s")], harness.machine())
    (row,) = harness.read_csv(path)
    assert (row["name"], row["value"]) == ("a, b", "0.33333")
    assert {"cpu", "cores", "l2", "load", "memory_gb", "flags"} <= row.keys()
    assert f"python {sys.version_info.major}.{sys.version_info.minor}" in row["versions"]


def test_update_keeps_other_measurements(tmp_path: Path) -> None:
    path, machine = tmp_path / "r.csv", {"cpu": "Abacus"}
    harness.save(path, [Measurement("a", 1.0, "s"), Measurement("b", 2.0, "s")], machine)
    harness.save(path, [Measurement("a", 3.0, "s")], machine, update=True)
    assert {row["name"]: row["value"] for row in harness.read_csv(path)} == {"a": "3", "b": "2"}
    harness.save(path, [Measurement("a", 4.0, "s")], machine)
    assert [row["name"] for row in harness.read_csv(path)] == ["a"]


def test_format_number() -> None:
    shown = [harness.format_number(x) for x in (123456.0, 99.94, 0.1234, 3.1e-7, 0.0)]
    assert shown == ["123,456", "99.9", "0.123", "3.1e-07", "0"]
