"""The scripts and plans under ``runs/``."""

import os
import subprocess
from pathlib import Path

import pytest

RUNS = Path(__file__).parents[1] / "runs"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Data, two corpora, and a program called isoclr that prints its command."""
    for name in ("bin", "data", "one", "two"):
        (tmp_path / name).mkdir()
    program = tmp_path / "bin" / "isoclr"
    program.write_text("#!/bin/sh\necho isoclr $1\n")
    program.chmod(0o755)
    return tmp_path


def run_paper_small(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    env = {"PATH": path, "DATA": str(folder / "data"), **variables}
    command = ["bash", str(RUNS / "paper_small.sh"), str(folder / "out")]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_other_corpus_for_the_same_output(folder: Path) -> None:
    for _ in range(2):
        process = run_paper_small(folder, CORPUS=str(folder / "one"))
        assert (process.returncode, process.stdout) == (0, "isoclr evaluate\n")
    process = run_paper_small(folder, CORPUS=str(folder / "two"))
    assert process.returncode == 2
    assert f"CORPUS={folder / 'two'}" in process.stderr


def test_other_data_without_a_corpus(folder: Path) -> None:
    process = run_paper_small(folder)
    assert process.returncode == 2
    assert f"DATA={folder / 'data'}" in process.stderr


@pytest.mark.parametrize("script", sorted(RUNS.glob("*.sh")), ids=lambda path: path.stem)
def test_script_syntax(script: Path) -> None:
    subprocess.run(["bash", "-n", str(script)], check=True)


@pytest.mark.parametrize("name", ["paper_small", "paper_networks", "paper_full"])
def test_plan(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from isoclr.evaluation.plan import read_plan

    for variable in ("OUT", "DATA", "CORPUS", "MODEL", "MODEL_S", "MODEL_M"):
        monkeypatch.setenv(variable, str(tmp_path))
    (tmp_path / "corpus").mkdir()
    for variable in ("HUMAN_GENES", "MOUSE_GENES"):
        (tmp_path / variable).write_text("gene_id\tchromosome\n")
        monkeypatch.setenv(variable, str(tmp_path / variable))
    plan = read_plan(RUNS / f"{name}.toml")
    assert plan.studies
    assert "half-life-human" in plan.tasks
