"""The two architectures that the package transformers has: BERT for DNABERT, ESM for the Nucleotide Transformer.

Ji et al. 2021 (DNABERT); Dalla-Torre et al. 2023 (Nucleotide Transformer), whose first generation is an ESM-1b with
learned positions. Configs are read by us and only known settings are handed on.
"""

from typing import Any

from torch import Tensor, nn

from isoclr.baselines.language_models.settings import Settings
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
