"""A fine-tuned model: RNAs in, labels out."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save as to_bytes
from torch import nn

from isoclr._config import read_json
from isoclr._io import atomic_path
from isoclr._report import write_json
from isoclr._tensors import read_tensors
from isoclr._version import __version__
from isoclr.errors import InputError
from isoclr.finetuning.models import BatchBuilder, Head, SalukiHead, saluki_features
from isoclr.genomics.encoding import Codes
from isoclr.models.encoder import CONFIG, DTYPES, WEIGHTS, Encoder, Precision, check_codes
from isoclr.models.packing import NARROWEST
from isoclr.models.resnet import Architecture, DilatedResNet
from isoclr.models.saluki import Saluki

CHUNK_NT = 65_536


@dataclass(kw_only=True, repr=False, eq=False)
class Predictor:
    """A network with its head, and the scale of the labels it was trained on."""

    name: str  # Name of the model, such as isoclr-s or saluki
    network: DilatedResNet | Saluki
    head: nn.Module
    tasks: tuple[str, ...]  # Names of the labels, in the order of the predictions' columns
    mean: NDArray[np.float64]  # (labels,) mean of the training labels
    std: NDArray[np.float64]  # (labels,) their standard deviation
    tracks: int  # Number of the six tracks that the network reads
    metadata: dict[str, Any]  # Options of the training, and its metrics

    def __post_init__(self) -> None:
        self.network.eval()
        self.head.eval()

    def __repr__(self) -> str:
        return f"Predictor({self.name!r}, tasks={', '.join(self.tasks)})"

    @property
    def encoder(self) -> Encoder:
        """The fine-tuned encoder.

        Raises:
            InputError: Saluki is no encoder.
        """
        if not isinstance(self.network, DilatedResNet):
            raise InputError(f"{self.name}: is no IsoCLR encoder; only those embed RNAs")
        return Encoder(self.network, name=self.name, tracks=self.tracks)

    def predict_codes(
        self, codes: Sequence[Codes], *, precision: Precision = "float32", progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float64]:
        """Predict the labels ``(n, labels)`` of RNAs, in the units of the label tables.

        Args:
            codes: Six-track codes ``(length,)`` of each RNA (:mod:`isoclr.genomics.encoding`).
            precision: Precision of the activations.
            progress: Called with the number of nt done since the last call.

        Raises:
            InputError: An RNA is empty, or the precision is unknown.
        """
        check_codes(codes, precision)
        if not len(codes):
            return np.empty((0, len(self.tasks)))
        device = next(self.head.parameters()).device
        with torch.inference_mode():
            if isinstance(self.network, Saluki):
                builder = BatchBuilder((), device, DTYPES[precision], CHUNK_NT, NARROWEST)
                features = saluki_features(self.network, codes, builder, together=False, progress=progress)
            else:
                embedded = self.encoder.embed_codes(codes, precision=precision, progress=progress)
                features = torch.from_numpy(embedded).to(device)
            standardized = self.head(features).double().cpu().numpy()
        predicted: NDArray[np.float64] = standardized * self.std + self.mean
        return predicted


ENCODER = "encoder"  # Folder of the encoder in that of the model


@dataclass(frozen=True)
class LabelScale:
    """A label and its scale."""

    name: str
    mean: float
    deviation: float  # Standard deviation


@dataclass(frozen=True, kw_only=True)
class PredictorConfig:
    """Content of the ``config.json`` of a fine-tuned model."""

    format: Literal["isoclr-predictor"]
    schema: Literal[1]
    name: str
    tracks: int
    architecture: Architecture | Literal["saluki"]
    hidden: int | None  # Width of the head's hidden layers; None for Saluki
    tasks: list[LabelScale]
    facts: dict[str, Any]  # Options of the training, and its metrics
    sha256: str  # SHA-256 of the weights
    isoclr: str = __version__  # Version that wrote the model


def save_predictor(predictor: Predictor, directory: Path) -> Path:
    """Write a model's files; the config comes last, and without it nothing opens.

    An IsoCLR encoder is also written to ``encoder/``, for ``isoclr embed --model``.
    """
    directory.mkdir(parents=True, exist_ok=True)
    (directory / CONFIG).unlink(missing_ok=True)
    state = _modules(predictor.network, predictor.head).state_dict()
    weights = to_bytes({name: t.detach().cpu().contiguous() for name, t in state.items()})
    with atomic_path(directory / WEIGHTS) as partial:
        partial.write_bytes(weights)
    if isinstance(predictor.network, DilatedResNet):
        predictor.encoder.save(directory / ENCODER)
    head = predictor.head
    config = PredictorConfig(
        format="isoclr-predictor",
        schema=1,
        name=predictor.name,
        tracks=predictor.tracks,
        architecture=("saluki" if isinstance(predictor.network, Saluki) else predictor.network.architecture),
        hidden=head.hidden[0].out_features if isinstance(head, Head) else None,  # type: ignore[arg-type]
        tasks=list(map(LabelScale, predictor.tasks, predictor.mean.tolist(), predictor.std.tolist())),
        facts=predictor.metadata,
        sha256=hashlib.sha256(weights).hexdigest(),
    )
    write_json(directory / CONFIG, asdict(config))
    return directory


def load_predictor(directory: Path | str) -> Predictor:
    """Open a fine-tuned model."""
    directory = Path(directory)
    expected = f"a fine-tuned model: a directory with {CONFIG} and {WEIGHTS} of isoclr finetune"
    config = read_json(directory / CONFIG, PredictorConfig, what=expected)
    network, head = _empty_modules(config)
    try:
        _modules(network, head).load_state_dict(read_tensors(directory / WEIGHTS, config.sha256))
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise InputError(f"{directory / WEIGHTS}: does not fit {CONFIG}: {reason}") from None
    return Predictor(
        name=config.name,
        network=network,
        head=head,
        tasks=tuple(task.name for task in config.tasks),
        mean=np.array([task.mean for task in config.tasks]),
        std=np.array([task.deviation for task in config.tasks]),
        tracks=config.tracks,
        metadata=config.facts,
    )


def _modules(network: nn.Module, head: nn.Module) -> nn.ModuleDict:
    return nn.ModuleDict({"network": network, "head": head})


def _empty_modules(config: PredictorConfig) -> tuple[DilatedResNet | Saluki, nn.Module]:
    """A network and a head of the right shape, whose weights will be replaced."""
    labels = len(config.tasks)
    with torch.random.fork_rng(devices=[]):
        if not isinstance(config.architecture, Architecture):
            saluki = Saluki(tracks=config.tracks)
            return saluki, SalukiHead(saluki.dim, labels)
        network = DilatedResNet(config.architecture, tracks=config.tracks)
        return network, Head(network.dim, labels, hidden=config.hidden or 1, dropout=0.0)
