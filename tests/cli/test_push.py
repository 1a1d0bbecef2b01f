"""``isoclr push`` on the command line, and ``--model user/name@revision`` of what it pushed."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import isoclr
from isoclr.cli import main
from isoclr.embedding.io import read_embeddings

# The hub of the tests lives beside the tests of its room.
_PATH = Path(__file__).parents[1] / "models" / "conftest.py"
_SPEC = importlib.util.spec_from_file_location("a_hub_for_push", _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
_MODULE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MODULE)
hub, TOKEN = _MODULE.hub, _MODULE.TOKEN


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return isoclr.create("isoclr-s", seed=0).save(tmp_path / "model")


def test_push_then_embed(
    hub: Any,
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert main(["push", str(model), "lab/new", "--revision", "trial", "--message", "first"]) == 0
    out, err = capsys.readouterr()
    commit = hub.repos["lab/new"].branches["trial"]
    assert out == f'commit {commit}\nisoclr.load("lab/new", revision="{commit}")\n'
    assert TOKEN not in err

    (tmp_path / "a.fa").write_text(">a\nACGTACGT\n>b\nGGGTTTAC\n")
    words = ["embed", str(tmp_path / "a.fa"), "--model", f"lab/new@{commit}"]
    assert main([*words, "-o", str(tmp_path / "e.parquet")]) == 0
    found = read_embeddings(tmp_path / "e.parquet")
    assert found.meta["sha256"] == isoclr.load(model).sha256


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["push", "MODEL", "lab/new"], "no token for the hub: set HF_TOKEN"),
        (["push", "MODEL", "new"], "'new' is not a model of the hub, expected user/name"),
        (["push", "nowhere", "lab/new"], "nowhere/config.json: not found"),
        (
            ["embed", "a.fa", "--model", "lab/new@v1", "-o", "x.parquet"],
            "lab/new@v1: no such model",
        ),
        (["embed", "a.fa", "--model", "lab/new", "-o", "x.parquet"], "needs a revision"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_code_2(
    hub: Any, model: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main([str(model) if word == "MODEL" else word for word in words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("isoclr: error: ")
    assert err.count("\n") == 1
    assert message in err


def test_the_environment_of_the_hub_is_honoured(hub: Any, model: Path, tmp_path: Path) -> None:
    files = {path.name: path.read_bytes() for path in model.iterdir()}
    hub.add("lab/secret", private=True).commit(files, tag="v1")
    (tmp_path / "a.fa").write_text(">a\nACGTACGT\n")
    settings = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_TOKEN": TOKEN}
    words = ["-m", "isoclr", "embed", "a.fa", "--model", "lab/secret@v1", "-o", "e.parquet"]
    for extra, code in (({}, 0), ({"HF_TOKEN": "wrong"}, 2)):
        done = subprocess.run(
            [sys.executable, *words, "--overwrite"],
            env={**os.environ, **settings, **extra},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == code, done.stderr
    assert done.stderr.startswith("isoclr: error: lab/secret@v1: ")
    assert done.stderr.count("\n") == 1
    assert list((tmp_path / "home").rglob("snapshots/*/model.safetensors"))
