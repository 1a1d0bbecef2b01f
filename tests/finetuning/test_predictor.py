"""A fine-tuned model in memory."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import isoclr
from isoclr.errors import InputError
from isoclr.finetuning.models import BatchBuilder, Head, SalukiHead
from isoclr.finetuning.predictor import Predictor, load_predictor, save_predictor
from isoclr.models.resnet import Architecture, DilatedResNet
from isoclr.models.saluki import Saluki


def made(**changes: Any) -> Predictor:
    torch.manual_seed(0)
    network = DilatedResNet(Architecture((8, 8, 8, 16), (1, 1, 1, 1), (1, 2, 4, 8)))
    facts: dict[str, Any] = {
        "name": "tiny",
        "network": network,
        "head": Head(16, 1, hidden=6, dropout=0.9),
        "tasks": ("half-life",),
        "mean": np.array([3.0]),
        "deviation": np.array([2.0]),
        "tracks": 6,
        "facts": {},
    }
    return Predictor(**{**facts, **changes})


def test_an_untrained_head_predicts_the_mean(feed: BatchBuilder) -> None:
    assert np.array_equal(made().predict_codes(feed.codes[:4]), np.full((4, 1), 3.0))


@pytest.mark.parametrize("kind", ["tiny", "saluki"])
def test_an_rna_is_predicted_the_same_alone(feed: BatchBuilder, kind: str) -> None:
    predictor = made(network=Saluki(), head=SalukiHead(64, 1)) if kind == "saluki" else made()
    for parameter in predictor.head.parameters():
        torch.nn.init.normal_(parameter)
    codes = list(feed.codes[:6])
    seen: list[int] = []
    together = predictor.predict_codes(codes, progress=seen.append)
    alone = np.vstack([predictor.predict_codes([one]) for one in codes])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-4)
    assert np.ptp(together) > 0
    assert sum(seen) == sum(map(len, codes))
    assert predictor.predict_codes([]).shape == (0, 1)


def test_what_cannot_be_predicted_is_refused(feed: BatchBuilder) -> None:
    with pytest.raises(InputError, match="sequence 2 is empty"):
        made().predict_codes([feed.codes[0], feed.codes[0][:0]])
    with pytest.raises(InputError, match="precision is 'half'"):
        made().predict_codes(feed.codes[:1], precision="half")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="is no IsoCLR encoder"):
        _ = made(network=Saluki(), head=SalukiHead(64, 1)).encoder


def predictor(kind: str) -> Predictor:
    torch.manual_seed(0)
    architecture = Architecture((8, 8, 8, 16), (1, 1, 1, 1), (1, 2, 4, 8), pooling="all")
    network = Saluki() if kind == "saluki" else DilatedResNet(architecture)
    head = SalukiHead(64, 2) if kind == "saluki" else Head(40, 2, hidden=6, dropout=0.3)
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter)
    return Predictor(
        name=kind,
        network=network,
        head=head,
        tasks=("half-life", "translation"),
        mean=np.array([3.0, -1.0]),
        deviation=np.array([2.0, 0.5]),
        tracks=6,
        facts={"seed": 3},
    )


@pytest.mark.parametrize("kind", ["tiny", "saluki"])
def test_it_comes_back_as_it_was(tmp_path: Path, feed: BatchBuilder, kind: str) -> None:
    saved = predictor(kind)
    loaded = load_predictor(save_predictor(saved, tmp_path / "model"))
    codes = feed.codes[:9]
    assert np.array_equal(loaded.predict_codes(codes), saved.predict_codes(codes))
    assert (loaded.name, loaded.tasks, loaded.facts) == (kind, saved.tasks, {"seed": 3})
    assert (tmp_path / "model" / "encoder").exists() is (kind == "tiny")


def test_its_encoder_embeds_as_any_other(tmp_path: Path, feed: BatchBuilder) -> None:
    saved = predictor("tiny")
    save_predictor(saved, tmp_path / "model")
    encoder = isoclr.load(tmp_path / "model" / "encoder")
    codes = feed.codes[:5]
    assert np.array_equal(encoder.embed_codes(codes), saved.encoder.embed_codes(codes))


def test_what_is_no_fine_tuned_model_is_refused_in_one_line(tmp_path: Path, model: Path) -> None:
    with pytest.raises(InputError, match=r"config\.json: not found; a fine-tuned model is"):
        load_predictor(tmp_path / "nowhere")
    with pytest.raises(InputError, match="not a fine-tuned model's config"):
        load_predictor(model)
    folder = save_predictor(predictor("tiny"), tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    for changes, message in (
        ({"schema": 99}, "schema is 99"),
        ({"tasks": None}, "expected what `isoclr finetune` wrote"),
        ({"hidden": 7}, "does not fit config.json"),
        ({"sha256": "0"}, "SHA-256 differs"),
    ):
        (folder / "config.json").write_text(json.dumps({**config, **changes}))
        with pytest.raises(InputError, match=message) as error:
            load_predictor(folder)
        assert "\n" not in str(error.value)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(b"nonsense")
    with pytest.raises(InputError, match="not a safetensors file"):
        load_predictor(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"model\.safetensors: not found"):
        load_predictor(folder)
