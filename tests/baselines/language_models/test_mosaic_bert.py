"""DNABERT-2's network against loops over positions and heads."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import erf
from torch import nn

from isoclr.baselines.language_models.mosaic_bert import MosaicBert, linear_biases, slopes
from isoclr.baselines.language_models.settings import Settings
from isoclr.errors import InputError

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
    made = MosaicBert(Settings(Path("config.json"), {**CONFIG, **changes}))
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
    assert slopes(8) == eight
    assert slopes(12) == [*eight, *(2 ** -(i + 0.5) for i in range(4))]


def test_biases_fall_with_distance_in_both_directions() -> None:
    found = linear_biases(2, 3, torch.device("cpu"))
    assert found.shape == (1, 2, 3, 3)
    assert (found[0, 0] / 2**-4).tolist() == [[0, -1, -2], [-1, 0, -1], [-2, -1, 0]]


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(InputError, match="hidden_size is 12, expected a multiple of 5 heads"):
        network(num_attention_heads=5)
