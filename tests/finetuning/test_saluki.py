import json
from pathlib import Path

import numpy as np
import pytest
import torch

from isoclr.errors import InputError
from isoclr.finetuning.models import BatchBuilder, SalukiHead
from isoclr.finetuning.saluki import SalukiPredictor, load_saluki
from isoclr.models.saluki import Saluki


def made() -> SalukiPredictor:
    """A predictor of two labels whose last layer has random weights."""
    torch.manual_seed(0)
    head = SalukiHead(64, 2)
    torch.nn.init.normal_(head.weight)
    return SalukiPredictor(
        network=Saluki(),
        head=head,
        tasks=("half-life", "translation"),
        mean=np.array([3.0, -1.0]),
        std=np.array([2.0, 0.5]),
        metadata={"seed": 3},
    )


def test_predictions_do_not_depend_on_the_batch(builder: BatchBuilder) -> None:
    predictor, codes = made(), list(builder.codes[:6])
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


def test_round_trip(tmp_path: Path, builder: BatchBuilder) -> None:
    saved = made()
    loaded = load_saluki(saved.save(tmp_path / "model"))
    codes = builder.codes[:9]
    assert np.array_equal(loaded.predict_codes(codes), saved.predict_codes(codes))
    assert (loaded.tasks, loaded.metadata) == (saved.tasks, {"seed": 3})


def test_damaged_files(tmp_path: Path, model: Path) -> None:
    with pytest.raises(InputError, match=r"config\.json: not found, expected a trained Saluki"):
        load_saluki(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"config\.json: "):
        load_saluki(model)
    folder = made().save(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    for changes, message in (
        ({"schema": 99}, "schema"),
        ({"tasks": None}, "tasks"),
        ({"tasks": config["tasks"][:1]}, "does not fit config.json"),
        ({"sha256": "0"}, "SHA-256 differs"),
    ):
        (folder / "config.json").write_text(json.dumps({**config, **changes}))
        with pytest.raises(InputError, match=message) as error:
            load_saluki(folder)
        assert "\n" not in str(error.value)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(b"nonsense")
    with pytest.raises(InputError, match="not a safetensors file"):
        load_saluki(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"model\.safetensors: not found"):
        load_saluki(folder)
