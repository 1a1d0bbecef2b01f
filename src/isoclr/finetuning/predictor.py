"""A fine-tuned model: RNAs in, labels out."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialise
from torch import Tensor, nn

from isoclr._io import atomic_path, sha256
from isoclr._version import __version__
from isoclr.errors import InputError
from isoclr.finetuning.models import BatchBuilder, Head, SalukiHead, saluki_features
from isoclr.genomics.encoding import Codes
from isoclr.models.encoder import DTYPES, Encoder, Precision
from isoclr.models.packing import NARROWEST
from isoclr.models.resnet import Architecture, DilatedResNet
from isoclr.models.saluki import Saluki

CHUNK_NT = 65_536


class Predictor:
    """A network and its last layers, with the scale of the labels they were trained on.

    Attributes:
        name: of the model, such as ``isoclr-s`` or ``saluki``.
        network: the encoder's network, or Saluki.
        head: the last layers.
        tasks: names of the labels, in the order of the predictions' columns.
        mean: ``(tasks,)`` mean of the training labels.
        deviation: ``(tasks,)`` their standard deviation.
        tracks: how many of the six tracks the network reads.
        facts: how it was trained, and how good it is.
    """

    def __init__(
        self,
        *,
        name: str,
        network: DilatedResNet | Saluki,
        head: nn.Module,
        tasks: Sequence[str],
        mean: NDArray[np.float64],
        deviation: NDArray[np.float64],
        tracks: int,
        facts: dict[str, Any],
    ) -> None:
        self.name, self.tracks, self.facts = name, tracks, facts
        self.network, self.head = network.eval(), head.eval()
        self.tasks, self.mean, self.deviation = tuple(tasks), mean, deviation

    def __repr__(self) -> str:
        return f"Predictor({self.name!r}, tasks={', '.join(self.tasks)})"

    @property
    def encoder(self) -> Encoder:
        """The fine-tuned encoder, which embeds and saves itself as any other.

        Raises:
            InputError: Saluki has none.
        """
        if not isinstance(self.network, DilatedResNet):
            raise InputError(f"{self.name}: is no IsoCLR encoder, and only those embed RNAs")
        return Encoder(self.network, name=self.name, tracks=self.tracks)

    def predict_codes(
        self,
        codes: Sequence[Codes],
        *,
        precision: Precision = "float32",
        progress: Callable[[int], None] | None = None,
    ) -> NDArray[np.float64]:
        """Labels ``(n, tasks)`` in their own units, of RNAs given as byte codes (:mod:`isoclr.genomics.encoding`).

        Args:
            codes: one array ``(length,)`` an RNA, of any length.
            precision: of the activations.
            progress: called with the number of nt done since the last call.

        Raises:
            InputError: an RNA without a single base, or an unknown precision.
        """
        if precision not in DTYPES:
            raise InputError(f"precision is {precision!r}, expected {' or '.join(DTYPES)}")
        empty = [i for i, one in enumerate(codes) if not len(one)]
        if empty:
            raise InputError(f"sequence {empty[0] + 1} is empty, expected bases")
        if not len(codes):
            return np.empty((0, len(self.tasks)))
        device = next(self.head.parameters()).device
        if isinstance(self.network, Saluki):
            feed = BatchBuilder((), device, DTYPES[precision], CHUNK_NT, NARROWEST)
            with torch.inference_mode():
                features = saluki_features(
                    self.network, codes, feed, together=False, progress=progress
                )
        else:
            embedded = self.encoder.embed_codes(codes, precision=precision, progress=progress)
            features = torch.from_numpy(embedded).to(device)
        with torch.inference_mode():
            scaled = self.head(features).double().cpu().numpy()
        predicted: NDArray[np.float64] = scaled * self.deviation + self.mean
        return predicted


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
