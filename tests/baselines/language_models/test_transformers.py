"""DNABERT-2's network against loops over positions and heads."""

import json
import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import erf
from torch import nn

from isoclr.baselines.language_models.model import open_language_model
from isoclr.baselines.language_models.transformers import (
    BertConfig,
    MosaicBert,
    RnaFM,
    RnaFmConfig,
    SelfAttention,
    alibi,
    alibi_slopes,
    attend,
    padding_bias,
)
from isoclr.errors import InputError, MissingExtraError


def test_attention_by_hand() -> None:
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 5, 6).unbind()
    bias = torch.randn(2, 3, 5, 5)
    found = attend(q, k, v, heads=3, bias=bias)
    for b in range(2):
        for head in range(3):
            part = slice(2 * head, 2 * head + 2)
            scores = q[b, :, part] @ k[b, :, part].T / math.sqrt(2) + bias[b, head]
            expected = torch.softmax(scores, dim=-1) @ v[b, :, part]
            assert torch.allclose(found[b, :, part], expected, atol=1e-5)


def test_masked_tokens_have_no_weight() -> None:
    torch.manual_seed(0)
    layer, x = SelfAttention(8, 2), torch.randn(1, 4, 8)
    real = torch.tensor([[True, True, True, False]])
    changed = x.clone()
    changed[0, 3] = 1e3
    assert torch.equal(layer(x, padding_bias(real))[:, :3], layer(changed, padding_bias(real))[:, :3])
    alone = layer(x[:, :3], padding_bias(real[:, :3]))
    assert torch.allclose(alone, layer(x, padding_bias(real))[:, :3], atol=1e-6)


Array = NDArray[np.float64]
CONFIG: dict[str, Any] = {
    "vocab_size": 11,
    "hidden_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 7,
    "type_vocab_size": 2,
}


def network(**changes: Any) -> MosaicBert:
    torch.manual_seed(2)
    made = MosaicBert(BertConfig(**{**CONFIG, **changes}))
    for value in made.state_dict().values():
        nn.init.normal_(value, std=0.5)
    return made.eval()


def norm(w: dict[str, Array], name: str, x: Array) -> Array:
    centred = x - x.mean(-1, keepdims=True)
    spread = np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
    return np.asarray(centred / spread * w[name + ".weight"] + w[name + ".bias"])


def attention(q: Array, k: Array, v: Array, slope: float) -> Array:
    """One head, one pair of positions at a time."""
    mixed = np.zeros_like(v)
    for i in range(len(q)):
        scores = [q[i] @ k[j] / math.sqrt(len(q[i])) - slope * abs(i - j) for j in range(len(k))]
        weights = np.exp(scores) / np.exp(scores).sum()
        mixed[i] = sum(weights[j] * v[j] for j in range(len(k)))
    return mixed


def reference(w: dict[str, Array], tokens: list[int]) -> Array:
    x = w["embeddings.word_embeddings.weight"][tokens]
    x = norm(w, "embeddings.LayerNorm", x + w["embeddings.token_type_embeddings.weight"][0])
    for layer in range(2):
        name = f"encoder.layer.{layer}"
        qkv = x @ w[f"{name}.attention.self.Wqkv.weight"].T + w[f"{name}.attention.self.Wqkv.bias"]
        q, k, v = qkv[:, :12], qkv[:, 12:24], qkv[:, 24:]
        heads = []
        for head, slope in enumerate((2**-4, 2**-8, 2**-2)):  # of three heads
            part = slice(4 * head, 4 * head + 4)
            heads.append(attention(q[:, part], k[:, part], v[:, part], slope))
        output = f"{name}.attention.output"
        mixed = np.hstack(heads) @ w[f"{output}.dense.weight"].T + w[f"{output}.dense.bias"]
        x = norm(w, f"{output}.LayerNorm", x + mixed)
        h = x @ w[f"{name}.mlp.gated_layers.weight"].T
        gate, through = h[:, :7], h[:, 7:]
        gelu = 0.5 * gate * (1 + erf(gate / math.sqrt(2)))
        h = (gelu * through) @ w[f"{name}.mlp.wo.weight"].T + w[f"{name}.mlp.wo.bias"]
        x = norm(w, f"{name}.mlp.layernorm", x + h)
    return x


def test_hidden_states_are_the_reference_s_and_padding_is_not_seen() -> None:
    made = network()
    weights = {name: value.double().numpy() for name, value in made.state_dict().items()}
    tokens = [1, 5, 6, 9, 10, 2]
    padded = torch.tensor([[*tokens, 3, 3], [1, 4, 2, 3, 3, 3, 3, 3]])
    with torch.no_grad():
        found = made(padded, padded != 3).numpy()
    assert found[0, :6] == pytest.approx(reference(weights, tokens), rel=1e-4, abs=1e-4)
    assert found[1, :3] == pytest.approx(reference(weights, [1, 4, 2]), rel=1e-4, abs=1e-4)


def test_slopes_of_twelve_heads_interleave_those_of_eight_and_sixteen() -> None:
    eight = [2.0**-i for i in range(1, 9)]
    assert alibi_slopes(8) == eight
    assert alibi_slopes(12) == [*eight, *(2 ** -(i + 0.5) for i in range(4))]


def test_biases_fall_with_distance_in_both_directions() -> None:
    found = alibi(2, 3, torch.device("cpu"))
    assert found.shape == (1, 2, 3, 3)
    assert (found[0, 0] / 2**-4).tolist() == [[0, -1, -2], [-1, 0, -1], [-2, -1, 0]]


CONFIG_RNA_FM: dict[str, Any] = {
    "vocab_size": 26,
    "hidden_size": 20,
    "num_hidden_layers": 3,
    "num_attention_heads": 5,
    "intermediate_size": 36,
    "max_position_embeddings": 30,
    "layer_norm_eps": 1e-12,
}


def network_rna_fm(**changes: Any) -> RnaFM:
    torch.manual_seed(3)
    made = RnaFM(RnaFmConfig(**{**CONFIG_RNA_FM, **changes}))
    for value in made.state_dict().values():
        nn.init.normal_(value, std=0.3)
    return made.eval()


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("normed", [True, False])
def test_hidden_states_are_those_of_esm(scaled: bool, normed: bool) -> None:
    transformers = pytest.importorskip("transformers")
    made = network_rna_fm(token_dropout=scaled, emb_layer_norm_before=normed)
    config = transformers.EsmConfig(
        **CONFIG_RNA_FM,
        token_dropout=scaled,
        emb_layer_norm_before=normed,
        pad_token_id=0,
        mask_token_id=4,
        position_embedding_type="absolute",
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    esm = transformers.EsmModel(config, add_pooling_layer=False).eval()
    weights = {
        name.replace("attention.layer_norm", "attention.LayerNorm")
        if "attention" in name
        else name.replace(".layer_norm", ".LayerNorm")
        if name.startswith("encoder.layer.")
        else name: value
        for name, value in made.state_dict().items()
    }
    missing, unexpected = esm.load_state_dict(weights, strict=False)
    assert unexpected == []
    assert all(name.startswith("contact_head") for name in missing)
    tokens = torch.tensor([[1, 6, 7, 8, 9, 9, 10, 2], [1, 9, 6, 2, 0, 0, 0, 0]])
    real = tokens != 0
    positions = torch.arange(8)[None] + 2  # <cls> at 2, as the published model has it
    with torch.no_grad():
        found = made(tokens, real)
        expected = esm(tokens, real.long(), position_ids=positions.expand(2, 8)).last_hidden_state
    assert torch.allclose(found[real], expected[real], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["dnabert-3", "nt-500m-human-ref", "dnabert-2"])
def test_a_missing_package_is_one_line(
    name: str, repository: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = repository(name)
    package = "tokenizers" if name == "dnabert-2" else "transformers"
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r"needs the package .*isoclr\[baselines\]") as caught:
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
        ("dnabert-3", "hidden_act", "relu", "hidden_act: .*'relu'"),
        ("dnabert-3", "num_attention_heads", 5, "hidden_size is 24, .*multiple of 5"),
        ("dnabert-2", "num_attention_heads", 5, "hidden_size is 24, .*multiple of 5"),
        ("rna-fm", "num_attention_heads", 5, "hidden_size is 24, .*multiple of 5"),
        ("rna-fm", "position_embedding_type", "rotary", "position_embedding_type: .*'rotary'"),
        ("nt-500m-human-ref", "position_embedding_type", "rotary", "position_embedding_type: "),
        *(("rna-fm", "hidden_size", v, "hidden_size: ") for v in (0, -1, 1.5, "12", 10**9, None)),
        ("rna-fm", "layer_norm_eps", 0, "layer_norm_eps: "),
        ("rna-fm", "token_dropout", "yes", "token_dropout: "),
        ("hyenadna-tiny-1k", "hyena_order", 3, "hyena_order: .*3"),
        ("hyenadna-tiny-1k", "emb_dim", 4, "emb_dim is 4, expected an odd number"),
    ],
)
def test_unknown_variants_are_refused(
    name: str, key: str, value: object, message: str, repository: Callable[[str], Any]
) -> None:
    model = repository(name)
    path = model.folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(InputError, match=rf"config\.json: {message}") as caught:
        open_language_model(name, directory=model.folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", [None, "{", "[1]"])
def test_bad_config_is_one_line(text: str | None, repository: Callable[[str], Any]) -> None:
    path = repository("rna-fm").folder / "config.json"
    path.unlink()
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=r"config\.json") as caught:
        open_language_model("rna-fm", directory=path.parent)
    assert "\n" not in str(caught.value)
