"""Finding a model: directories and shipped versions first, and neither ever asks the network."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

import isoclr
from isoclr.errors import InputError
from isoclr.models import load as loading


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "create_connection", opened)
    monkeypatch.setattr(socket.socket, "connect", opened)


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that ships three versions of S and one of M."""
    monkeypatch.setattr(loading, "PRETRAINED_DIR", tmp_path / "weights")
    for seed, name in enumerate(("isoclr-s.v1", "isoclr-s.v2", "isoclr-s.v10")):
        isoclr.create("isoclr-s", seed=seed).save(tmp_path / "weights" / name)
    (tmp_path / "weights/NOTES.txt").write_text("what lies here")
    (tmp_path / "weights/isoclr-m.v1-draft").mkdir()
    return tmp_path / "weights"


def test_a_name_is_its_newest_version(shelf: Path) -> None:
    assert isoclr.load("isoclr-s").sha256 == isoclr.create("isoclr-s", seed=2).sha256


def test_a_version_is_that_one(shelf: Path) -> None:
    assert isoclr.load("isoclr-s.v1").sha256 == isoclr.create("isoclr-s", seed=0).sha256
    assert isoclr.load("isoclr-s.v2").sha256 == isoclr.create("isoclr-s", seed=1).sha256


def test_a_directory_of_the_users_comes_before_what_ships(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = isoclr.create("isoclr-s", seed=7)
    mine.save(tmp_path / "here" / "isoclr-s")
    monkeypatch.chdir(tmp_path / "here")
    assert isoclr.load("isoclr-s").sha256 == mine.sha256


def test_a_directory_with_an_at_sign_is_a_directory(tmp_path: Path) -> None:
    model = isoclr.create("isoclr-s", seed=0)
    model.save(tmp_path / "lab" / "model@v1")
    assert isoclr.load(tmp_path / "lab" / "model@v1").sha256 == model.sha256


@pytest.mark.parametrize("name", ["isoclr-s", "isoclr-s.v1"])
def test_what_ships_has_no_revision(shelf: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"{name}: is on this machine and has no revision 'v1'"):
        isoclr.load(name, revision="v1")


def test_a_directory_has_no_revision(tmp_path: Path) -> None:
    isoclr.create("isoclr-s", seed=0).save(tmp_path)
    with pytest.raises(InputError, match="has no revision 'main'"):
        isoclr.load(tmp_path, revision="main")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("isoclr-m", "isoclr-m: no trained weights ship with this version"),
        ("isoclr-s.v3", "isoclr-s.v3: no such directory, and no model of that name"),
        ("NOTES.txt", "NOTES.txt: no such directory"),
        ("isoclr-s.v", "no such directory"),
        ("../weights/isoclr-s.v1", "no such directory"),
        ("runs/modle", r"no such directory.*; a model of the hub needs .* as in runs/modle@main"),
        ("isoclr-s@v1", "'isoclr-s' is not a model of the hub, expected user/name"),
    ],
)
def test_an_unknown_name_says_what_to_do_and_nobody_is_asked(
    shelf: Path, name: str, message: str
) -> None:
    with pytest.raises(InputError, match=message) as error:
        isoclr.load(name)
    assert "\n" not in str(error.value)


def test_a_package_without_weights_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "PRETRAINED_DIR", tmp_path / "nothing")
    with pytest.raises(InputError, match="no trained weights ship"):
        isoclr.load("isoclr-s")


def test_a_model_from_disk_waits_for_neither_the_hubs_client_nor_a_compiler(tmp_path: Path) -> None:
    isoclr.create("isoclr-s", seed=0).save(tmp_path)
    code = f"import isoclr, sys; isoclr.load({str(tmp_path)!r}); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    slow = {"huggingface_hub", "httpx", "httpx2", "requests", "rich", "torch._dynamo"}
    assert not set(done.stdout.split()) & slow
