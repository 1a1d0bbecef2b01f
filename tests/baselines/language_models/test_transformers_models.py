"""The classes of transformers: handed what the config says, and one line when the package is not there."""

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest

from isoclr.baselines.language_models import open_language_model
from isoclr.errors import InputError, MissingExtraError


@pytest.mark.parametrize("name", ["dnabert-3", "nt-500m-human-ref", "dnabert-2"])
def test_a_missing_package_is_one_line(
    name: str, repository: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = repository(name)
    package = "tokenizers" if name == "dnabert-2" else "transformers"
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        MissingExtraError, match=r"needs the package .*isoclr\[baselines\]"
    ) as caught:
        open_language_model(name, directory=model.folder)
    assert package in str(caught.value)


@pytest.mark.parametrize("name", ["hyenadna-tiny-1k", "rna-fm"])
def test_our_own_networks_need_no_package(
    name: str, repository: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = repository(name)
    for package in ("tokenizers", "transformers"):
        monkeypatch.setitem(sys.modules, package, None)
    assert open_language_model(name, directory=model.folder).name == name


@pytest.mark.parametrize(
    ("name", "key", "value", "message"),
    [
        ("dnabert-3", "hidden_act", "relu", "hidden_act is 'relu', expected 'gelu'"),
        ("dnabert-3", "num_attention_heads", 5, "hidden_size is 24, expected a multiple of 5"),
        ("nt-500m-human-ref", "position_embedding_type", "rotary", "'rotary', expected 'absolute'"),
        ("nt-500m-human-ref", "hidden_size", None, "hidden_size is None, expected a whole number"),
    ],
)
def test_other_variants_are_refused(
    name: str, key: str, value: object, message: str, repository: Callable[[str], Any]
) -> None:
    model = repository(name)
    path = model.folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(InputError, match=message):
        open_language_model(name, directory=model.folder)
