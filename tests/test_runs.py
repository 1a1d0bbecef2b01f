"""The scripts under ``runs/`` refuse what they would silently ignore."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "runs" / "paper_small.sh"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Data, two corpora, and a program called isoclr that does nothing."""
    for name in ("bin", "data", "one", "two"):
        (tmp_path / name).mkdir()
    program = tmp_path / "bin" / "isoclr"
    program.write_text("#!/bin/sh\necho isoclr $1\n")
    program.chmod(0o755)
    return tmp_path


def run(folder: Path, **given: str) -> subprocess.CompletedProcess[str]:
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    env = {"PATH": path, "DATA": str(folder / "data"), **given}
    words = ["bash", str(SCRIPT), str(folder / "out")]
    return subprocess.run(words, env=env, capture_output=True, text=True, check=False)


def test_another_corpus_for_the_same_results_is_refused(folder: Path) -> None:
    assert run(folder, CORPUS=str(folder / "one")).stdout == "isoclr benchmark\n"
    assert run(folder, CORPUS=str(folder / "one")).returncode == 0
    found = run(folder, CORPUS=str(folder / "two"))
    assert found.returncode == 2
    assert "is another corpus than CORPUS=" in found.stderr


def test_data_that_the_corpus_would_not_be_built_from_are_refused(folder: Path) -> None:
    found = run(folder)
    assert found.returncode == 2
    assert "builds from ../shared/data, not from DATA=" in found.stderr


@pytest.mark.parametrize("name", ["paper_small", "paper_networks", "paper_full"])
def test_every_plan_is_readable(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from isoclr.evaluation.read_plan import read_plan

    for given in ("OUT", "DATA", "CORPUS", "MODEL", "MODEL_S", "MODEL_M"):
        monkeypatch.setenv(given, str(tmp_path))
    (tmp_path / "corpus").mkdir()
    for given in ("HUMAN_GENES", "MOUSE_GENES"):
        (tmp_path / given).write_text("gene_id\tchromosome\n")
        monkeypatch.setenv(given, str(tmp_path / given))
    plan = read_plan(SCRIPT.with_name(f"{name}.toml"))
    assert plan.studies
    assert "half-life-human" in plan.tasks
