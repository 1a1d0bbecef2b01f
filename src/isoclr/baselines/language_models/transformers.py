"""Transformers: DNABERT and the Nucleotide Transformer from the package transformers; DNABERT-2 and RNA-FM built here.

DNABERT (Ji et al. 2021) is a BERT. The Nucleotide Transformer (Dalla-Torre et al. 2023, first generation) is an ESM-1b
with learned positions. DNABERT-2 (Zhou et al. 2023) is a MosaicBERT, RNA-FM (Chen et al. 2022) an ESM-1b; both are
published with code of their own, which is never run. Tensor names are those of the published files.
"""

import math
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isoclr._config import Meta
from isoclr.errors import import_optional

Size = Annotated[int, Meta(ge=1, le=10_000_000)]
"""No size in a config is larger; a damaged file must not fill the memory."""
Positive = Annotated[float, Meta(gt=0, lt=1e6)]

FIRST_POSITION = 2
"""Position of RNA-FM's first token, ``<cls>``: two rows of the table were reserved for padding."""
UNMASKED_IN_TRAINING = 1 - 0.15 * 0.8
"""In training 12 % of the tokens were zeroed; where none is, embeddings are scaled down to the same sum."""
NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """What every transformer needs of the published ``config.json``."""

    vocab_size: Size
    hidden_size: Size
    num_hidden_layers: Size
    num_attention_heads: Size
    intermediate_size: Size
    layer_norm_eps: Positive = 1e-12

    def __post_init__(self) -> None:
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"hidden_size is {self.hidden_size}, expected a multiple of {self.num_attention_heads} heads"
            )


@dataclass(frozen=True, kw_only=True)
class BertConfig(TransformerConfig):
    """Of DNABERT and DNABERT-2."""

    max_position_embeddings: Size = 512
    type_vocab_size: Size = 2
    hidden_act: Literal["gelu"] = "gelu"

    @property
    def window(self) -> int:
        """Tokens that the network reads at once."""
        return self.max_position_embeddings


@dataclass(frozen=True, kw_only=True)
class EsmConfig(TransformerConfig):
    """Of the Nucleotide Transformer."""

    max_position_embeddings: Size
    pad_token_id: Size
    mask_token_id: Size
    emb_layer_norm_before: bool = False
    token_dropout: bool = False
    position_embedding_type: Literal["absolute"] = "absolute"

    @property
    def window(self) -> int:
        """Tokens that the network reads at once; positions start after that of padding."""
        return self.max_position_embeddings - self.pad_token_id - 1


@dataclass(frozen=True, kw_only=True)
class RnaFmConfig(TransformerConfig):
    """Of RNA-FM."""

    max_position_embeddings: Size
    emb_layer_norm_before: bool = True
    token_dropout: bool = True
    position_embedding_type: Literal["absolute"] = "absolute"
    hidden_act: Literal["gelu"] = "gelu"

    @property
    def window(self) -> int:
        """Tokens that the network reads at once."""
        return self.max_position_embeddings - FIRST_POSITION


class TransformersModel(nn.Module):
    """A model of the package transformers with the interface of the others here."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, tokens: Tensor, real: Tensor) -> Tensor:
        """Last hidden states ``(b, l, d)``."""
        states: Tensor = self.body(input_ids=tokens, attention_mask=real.long()).last_hidden_state
        return states


def dnabert(config: BertConfig) -> TransformersModel:
    """BERT without its pooler, which is for classification."""
    package = import_optional("transformers", "baselines", "this model")
    shape = package.BertConfig(**asdict(config), **NO_DROPOUT, pad_token_id=0)
    return TransformersModel(package.BertModel(shape, add_pooling_layer=False))


def nucleotide_transformer(config: EsmConfig) -> TransformersModel:
    """ESM with learned positions, without its pooler and its head for contacts."""
    package = import_optional("transformers", "baselines", "this model")
    body = package.EsmModel(package.EsmConfig(**asdict(config), **NO_DROPOUT), add_pooling_layer=False)
    del body.contact_head
    return TransformersModel(body)


def attend(queries: Tensor, keys: Tensor, values: Tensor, *, heads: int, bias: Tensor) -> Tensor:
    """Scaled dot-product attention of ``(b, l, d)`` queries, keys and values; ``(b, l, d)``.

    ``bias`` is added to the scores, broadcast to ``(b, heads, l, l)``; −∞ hides a key.
    """
    b, length, d = queries.shape

    def split(x: Tensor) -> Tensor:
        return x.view(b, length, heads, d // heads).transpose(1, 2)  # (b, heads, l, d / heads)

    mixed = F.scaled_dot_product_attention(split(queries), split(keys), split(values), attn_mask=bias.to(queries.dtype))
    return mixed.transpose(1, 2).reshape(b, length, d)


def padding_bias(real: Tensor) -> Tensor:
    """Attention bias that hides padding: ``(b, 1, 1, l)`` float32, 0 for real tokens, −∞ for padding."""
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


def alibi_slopes(heads: int) -> list[float]:
    """Slope of the linear bias of each head (ALiBi, Press et al. 2022): 2^(−8/n), 2^(−16/n), … for n = 2^k heads.

    Other numbers of heads take those of the next lower power of two, and every other one of the next higher.

    >>> alibi_slopes(4)
    [0.25, 0.0625, 0.015625, 0.00390625]
    >>> alibi_slopes(3)
    [0.0625, 0.00390625, 0.25]
    """
    lower = 2 ** math.floor(math.log2(heads))
    own = [2 ** (-8 * (i + 1) / lower) for i in range(lower)]
    return own if lower == heads else own + alibi_slopes(2 * lower)[::2][: heads - lower]


def alibi(heads: int, length: int, device: torch.device) -> Tensor:
    """Attention bias −slope · distance, ``(1, heads, l, l)`` float32."""
    position = torch.arange(length, device=device)
    distance = (position[:, None] - position[None, :]).abs()
    slope = torch.tensor(alibi_slopes(heads), device=device)
    return (-slope[:, None, None] * distance)[None]


class _MosaicLayer(nn.Module):
    """Attention and a gated MLP, each followed by a layer norm; submodules are nested as in the published files."""

    attention: Any
    mlp: Any

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        d, inner, eps = config.hidden_size, config.intermediate_size, config.layer_norm_eps
        self.heads = config.num_attention_heads
        output = {"dense": nn.Linear(d, d), "LayerNorm": nn.LayerNorm(d, eps)}
        self.attention = nn.ModuleDict(
            {"self": nn.ModuleDict({"Wqkv": nn.Linear(d, 3 * d)}), "output": nn.ModuleDict(output)}
        )
        self.mlp = nn.ModuleDict(
            {
                "gated_layers": nn.Linear(d, 2 * inner, bias=False),
                "wo": nn.Linear(inner, d),
                "layernorm": nn.LayerNorm(d, eps),
            }
        )

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        output, mlp = self.attention["output"], self.mlp
        qkv = self.attention["self"]["Wqkv"](x).chunk(3, dim=-1)
        x = output["LayerNorm"](output["dense"](attend(*qkv, heads=self.heads, bias=bias)) + x)
        gate, through = mlp["gated_layers"](x).chunk(2, dim=-1)
        return mlp["layernorm"](mlp["wo"](F.gelu(gate) * through) + x)  # type: ignore[no-any-return]


class MosaicBert(nn.Module):
    """The body of DNABERT-2 without pooler and head."""

    embeddings: Any
    encoder: Any

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        d, self.heads = config.hidden_size, config.num_attention_heads
        self.embeddings = nn.ModuleDict(
            {
                "word_embeddings": nn.Embedding(config.vocab_size, d),
                "token_type_embeddings": nn.Embedding(config.type_vocab_size, d),
                "LayerNorm": nn.LayerNorm(d, config.layer_norm_eps),
            }
        )
        layers = (_MosaicLayer(config) for _ in range(config.num_hidden_layers))
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(layers)})

    def forward(self, tokens: Tensor, real: Tensor) -> Tensor:
        """Last hidden states ``(b, l, d)``."""
        embeddings = self.embeddings
        first_type = embeddings["token_type_embeddings"].weight[0]  # a sequence is one sentence
        x: Tensor = embeddings["LayerNorm"](embeddings["word_embeddings"](tokens) + first_type)
        bias = alibi(self.heads, tokens.shape[1], tokens.device) + padding_bias(real)
        for layer in self.encoder["layer"]:
            x = layer(x, bias)
        return x


class _RnaFmLayer(nn.Module):
    """Attention and an MLP, each after a layer norm; submodules are nested as in the published files."""

    attention: Any
    intermediate: Any
    output: Any

    def __init__(self, config: RnaFmConfig) -> None:
        super().__init__()
        d, inner, eps = config.hidden_size, config.intermediate_size, config.layer_norm_eps
        self.attention = nn.ModuleDict(
            {
                "self": SelfAttention(d, config.num_attention_heads),
                "output": nn.ModuleDict({"dense": nn.Linear(d, d)}),
                "layer_norm": nn.LayerNorm(d, eps),
            }
        )
        self.layer_norm = nn.LayerNorm(d, eps)
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(d, inner)})
        self.output = nn.ModuleDict({"dense": nn.Linear(inner, d)})

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        attention = self.attention
        mixed = attention["self"](attention["layer_norm"](x), bias)
        x = x + attention["output"]["dense"](mixed)
        hidden = F.gelu(self.intermediate["dense"](self.layer_norm(x)))
        return x + self.output["dense"](hidden)  # type: ignore[no-any-return]


class RnaFM(nn.Module):
    """The body of RNA-FM without pooler and heads."""

    embeddings: Any
    encoder: Any

    def __init__(self, config: RnaFmConfig) -> None:
        super().__init__()
        d, eps = config.hidden_size, config.layer_norm_eps
        has_norm = config.emb_layer_norm_before
        self.embeddings = nn.ModuleDict(
            {
                "word_embeddings": nn.Embedding(config.vocab_size, d),
                "position_embeddings": nn.Embedding(config.max_position_embeddings, d),
                "layer_norm": nn.LayerNorm(d, eps) if has_norm else nn.Identity(),
            }
        )
        self.scale = UNMASKED_IN_TRAINING if config.token_dropout else 1.0
        layers = (_RnaFmLayer(config) for _ in range(config.num_hidden_layers))
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(layers), "emb_layer_norm_after": nn.LayerNorm(d, eps)})

    def forward(self, tokens: Tensor, real: Tensor) -> Tensor:
        """Last hidden states ``(b, l, d)``.

        Args:
            tokens: Token ids ``(b, l)``, at most ``max_position_embeddings`` − 2 per row.
        """
        embeddings = self.embeddings
        position = torch.arange(tokens.shape[1], device=tokens.device) + FIRST_POSITION
        words = embeddings["word_embeddings"](tokens) * self.scale
        x = embeddings["layer_norm"](words + embeddings["position_embeddings"](position))
        bias = padding_bias(real)
        for layer in self.encoder["layer"]:
            x = layer(x, bias)
        states: Tensor = self.encoder["emb_layer_norm_after"](x)
        return states
