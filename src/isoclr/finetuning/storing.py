"""A fine-tuned model on disk: ``config.json`` and ``model.safetensors``. No pickle is read or written."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialise
from torch import Tensor, nn

from isoclr._version import __version__
from isoclr.errors import InputError
from isoclr.files import atomic_path, sha256
from isoclr.finetuning.head import Head, SalukiHead
from isoclr.finetuning.predictor import Predictor
from isoclr.models.resnet import Architecture, DilatedResNet
from isoclr.models.saluki import Saluki

CONFIG, WEIGHTS, ENCODER = "config.json", "model.safetensors", "encoder"
FORMAT, SCHEMA = "isoclr-predictor", 1
_EXPECTED = f"a fine-tuned model is a directory with {CONFIG} and {WEIGHTS}"


def save_predictor(predictor: Predictor, directory: Path) -> Path:
    """Write a model's files; the config comes last, and without it nothing opens.

    An IsoCLR encoder is written to ``encoder/`` too, where ``isoclr embed --model`` finds it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    (directory / CONFIG).unlink(missing_ok=True)
    weights = serialise(_state(predictor))
    with atomic_path(directory / WEIGHTS) as partial:
        partial.write_bytes(weights)
    resnet = isinstance(predictor.network, DilatedResNet)
    if resnet:
        predictor.encoder.save(directory / ENCODER)
    config = {
        "format": FORMAT,
        "schema": SCHEMA,
        "isoclr": __version__,
        "name": predictor.name,
        "tracks": predictor.tracks,
        "architecture": asdict(predictor.network.architecture) if resnet else "saluki",  # type: ignore[arg-type]
        "hidden": predictor.head.hidden[0].out_features if resnet else None,  # type: ignore[index,union-attr]
        "tasks": [
            {"name": name, "mean": mean, "deviation": deviation}
            for name, mean, deviation in zip(
                predictor.tasks,
                predictor.mean.tolist(),
                predictor.deviation.tolist(),
                strict=True,
            )
        ],
        "facts": predictor.facts,
        "sha256": hashlib.sha256(weights).hexdigest(),
    }
    with atomic_path(directory / CONFIG) as partial:
        partial.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return directory


def load_predictor(directory: Path | str) -> Predictor:
    """A fine-tuned model, ready to predict.

    Args:
        directory: what ``isoclr finetune`` wrote.

    Raises:
        InputError: there is no such model, or its files cannot be used.
    """
    directory = Path(directory)
    settings = _read_config(directory / CONFIG)
    try:
        network, head = _empty(settings)
        tasks = [
            (str(t["name"]), float(t["mean"]), float(t["deviation"])) for t in settings["tasks"]
        ]
        name, tracks, facts = str(settings["name"]), int(settings["tracks"]), settings["facts"]
    except (KeyError, TypeError, ValueError, InputError) as error:
        raise InputError(
            f"{directory / CONFIG}: {error!r}, expected what `isoclr finetune` wrote"
        ) from None
    state = _read_weights(directory / WEIGHTS, settings.get("sha256"))
    modules = nn.ModuleDict({"network": network, "head": head})
    try:
        modules.load_state_dict(state)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise InputError(f"{directory / WEIGHTS}: does not fit {CONFIG}: {reason}") from None
    return Predictor(
        name=name,
        network=network,
        head=head,
        tasks=[task for task, _, _ in tasks],
        mean=np.array([mean for _, mean, _ in tasks]),
        deviation=np.array([deviation for _, _, deviation in tasks]),
        tracks=tracks,
        facts=facts,
    )


def _state(predictor: Predictor) -> dict[str, Tensor]:
    modules = nn.ModuleDict({"network": predictor.network, "head": predictor.head})
    return {k: v.detach().cpu().contiguous() for k, v in modules.state_dict().items()}


def _empty(settings: dict[str, Any]) -> tuple[DilatedResNet | Saluki, nn.Module]:
    """A network and a head of the right shape, with weights that will be replaced."""
    tasks, tracks, shape = len(settings["tasks"]), int(settings["tracks"]), settings["architecture"]
    with torch.random.fork_rng(devices=[]):
        if shape == "saluki":
            saluki = Saluki(tracks=tracks)
            return saluki, SalukiHead(saluki.dim, tasks)
        sizes = (tuple(map(int, shape[key])) for key in ("filters", "blocks", "dilations"))
        filters, blocks, dilations = sizes
        architecture = Architecture(
            filters,  # type: ignore[arg-type]  # four sizes each, or the weights do not fit
            blocks,  # type: ignore[arg-type]
            dilations,  # type: ignore[arg-type]
            bool(shape["growing"]),
            shape["pooling"],
        )
        network = DilatedResNet(architecture, tracks=tracks)
        return network, Head(network.dim, tasks, hidden=int(settings["hidden"]), dropout=0.0)


def _read_config(path: Path) -> dict[str, Any]:
    try:
        settings = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: not found; {_EXPECTED}") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a fine-tuned model's config ({error})") from None
    if not isinstance(settings, dict) or settings.get("format") != FORMAT:
        raise InputError(
            f"{path}: not a fine-tuned model's config (no format: {FORMAT}); {_EXPECTED}"
        )
    if settings.get("schema") not in range(1, SCHEMA + 1):
        raise InputError(
            f"{path}: schema is {settings.get('schema')!r}, this isoclr reads 1 to {SCHEMA}"
        )
    return settings


def _read_weights(path: Path, expected: Any) -> dict[str, Tensor]:
    try:
        state = load_file(path)
    except FileNotFoundError:
        raise InputError(f"{path}: not found; {_EXPECTED}") from None
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: not a safetensors file ({error})") from None
    if sha256(path) != expected:
        raise InputError(f"{path}: not the weights that {CONFIG} names (SHA-256 differs)")
    return state
