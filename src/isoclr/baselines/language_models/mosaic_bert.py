"""DNABERT-2: a BERT without position embeddings, with linear biases (ALiBi) and gated feed-forward layers.

Zhou et al. 2023 (arXiv:2306.15006), an encoder after MosaicBERT (Portes et al. 2023, arXiv:2312.17482) with ALiBi
(Press et al. 2022, arXiv:2108.12409) in its symmetric form. Tensor names are those of the published file.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isoclr.baselines.language_models.attention import attend, hide
from isoclr.baselines.language_models.settings import Settings


def slopes(heads: int) -> list[float]:
    """How fast the attention of each head falls with distance: 2^(−8/n), 2^(−16/n), … for n = 2^k heads.

    Other numbers of heads take those of the next lower power of two, and every other one of the next higher.

    >>> slopes(4)
    [0.25, 0.0625, 0.015625, 0.00390625]
    >>> slopes(3)
    [0.0625, 0.00390625, 0.25]
    """
    lower = 2 ** math.floor(math.log2(heads))
    own = [2 ** (-8 * (i + 1) / lower) for i in range(lower)]
    return own if lower == heads else own + slopes(2 * lower)[::2][: heads - lower]


def linear_biases(heads: int, length: int, device: torch.device) -> Tensor:
    """−slope · distance for every head and pair of positions, ``(1, heads, l, l)`` float32."""
    position = torch.arange(length, device=device)
    distance = (position[:, None] - position[None, :]).abs()
    slope = torch.tensor(slopes(heads), device=device)
    return (-slope[:, None, None] * distance)[None]


class _SelfAttention(nn.Module):
    def __init__(self, d: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.Wqkv = nn.Linear(d, 3 * d)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        return attend(*self.Wqkv(x).chunk(3, dim=-1), heads=self.heads, bias=bias)


class _Projection(nn.Module):
    def __init__(self, d: int, eps: float) -> None:
        super().__init__()
        self.dense = nn.Linear(d, d)
        self.LayerNorm = nn.LayerNorm(d, eps)


class _Attention(nn.Module):
    def __init__(self, d: int, heads: int, eps: float) -> None:
        super().__init__()
        self.self = _SelfAttention(d, heads)
        self.output = _Projection(d, eps)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        normed: Tensor = self.output.LayerNorm(self.output.dense(self.self(x, bias)) + x)
        return normed


class _GatedMlp(nn.Module):
    def __init__(self, d: int, inner: int, eps: float) -> None:
        super().__init__()
        self.gated_layers = nn.Linear(d, 2 * inner, bias=False)
        self.wo = nn.Linear(inner, d)
        self.layernorm = nn.LayerNorm(d, eps)

    def forward(self, x: Tensor) -> Tensor:
        gate, through = self.gated_layers(x).chunk(2, dim=-1)
        normed: Tensor = self.layernorm(self.wo(F.gelu(gate) * through) + x)
        return normed


class _Layer(nn.Module):
    def __init__(self, d: int, heads: int, inner: int, eps: float) -> None:
        super().__init__()
        self.attention = _Attention(d, heads, eps)
        self.mlp = _GatedMlp(d, inner, eps)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        mixed: Tensor = self.mlp(self.attention(x, bias))
        return mixed


class _Embeddings(nn.Module):
    def __init__(self, settings: Settings, d: int, eps: float) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(settings.size("vocab_size"), d)
        self.token_type_embeddings = nn.Embedding(settings.size("type_vocab_size", 2), d)
        self.LayerNorm = nn.LayerNorm(d, eps)

    def forward(self, tokens: Tensor) -> Tensor:
        first_type = self.token_type_embeddings.weight[0]  # a sequence is one sentence
        normed: Tensor = self.LayerNorm(self.word_embeddings(tokens) + first_type)
        return normed


class _Encoder(nn.Module):
    def __init__(self, layers: list[_Layer]) -> None:
        super().__init__()
        self.layer = nn.ModuleList(layers)


class MosaicBert(nn.Module):
    """The body without pooler and head.

    Args:
        settings: the published ``config.json``.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        d, self.heads = settings.size("hidden_size"), settings.size("num_attention_heads")
        if d % self.heads:
            raise settings.wrong("hidden_size", f"a multiple of {self.heads} heads")
        inner, eps = settings.size("intermediate_size"), settings.number("layer_norm_eps", 1e-12)
        self.embeddings = _Embeddings(settings, d, eps)
        depth = settings.size("num_hidden_layers")
        self.encoder = _Encoder([_Layer(d, self.heads, inner, eps) for _ in range(depth)])

    def forward(self, tokens: Tensor, real: Tensor) -> Tensor:
        """Last hidden states.

        Args:
            tokens: ``(b, l)`` int64.
            real: ``(b, l)`` true where no padding is.

        Returns:
            ``(b, l, d)``.
        """
        x: Tensor = self.embeddings(tokens)
        bias = linear_biases(self.heads, tokens.shape[1], tokens.device) + hide(real)
        for layer in self.encoder.layer:
            x = layer(x, bias)
        return x
