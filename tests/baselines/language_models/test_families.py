"""Other names under which the same tensors are published."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from isoclr.baselines.language_models import open_language_model
from isoclr.corpus.codes import nucleotides

RNA = nucleotides("ACGUUGCAACGGAUUUACGAC")


def embedded(model: Any) -> np.ndarray:
    return open_language_model(model.name, directory=model.folder).embed([RNA])


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("dnabert-3", "LayerNorm.weight", "LayerNorm.gamma"),
        ("dnabert-3", "LayerNorm.bias", "LayerNorm.beta"),
        ("dnabert-3", "bert.", ""),
        ("dnabert-2", "bert.", ""),
        ("nt-500m-human-ref", "esm.", ""),
        ("hyenadna-tiny-1k", "hyena.backbone.", "backbone."),
        ("hyenadna-tiny-1k", "implicit_filter.1.freq", "implicit_filter.5.freq"),
        ("rna-fm", "model.", "rnafm."),
        ("rna-fm", "model.", ""),
        ("rna-fm", "encoder.emb_layer_norm_after.", "encoder.layer_norm."),
    ],
)
def test_tensors_are_found_under_their_other_names(
    name: str, old: str, new: str, repository: Callable[[str], Any]
) -> None:
    model = repository(name)
    expected = embedded(model)
    path = model.folder / "model.safetensors"
    tensors = load_file(path)
    changed = {key.replace(old, new): value for key, value in tensors.items()}
    assert changed.keys() != tensors.keys()
    save_file(changed, path)
    assert embedded(model) == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_saved_positions_and_frequencies_of_every_layer_are_no_surprise(
    repository: Callable[[str], Any],
) -> None:
    bert, hyena = repository("dnabert-3"), repository("hyenadna-tiny-1k")
    positions = {"bert.embeddings.position_ids": torch.arange(40)[None]}
    for model, more in ((bert, lambda _: positions), (hyena, _repeated)):
        expected = embedded(model)
        model.rewrite(lambda tensors, more=more: tensors.update(more(tensors)))
        assert embedded(model) == pytest.approx(expected, rel=1e-4, abs=1e-5)


def _repeated(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    name = ".1.freq"
    return {
        key.replace(name, f".{i}.freq"): value.clone()
        for key, value in tensors.items()
        for i in (3, 5)
        if key.endswith(name)
    }
