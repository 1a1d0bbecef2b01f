"""HyenaDNA: a causal language model of DNA with long convolutions instead of attention.

Nguyen et al. 2023 (arXiv:2306.15794), with the Hyena operator of Poli et al. 2023 (arXiv:2302.10866). The filter of a
convolution is as long as the window. It is not stored: a small network computes it from the position, and it decays
with distance. Tensor names are those of the published files.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isoclr._config import Meta
from isoclr.baselines.language_models.transformers import Positive, Size

_FAST_DECAY, _SLOW_DECAY, _DECAY_TARGET, _FLOOR = 0.3, 1.5, 1e-2, 0.05
"""The filter of the fastest channel decays to 1 % after 0.3 windows, that of the slowest after 1.5; 0.05 is added."""


@dataclass(frozen=True, kw_only=True)
class HyenaConfig:
    """What the network needs of the published ``config.json``."""

    d_model: Size = 256
    n_layer: Size = 12
    d_inner: Size | None = None  # Width of the MLPs; by default 4 times d_model
    vocab_size: Size = 12
    pad_vocab_size_multiple: Size = 8
    max_seq_len: Annotated[int, Meta(ge=3, le=10_000_000)] = 1024
    emb_dim: Annotated[int, Meta(ge=3, le=10_001)] = 3  # Positional features, an odd number
    filter_order: Size = 64
    num_inner_mlps: Size = 2
    activation_freq: Positive = 1.0
    train_freq: bool = True
    short_filter_order: Size = 3
    hyena_order: Literal[2] = 2
    layer_norm_epsilon: Positive = 1e-5

    def __post_init__(self) -> None:
        if self.emb_dim % 2 == 0:
            raise ValueError(f"emb_dim is {self.emb_dim}, expected an odd number")

    @property
    def window(self) -> int:
        """Bases of the longest training sequence; two more positions are for special tokens."""
        return self.max_seq_len - 2


class _Sine(nn.Module):
    """sin(frequency · x), with one frequency per channel."""

    def __init__(self, channels: int, frequency: float, trained: bool) -> None:
        super().__init__()
        freq = torch.full((1, channels), frequency)
        if trained:
            self.freq = nn.Parameter(freq)
        else:
            self.register_buffer("freq", freq, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(self.freq * x)


class _Positions(nn.Module):
    """Positional features: the time ``t`` from 0 to 1, and ``z``, the time and waves over the window."""

    t: Tensor

    def __init__(self, features: int, window: int) -> None:
        super().__init__()
        bands = (features - 1) // 2
        t = torch.linspace(0, 1, window)[None, :, None]  # (1, window, 1)
        angle = 2 * math.pi * torch.arange(window)[None, :, None] / window
        phase = torch.linspace(1e-4, bands - 1, bands) * angle  # (1, window, bands)
        self.z = nn.Parameter(torch.cat([t, torch.cos(phase), -torch.sin(phase)], dim=-1))
        self.register_buffer("t", t)


class _Modulation(nn.Module):
    """Exponential decay of the filters, with one rate per channel."""

    deltas: Tensor

    def __init__(self, d: int) -> None:
        super().__init__()
        log_target = math.log(_DECAY_TARGET)
        rates = torch.linspace(log_target / _SLOW_DECAY, log_target / _FAST_DECAY, d)
        self.register_buffer("deltas", rates[None, None])

    def forward(self, t: Tensor, filters: Tensor) -> Tensor:
        decaying: Tensor = filters * (torch.exp(-t * self.deltas.abs()) + _FLOOR)
        return decaying


class Filter(nn.Module):
    """The long filters of one layer. Always float32: positions need more digits than bfloat16 has."""

    def __init__(self, config: HyenaConfig) -> None:
        super().__init__()
        d, width, inner = config.d_model, config.filter_order, config.num_inner_mlps
        self.bias = nn.Parameter(torch.zeros(d))
        self.pos_emb = _Positions(config.emb_dim, config.max_seq_len)
        sine = _Sine(width, config.activation_freq, config.train_freq)
        widths = [config.emb_dim, *[width] * (inner + 1)]
        layers: dict[str, nn.Module] = {str(2 * i): nn.Linear(widths[i], widths[i + 1]) for i in range(inner + 1)}
        layers["1"] = sine  # one for all layers, as in the published files
        layers[str(2 * inner + 2)] = nn.Linear(width, d, bias=False)
        self.implicit_filter = nn.ModuleDict(layers)
        self.modulation = _Modulation(d)

    def forward(self, length: int) -> Tensor:
        """The first ``length`` taps of every channel, ``(d, length)``."""
        sine = self.implicit_filter["1"]
        *hidden, last = (layer for layer in self.implicit_filter.values() if layer is not sine)
        x = self.pos_emb.z[:, :length]
        for layer in hidden:
            x = sine(layer(x))
        filters: Tensor = self.modulation(self.pos_emb.t[:, :length], last(x))  # (1, length, d)
        return filters[0].T.contiguous()


def long_convolution(x: Tensor, filters: Tensor, bias: Tensor) -> Tensor:
    """Causal convolution ``(b, d, l)`` as long as the sequence, by Fourier transforms, in float32.

    y[c, i] = Σ_{j ≤ i} filters[c, j] · x[c, i − j] + bias[c] · x[c, i]
    """
    length = x.shape[-1]
    wide = x.float()
    spectrum = torch.fft.rfft(wide, n=2 * length) * torch.fft.rfft(filters, n=2 * length)
    y: Tensor = torch.fft.irfft(spectrum, n=2 * length)[..., :length]
    return (y + wide * bias[:, None]).to(x.dtype)


class _Mixer(nn.Module):
    """The Hyena operator of order 2: gate, convolve over the whole window, gate."""

    def __init__(self, config: HyenaConfig) -> None:
        super().__init__()
        d, short = config.d_model, config.short_filter_order
        self.in_proj = nn.Linear(d, 3 * d)
        self.out_proj = nn.Linear(d, d)
        self.short_filter = nn.Conv1d(3 * d, 3 * d, short, padding=short - 1, groups=3 * d)
        self.filter_fn = Filter(config)

    def forward(self, u: Tensor) -> Tensor:
        length = u.shape[1]
        mixed = self.short_filter(self.in_proj(u).transpose(1, 2))[..., :length]  # causal
        outer, inner, v = mixed.chunk(3, dim=1)  # (b, d, l) each
        v = long_convolution(v * inner, self.filter_fn(length), self.filter_fn.bias)
        projected: Tensor = self.out_proj((v * outer).transpose(1, 2))
        return projected


class _Block(nn.Module):
    mlp: Any

    def __init__(self, config: HyenaConfig) -> None:
        super().__init__()
        d = config.d_model
        self.mixer = _Mixer(config)
        self.norm1 = nn.LayerNorm(d)
        inner = config.d_inner or 4 * d
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(d, inner), "fc2": nn.Linear(inner, d)})
        self.norm2 = nn.LayerNorm(d)

    def forward(self, x: Tensor) -> Tensor:
        """The residual stream ``x`` is float32 in any precision of the layers."""
        narrow = self.norm1.weight.dtype
        x = x + self.mixer(self.norm1(x.to(narrow)))
        hidden = F.gelu(self.mlp["fc1"](self.norm2(x.to(narrow))), approximate="tanh")
        mixed: Tensor = x + self.mlp["fc2"](hidden)
        return mixed


class HyenaDNA(nn.Module):
    """The body without the head that predicts the next base."""

    def __init__(self, config: HyenaConfig) -> None:
        super().__init__()
        multiple = config.pad_vocab_size_multiple
        rows = math.ceil(config.vocab_size / multiple) * multiple
        self.embeddings = nn.ModuleDict({"word_embeddings": nn.Embedding(rows, config.d_model)})
        self.layers = nn.ModuleList(_Block(config) for _ in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.d_model, eps=config.layer_norm_epsilon)

    def forward(self, tokens: Tensor, real: Tensor) -> Tensor:
        """Last hidden states ``(b, l, d)``.

        Padding comes after the sequence and the model is causal, so no state of a real token depends on it.

        Args:
            tokens: Token ids ``(b, l)``, at most ``max_seq_len`` per row.
        """
        del real
        x = self.embeddings["word_embeddings"](tokens).float()
        for layer in self.layers:
            x = layer(x)
        states: Tensor = self.ln_f(x.to(self.ln_f.weight.dtype))
        return states
