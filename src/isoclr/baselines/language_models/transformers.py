"""The two architectures that the package transformers has: BERT for DNABERT, ESM for the Nucleotide Transformer.

Ji et al. 2021 (DNABERT); Dalla-Torre et al. 2023 (Nucleotide Transformer), whose first generation is an ESM-1b with
learned positions. Configs are read by us and only known settings are handed on.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isoclr.baselines.language_models.catalog import Settings
from isoclr.errors import MissingExtraError


class TransformersModel(nn.Module):
    """A model of the package transformers, called as the others here are.

    Args:
        body: one whose ``forward`` takes ``input_ids`` and ``attention_mask``.
    """

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, tokens: Tensor, real: Tensor) -> Tensor:
        """Last hidden states.

        Args:
            tokens: ``(b, l)`` int64.
            real: ``(b, l)`` true where no padding is.

        Returns:
            ``(b, l, d)``.
        """
        states: Tensor = self.body(input_ids=tokens, attention_mask=real.long()).last_hidden_state
        return states


def dnabert(settings: Settings) -> TransformersModel:
    """BERT without its pooler, which serves classification.

    Raises:
        MissingExtraError: transformers is not installed.
    """
    package = _transformers()
    settings.must_be("hidden_act", "gelu")
    config = package.BertConfig(
        **_shape(settings),
        type_vocab_size=settings.size("type_vocab_size", 2),
        layer_norm_eps=settings.number("layer_norm_eps", 1e-12),
        hidden_act="gelu",
        pad_token_id=0,
    )
    return TransformersModel(package.BertModel(config, add_pooling_layer=False))


def nucleotide_transformer(settings: Settings) -> TransformersModel:
    """ESM with learned positions, without its pooler and its head for contacts.

    Raises:
        MissingExtraError: transformers is not installed.
    """
    package = _transformers()
    settings.must_be("position_embedding_type", "absolute")
    config = package.EsmConfig(
        **_shape(settings),
        layer_norm_eps=settings.number("layer_norm_eps", 1e-12),
        emb_layer_norm_before=settings.flag("emb_layer_norm_before", False),
        token_dropout=settings.flag("token_dropout", False),
        position_embedding_type="absolute",
        mask_token_id=settings.size("mask_token_id"),
        pad_token_id=settings.size("pad_token_id"),
    )
    body = package.EsmModel(config, add_pooling_layer=False)
    del body.contact_head
    return TransformersModel(body)


def _shape(settings: Settings) -> dict[str, Any]:
    keys = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads")
    shape = {
        key: settings.size(key) for key in (*keys, "intermediate_size", "max_position_embeddings")
    }
    if shape["hidden_size"] % shape["num_attention_heads"]:
        raise settings.wrong("hidden_size", f"a multiple of {shape['num_attention_heads']} heads")
    return {**shape, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


def _transformers() -> Any:
    try:
        import transformers
    except ImportError:
        raise MissingExtraError("transformers", "baselines", "this model") from None
    return transformers


def attend(queries: Tensor, keys: Tensor, values: Tensor, *, heads: int, bias: Tensor) -> Tensor:
    """Scaled dot-product attention.

    Args:
        queries: ``(b, l, d)``.
        keys: ``(b, l, d)``.
        values: ``(b, l, d)``.
        heads: the d channels are so many heads, one after the other.
        bias: added to the scores, broadcast to ``(b, heads, l, l)``; −∞ where a key must not be seen.

    Returns:
        ``(b, l, d)``.
    """
    b, length, d = queries.shape

    def split(x: Tensor) -> Tensor:
        return x.view(b, length, heads, d // heads).transpose(1, 2)  # (b, heads, l, d / heads)

    mixed = F.scaled_dot_product_attention(
        split(queries), split(keys), split(values), attn_mask=bias.to(queries.dtype)
    )
    return mixed.transpose(1, 2).reshape(b, length, d)


def hide(real: Tensor) -> Tensor:
    """Bias that hides padding: ``(b, 1, 1, l)`` float32, 0 for real tokens, −∞ for the others."""
    bias = torch.zeros(real.shape, device=real.device)
    return bias.masked_fill_(~real, float("-inf"))[:, None, None, :]


class SelfAttention(nn.Module):
    """Attention with three projections, under the names of BERT."""

    def __init__(self, d: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(d, d)
        self.key = nn.Linear(d, d)
        self.value = nn.Linear(d, d)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """``(b, l, d)`` → ``(b, l, d)``."""
        return attend(self.query(x), self.key(x), self.value(x), heads=self.heads, bias=bias)


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


class _RnaFmAttention(nn.Module):
    def __init__(self, d: int, heads: int, eps: float) -> None:
        super().__init__()
        self.self = SelfAttention(d, heads)
        self.output = _Dense(d, d)
        self.layer_norm = nn.LayerNorm(d, eps)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        mixed: Tensor = x + self.output(self.self(self.layer_norm(x), bias))
        return mixed


class _RnaFmLayer(nn.Module):
    def __init__(self, d: int, heads: int, inner: int, eps: float) -> None:
        super().__init__()
        self.attention = _RnaFmAttention(d, heads, eps)
        self.layer_norm = nn.LayerNorm(d, eps)
        self.intermediate = _Dense(d, inner)
        self.output = _Dense(inner, d)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        x = self.attention(x, bias)
        mixed: Tensor = x + self.output(F.gelu(self.intermediate(self.layer_norm(x))))
        return mixed


class _RnaFmEmbeddings(nn.Module):
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


class _RnaFmEncoder(nn.Module):
    def __init__(self, layers: list[_RnaFmLayer], d: int, eps: float) -> None:
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
        self.embeddings = _RnaFmEmbeddings(settings, d, eps)
        depth = settings.size("num_hidden_layers")
        self.encoder = _RnaFmEncoder(
            [_RnaFmLayer(d, heads, inner, eps) for _ in range(depth)], d, eps
        )

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
