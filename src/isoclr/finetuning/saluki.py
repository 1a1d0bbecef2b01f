"""A trained Saluki: RNAs in, labels out."""

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
from isoclr.finetuning.models import BatchBuilder, SalukiHead, saluki_features
from isoclr.genomics.encoding import Codes
from isoclr.models.encoder import CONFIG, DTYPES, WEIGHTS, Precision, check_codes
from isoclr.models.packing import NARROWEST
from isoclr.models.saluki import Saluki

CHUNK_NT = 65_536


@dataclass(kw_only=True, repr=False, eq=False)
class SalukiPredictor:
    """The network with its last layer, and the scale of the labels it was trained on."""

    network: Saluki
    head: SalukiHead
    tasks: tuple[str, ...]  # Names of the labels, in the order of the predictions' columns
    mean: NDArray[np.float64]  # (labels,) mean of the training labels
    std: NDArray[np.float64]  # (labels,) their standard deviation
    metadata: dict[str, Any]  # Options of the training, and its metrics

    def __post_init__(self) -> None:
        self.network.eval()

    def __repr__(self) -> str:
        return f"SalukiPredictor(tasks={', '.join(self.tasks)})"

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
        builder = BatchBuilder((), self.head.weight.device, DTYPES[precision], CHUNK_NT, NARROWEST)
        with torch.inference_mode():
            features = saluki_features(self.network, codes, builder, together=False, progress=progress)
            standardized = self.head(features).double().cpu().numpy()
        predicted: NDArray[np.float64] = standardized * self.std + self.mean
        return predicted

    def save(self, directory: Path) -> Path:
        """Write ``config.json`` and ``model.safetensors``; the config comes last, and without it nothing opens."""
        directory.mkdir(parents=True, exist_ok=True)
        (directory / CONFIG).unlink(missing_ok=True)
        state = _modules(self.network, self.head).state_dict()
        weights = to_bytes({name: t.detach().cpu().contiguous() for name, t in state.items()})
        with atomic_path(directory / WEIGHTS) as partial:
            partial.write_bytes(weights)
        config = SalukiConfig(
            format="isoclr-saluki",
            schema=1,
            tasks=list(map(LabelScale, self.tasks, self.mean.tolist(), self.std.tolist())),
            facts=self.metadata,
            sha256=hashlib.sha256(weights).hexdigest(),
        )
        write_json(directory / CONFIG, asdict(config))
        return directory


@dataclass(frozen=True)
class LabelScale:
    """A label and its scale."""

    name: str
    mean: float
    deviation: float  # Standard deviation


@dataclass(frozen=True, kw_only=True)
class SalukiConfig:
    """Content of the ``config.json`` of a trained Saluki."""

    format: Literal["isoclr-saluki"]
    schema: Literal[1]
    tasks: list[LabelScale]
    facts: dict[str, Any]  # Options of the training, and its metrics
    sha256: str  # SHA-256 of the weights
    isoclr: str = __version__  # Version that wrote the model


def load_saluki(directory: Path | str) -> SalukiPredictor:
    """Open a Saluki that ``isoclr finetune --model saluki`` trained.

    Raises:
        InputError: There is none, or its files are damaged or do not match.
    """
    directory = Path(directory)
    expected = f"a trained Saluki: a directory with {CONFIG} and {WEIGHTS} of isoclr finetune --model saluki"
    config = read_json(directory / CONFIG, SalukiConfig, what=expected)
    with torch.random.fork_rng(devices=[]):  # weights that will be replaced
        network = Saluki()
        head = SalukiHead(network.dim, len(config.tasks))
    try:
        _modules(network, head).load_state_dict(read_tensors(directory / WEIGHTS, config.sha256))
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise InputError(f"{directory / WEIGHTS}: does not fit {CONFIG}: {reason}") from None
    return SalukiPredictor(
        network=network,
        head=head,
        tasks=tuple(task.name for task in config.tasks),
        mean=np.array([task.mean for task in config.tasks]),
        std=np.array([task.deviation for task in config.tasks]),
        metadata=config.facts,
    )


def _modules(network: nn.Module, head: nn.Module) -> nn.ModuleDict:
    return nn.ModuleDict({"network": network, "head": head})
