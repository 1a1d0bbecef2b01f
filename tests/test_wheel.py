"""The wheel holds every file of the package and works without the repository."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import isoclr

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "isoclr"
PARTS = ("weights", "recipes", "datasets/example", "atlas/static", "tasks/builtin", "py.typed")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--wheel-dir"]
    command = [sys.executable, "-m", "pip", "wheel", *options, str(folder), str(ROOT)]
    subprocess.run(command, check=True, timeout=300)
    (path,) = folder.glob("*.whl")
    return path


@pytest.mark.slow
def test_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    assert wheel.name == f"isoclr-{isoclr.__version__}-py3-none-any.whl"
    names = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("isoclr/")}
    files = (path for path in SOURCE.rglob("*") if path.is_file())
    ours = {f"isoclr/{path.relative_to(SOURCE).as_posix()}" for path in files}
    assert names == {name for name in ours if "__pycache__" not in name}
    for part in PARTS:
        assert any(name.startswith(f"isoclr/{part}") for name in names), part


@pytest.mark.slow
def test_installed_wheel_predicts(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    options = ["--no-deps", "--no-index", "--quiet", "--target", str(site)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(wheel)], check=True, timeout=300)
    (tmp_path / "a.fa").write_text(">a\n" + "AUGGCUUGACCA" * 40 + "\n")
    code = "import isoclr; print(isoclr.__file__)"
    words = ["-m", "isoclr", "predict", "a.fa", "--task", "half-life", "--species", "human"]
    shown = [
        subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(site)},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout
        for arguments in (["-c", code], [*words, "-o", "-"])
    ]
    assert Path(shown[0].strip()).is_relative_to(site)
    assert "z-score" in shown[1]
