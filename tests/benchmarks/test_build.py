from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import build, harness


def test_open(main: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "MILLION", 20)
    main(build, "--only", "open", "--work", tmp_path / "work", "--out", tmp_path / "build.csv")
    rows = {row["name"]: float(row["value"]) for row in harness.read_csv(tmp_path / "build.csv")}
    assert 0 < rows["open 10⁶ transcripts"] < 5
    assert rows["open 10⁶ transcripts, processor time"] > 0
    assert rows["open 10⁶ transcripts, peak memory"] > 0
