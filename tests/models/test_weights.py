"""Models on disk: what is saved is what is loaded, and nothing else opens."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from isoclr.errors import InputError
from isoclr.models import create, load


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


def test_saving_leaves_other_files_alone_and_replaces_a_model(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text("{}\n")
    create("isoclr-s", seed=1).save(tmp_path)
    second = create("isoclr-s", seed=2)
    second.save(tmp_path)
    assert load(tmp_path).sha256 == second.sha256
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "config.json",
        "log.jsonl",
        "model.safetensors",
    ]


def test_weights_that_were_trained_after_they_were_named_are_named_anew(tmp_path: Path) -> None:
    encoder = create("isoclr-s", seed=1)
    before = encoder.sha256
    with torch.no_grad():
        encoder.network.stem.bias.add_(1)
    assert load(encoder.save(tmp_path)).sha256 == encoder.sha256 != before


def test_a_config_is_written_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from isoclr.models import weights

    encoder = create("isoclr-s", seed=1)
    encoder.save(tmp_path / "m")

    def killed(_: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(weights, "_serialised", killed)
    with pytest.raises(KeyboardInterrupt):
        encoder.save(tmp_path / "m")
    with pytest.raises(InputError, match=r"config\.json: not found"):
        load(tmp_path / "m")


def _break_config(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def _foreign_config(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "bert"}')


def _newer_schema(folder: Path) -> None:
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**settings, "schema": 99}))


def _truncate_weights(folder: Path) -> None:
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])


def _other_weights(folder: Path) -> None:
    data = create("isoclr-s", seed=99).save(folder.parent / "other") / "model.safetensors"
    data.replace(folder / "model.safetensors")


def _other_shape(folder: Path) -> None:
    settings = json.loads((folder / "config.json").read_text())
    settings["architecture"]["filters"] = [64, 128, 128, 128]
    (folder / "config.json").write_text(json.dumps(settings))


def _pickle(folder: Path) -> None:
    torch.save({"a": torch.ones(1)}, folder / "model.safetensors")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_break_config, "not a model's config"),
        (_foreign_config, "no format: isoclr-model"),
        (_newer_schema, "schema is 99"),
        (_truncate_weights, "not a safetensors file"),
        (_other_weights, "SHA-256 differs"),
        (_other_shape, "does not fit config.json"),
        (_pickle, "not a safetensors file"),
    ],
)
def test_a_damaged_model_is_named(
    tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    folder = create("isoclr-s", seed=0).save(tmp_path / "model")
    damage(folder)
    with pytest.raises(InputError, match=message) as caught:
        load(folder)
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return create("isoclr-s", seed=0).save(tmp_path_factory.mktemp("saved"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", 5),
        ("name", None),
        ("tracks", "six"),
        ("tracks", -1),
        ("schema", "1"),
        ("filters", [64, 128]),
        ("blocks", [2, 2, 2, 10**9]),
        ("dilations", "1248"),
        ("growing", None),
        ("architecture", 3),
        ("architecture", None),
    ],
)
def test_a_setting_that_makes_no_network_is_named(
    tmp_path: Path, saved: Path, key: str, value: object
) -> None:
    settings = json.loads((saved / "config.json").read_text())
    (settings if key in settings else settings["architecture"])[key] = value
    (tmp_path / "config.json").write_text(json.dumps(settings))
    named = "filters" if key == "architecture" else key
    with pytest.raises(InputError, match=rf"config\.json: {named} is .*") as caught:
        load(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path, saved: Path) -> None:
    with pytest.raises(InputError, match=r"config\.json: not found; a model is a directory"):
        load(saved / "model.safetensors")
    (tmp_path / "config.json").write_bytes((saved / "config.json").read_bytes())
    with pytest.raises(InputError, match=r"model\.safetensors: not found; a model is a dir"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [("isoclr-l", "no trained weights ship"), ("nobody/nothing", "no such directory")],
)
def test_an_unknown_name_says_what_to_do(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(name)
