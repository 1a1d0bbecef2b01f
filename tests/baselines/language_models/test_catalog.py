"""What the catalog says of each model, against networks of the published sizes (without memory for their weights)."""

import re
from typing import Any

import msgspec
import pytest
import torch

from isoclr.baselines.language_models.catalog import CATALOG, Entry, find_entry
from isoclr.baselines.language_models.model import FAMILIES
from isoclr.cli import main
from isoclr.errors import InputError
from isoclr.models.encoder import SkipInit
from isoclr.models.hub import Address

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
        return {**sizes, "num_attention_heads": 20, "vocab_size": 26, "max_position_embeddings": 1026}
    layers = {"tiny": 2, "small": 4}.get(entry.name.split("-")[1], 8)
    return {"d_model": entry.hidden, "n_layer": layers, "max_seq_len": entry.window + 2, "emb_dim": 5}


@pytest.mark.parametrize("entry", CATALOG.values(), ids=CATALOG)
def test_parameters_window_and_size_are_those_of_the_network(entry: Entry) -> None:
    family = FAMILIES[entry.family]
    config: Any = msgspec.convert(published(entry), family.config)
    with torch.device("meta"), SkipInit():
        network = family.network(config)
    named = dict(network.named_parameters())
    assert entry.parameters == sum(p.numel() for n, p in named.items() if not n.endswith("emb.z"))
    assert entry.window == config.window
    words = next(p for n, p in named.items() if n.endswith("word_embeddings.weight"))
    assert entry.hidden == words.shape[1]


def test_revisions_are_commits_or_unknown() -> None:
    for entry in CATALOG.values():
        assert entry.revision is None or Address(entry.repo, entry.revision).is_commit
    pinned = [entry.revision for entry in CATALOG.values() if entry.revision]
    assert len(set(pinned)) == len(pinned)
    assert re.fullmatch(r"[\w-]+/[\w.-]+-seqlen(-d\d+)?-hf", find_entry("hyenadna-tiny-1k-d256").repo)


def test_names() -> None:
    assert "isoclr-s" not in CATALOG
    assert find_entry("hyenadna-small-32k").dim == 768
    with pytest.raises(InputError, match="'x' is not a language model; there are dnabert-3, "):
        find_entry("x")


def test_models_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    out = capsys.readouterr().out
    lines = {line.split()[1]: line for line in out.splitlines() if line.startswith("│")}
    for entry in CATALOG.values():
        row = lines[entry.name]
        assert f"{entry.parameters / 1e6:,.1f} M" in row
        assert f"{entry.dim:,}" in row
        assert (entry.revision or "–")[:8] in row
    assert "transformers" in lines["dnabert-6"]
    assert "ROC AUC" in lines["localisation"]
    assert "1,000" in lines["nt-500m-1000g"]
