"""RNA-FM: an encoder of non-coding RNAs, one token a base.

Chen et al. 2022 (arXiv:2204.00300), an encoder after ESM-1b (Rives et al. 2021): learned positions, norms before
attention and feed-forward layers, and one at the end. Tensor names are those of ``multimolecule/rnafm``, whose files
are read here and whose code is not used.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isoclr.baselines.language_models.attention import SelfAttention, hide
from isoclr.baselines.language_models.settings import Settings

FIRST_POSITION = 2
"""The position of the first token, ``<cls>``: two rows of the table were kept for padding."""
_UNMASKED_IN_TRAINING = 1 - 0.15 * 0.8
"""In training 12 % of the tokens were zeroed; where none is, embeddings are scaled down to the same sum."""


class _Dense(nn.Module):
    def __init__(self, d_in: int, d_out: int) -> None:
        super().__init__()
        self.dense = nn.Linear(d_in, d_out)

    def forward(self, x: Tensor) -> Tensor:
        projected: Tensor = self.dense(x)
        return projected


class _Attention(nn.Module):
    def __init__(self, d: int, heads: int, eps: float) -> None:
        super().__init__()
        self.self = SelfAttention(d, heads)
        self.output = _Dense(d, d)
        self.layer_norm = nn.LayerNorm(d, eps)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        mixed: Tensor = x + self.output(self.self(self.layer_norm(x), bias))
        return mixed


class _Layer(nn.Module):
    def __init__(self, d: int, heads: int, inner: int, eps: float) -> None:
        super().__init__()
        self.attention = _Attention(d, heads, eps)
        self.layer_norm = nn.LayerNorm(d, eps)
        self.intermediate = _Dense(d, inner)
        self.output = _Dense(inner, d)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        x = self.attention(x, bias)
        mixed: Tensor = x + self.output(F.gelu(self.intermediate(self.layer_norm(x))))
        return mixed


class _Embeddings(nn.Module):
    def __init__(self, settings: Settings, d: int, eps: float) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(settings.size("vocab_size"), d)
        self.position_embeddings = nn.Embedding(settings.size("max_position_embeddings"), d)
        before = settings.flag("emb_layer_norm_before", True)
        self.layer_norm = nn.LayerNorm(d, eps) if before else nn.Identity()
        self.scale = _UNMASKED_IN_TRAINING if settings.flag("token_dropout", True) else 1.0

    def forward(self, tokens: Tensor) -> Tensor:
        positions = torch.arange(tokens.shape[1], device=tokens.device) + FIRST_POSITION
        words = self.word_embeddings(tokens) * self.scale
        normed: Tensor = self.layer_norm(words + self.position_embeddings(positions))
        return normed


class _Encoder(nn.Module):
    def __init__(self, layers: list[_Layer], d: int, eps: float) -> None:
        super().__init__()
        self.layer = nn.ModuleList(layers)
        self.emb_layer_norm_after = nn.LayerNorm(d, eps)


class RnaFM(nn.Module):
    """The body without pooler and heads.

    Args:
        settings: the published ``config.json``.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        settings.must_be("position_embedding_type", "absolute")
        settings.must_be("hidden_act", "gelu")
        d, heads = settings.size("hidden_size"), settings.size("num_attention_heads")
        if d % heads:
            raise settings.wrong("hidden_size", f"a multiple of {heads} heads")
        inner, eps = settings.size("intermediate_size"), settings.number("layer_norm_eps", 1e-12)
        self.embeddings = _Embeddings(settings, d, eps)
        depth = settings.size("num_hidden_layers")
        self.encoder = _Encoder([_Layer(d, heads, inner, eps) for _ in range(depth)], d, eps)

    def forward(self, tokens: Tensor, real: Tensor) -> Tensor:
        """Last hidden states.

        Args:
            tokens: ``(b, l)`` int64, at most ``max_position_embeddings`` − 2 of them.
            real: ``(b, l)`` true where no padding is.

        Returns:
            ``(b, l, d)``.
        """
        x, bias = self.embeddings(tokens), hide(real)
        for layer in self.encoder.layer:
            x = layer(x, bias)
        states: Tensor = self.encoder.emb_layer_norm_after(x)
        return states
