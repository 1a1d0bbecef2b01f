"""What the catalogue says of each model, against networks of the published sizes (without memory for their weights)."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from isoclr.baselines.language_models.catalog import (
    CATALOGUE,
    Entry,
    Settings,
    find_entry,
    is_language_model,
    read_settings,
)
from isoclr.baselines.language_models.model import FAMILIES
from isoclr.errors import InputError
from isoclr.models.encoder import Unfilled
from isoclr.models.hub import is_commit, is_repo

BERT = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "max_position_embeddings": 512,
}
ESM = {
    "vocab_size": 4105,
    "num_attention_heads": 20,
    "max_position_embeddings": 1002,
    "mask_token_id": 2,
    "pad_token_id": 1,
}


def published(entry: Entry) -> dict[str, Any]:
    """The sizes that the published configs have, as far as parameters depend on them."""
    if entry.family == "dnabert":
        return {**BERT, "vocab_size": 4 ** int(entry.name[-1]) + 5}
    if entry.family == "dnabert-2":
        return {**BERT, "vocab_size": 4096}
    if entry.family == "nucleotide-transformer":
        d, layers = (1280, 24) if "500m" in entry.name else (2560, 32)
        return {**ESM, "hidden_size": d, "intermediate_size": 4 * d, "num_hidden_layers": layers}
    if entry.family == "rna-fm":
        sizes = {"hidden_size": 640, "num_hidden_layers": 12, "intermediate_size": 5120}
        return {
            **sizes,
            "num_attention_heads": 20,
            "vocab_size": 26,
            "max_position_embeddings": 1026,
        }
    layers = {"tiny": 2, "small": 4}.get(entry.name.split("-")[1], 8)
    return {
        "d_model": entry.hidden,
        "n_layer": layers,
        "max_seq_len": entry.window + 2,
        "emb_dim": 5,
    }


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=CATALOGUE)
def test_parameters_window_and_size_are_those_of_the_network(entry: Entry) -> None:
    settings = Settings(Path("config.json"), published(entry))
    with torch.device("meta"), Unfilled():
        network = FAMILIES[entry.family].network(settings)
    named = dict(network.named_parameters())
    assert entry.parameters == sum(p.numel() for n, p in named.items() if not n.endswith("emb.z"))
    assert entry.window == FAMILIES[entry.family].window(settings)
    words = next(p for n, p in named.items() if n.endswith("word_embeddings.weight"))
    assert entry.hidden == words.shape[1]


def test_revisions_are_commits_or_unknown() -> None:
    for entry in CATALOGUE.values():
        assert is_repo(entry.repo)
        assert entry.revision is None or is_commit(entry.revision)
    pinned = [entry.revision for entry in CATALOGUE.values() if entry.revision]
    assert len(set(pinned)) == len(pinned)
    assert re.fullmatch(
        r"[\w-]+/[\w.-]+-seqlen(-d\d+)?-hf", find_entry("hyenadna-tiny-1k-d256").repo
    )


def test_names() -> None:
    assert is_language_model("rna-fm")
    assert not is_language_model("isoclr-s")
    assert find_entry("hyenadna-small-32k").dim == 768
    with pytest.raises(InputError, match="'x' is no known language model; there are dnabert-3, "):
        find_entry("x")


def settings(**values: Any) -> Settings:
    return Settings(Path("m/config.json"), values)


def test_a_config_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"hidden_size": 12, "eps": 1e-5, "gated": True, "act": "gelu"}))
    read = read_settings(path)
    assert read.size("hidden_size") == 12
    assert read.size("missing", 7) == 7
    assert read.number("eps", 1.0) == 1e-5
    assert read.number("missing", 2.0) == 2.0
    assert read.flag("gated", False) is True
    read.must_be("act", "gelu")
    read.must_be("missing", "anything")


@pytest.mark.parametrize("value", [0, -1, 1.5, "12", True, 10**9, None])
def test_sizes_that_no_network_has_are_refused(value: Any) -> None:
    with pytest.raises(InputError, match=r"m/config\.json: d is .*, expected a whole number"):
        settings(d=value).size("d")


def test_other_wrong_values_are_named() -> None:
    with pytest.raises(InputError, match="eps is 0, expected a number above 0"):
        settings(eps=0).number("eps", 1.0)
    with pytest.raises(InputError, match="gated is 'yes', expected true or false"):
        settings(gated="yes").flag("gated", True)
    with pytest.raises(InputError, match="act is 'relu', expected 'gelu'"):
        settings(act="relu").must_be("act", "gelu")
    with pytest.raises(InputError, match="hidden_size is 'missing', expected a whole number"):
        settings().size("hidden_size")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "not found; expected a model's config"),
        ("{", r"not a model's config \("),
        ("[1]", "no JSON object"),
    ],
)
def test_no_config_is_one_line(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "config.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_settings(path)
    assert "\n" not in str(caught.value)
