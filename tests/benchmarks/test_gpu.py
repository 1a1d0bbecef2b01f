"""The GPU's benchmark on a CPU, in processes that have neither polars nor pysam."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import gpu, harness, simulated


def test_runs_without_polars_and_pysam(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    for name in ("polars", "pysam", "sklearn", "tyro"):
        (blocked / f"{name}.py").write_text("raise ImportError('not on the GPU machine')\n")
    words = (
        "--device cpu --transcripts 40 --models isoclr-s --batch-sizes 2 --compile off --steps 1"
    )
    words += " --embed-nt 3000"
    argv = [sys.executable, "-m", "benchmarks.gpu", *words.split()]
    subprocess.run(
        [*argv, "--work", str(tmp_path / "work"), "--out", str(tmp_path / "gpu.csv")],
        cwd=harness.ROOT,
        env={**os.environ, "PYTHONPATH": str(blocked)},
        check=True,
        capture_output=True,
        timeout=120,
    )
    rows = {row["what"]: row for row in harness.read(tmp_path / "gpu.csv")}
    assert rows["isoclr-s, 2 pairs, compile off: training"]["goal"] == "≥ 100"
    assert float(rows["isoclr-s: embedding, bf16"]["value"]) > 0
    assert rows["peak, bf16 matrix product"]["gpu"] == "none"


def test_projection_and_share_of_the_peak() -> None:
    facts = {
        "pairs": 1024,
        "nt": 1024 * 5000.0,
        "nt_per_second": 1e8,
        "recompute": False,
        "precision": "bfloat16",
        "warmup_seconds": 1.0,
        "peak_bytes": 2e10,
        "views_seconds": 1.0,
        "loss_seconds": 2.0,
        "seconds": 50.0,
    }
    figures = {
        one.what.partition(": ")[2]: one
        for one in gpu.training_figures(facts, "isoclr-s", "on", 1e15)
    }
    hours = 1000 * simulated.GENE_SETS * 5000 / 1e8 / 3600
    assert figures["1000 epochs of ten species"].value == pytest.approx(hours)
    assert figures["training"].met == "yes"
    assert figures["share of the peak"].value == pytest.approx(100 * 3 * 140_800 * 1e8 / 1e15)
    assert figures["loss, share of a step"].value == 4


def test_a_way_to_train_that_fails_is_told_and_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fresh(_: object) -> None:
        raise SystemExit("out of memory")

    monkeypatch.setattr(gpu, "fresh", fresh)
    found = gpu.train(tmp_path, device="cuda", model="isoclr-m", pairs=4096, compiled="on", steps=1)
    assert found is None
    assert "isoclr-m, 4,096 pairs, compile on: out of memory" in capsys.readouterr().err
