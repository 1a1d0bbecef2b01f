import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks import fewer_tracks, harness
from isoclr.genomics.encoding import encode


def test_whole_benchmark(
    main: Callable[..., None], workbench: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "labels").mkdir()
    shutil.copy(workbench / "labels.tsv", tmp_path / "labels")
    table = fewer_tracks.LabelTable("human", "labels.tsv", "random")
    monkeypatch.setattr(fewer_tracks, "TASKS", {"gc": table})
    paths = ("--data", tmp_path, "--out", tmp_path / "out.csv")
    main(fewer_tracks, workbench / "corpus", "--model", workbench / "model", *paths)
    rows = harness.read_csv(tmp_path / "out.csv")
    assert [row["tracks"] for row in rows] == list(fewer_tracks.TRACKS)
    assert {row["n"] for row in rows} == {"40"}
    assert all(float(row["mean"]) > 0.3 for row in rows)


def test_bare_sequence_has_no_other_tracks() -> None:
    codes = encode(np.array([0, 3, 2] * 3, np.uint8), cds=(0, 6))
    assert codes.max() > 3
    assert fewer_tracks.bare_sequence(codes).tolist() == [0, 3, 2] * 3
