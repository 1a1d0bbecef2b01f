from pathlib import Path

import pytest
from benchmarks.harness import Measurement

from benchmarks import docs, harness

DOC = "before\n<!-- table: speed | isoclr -->\nold\n<!-- end -->\nafter\n"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    results = [Measurement.median("isoclr", [2.0, 3.0, 4.0], "Mnt/s"), Measurement("plain", 1.0, "Mnt/s")]
    harness.save(tmp_path / "speed.csv", results, {**harness.machine(), "cpu": "Abacus"})
    return tmp_path


def test_only_tables_change(results: Path) -> None:
    text = docs.fill_tables(DOC, results)
    assert text.startswith("before\n<!-- table: speed | isoclr -->\n")
    assert text.endswith("<!-- end -->\nafter\n")
    assert "old" not in text
    assert "| isoclr | 3 Mnt/s | 2–4 |  |" in text
    assert "plain" not in text
    assert "Abacus" in text
    assert docs.fill_tables(text, results) == text


def test_missing_results(tmp_path: Path) -> None:
    assert "Not measured yet: `python -m benchmarks.speed`" in docs.fill_tables(DOC, tmp_path)


def test_pattern_without_match(results: Path) -> None:
    with pytest.raises(SystemExit, match="no measurement matches"):
        docs.markdown_table(results / "speed.csv", "nothing")


def test_every_table_of_the_documentation_has_a_benchmark() -> None:
    text = (harness.ROOT / "docs/performance.md").read_text(encoding="utf-8")
    blocks = [match.group(2) for match in docs._BLOCK.finditer(text)]
    assert set(blocks) == {"build", "ceilings", "embed", "pretrain_step", "growth", "scaling", "gpu"}
    for name in blocks:
        assert (harness.ROOT / f"benchmarks/{name}.py").is_file()
