"""An encoder ready for use: sequences in, one vector per RNA out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal, get_args, overload

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save as to_bytes
from torch.overrides import TorchFunctionMode

from isoclr._config import Meta, read_json
from isoclr._html import card
from isoclr._io import atomic_path
from isoclr._tensors import read_tensors
from isoclr._threads import thread_map
from isoclr._version import __version__
from isoclr.errors import InputError
from isoclr.genomics.encoding import Codes, encode, longest_orf, nucleotides
from isoclr.models.attribution import Attribution, Method, attribute
from isoclr.models.inference import FusedResNet
from isoclr.models.packing import STRIDE, PackLayout, Rows, bucket_width, fill_batch, plan_layouts
from isoclr.models.resnet import Architecture, DilatedResNet

CONFIG, WEIGHTS = "config.json", "model.safetensors"
SCHEMA = 1
Precision = Literal["float32", "bf16"]
Resolution = Literal["window", "base"]
DTYPES: dict[str, torch.dtype] = {"float32": torch.float32, "bf16": torch.bfloat16}

MODELS = {
    "isoclr-xs": Architecture((16, 32, 32, 64), (2, 2, 2, 2), (1, 2, 4, 8)),
    "isoclr-s": Architecture((64, 128, 128, 256), (2, 2, 2, 2), (1, 2, 4, 8)),
    "isoclr-m": Architecture((64, 128, 256, 512), (3, 4, 6, 3), (1, 2, 4, 8)),
    "isoclr-l": Architecture((128, 256, 512, 1024), (3, 4, 6, 3), (1, 4, 16, 64), growing=True),
}


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Content of a model's ``config.json``: enough to build the network without the registry."""

    format: Literal["isoclr-model"] = "isoclr-model"
    schema: Annotated[int, Meta(ge=1, le=SCHEMA)] = SCHEMA
    isoclr: str = __version__  # Version that wrote the model
    name: str  # Name of the architecture, such as isoclr-s
    tracks: Literal[4, 5, 6]  # How many of the six tracks the model reads
    architecture: Architecture
    sha256: str  # SHA-256 of model.safetensors


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
        self._fused: tuple[object, list[torch.Tensor], FusedResNet] | None = None

    def __repr__(self) -> str:
        return f"Encoder({self.name!r}, tracks={self.tracks}, dim={self.dim}, parameters={self.num_parameters:,})"

    def _repr_html_(self) -> str:
        first, last = self.receptive_field
        facts: dict[str, object] = {"tracks": self.tracks, "dimensions": self.dim, "parameters": self.num_parameters}
        facts |= {"pooling": self.network.architecture.pooling}
        return card(f"Encoder {self.name}", {**facts, "receptive field": f"{last - first + 1:,} nt"})

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

    @property
    def receptive_field(self) -> tuple[int, int]:
        """Nt that can influence an activation; see :attr:`isoclr.models.resnet.Architecture.receptive_field`."""
        return self.network.architecture.receptive_field

    @overload
    def embed(
        self,
        sequences: Sequence[str],
        *,
        orf: bool = ...,
        precision: Precision = ...,
        per_position: Literal[False] = ...,
    ) -> NDArray[np.float32]: ...
    @overload
    def embed(
        self,
        sequences: Sequence[str],
        *,
        orf: bool = ...,
        precision: Precision = ...,
        per_position: Literal[True],
        resolution: Resolution = ...,
    ) -> list[NDArray[np.float32]]: ...
    def embed(
        self,
        sequences: Sequence[str],
        *,
        orf: bool = True,
        precision: Precision = "float32",
        per_position: bool = False,
        resolution: Resolution = "window",
    ) -> NDArray[np.float32] | list[NDArray[np.float32]]:
        """Embed mature RNAs given as text, ``(n, dim)`` float32, one row per sequence.

        Args:
            sequences: RNA or DNA letters, 5' to 3', any case, of any length.
            orf: Mark the codons of the longest open reading frame of at least 300 nt; otherwise the codon track stays
                empty. ``isoclr embed`` does the same for FASTA records without annotation that do not say that they
                are non-coding.
            precision: Type of the activations.
            per_position: Return a list with the activations of each RNA instead, see :meth:`positions`.
            resolution: Resolution of these activations.

        Raises:
            InputError: A sequence is empty or holds a letter that no nucleic acid has.

        >>> import isoclr
        >>> model = isoclr.create("isoclr-s", seed=0)
        >>> model.embed(["AUGGCUUGA", "GGGACGU"]).shape
        (2, 256)
        >>> [one.shape for one in model.embed(["AUGGCUUGA", "GGGACGU" * 9], per_position=True)]
        [(1, 256), (2, 256)]
        """
        if isinstance(sequences, str):
            raise InputError("embed takes a list of sequences, not one sequence: write [sequence]")
        codes = [codes_of(sequence, orf=orf, name=f"sequence {i + 1}") for i, sequence in enumerate(sequences)]
        if per_position:
            return self.positions(codes, resolution=resolution, precision=precision)
        return self.embed_codes(codes, precision=precision)

    def positions(
        self, codes: Sequence[Codes], *, resolution: Resolution = "window", precision: Precision = "float32"
    ) -> list[NDArray[np.float32]]:
        """Activations along each RNA, ``(positions, channels)`` float32: what the embedding summarizes.

        A position of the last block stands for 32 nt (``isoclr.models.packing.STRIDE``). Window ``i`` covers nt
        ``32 i`` to ``32 i + 31`` from the 5' end, and the last one may cover fewer. Its activations depend on nt
        ``32 i + first`` to ``32 i + last`` with ``first, last =`` :attr:`receptive_field`. With a read-out of all
        blocks (``pooling="all"``, as the shipped model) the channels of every block follow each other as in the
        embedding. Earlier blocks have a finer resolution, of 4 to 32 nt.

        Args:
            codes: One array ``(length,)`` per RNA.
            resolution: ``window``: one row per 32 nt; activations of finer blocks are averaged within each window.
                ``base``: one row per nt, by linear interpolation between the centers of a block's positions, and
                constant before the first and after the last center. A long RNA of the shipped model then takes
                4.6 kB per nt.
            precision: Type of the activations.

        Raises:
            InputError: An RNA is empty, or there is no such precision or resolution.
        """
        check_codes(codes, precision)
        network = self._inference_network(DTYPES[precision])
        if resolution not in get_args(Resolution):
            raise InputError(f"resolution is {resolution!r}, expected {' or '.join(get_args(Resolution))}")
        resample = _windows if resolution == "window" else _bases

        def one(code: Codes) -> NDArray[np.float32]:
            blocks = network.positions(code, network.tile_nt)
            return np.concatenate([resample(x, stride, len(code)) for stride, x in blocks], 1)

        return thread_map(one, codes, network.device.type)

    def attribution(
        self,
        rna: str | Codes,
        head: Any,
        *,
        label: str | None = None,
        orf: bool = True,
        method: Method = "integrated-gradients",
        steps: int = 64,
    ) -> Attribution:
        """How much each base, codon mark and exon mark of an RNA adds to a prediction.

        Args:
            rna: Letters, or codes ``(L,)`` with marks of codons and exons (:mod:`isoclr.genomics.encoding`).
            head: Head from :func:`isoclr.load_head` or :func:`isoclr.fit`; a linear model with ``coefficients`` and
                ``intercept``; or coefficients ``(dim,)``.
            label: Which label, if the head predicts several.
            orf: For letters, mark the longest open reading frame, as :meth:`embed` does.
            method: ``integrated-gradients`` from an RNA of unknown bases, or ``gradient`` (times input), which takes
                one backward pass.
            steps: Number of points of the integral; a large :attr:`Attribution.residual` asks for more.

        Raises:
            InputError: An empty RNA, or a head of other embeddings or of another encoder's.

        >>> import isoclr
        >>> model = isoclr.create("isoclr-s", seed=0)
        >>> result = model.attribution("AUGGCUUGA" * 4, np.ones(model.dim))
        >>> result.values.shape, abs(result.residual) < 0.05 * abs(result.prediction)
        ((36, 6), True)
        """
        if hasattr(head, "linear"):
            head.check_weights(self.name, self.sha256)
            head = head.linear(label)
        codes = codes_of(rna, orf=orf, name="the RNA") if isinstance(rna, str) else rna
        return attribute(
            self.network,
            codes,
            np.asarray(getattr(head, "coefficients", head)),
            float(getattr(head, "intercept", 0.0)),
            method=method,
            steps=steps,
        )

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
        check_codes(codes, precision)
        network = self._inference_network(DTYPES[precision])
        lengths = np.array([len(c) for c in codes], np.int64)
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
        """The network with fused batch norms, kept until a weight changes.

        The weights are compared, because torch's version counters miss fused optimizers and writes to ``.data``.
        """
        state = list(self.network.state_dict().values())
        key = dtype, self.network.architecture, [(t.device, t.dtype) for t in state]
        if self._fused is None or self._fused[0] != key or not all(map(torch.equal, state, self._fused[1])):
            self._fused = key, [t.clone() for t in state], FusedResNet(self.network, dtype)
        return self._fused[2]

    def save(self, directory: Path | str) -> Path:
        """Write ``config.json`` and ``model.safetensors``; other files of the directory stay.

        The config is removed first and written last: without it nothing opens.
        """
        directory = Path(directory)
        if directory.is_file():
            raise InputError(f"{directory}: is a file, expected the name of a directory")
        directory.mkdir(parents=True, exist_ok=True)
        (directory / CONFIG).unlink(missing_ok=True)
        weights = self._weights()
        with atomic_path(directory / WEIGHTS) as partial:
            partial.write_bytes(weights)
        config = ModelConfig(
            name=self.name,
            tracks=self.tracks,  # type: ignore[arg-type]
            architecture=self.network.architecture,
            sha256=hashlib.sha256(weights).hexdigest(),
        )
        with atomic_path(directory / CONFIG) as partial:
            partial.write_text(json.dumps(asdict(config), indent=2) + "\n")
        return directory

    @classmethod
    def from_pretrained(cls, model: Path | str, *, revision: str | None = None) -> Encoder:
        """:func:`isoclr.load` under the name that users of the Hugging Face hub know.

        Args:
            model: Directory, bundled model, or ``user/name`` of the hub.
            revision: Commit, tag or branch; required for a model of the hub.
        """
        import isoclr

        return isoclr.load(model, revision=revision)

    def save_pretrained(self, save_directory: Path | str) -> Path:
        """:meth:`save` under the name that users of the Hugging Face hub know."""
        return self.save(save_directory)

    def push_to_hub(self, repo_id: str, **options: Any) -> str:
        """Save the model to a temporary directory and :func:`isoclr.push` it.

        Args:
            repo_id: ``user/name``.
            options: Options of :func:`isoclr.push`: ``revision``, ``private``, ``message``, ``results``, …

        Returns:
            The new commit, for ``from_pretrained(repo_id, revision=…)``.
        """
        import isoclr

        with TemporaryDirectory() as folder:
            return isoclr.push(self.save(folder), repo_id, **options).address.revision

    def _weights(self) -> bytes:
        """Content of ``model.safetensors``."""
        state = self.network.state_dict()
        return to_bytes({k: v.detach().cpu().contiguous() for k, v in state.items()})


def check_codes(codes: Sequence[Codes], precision: str) -> None:
    """Refuse an empty RNA, and a precision that does not exist."""
    empty = next((i for i, one in enumerate(codes) if not len(one)), None)
    if empty is not None:
        raise InputError(f"sequence {empty + 1} is empty, expected bases")
    if precision not in DTYPES:
        raise InputError(f"precision is {precision!r}, expected {' or '.join(DTYPES)}")


def codes_of(sequence: str, *, orf: bool, name: str) -> Codes:
    """Codes of letters; with ``orf``, the codons of the longest open reading frame are marked."""
    bases = nucleotides(sequence, name=name)
    return encode(bases, cds=longest_orf(bases) if orf else None)


def _windows(x: NDArray[np.float32], stride: int, _nt: int) -> NDArray[np.float32]:
    """Means over windows of :data:`STRIDE` nt of activations with ``stride`` nt per position."""
    starts = np.arange(0, len(x), STRIDE // stride)
    counts = np.diff(np.append(starts, len(x)))
    sums = np.add.reduceat(x, starts, axis=0)
    return np.asarray(sums / counts[:, None], np.float32)


def _bases(x: NDArray[np.float32], stride: int, nt: int) -> NDArray[np.float32]:
    """Linear interpolation at every nt between the centers of positions."""
    at = np.clip((np.arange(nt) - (stride - 1) / 2) / stride, 0, len(x) - 1)
    left = np.minimum(at.astype(np.int64), max(len(x) - 2, 0))
    weight = (at - left)[:, None].astype(np.float32)
    right = np.minimum(left + 1, len(x) - 1)
    return np.asarray(x[left] * (1 - weight) + x[right] * weight)


def create(
    name: str, *, tracks: int = 6, seed: int | None = None, dropout: float = 0.1, pooling: str = "last"
) -> Encoder:
    """An untrained encoder.

    Args:
        name: Architecture: ``isoclr-xs``, ``isoclr-s``, ``isoclr-m`` or ``isoclr-l``.
        tracks: Input tracks: 6 (sequence, codon starts, exon ends), 5 (sequence, codon starts) or 4 (sequence).
        seed: Random seed of the weights; None draws them from torch's generator.
        dropout: Dropout probability inside the residual blocks while training.
        pooling: ``last`` takes the mean of the last block's activations, ``all`` concatenates those of all blocks; see
            :class:`isoclr.models.pooling.ReadOut` for the others.

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

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (torch.Tensor.normal_, torch.Tensor.uniform_):
            return args[0]
        return func(*args, **(kwargs or {}))


def read_config(path: Path) -> ModelConfig:
    """Content of a model's ``config.json``."""
    return read_json(path, ModelConfig, what=f"a model: a directory with {CONFIG} and {WEIGHTS}")


def read_model(directory: Path) -> Encoder:
    """The encoder that :meth:`Encoder.save` wrote."""
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
