"""An encoder ready for use: sequences in, one vector per RNA out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialise
from torch.overrides import TorchFunctionMode

from isoclr._io import atomic_path, sha256
from isoclr._threads import thread_map
from isoclr._version import __version__
from isoclr.errors import InputError
from isoclr.genomics.encoding import Codes, encode, longest_orf, nucleotides
from isoclr.models.inference import FusedResNet
from isoclr.models.packing import PackLayout, bucket_width, fill_batch, plan_layouts
from isoclr.models.resnet import Architecture, DilatedResNet, Pooling

CONFIG, WEIGHTS = "config.json", "model.safetensors"
SCHEMA = 1
_EXPECTED = f"a model is a directory with {CONFIG} and {WEIGHTS}"
_LARGEST = {"filters": 65_536, "blocks": 1_000, "dilations": 65_536}
"""No network is larger; a damaged config must not fill the memory."""


def save(encoder: Encoder, directory: Path) -> Path:
    """Write a model's two files; the config comes last, and without it nothing opens.

    Other files in the directory, such as a training run's checkpoint, are left as they are.
    """
    if directory.is_file():
        raise InputError(f"{directory}: is a file, expected the name of a directory")
    directory.mkdir(parents=True, exist_ok=True)
    (directory / CONFIG).unlink(missing_ok=True)
    with atomic_path(directory / WEIGHTS) as partial:
        partial.write_bytes(_serialised(encoder))
    with atomic_path(directory / CONFIG) as partial:
        partial.write_text(json.dumps(config(encoder), indent=2) + "\n")
    return directory


def config(encoder: Encoder) -> dict[str, Any]:
    """What ``config.json`` holds: enough to make the network again without the registry."""
    return {
        "format": "isoclr-model",
        "schema": SCHEMA,
        "isoclr": __version__,
        "name": encoder.name,
        "tracks": encoder.tracks,
        "architecture": asdict(encoder.network.architecture),
        "sha256": encoder.sha256,
    }


def digest(encoder: Encoder) -> str:
    """SHA-256 of the weights file."""
    return hashlib.sha256(_serialised(encoder)).hexdigest()


def _serialised(encoder: Encoder) -> bytes:
    state = {k: v.detach().cpu().contiguous() for k, v in encoder.network.state_dict().items()}
    return serialise(state)


class Unfilled(TorchFunctionMode):
    """A network made inside gets no random weights: they would be replaced at once.

    Drawing them on the meta device would also make torch import its compiler, which takes longer than all the rest.
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


def read(directory: Path) -> tuple[DilatedResNet, dict[str, Any]]:
    """The network and the config of a saved model.

    Raises:
        InputError: a file is missing, is not what it should be, or does not fit the other.
    """
    settings = read_config(directory / CONFIG)
    architecture = _architecture(directory / CONFIG, settings)
    path = directory / WEIGHTS
    try:
        state = load_file(path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: not found; {_EXPECTED}") from error
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: not a safetensors file ({error})") from error
    if sha256(path) != settings.get("sha256"):
        raise InputError(f"{path}: not the weights that {CONFIG} names (SHA-256 differs)")
    with torch.device("meta"), Unfilled():
        network = DilatedResNet(architecture, tracks=settings["tracks"])
    try:
        network.load_state_dict(state, assign=True)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise InputError(f"{path}: does not fit {CONFIG}: {reason}") from error
    network.stem.fill_tracks(settings["tracks"])
    return network.requires_grad_(True).eval(), settings


def read_config(path: Path) -> dict[str, Any]:
    """A model's config, in a schema that is known.

    Raises:
        InputError: the file is missing or says something else.
    """
    try:
        settings = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{path}: not found; {_EXPECTED}") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a model's config ({error})") from error
    if not isinstance(settings, dict) or settings.get("format") != "isoclr-model":
        raise InputError(f"{path}: not a model's config (no format: isoclr-model)")
    if settings.get("schema") not in range(1, SCHEMA + 1):
        raise InputError(
            f"{path}: schema is {settings.get('schema')!r}, this isoclr reads 1 to {SCHEMA}"
        )
    return settings


def _architecture(path: Path, settings: dict[str, Any]) -> Architecture:
    """The network's shape; every setting is checked, because a network is made of it before the weights can object."""
    shape = settings.get("architecture")
    found = shape if isinstance(shape, dict) else {}
    checks = {
        "name": isinstance(settings.get("name"), str),
        "tracks": settings.get("tracks") in (4, 5, 6),
        **{key: _four_sizes(found.get(key), most) for key, most in _LARGEST.items()},
        "growing": isinstance(found.get("growing"), bool),
        "pooling": found.get("pooling", "last") in get_args(Pooling),
    }
    for key, good in checks.items():
        if not good:
            value = settings.get(key, found.get(key))
            raise InputError(f"{path}: {key} is {value!r}, expected what `isoclr pretrain` wrote")
    filters, blocks, dilations = (tuple(found[key]) for key in _LARGEST)
    return Architecture(filters, blocks, dilations, found["growing"], found.get("pooling", "last"))


def _four_sizes(value: Any, most: int) -> bool:
    """Whether this is one size a stage, each of them possible."""
    return (
        isinstance(value, list)
        and len(value) == 4
        and all(type(size) is int and 0 < size <= most for size in value)
    )


Precision = Literal["float32", "bf16"]
DTYPES: dict[str, torch.dtype] = {"float32": torch.float32, "bf16": torch.bfloat16}


class Encoder:
    """A network with its name: embeds RNAs of any length, saves itself.

    Attributes:
        network: the torch module, for those who want to train it.
        name: the model's name in the registry.
        tracks: how many of the six tracks it reads.
    """

    def __init__(self, network: DilatedResNet, *, name: str, tracks: int = 6) -> None:
        self.network = network
        self.name = name
        self.tracks = tracks
        self._folded: tuple[object, FusedResNet] | None = None

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
        """Number of trained values in the body (no projection head, no running statistics)."""
        return sum(p.numel() for p in self.network.parameters())

    @property
    def sha256(self) -> str:
        """SHA-256 of the weights file that :meth:`save` would write now: names exactly these weights."""
        return digest(self)

    def embed(
        self, sequences: Sequence[str], *, orf: bool = True, precision: Precision = "float32"
    ) -> NDArray[np.float32]:
        """Embed mature RNAs given as text, one row each, ``(n, dim)`` float32.

        Args:
            sequences: RNA or DNA letters, 5' to 3', any case, of any length.
            orf: mark the codons of the longest open reading frame of 300 nt or more, as ``isoclr embed`` does for a
                FASTA without annotation, unless a record's name or header says that it does not code; else the codon
                track stays empty.
            precision: of the activations.

        Raises:
            InputError: an empty sequence, or a letter that no nucleic acid has.

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
    ) -> NDArray[np.float32]:
        """Embed RNAs given as byte codes (:mod:`isoclr.genomics.encoding`), ``(n, dim)`` float32 in their order.

        Several RNAs are computed together, on a CPU one such chunk on every thread. An RNA longer than ``chunk_nt``
        is cut into tiles that overlap by the encoder's reach, which gives the same embedding in bounded memory.

        Args:
            codes: one array ``(length,)`` an RNA.
            precision: of the activations.
            chunk_nt: nt computed at a time, on each thread of a CPU; None: what suits the device.
            progress: called with the number of nt done since the last call, by whichever thread did them.

        Raises:
            InputError: an RNA without a single base, or an unknown precision.
        """
        lengths = np.array([len(c) for c in codes], np.int64)
        if (lengths == 0).any():
            raise InputError(f"sequence {int(np.argmin(lengths)) + 1} is empty, expected bases")
        if precision not in DTYPES:
            raise InputError(f"precision is {precision!r}, expected {' or '.join(DTYPES)}")
        folded = self._fold(DTYPES[precision])
        tile_nt = chunk_nt or folded.tile_nt
        embeddings = np.empty((len(codes), self.dim), np.float32)

        def embed(layout: PackLayout) -> None:
            total = int(lengths[layout.rows].sum())
            if len(layout.rows) == 1 and total > tile_nt:
                found = folded.embed_long(codes[layout.rows[0]], tile_nt)
            else:
                found = folded.embed(fill_batch(layout, codes, lengths))
            embeddings[layout.rows] = found
            if progress is not None:
                progress(total)

        gap = self.network.architecture.gap
        round_to = bucket_width(lengths, tile_nt, gap)
        layouts = plan_layouts(lengths, gap=gap, chunk_nt=tile_nt, round_to=round_to)
        thread_map(embed, layouts, folded.device.type)
        return embeddings

    def _fold(self, dtype: torch.dtype) -> FusedResNet:
        """The network ready for evaluation; kept until a weight changes."""
        state = self.network.state_dict(keep_vars=True).values()
        key = (dtype, *((t.data_ptr(), 0 if t.is_inference() else t._version) for t in state))
        if self._folded is None or self._folded[0] != key:
            self._folded = key, FusedResNet(self.network, dtype)
        return self._folded[1]

    def save(self, directory: Path | str) -> Path:
        """Write ``config.json`` and ``model.safetensors``; the directory appears when both are whole."""
        return save(self, Path(directory))


MODELS = {
    "isoclr-s": Architecture((64, 128, 128, 256), (2, 2, 2, 2), (1, 2, 4, 8)),
    "isoclr-m": Architecture((64, 128, 256, 512), (3, 4, 6, 3), (1, 2, 4, 8)),
    "isoclr-l": Architecture((128, 256, 512, 1024), (3, 4, 6, 3), (1, 4, 16, 64), growing=True),
}


def create(
    name: str,
    *,
    tracks: int = 6,
    seed: int | None = None,
    dropout: float = 0.1,
    pooling: Pooling = "last",
) -> Encoder:
    """An untrained encoder.

    Args:
        name: ``isoclr-s``, ``isoclr-m`` or ``isoclr-l``.
        tracks: 6 (sequence, codon starts, exon ends), 5 (sequence, codon starts) or 4 (sequence).
        seed: of the random weights; None draws them from torch's generator.
        dropout: probability inside the residual blocks while training.
        pooling: ``last``: an embedding is the mean of the last block's activations; ``all``: those of all blocks, one
            after the other.

    Raises:
        InputError: no such model or number of tracks.

    >>> create("isoclr-s", seed=0).num_parameters
    787264
    """
    if name not in MODELS:
        raise InputError(f"{name!r} is not a model; the models are {', '.join(MODELS)}")
    if tracks not in (4, 5, 6):
        raise InputError(f"a model has 4, 5 or 6 tracks, not {tracks}")
    if not 0 <= dropout <= 0.99:
        raise InputError(f"dropout is {dropout:g}, expected 0 to 0.99")
    if pooling not in get_args(Pooling):
        raise InputError(f"pooling is {pooling!r}, expected one of {', '.join(get_args(Pooling))}")
    with torch.random.fork_rng(devices=[], enabled=seed is not None):
        if seed is not None:
            torch.manual_seed(seed)
        architecture = replace(MODELS[name], pooling=pooling)
        network = DilatedResNet(architecture, tracks=tracks, dropout=dropout)
    return Encoder(network.eval(), name=name, tracks=tracks)
