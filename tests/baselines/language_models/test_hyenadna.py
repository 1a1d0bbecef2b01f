"""HyenaDNA against a plain reference: the paper's formulas one position at a time, convolutions as double sums."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from isoclr.baselines.language_models.hyenadna import HyenaConfig, HyenaDNA, long_convolution
from isoclr.models.encoder import SkipInit

Array = NDArray[np.float64]
Weights = Mapping[str, Array]
CONFIG: dict[str, Any] = {
    "d_model": 6,
    "d_inner": 10,
    "n_layer": 2,
    "max_seq_len": 21,
    "emb_dim": 5,
    "filter_order": 4,
    "activation_freq": 10.0,
}


def network(**changes: Any) -> HyenaDNA:
    torch.manual_seed(1)
    made = HyenaDNA(HyenaConfig(**{**CONFIG, **changes}))
    for name, value in made.state_dict().items():
        if not name.endswith(("pos_emb.z", "pos_emb.t", "deltas", "freq")):
            nn.init.normal_(value, std=0.4)
    return made.eval()


def linear(w: Weights, name: str, x: Array) -> Array:
    y = x @ w[name + ".weight"].T
    return y + w[name + ".bias"] if name + ".bias" in w else y


def norm(w: Weights, name: str, x: Array) -> Array:
    centred = x - x.mean(-1, keepdims=True)
    spread = np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    return np.asarray(centred / spread * w[name + ".weight"] + w[name + ".bias"])


def taps(w: Weights, name: str, length: int, d: int) -> Array:
    """The implicit filter from its definition, ``(length, d)``."""
    window = CONFIG["max_seq_len"]
    rows = []
    for i in range(length):
        t, angle = i / (window - 1), 2 * math.pi * i / window
        x = [t]
        x += [math.cos(f * angle) for f in (1e-4, 1.0)]
        x += [math.sin(-f * angle) for f in (1e-4, 1.0)]
        h = np.array(x)
        for layer in (0, 2, 4):
            h = np.sin(10 * linear(w, f"{name}.implicit_filter.{layer}", h))
        h = linear(w, f"{name}.implicit_filter.6", h)
        slow, fast = abs(math.log(0.01)) / 1.5, abs(math.log(0.01)) / 0.3
        rates = [slow + (fast - slow) * c / (d - 1) for c in range(d)]
        rows.append([h[c] * (math.exp(-t * rates[c]) + 0.05) for c in range(d)])
    return np.array(rows)


def causal_sum(x: Array, filters: Array, bias: Array) -> Array:
    """Σ over all earlier positions, ``(length, d)``."""
    y = x * bias
    for i in range(len(x)):
        for j in range(i + 1):
            y[i] += filters[j] * x[i - j]
    return y


def reference(w: Weights, tokens: list[int]) -> Array:
    d = CONFIG["d_model"]
    x = w["embeddings.word_embeddings.weight"][tokens]
    for layer in range(CONFIG["n_layer"]):
        name = f"layers.{layer}"
        u = linear(w, f"{name}.mixer.in_proj", norm(w, f"{name}.norm1", x))
        kernel, shift = (w[f"{name}.mixer.short_filter.{k}"] for k in ("weight", "bias"))
        early = np.vstack([np.zeros((2, 3 * d)), u])
        short = sum(kernel[:, 0, k] * early[k : k + len(u)] for k in range(3)) + shift
        outer, inner, v = short[:, :d], short[:, d : 2 * d], short[:, 2 * d :]
        filters = taps(w, f"{name}.mixer.filter_fn", len(u), d)
        v = causal_sum(v * inner, filters, w[f"{name}.mixer.filter_fn.bias"])
        x = x + linear(w, f"{name}.mixer.out_proj", v * outer)
        h = linear(w, f"{name}.mlp.fc1", norm(w, f"{name}.norm2", x))
        h = 0.5 * h * (1 + np.tanh(math.sqrt(2 / math.pi) * (h + 0.044715 * h**3)))
        x = x + linear(w, f"{name}.mlp.fc2", h)
    return norm(w, "ln_f", x)


def test_hidden_states_are_the_paper_s() -> None:
    made = network()
    weights = {name: value.double().numpy() for name, value in made.state_dict().items()}
    tokens = [7, 8, 9, 10, 11, 7, 7, 9, 10, 8, 8, 7, 10, 10, 9]
    with torch.no_grad():
        found = made(torch.tensor([tokens]), torch.ones(1, len(tokens), dtype=torch.bool))
    assert found[0].numpy() == pytest.approx(reference(weights, tokens), rel=1e-4, abs=1e-4)


def test_a_long_convolution_is_the_direct_sum() -> None:
    rng = np.random.default_rng(0)
    x, filters, bias = rng.normal(size=(2, 3, 17)), rng.normal(size=(3, 17)), rng.normal(size=3)
    found = long_convolution(*(torch.tensor(a, dtype=torch.float32) for a in (x, filters, bias)))
    for b in range(2):
        expected = causal_sum(x[b].T.copy(), filters.T, bias).T
        assert found[b].numpy() == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_no_state_sees_what_comes_after_it() -> None:
    made, real = network(), torch.ones(1, 12, dtype=torch.bool)
    tokens = torch.tensor([[7, 8, 9, 10, 7, 8, 9, 10, 7, 8, 9, 10]])
    changed = tokens.clone()
    changed[0, 6:] = 4
    with torch.no_grad():
        one, other = made(tokens, real), made(changed, real)
    assert torch.allclose(one[0, :6], other[0, :6], atol=1e-5)
    assert not torch.allclose(one[0, 6:], other[0, 6:], atol=1e-2)


@pytest.mark.parametrize(("window", "size"), [(160_002, 56_971_992), (1_000_002, 218_252_304)])
def test_names_and_shapes_fill_the_published_files_to_the_byte(window: int, size: int) -> None:
    """Sizes of model.safetensors of medium-160k and large-1m at the catalog's commits."""
    settings: dict[str, Any] = {"d_model": 256, "d_inner": 1024, "n_layer": 8, "emb_dim": 5}
    with torch.device("meta"), SkipInit():
        made = HyenaDNA(HyenaConfig(**settings, max_seq_len=window))
    shapes = {f"hyena.backbone.{k}": tuple(v.shape) for k, v in made.state_dict().items()}
    shapes["lm_head.weight"] = (16, 256)
    offset, header = 0, '{"__metadata__":{"format":"pt"}'
    for name in sorted(shapes):
        end = offset + 4 * math.prod(shapes[name])
        shape = ",".join(map(str, shapes[name]))
        header += f',"{name}":{{"dtype":"F32","shape":[{shape}],"data_offsets":[{offset},{end}]}}'
        offset = end
    header += "}"
    assert 8 + math.ceil(len(header) / 8) * 8 + offset == size
