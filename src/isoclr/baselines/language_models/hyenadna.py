"""HyenaDNA: a causal language model of DNA whose layers are long convolutions instead of attention.

Nguyen et al. 2023 (arXiv:2306.15794), after the Hyena operator of Poli et al. 2023 (arXiv:2302.10866). The filter of a
convolution is as long as the window; it is not stored but computed by a small network from the position, and damped
with distance. Tensor names are those of the published files.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isoclr.baselines.language_models.catalog import Settings

_FASTEST, _SLOWEST, _LEFT, _FLOOR = 0.3, 1.5, 1e-2, 0.05
"""The damping: the filter of the fastest channel has 1 % left after 0.3 windows, that of the slowest after 1.5; to both
0.05 is added."""


class _Sine(nn.Module):
    """sin(frequency · x), a frequency a channel."""

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
    """What the filter's network knows of a position: the time ``t`` from 0 to 1, and waves ``z`` over the window."""

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
    """How fast the filter of each channel fades."""

    deltas: Tensor

    def __init__(self, d: int) -> None:
        super().__init__()
        rates = torch.linspace(math.log(_LEFT) / _SLOWEST, math.log(_LEFT) / _FASTEST, d)
        self.register_buffer("deltas", rates[None, None])

    def forward(self, t: Tensor, filters: Tensor) -> Tensor:
        fading: Tensor = filters * (torch.exp(-t * self.deltas.abs()) + _FLOOR)
        return fading


class Filter(nn.Module):
    """The long filters of one layer, one a channel. Always float32: positions need more digits than bfloat16 has."""

    def __init__(self, settings: Settings, d: int) -> None:
        super().__init__()
        features, width = settings.size("emb_dim", 3), settings.size("filter_order", 64)
        inner = settings.size("num_inner_mlps", 2)
        if features < 3 or features % 2 == 0:
            raise settings.wrong("emb_dim", "an odd number from 3")
        self.bias = nn.Parameter(torch.zeros(d))
        self.pos_emb = _Positions(features, settings.size("max_seq_len", 1024))
        sine = _Sine(
            width, settings.number("activation_freq", 1.0), settings.flag("train_freq", True)
        )
        widths = [features, *[width] * (inner + 1)]
        layers: dict[str, nn.Module] = {
            str(2 * i): nn.Linear(widths[i], widths[i + 1]) for i in range(inner + 1)
        }
        layers["1"] = sine  # one for all layers, as in the published files
        layers[str(2 * inner + 2)] = nn.Linear(width, d, bias=False)
        self.implicit_filter = nn.ModuleDict(layers)
        self._hidden = [str(2 * i) for i in range(inner + 1)]
        self._last = str(2 * inner + 2)
        self.modulation = _Modulation(d)

    def forward(self, length: int) -> Tensor:
        """The first ``length`` taps of every channel, ``(d, length)``."""
        x = self.pos_emb.z[:, :length]
        for key in self._hidden:
            x = self.implicit_filter["1"](self.implicit_filter[key](x))
        x = self.implicit_filter[self._last](x)
        filters: Tensor = self.modulation(self.pos_emb.t[:, :length], x)  # (1, length, d)
        return filters[0].T.contiguous()


def long_convolution(x: Tensor, filters: Tensor, bias: Tensor) -> Tensor:
    """Causal convolution as long as the sequence, by Fourier transforms, in float32.

    y[c, i] = Σ_{j ≤ i} filters[c, j] · x[c, i − j] + bias[c] · x[c, i]

    Args:
        x: ``(b, d, l)``.
        filters: ``(d, l)``.
        bias: ``(d,)``.

    Returns:
        ``(b, d, l)`` in the type of ``x``.
    """
    length = x.shape[-1]
    wide = x.float()
    spectrum = torch.fft.rfft(wide, n=2 * length) * torch.fft.rfft(filters, n=2 * length)
    y: Tensor = torch.fft.irfft(spectrum, n=2 * length)[..., :length]
    return (y + wide * bias[:, None]).to(x.dtype)


class _Mixer(nn.Module):
    """The Hyena operator of order 2: gate, convolve over the whole window, gate."""

    def __init__(self, settings: Settings, d: int) -> None:
        super().__init__()
        short = settings.size("short_filter_order", 3)
        self.in_proj = nn.Linear(d, 3 * d)
        self.out_proj = nn.Linear(d, d)
        self.short_filter = nn.Conv1d(3 * d, 3 * d, short, padding=short - 1, groups=3 * d)
        self.filter_fn = Filter(settings, d)

    def forward(self, u: Tensor) -> Tensor:
        length = u.shape[1]
        mixed = self.short_filter(self.in_proj(u).transpose(1, 2))[..., :length]  # causal
        outer, inner, v = mixed.chunk(3, dim=1)  # (b, d, l) each
        v = long_convolution(v * inner, self.filter_fn(length), self.filter_fn.bias)
        projected: Tensor = self.out_proj((v * outer).transpose(1, 2))
        return projected


class _Mlp(nn.Module):
    def __init__(self, d: int, inner: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(d, inner)
        self.fc2 = nn.Linear(inner, d)

    def forward(self, x: Tensor) -> Tensor:
        projected: Tensor = self.fc2(F.gelu(self.fc1(x), approximate="tanh"))
        return projected


class _Block(nn.Module):
    def __init__(self, settings: Settings, d: int) -> None:
        super().__init__()
        self.mixer = _Mixer(settings, d)
        self.norm1 = nn.LayerNorm(d)
        self.mlp = _Mlp(d, settings.size("d_inner", 4 * d))
        self.norm2 = nn.LayerNorm(d)

    def forward(self, x: Tensor) -> Tensor:
        """The residual stream ``x`` is float32 whatever the layers are."""
        narrow = self.norm1.weight.dtype
        x = x + self.mixer(self.norm1(x.to(narrow)))
        mixed: Tensor = x + self.mlp(self.norm2(x.to(narrow)))
        return mixed


class _Embeddings(nn.Module):
    def __init__(self, settings: Settings, d: int) -> None:
        super().__init__()
        multiple = settings.size("pad_vocab_size_multiple", 8)
        rows = math.ceil(settings.size("vocab_size", 12) / multiple) * multiple
        self.word_embeddings = nn.Embedding(rows, d)


class HyenaDNA(nn.Module):
    """The body without the head that predicts the next base.

    Args:
        settings: the published ``config.json``.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        settings.must_be("hyena_order", 2)
        d = settings.size("d_model", 256)
        self.embeddings = _Embeddings(settings, d)
        self.layers = nn.ModuleList(
            _Block(settings, d) for _ in range(settings.size("n_layer", 12))
        )
        self.ln_f = nn.LayerNorm(d, eps=settings.number("layer_norm_epsilon", 1e-5))

    def forward(self, tokens: Tensor, real: Tensor) -> Tensor:
        """Last hidden states.

        Padding stands behind the sequence and the model looks only backwards, so no state of a real token sees it.

        Args:
            tokens: ``(b, l)`` int64, at most ``max_seq_len`` of them.
            real: ``(b, l)`` true where no padding is; the same for every model, not needed by this one.

        Returns:
            ``(b, l, d)``.
        """
        del real
        x = self.embeddings.word_embeddings(tokens).float()
        for layer in self.layers:
            x = layer(x)
        states: Tensor = self.ln_f(x.to(self.ln_f.weight.dtype))
        return states
