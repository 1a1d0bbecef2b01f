"""An encoder ready for use: sequences in, one vector per RNA out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save as to_bytes
from torch.overrides import TorchFunctionMode

from isoclr._config import Meta, read_json
from isoclr._io import atomic_path
from isoclr._tensors import read_tensors
from isoclr._threads import thread_map
from isoclr._version import __version__
from isoclr.errors import InputError
from isoclr.genomics.encoding import Codes, encode, longest_orf, nucleotides
from isoclr.models.inference import FusedResNet
from isoclr.models.packing import PackLayout, Rows, bucket_width, fill_batch, plan_layouts
from isoclr.models.resnet import Architecture, DilatedResNet

CONFIG, WEIGHTS = "config.json", "model.safetensors"
SCHEMA = 1
Precision = Literal["float32", "bf16"]
DTYPES: dict[str, torch.dtype] = {"float32": torch.float32, "bf16": torch.bfloat16}

MODELS = {
    "isoclr-s": Architecture((64, 128, 128, 256), (2, 2, 2, 2), (1, 2, 4, 8)),
    "isoclr-m": Architecture((64, 128, 256, 512), (3, 4, 6, 3), (1, 2, 4, 8)),
    "isoclr-l": Architecture((128, 256, 512, 1024), (3, 4, 6, 3), (1, 4, 16, 64), growing=True),
}


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Content of a model's ``config.json``: enough to build the network without the registry."""

    format: Literal["isoclr-model"] = "isoclr-model"
    schema: Annotated[int, Meta(ge=1, le=SCHEMA)] = SCHEMA
    isoclr: str = __version__
    """Version that wrote the model."""
    name: str
    """Name of the architecture, such as ``isoclr-s``."""
    tracks: Literal[4, 5, 6]
    """How many of the six tracks the model reads."""
    architecture: Architecture
    sha256: str
    """SHA-256 of ``model.safetensors``."""


class Encoder:
    """A network with its name: embeds RNAs of any length, saves itself.

    Args:
        network: PyTorch module; train it as any other.
        name: Name of the architecture, such as ``isoclr-s``.
        tracks: How many of the six tracks it reads.
    """

    def __init__(self, network: DilatedResNet, *, name: str, tracks: int = 6) -> None:
        self.network = network
        self.name = name
        self.tracks = tracks
        self._fused: tuple[object, FusedResNet] | None = None

    def __repr__(self) -> str:
        return (
            f"Encoder({self.name!r}, tracks={self.tracks}, dim={self.dim}, "
            f"parameters={self.num_parameters:,})"
        )

    @property
    def dim(self) -> int:
        """Size of an embedding."""
        return self.network.dim

    @property
    def num_parameters(self) -> int:
        """Number of trained values (no projection head, no running statistics)."""
        return sum(p.numel() for p in self.network.parameters())

    @property
    def sha256(self) -> str:
        """SHA-256 of the weights file that :meth:`save` would write now; identifies the weights."""
        return hashlib.sha256(self._weights()).hexdigest()

    def embed(
        self, sequences: Sequence[str], *, orf: bool = True, precision: Precision = "float32"
    ) -> NDArray[np.float32]:
        """Embed mature RNAs given as text, ``(n, dim)`` float32, one row per sequence.

        Args:
            sequences: RNA or DNA letters, 5' to 3', any case, of any length.
            orf: Mark the codons of the longest open reading frame of at least 300 nt; otherwise the codon track stays
                empty. ``isoclr embed`` does the same for FASTA records without annotation that do not say that they
                are non-coding.
            precision: Type of the activations.

        Raises:
            InputError: A sequence is empty or holds a letter that no nucleic acid has.

        >>> import isoclr
        >>> model = isoclr.create("isoclr-s", seed=0)
        >>> model.embed(["AUGGCUUGA", "GGGACGU"]).shape
        (2, 256)
        """
        if isinstance(sequences, str):
            raise InputError("embed takes a list of sequences, not one sequence: write [sequence]")
        codes = []
        for i, sequence in enumerate(sequences):
            bases = nucleotides(sequence, name=f"sequence {i + 1}")
            codes.append(encode(bases, cds=longest_orf(bases) if orf else None))
        return self.embed_codes(codes, precision=precision)

    def embed_codes(
        self,
        codes: Sequence[Codes],
        *,
        precision: Precision = "float32",
        chunk_nt: int | None = None,
        progress: Callable[[int], None] | None = None,
        choose: Callable[[Sequence[Rows]], Sequence[int]] | None = None,
    ) -> NDArray[np.float32]:
        """Embed RNAs given as byte codes (:mod:`isoclr.genomics.encoding`), ``(n, dim)`` float32 in their order.

        Several RNAs are packed into one chunk; on a CPU every thread computes its own chunk. An RNA longer than
        ``chunk_nt`` is cut into tiles that overlap by the encoder's receptive field, which gives the same embedding in
        bounded memory.

        Args:
            codes: One array ``(length,)`` per RNA.
            precision: Type of the activations.
            chunk_nt: Nucleotides computed at a time by each thread; by default what suits the device.
            progress: Called by any thread with the number of nucleotides done since the last call.
            choose: Gets the numbers of the RNAs of each chunk and returns which chunks to compute; rows of the others
                hold anything. By default all are computed.

        Raises:
            InputError: An RNA is empty, or the precision is unknown.
        """
        lengths = np.array([len(c) for c in codes], np.int64)
        if (lengths == 0).any():
            raise InputError(f"sequence {int(np.argmin(lengths)) + 1} is empty, expected bases")
        if precision not in DTYPES:
            raise InputError(f"precision is {precision!r}, expected {' or '.join(DTYPES)}")
        network = self._inference_network(DTYPES[precision])
        tile_nt = chunk_nt or network.tile_nt
        embeddings = np.empty((len(codes), self.dim), np.float32)

        def embed(layout: PackLayout) -> None:
            nt = int(lengths[layout.rows].sum())
            if len(layout.rows) == 1 and nt > tile_nt:
                embeddings[layout.rows] = network.embed_long(codes[layout.rows[0]], tile_nt)
            else:
                embeddings[layout.rows] = network.embed(fill_batch(layout, codes, lengths))
            if progress is not None:
                progress(nt)

        gap = self.network.architecture.gap
        round_to = bucket_width(lengths, tile_nt, gap)
        layouts = plan_layouts(lengths, gap=gap, chunk_nt=tile_nt, round_to=round_to)
        if choose is not None:
            layouts = [layouts[i] for i in choose([layout.rows for layout in layouts])]
        thread_map(embed, layouts, network.device.type)
        return embeddings

    def _inference_network(self, dtype: torch.dtype) -> FusedResNet:
        """The network with fused batch norms, kept until a weight changes."""
        state = self.network.state_dict(keep_vars=True).values()
        key = (dtype, *((t.data_ptr(), 0 if t.is_inference() else t._version) for t in state))
        if self._fused is None or self._fused[0] != key:
            self._fused = key, FusedResNet(self.network, dtype)
        return self._fused[1]

    def save(self, directory: Path | str) -> Path:
        """Write ``config.json`` and ``model.safetensors``; other files of the directory stay.

        The config is removed first and written last: without it nothing opens.
        """
        directory = Path(directory)
        if directory.is_file():
            raise InputError(f"{directory}: is a file, expected the name of a directory")
        directory.mkdir(parents=True, exist_ok=True)
        (directory / CONFIG).unlink(missing_ok=True)
        with atomic_path(directory / WEIGHTS) as partial:
            partial.write_bytes(self._weights())
        architecture = self.network.architecture
        config = ModelConfig(
            name=self.name,
            tracks=self.tracks,  # type: ignore[arg-type]
            architecture=architecture,
            sha256=self.sha256,
        )
        with atomic_path(directory / CONFIG) as partial:
            partial.write_text(json.dumps(asdict(config), indent=2) + "\n")
        return directory

    def _weights(self) -> bytes:
        """Content of ``model.safetensors``."""
        state = self.network.state_dict()
        return to_bytes({k: v.detach().cpu().contiguous() for k, v in state.items()})


def create(
    name: str,
    *,
    tracks: int = 6,
    seed: int | None = None,
    dropout: float = 0.1,
    pooling: str = "last",
) -> Encoder:
    """An untrained encoder.

    Args:
        name: Architecture: ``isoclr-s``, ``isoclr-m`` or ``isoclr-l``.
        tracks: Input tracks: 6 (sequence, codon starts, exon ends), 5 (sequence, codon starts) or 4 (sequence).
        seed: Random seed of the weights; None draws them from torch's generator.
        dropout: Dropout probability inside the residual blocks while training.
        pooling: Read-out: ``last`` takes the mean of the last block's activations, ``all`` those of all blocks one
            after the other; see :class:`isoclr.models.resnet.ReadOut` for the others.

    Raises:
        InputError: An argument has no such value.

    >>> create("isoclr-s", seed=0).num_parameters
    787264
    """
    if name not in MODELS:
        raise InputError(f"{name!r} is not a model; the models are {', '.join(MODELS)}")
    if tracks not in (4, 5, 6):
        raise InputError(f"a model has 4, 5 or 6 tracks, not {tracks}")
    if not 0 <= dropout <= 0.99:
        raise InputError(f"dropout is {dropout:g}, expected 0 to 0.99")
    architecture = replace(MODELS[name], pooling=pooling)
    with torch.random.fork_rng(devices=[], enabled=seed is not None):
        if seed is not None:
            torch.manual_seed(seed)
        network = DilatedResNet(architecture, tracks=tracks, dropout=dropout)
    return Encoder(network.eval(), name=name, tracks=tracks)


class SkipInit(TorchFunctionMode):
    """Networks built inside get no random weights, because a file's weights replace them.

    Random initialization on the meta device would import torch's compiler, which takes longer than all the rest.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func in (torch.Tensor.normal_, torch.Tensor.uniform_):
            return args[0]
        return func(*args, **(kwargs or {}))


def read_config(path: Path) -> ModelConfig:
    """Content of a model's ``config.json``.

    Raises:
        InputError: The file is missing or describes no model.
    """
    return read_json(path, ModelConfig, what=f"a model: a directory with {CONFIG} and {WEIGHTS}")


def read_model(directory: Path) -> Encoder:
    """The encoder that :meth:`Encoder.save` wrote.

    Raises:
        InputError: A file is missing or damaged, or config and weights do not belong together.
    """
    config = read_config(directory / CONFIG)
    path = directory / WEIGHTS
    tensors = read_tensors(path, config.sha256)
    for name, tensor in tensors.items():
        if name.endswith("running_var") and bool((tensor < 0).any()):
            raise InputError(f"{path}: tensor {name!r} holds a negative variance")
    with torch.device("meta"), SkipInit():
        network = DilatedResNet(config.architecture, tracks=config.tracks)
    try:
        network.load_state_dict(tensors, assign=True)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise InputError(f"{path}: does not fit {CONFIG}: {reason}") from error
    network.stem.fill_tracks(config.tracks)
    network.requires_grad_(True).eval()
    return Encoder(network, name=config.name, tracks=config.tracks)
