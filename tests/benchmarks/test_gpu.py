"""The GPU benchmark on a CPU, in processes without polars and pysam."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import gpu, harness, simulated

INLINE = """
import contextlib, importlib, io, sys
from benchmarks import gpu
from benchmarks.harness import ProcessResult
from isoclr.models.encoder import MODELS
from isoclr.models.resnet import Architecture

def run_python(args):
    sys.argv = [*args[1:]]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        importlib.import_module(args[1]).main()
    return ProcessResult(1.0, 0.5, out.getvalue())

MODELS["isoclr-s"] = Architecture((8, 8, 8, 16), (1, 1, 1, 1), (1, 2, 4, 8))
gpu.run_python = run_python
gpu.main(sys.argv[1:])
"""
"""Runs the commands that the benchmark starts in its own process, with a narrow encoder."""


def test_runs_without_polars_and_pysam(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    for name in ("polars", "pysam", "sklearn", "tyro"):
        (blocked / f"{name}.py").write_text("raise ImportError('not on the GPU machine')\n")
    words = "--device cpu --transcripts 40 --models isoclr-s --batch-sizes 2 --compile off --steps 1"
    words += " --embed-nt 3000"
    subprocess.run(
        [
            sys.executable,
            "-c",
            INLINE,
            *words.split(),
            "--work",
            str(tmp_path / "work"),
            "--out",
            str(tmp_path / "gpu.csv"),
        ],
        cwd=harness.ROOT,
        env={**os.environ, "PYTHONPATH": str(blocked)},
        check=True,
        capture_output=True,
        timeout=120,
    )
    rows = {row["name"]: row for row in harness.read_csv(tmp_path / "gpu.csv")}
    assert float(rows["isoclr-s, 2 pairs, compile off: training"]["value"]) > 0
    assert float(rows["isoclr-s: embedding, bf16"]["value"]) > 0
    assert rows["peak, bf16 matrix product"]["gpu"] == "none"


def test_training_results() -> None:
    run = {
        "pairs": 1024,
        "nt": 1024 * 5000.0,
        "nt_per_second": 1e8,
        "activation_checkpointing": False,
        "precision": "bfloat16",
        "warmup_seconds": 1.0,
        "peak_bytes": 2e10,
        "views_seconds": 1.0,
        "loss_seconds": 2.0,
        "seconds": 50.0,
    }
    results = {one.name.partition(": ")[2]: one for one in gpu.training_results(run, "isoclr-s", "on", 1e15)}
    hours = 1000 * simulated.GENE_SETS * 5000 / 1e8 / 3600
    assert results["1000 epochs of ten species"].value == pytest.approx(hours)
    assert results["training"].value == 100
    assert results["share of the peak"].value == pytest.approx(100 * 3 * 140_800 * 1e8 / 1e15)
    assert results["loss, share of a step"].value == 4


def test_failed_training_is_reported_and_skipped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run_python(_: object) -> None:
        raise SystemExit("out of memory")

    monkeypatch.setattr(gpu, "run_python", run_python)
    result = gpu.run_training(tmp_path, device="cuda", model="isoclr-m", pairs=4096, compiled="on", steps=1)
    assert result is None
    assert "isoclr-m, 4,096 pairs, compile on: out of memory" in capsys.readouterr().err
