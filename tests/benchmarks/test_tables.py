from pathlib import Path

import pytest
from benchmarks.harness import Figure

from benchmarks import harness, tables

DOC = "before\n<!-- table: speed | isoclr -->\nold\n<!-- end -->\nafter\n"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    figures = [
        Figure.of("isoclr", [2.0, 3.0, 4.0], "Mnt/s", goal="≥ 5"),
        Figure("plain", 1.0, "Mnt/s"),
    ]
    harness.save(tmp_path / "speed.csv", figures, {**harness.machine(), "cpu": "Abacus"})
    return tmp_path


def test_only_what_stands_between_the_marks_changes(results: Path) -> None:
    text = tables.filled(DOC, results)
    assert text.startswith("before\n<!-- table: speed | isoclr -->\n")
    assert text.endswith("<!-- end -->\nafter\n")
    assert "old" not in text
    assert "| isoclr | 3 Mnt/s | 2–4 | ≥ 5 **not met** |  |" in text
    assert "plain" not in text
    assert "Abacus" in text
    assert tables.filled(text, results) == text


def test_what_is_not_measured_is_said(tmp_path: Path) -> None:
    assert "Not measured yet: `python -m benchmarks.speed`" in tables.filled(DOC, tmp_path)


def test_a_pattern_that_finds_nothing_is_refused(results: Path) -> None:
    with pytest.raises(SystemExit, match="no figure is named like"):
        tables.markdown(results / "speed.csv", "nothing")


def test_every_table_of_the_documentation_has_a_benchmark() -> None:
    text = (harness.ROOT / "docs/performance.md").read_text(encoding="utf-8")
    blocks = [found.group(2) for found in tables._BLOCK.finditer(text)]
    assert set(blocks) == {"ceilings", "embed", "pretrain_step", "growth", "scaling", "gpu"}
    for name in blocks:
        assert (harness.ROOT / f"benchmarks/{name}.py").is_file()
