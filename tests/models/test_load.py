"""Saving and loading: directories, bundled models, damaged files; none of these uses the network."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import isoclr
from isoclr._io import sha256
from isoclr.errors import InputError
from isoclr.models import load as loading
from isoclr.models.encoder import Encoder, create
from isoclr.models.load import load


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "create_connection", opened)
    monkeypatch.setattr(socket.socket, "connect", opened)


@pytest.fixture
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that ships three versions of S and one of M."""
    monkeypatch.setattr(loading, "PRETRAINED_DIR", tmp_path / "weights")
    for seed, name in enumerate(("isoclr-s.v1", "isoclr-s.v2", "isoclr-s.v10")):
        isoclr.create("isoclr-s", seed=seed).save(tmp_path / "weights" / name)
    (tmp_path / "weights/NOTES.txt").write_text("what lies here")
    (tmp_path / "weights/isoclr-m.v1-draft").mkdir()
    return tmp_path / "weights"


def test_name_is_the_newest_version(bundled: Path) -> None:
    assert isoclr.load("isoclr-s").sha256 == isoclr.create("isoclr-s", seed=2).sha256


def test_version(bundled: Path) -> None:
    assert isoclr.load("isoclr-s.v1").sha256 == isoclr.create("isoclr-s", seed=0).sha256
    assert isoclr.load("isoclr-s.v2").sha256 == isoclr.create("isoclr-s", seed=1).sha256


def test_directory_comes_before_bundled_model(bundled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = isoclr.create("isoclr-s", seed=7)
    mine.save(tmp_path / "here" / "isoclr-s")
    monkeypatch.chdir(tmp_path / "here")
    assert isoclr.load("isoclr-s").sha256 == mine.sha256


def test_directory_with_an_at_sign(tmp_path: Path) -> None:
    model = isoclr.create("isoclr-s", seed=0)
    model.save(tmp_path / "lab" / "model@v1")
    assert isoclr.load(tmp_path / "lab" / "model@v1").sha256 == model.sha256


@pytest.mark.parametrize("name", ["isoclr-s", "isoclr-s.v1"])
def test_bundled_model_has_no_revision(bundled: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"{name}: is on this machine and has no revision 'v1'"):
        isoclr.load(name, revision="v1")


def test_directory_has_no_revision(tmp_path: Path) -> None:
    isoclr.create("isoclr-s", seed=0).save(tmp_path)
    with pytest.raises(InputError, match="has no revision 'main'"):
        isoclr.load(tmp_path, revision="main")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("isoclr-m", "isoclr-m: no trained weights ship with this version"),
        ("isoclr-s.v3", "isoclr-s.v3: no such directory or bundled model; isoclr models lists those that ship"),
        ("NOTES.txt", "NOTES.txt: no such directory"),
        ("isoclr-s.v", "no such directory"),
        ("../weights/isoclr-s.v1", "no such directory"),
        ("runs/modle", r"no such directory.*; a model of the hub needs .* as in runs/modle@main"),
        ("isoclr-s@v1", "'isoclr-s' is not a model of the hub, expected user/name"),
    ],
)
def test_unknown_name_sends_no_request(bundled: Path, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        isoclr.load(name)
    assert "\n" not in str(error.value)


def test_no_bundled_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "PRETRAINED_DIR", tmp_path / "nothing")
    with pytest.raises(InputError, match="no trained weights ship"):
        isoclr.load("isoclr-s")


@pytest.mark.parametrize("tracks", [4, 6])
def test_round_trip(tmp_path: Path, tracks: int) -> None:
    encoder = create("isoclr-s", tracks=tracks, seed=7)
    encoder.network.train()
    encoder.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert (loaded.name, loaded.tracks, loaded.sha256) == ("isoclr-s", tracks, encoder.sha256)
    rna = ["ACGUACGUAAGG" * 9]
    np.testing.assert_array_equal(loaded.embed(rna), encoder.embed(rna))
    assert all(p.requires_grad for p in loaded.network.parameters())


def test_saving_replaces_a_model_and_keeps_other_files(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text("{}\n")
    create("isoclr-s", seed=1).save(tmp_path)
    second = create("isoclr-s", seed=2)
    second.save(tmp_path)
    assert load(tmp_path).sha256 == second.sha256
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"config.json", "log.jsonl", "model.safetensors"}


def test_sha256_follows_the_weights(tmp_path: Path) -> None:
    encoder = create("isoclr-s", seed=1)
    before = encoder.sha256
    with torch.no_grad():
        encoder.network.stem.bias.add_(1)
    assert load(encoder.save(tmp_path)).sha256 == encoder.sha256 != before


def test_config_is_written_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = create("isoclr-s", seed=1)
    encoder.save(tmp_path / "m")

    def killed(_: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(Encoder, "_weights", killed)
    with pytest.raises(KeyboardInterrupt):
        encoder.save(tmp_path / "m")
    with pytest.raises(InputError, match=r"config\.json: not found"):
        load(tmp_path / "m")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """The directory of a model."""
    return create("isoclr-s", seed=0).save(tmp_path / "saved")


def change_config(folder: Path, **changes: object) -> None:
    """Change settings of the config, or of its architecture."""
    config: dict[str, Any] = json.loads((folder / "config.json").read_text())
    for key, value in changes.items():
        (config if key in config else config["architecture"])[key] = value
    (folder / "config.json").write_text(json.dumps(config))


def truncate_weights(folder: Path) -> None:
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[: len(content) // 2])


def other_weights(folder: Path) -> None:
    other = create("isoclr-s", seed=99).save(folder.parent / "other") / "model.safetensors"
    other.replace(folder / "model.safetensors")


def nan_in_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    tensors["stem.bias"][3] = torch.nan
    save_file(tensors, path)
    change_config(folder, sha256=sha256(path))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "config.json").write_text("{"), r"config\.json"),
        (lambda folder: (folder / "config.json").write_text('{"model": 1}'), r"config\.json"),
        (truncate_weights, r"model\.safetensors: not a safetensors file"),
        (other_weights, r"model\.safetensors: SHA-256 differs"),
        (nan_in_weights, r"model\.safetensors: tensor 'stem.bias' holds NaN"),
        (lambda folder: change_config(folder, filters=[64, 128, 128, 128]), "does not fit"),
        (lambda f: torch.save({}, f / "model.safetensors"), "not a safetensors file"),
        (lambda folder: (folder / "config.json").unlink(), r"config\.json: not found"),
        (lambda folder: (folder / "model.safetensors").unlink(), r"model\.safetensors: not found"),
    ],
)
def test_damaged_model(saved: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(saved)
    with pytest.raises(InputError, match=message) as caught:
        load(saved)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", "isoclr-corpus"),
        ("schema", "1"),
        ("schema", 99),
        ("name", 5),
        ("name", None),
        ("tracks", "six"),
        ("tracks", -1),
        ("filters", [64, 128]),
        ("blocks", [2, 2, 2, 10**9]),
        ("dilations", "1248"),
        ("growing", None),
        ("pooling", "max"),
        ("architecture", 3),
        ("architecture", None),
    ],
)
def test_unknown_value_in_config(saved: Path, key: str, value: object) -> None:
    change_config(saved, **{key: value})
    with pytest.raises(InputError, match=rf"config\.json: .*{key}") as caught:
        load(saved)
    assert "\n" not in str(caught.value)


def test_file_is_no_model(saved: Path) -> None:
    with pytest.raises(InputError, match=r"config\.json: "):
        load(saved / "model.safetensors")
