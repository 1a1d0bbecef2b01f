"""Every architecture at a tiny random size, in a folder with config, tokenizer and safetensors as published."""

import itertools
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from isoclr.baselines.language_models.catalog import find_entry
from isoclr.baselines.language_models.model import FAMILIES

BERT: dict[str, Any] = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 32,
    "layer_norm_eps": 1e-12,
    "hidden_act": "gelu",
    "type_vocab_size": 2,
}
CONFIGS: dict[str, dict[str, Any]] = {
    "dnabert-3": {**BERT, "vocab_size": 69, "max_position_embeddings": 40},
    "dnabert-2": {**BERT, "vocab_size": 30, "max_position_embeddings": 24},
    "nt-500m-human-ref": {
        **BERT,
        "vocab_size": 75,
        "max_position_embeddings": 32,
        "pad_token_id": 1,
        "mask_token_id": 2,
        "token_dropout": True,
        "emb_layer_norm_before": False,
        "position_embedding_type": "absolute",
    },
    "hyenadna-tiny-1k": {
        "d_model": 16,
        "d_inner": 64,
        "n_layer": 2,
        "max_seq_len": 66,
        "emb_dim": 5,
        "filter_order": 8,
        "num_inner_mlps": 2,
        "hyena_order": 2,
        "vocab_size": 12,
        "pad_vocab_size_multiple": 8,
        "activation_freq": 10,
        "layer_norm_epsilon": 1e-5,
    },
    "rna-fm": {**BERT, "vocab_size": 26, "max_position_embeddings": 50},
}
NAMES = tuple(CONFIGS)
K = 3
"""Tiny k-mers for DNABERT and the Nucleotide Transformer."""


def kmers() -> list[str]:
    return ["".join(word) for word in itertools.product("ATCG", repeat=K)]


def write_tokenizer(name: str, folder: Path) -> None:
    if name == "dnabert-3":
        tokens: Iterable[str] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *kmers()]
    elif name == "nt-500m-human-ref":
        special = ["<unk>", "<pad>", "<mask>", "<cls>"]
        tokens = [*special, *kmers(), *"ATCGN", "<eos>", "<bos>"]
    elif name == "rna-fm":
        special = ["<pad>", "<cls>", "<eos>", "<unk>", "<mask>", "<null>"]
        tokens = [*special, *"ACGUNRYSWKMBDHV.X*-I"]
    elif name == "dnabert-2":
        write_pieces(folder / "tokenizer.json")
        return
    else:
        return
    (folder / "vocab.txt").write_text("\n".join(tokens))


def write_pieces(path: Path) -> None:
    """A byte-pair encoding of DNA as ``tokenizer.json``."""
    merges = ["A A", "A C", "G T", "AA C", "T T", "GT A"]
    special = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
    pieces = [*special, *"ACGT", *(merge.replace(" ", "") for merge in merges)]
    model = {
        "type": "BPE",
        "dropout": None,
        "unk_token": "[UNK]",
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "vocab": {piece: i for i, piece in enumerate(pieces)},
        "merges": merges,
    }
    content: dict[str, Any] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
        "decoder": None,
        "model": model,
    }
    path.write_text(json.dumps(content))


def random_network(name: str) -> nn.Module:
    """The network of a tiny config with random weights, none of them trivial."""
    family = FAMILIES[find_entry(name).family]
    torch.manual_seed(len(name))
    network = family.network(msgspec.convert(CONFIGS[name], family.config))
    for key, value in network.state_dict().items():
        if not key.endswith(("pos_emb.z", "pos_emb.t", "deltas", "freq")):
            value.normal_(std=0.3)
    return network.eval()


def published(name: str, network: nn.Module) -> dict[str, Tensor]:
    """The tensors as a published file has them: prefixed, with heads that nobody needs here."""
    state = network.state_dict()
    d = CONFIGS[name].get("hidden_size", 16)
    head = torch.randn(3, d)
    if name == "hyenadna-tiny-1k":
        return {"hyena.backbone." + k: v for k, v in state.items()} | {"lm_head.weight": head}
    if name == "rna-fm":
        return {"model." + k: v for k, v in state.items()} | {"lm_head.decoder.weight": head}
    if name == "dnabert-2":
        heads = {"cls.predictions.decoder.weight": head, "bert.pooler.dense.weight": head}
        return {"bert." + k: v for k, v in state.items()} | heads
    body = {k.removeprefix("body."): v for k, v in state.items()}
    if name == "dnabert-3":
        return {"bert." + k: v for k, v in body.items()} | {
            "cls.predictions.bias": head,
            "bert.pooler.dense.weight": head,
        }
    return {"esm." + k: v for k, v in body.items()} | {
        "lm_head.dense.weight": head,
        "esm.contact_head.regression.weight": head,
    }


@dataclass
class Published:
    """A model as its repository has it, and the network that is in it."""

    name: str
    folder: Path
    network: nn.Module

    def rewrite(self, change: Callable[[dict[str, Tensor]], object] | None = None) -> None:
        """Save it again, with other tensors."""
        tensors = {k: v.clone() for k, v in published(self.name, self.network).items()}
        if change is not None:
            change(tensors)
        save_file(tensors, self.folder / "model.safetensors")


@pytest.fixture
def repository(tmp_path: Path) -> Callable[[str], Published]:
    """Makes the folder of a model."""

    def make(name: str) -> Published:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(CONFIGS[name]))
        write_tokenizer(name, folder)
        made = Published(name, folder, random_network(name))
        made.rewrite()
        return made

    return make


@pytest.fixture(params=NAMES)
def model(request: pytest.FixtureRequest, repository: Callable[[str], Published]) -> Published:
    """Each architecture in turn."""
    return repository(request.param)
