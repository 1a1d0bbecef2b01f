"""RNA-FM's network against an ESM-1b of the package transformers with the same weights."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from isoclr.baselines.language_models.rna_fm import RnaFM
from isoclr.baselines.language_models.settings import Settings
from isoclr.errors import InputError

CONFIG: dict[str, Any] = {
    "vocab_size": 26,
    "hidden_size": 20,
    "num_hidden_layers": 3,
    "num_attention_heads": 5,
    "intermediate_size": 36,
    "max_position_embeddings": 30,
    "layer_norm_eps": 1e-12,
}


def network(**changes: Any) -> RnaFM:
    torch.manual_seed(3)
    made = RnaFM(Settings(Path("config.json"), {**CONFIG, **changes}))
    for value in made.state_dict().values():
        nn.init.normal_(value, std=0.3)
    return made.eval()


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("normed", [True, False])
def test_hidden_states_are_those_of_esm(scaled: bool, normed: bool) -> None:
    transformers = pytest.importorskip("transformers")
    made = network(token_dropout=scaled, emb_layer_norm_before=normed)
    config = transformers.EsmConfig(
        **CONFIG,
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


def test_other_variants_are_refused() -> None:
    with pytest.raises(
        InputError, match="position_embedding_type is 'rotary', expected 'absolute'"
    ):
        network(position_embedding_type="rotary")
    with pytest.raises(InputError, match="hidden_size is 20, expected a multiple of 3 heads"):
        network(num_attention_heads=3)
