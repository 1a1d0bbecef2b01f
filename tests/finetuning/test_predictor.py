import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from isoclr.errors import InputError
from isoclr.finetuning.models import BatchBuilder, Head, SalukiHead
from isoclr.finetuning.predictor import Predictor, load_predictor, save_predictor
from isoclr.models.resnet import Architecture, DilatedResNet
from isoclr.models.saluki import Saluki


def made(kind: str = "tiny") -> Predictor:
    """A predictor of two labels whose head has random weights."""
    torch.manual_seed(0)
    saluki = kind == "saluki"
    architecture = Architecture((8, 8, 8, 16), (1, 1, 1, 1), (1, 2, 4, 8), pooling="all")
    head = SalukiHead(64, 2) if saluki else Head(40, 2, hidden=6, dropout=0.9)
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter)
    return Predictor(
        name=kind,
        network=Saluki() if saluki else DilatedResNet(architecture),
        head=head,
        tasks=("half-life", "translation"),
        mean=np.array([3.0, -1.0]),
        std=np.array([2.0, 0.5]),
        tracks=6,
        metadata={"seed": 3},
    )


def test_untrained_head_predicts_the_mean(builder: BatchBuilder) -> None:
    untrained = replace(made(), head=Head(40, 2, hidden=6, dropout=0.9))
    assert np.array_equal(untrained.predict_codes(builder.codes[:4]), np.tile([3.0, -1.0], (4, 1)))


@pytest.mark.parametrize("kind", ["tiny", "saluki"])
def test_predictions_do_not_depend_on_the_batch(builder: BatchBuilder, kind: str) -> None:
    predictor, codes = made(kind), list(builder.codes[:6])
    seen: list[int] = []
    together = predictor.predict_codes(codes, progress=seen.append)
    alone = np.vstack([predictor.predict_codes([one]) for one in codes])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-4)
    assert np.ptp(together) > 0
    assert sum(seen) == sum(map(len, codes))
    assert predictor.predict_codes([]).shape == (0, 2)


def test_invalid_input(builder: BatchBuilder) -> None:
    with pytest.raises(InputError, match="sequence 2 is empty"):
        made().predict_codes([builder.codes[0], builder.codes[0][:0]])
    with pytest.raises(InputError, match="precision is 'half'"):
        made().predict_codes(builder.codes[:1], precision="half")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="is no IsoCLR encoder"):
        _ = made("saluki").encoder


@pytest.mark.parametrize("kind", ["tiny", "saluki"])
def test_round_trip(tmp_path: Path, builder: BatchBuilder, kind: str) -> None:
    saved = made(kind)
    loaded = load_predictor(save_predictor(saved, tmp_path / "model"))
    codes = builder.codes[:9]
    assert np.array_equal(loaded.predict_codes(codes), saved.predict_codes(codes))
    assert (loaded.name, loaded.tasks, loaded.metadata) == (kind, saved.tasks, {"seed": 3})
    assert (tmp_path / "model" / "encoder").exists() is (kind == "tiny")


def test_damaged_files(tmp_path: Path, model: Path) -> None:
    with pytest.raises(InputError, match=r"config\.json: not found, expected a fine-tuned model"):
        load_predictor(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"config\.json: "):
        load_predictor(model)
    folder = save_predictor(made(), tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    for changes, message in (
        ({"schema": 99}, "schema"),
        ({"tasks": None}, "tasks"),
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
