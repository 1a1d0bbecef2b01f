"""Where and in which precision a model is trained, and how much of it is kept in memory."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Literal

import torch

from isoclr._config import Config, Meta
from isoclr._console import info
from isoclr.errors import InputError, IsoclrError
from isoclr.models.packing import SHAPES, STRIDE, PackingConfig
from isoclr.models.resnet import Architecture

Precision = Literal["auto", "bf16", "float32"]
Switch = Literal["auto", "on", "off"]

CHUNK_NT = {"cpu": 32_768, "cuda": 2**23}
"""Default chunk size. On a CPU activations stay near the caches; a GPU takes the whole batch in one kernel launch."""
GPU_MEMORY_FRACTION = 0.6  # Fraction of a GPU's free memory that activations may fill
TENSORS_PER_BLOCK = 6
"""Tensors of a block's width that its backward pass needs: two convolutions' and two norms' outputs, and two of
the shortcut."""


@dataclass(frozen=True, kw_only=True)
class RuntimeConfig(Config):
    """Options on where a command computes; they do not decide what it computes."""

    device: str = "auto"
    """Torch device: auto (a GPU if there is one), cpu, cuda, cuda:1, …"""
    threads: Annotated[int, Meta(ge=1)] | None = None
    """Number of CPU threads (default: PyTorch's choice)."""


class OutOfMemoryError(IsoclrError):
    """A step needs more memory than the device has."""


def resolve_device(name: str) -> torch.device:
    """The device of an option; under torchrun every process has its own GPU."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise InputError(f"--device is {name!r}, expected auto, cpu, cuda (a GPU), cuda:1, …") from None
    try:
        torch.empty(1, device=device).cpu()  # fails on "meta", which holds no numbers
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(f"--device is {name!r}, which torch cannot use here: {error}") from None
    if device.type == "cuda" and device.index is None:
        number, gpus = int(os.environ.get("LOCAL_RANK", 0)), torch.cuda.device_count()
        if number >= gpus:
            raise InputError(
                f"--device {name}: process {number + 1} of this machine has no GPU of its own, found {gpus}; start "
                "fewer processes"
            )
        return torch.device("cuda", number)
    return device


def activation_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """The type of the encoder's activations; weights, statistics, projections and the loss stay float32."""
    warn_of_slow_bf16(precision, device)
    if precision == "bf16" or (precision == "auto" and _prefers_bf16(device)):
        return torch.bfloat16
    return torch.float32


def warn_of_slow_bf16(precision: Precision, device: torch.device) -> None:
    """Say so if a device is asked for bf16 that computes float32 faster."""
    if precision == "bf16" and not _prefers_bf16(device):
        name = "this processor" if device.type == "cpu" else f"the device {device}"
        info(f"warning: {name} has no instructions for bf16, and computes float32 several times faster")


def _prefers_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device)[0] >= 8
    return device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())


@contextmanager
def matmul_precision(dtype: torch.dtype, device: torch.device) -> Iterator[None]:
    """Set how a GPU multiplies float32 matrices during training; a CPU is left alone.

    In bf16 runs the projection head and the loss may use TF32. It keeps 10 bits of each factor, three more than the
    bf16 embeddings, and sums in float32; the cosine similarity of two vectors moves by about 1e-5. A float32 run is
    float32 throughout, including convolutions, for which PyTorch would use TF32 by default.
    """
    if device.type != "cuda":
        yield
        return
    cudnn = torch.backends.cudnn
    before = torch.get_float32_matmul_precision(), cudnn.allow_tf32
    tf32 = dtype == torch.bfloat16
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    cudnn.allow_tf32 = tf32
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        cudnn.allow_tf32 = before[1]


@dataclass(frozen=True, kw_only=True)
class MemoryPlan:
    """How a training step is computed."""

    packing: PackingConfig
    activation_checkpointing: bool
    """Whether the backward pass computes activations again instead of reading kept ones."""
    compile: bool  # Whether the passes between convolutions are compiled


def plan_memory(
    architecture: Architecture,
    *,
    device: torch.device,
    dtype: torch.dtype,
    nt: int,
    chunk_nt: int | None = None,
    activation_checkpointing: Switch = "auto",
    compile: Switch = "auto",
) -> MemoryPlan:
    """Choose chunk size, activation checkpointing and compilation.

    Args:
        nt: Average nucleotides of a batch on one process.
        chunk_nt: Largest number of nucleotides in a chunk; None: by device.
        activation_checkpointing: ``auto`` is on for CPUs, and for GPUs whose free memory is too small.
        compile: ``auto`` is on for GPUs.
    """
    gpu = device.type == "cuda"
    size = chunk_nt or CHUNK_NT.get(device.type, CHUNK_NT["cuda"])
    compiled = _resolve(compile, gpu)
    gap = architecture.gap
    if compiled or gpu:  # about 1/32 of a batch: few distinct shapes for 1.5 % of padding
        round_to = 16 * STRIDE if gap is None else 1 << max(5, min(nt, size).bit_length() - 6)
    else:
        round_to = STRIDE if gap is None else max(size // SHAPES // STRIDE, 1) * STRIDE
    free = torch.cuda.mem_get_info(device)[0] if gpu else 0
    fits = activation_bytes(architecture, dtype) * nt < GPU_MEMORY_FRACTION * free
    return MemoryPlan(
        packing=PackingConfig(gap=gap, chunk_nt=size, round_to=round_to),
        activation_checkpointing=_resolve(activation_checkpointing, not fits),
        compile=compiled,
    )


def _resolve(switch: Switch, auto: bool) -> bool:
    return auto if switch == "auto" else switch == "on"


def activation_bytes(architecture: Architecture, dtype: torch.dtype) -> float:
    """Bytes of activations per nucleotide that the backward pass needs when all are kept.

    >>> s = Architecture((64, 128, 128, 256), (2, 2, 2, 2), (1, 2, 4, 8))
    >>> round(activation_bytes(s, torch.bfloat16))
    1792
    """
    values, stride = float(architecture.filters[0]) / 2, 2
    for _, channels, _, pools in architecture.layers():
        values += TENSORS_PER_BLOCK * channels / stride
        stride *= 2 if pools else 1
    return values * torch.finfo(dtype).bits / 8


@contextmanager
def reraise_out_of_memory() -> Iterator[None]:
    """Turn PyTorch's error about a full GPU into one line with the cure."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        text = " ".join(str(error).split())
        raise OutOfMemoryError(
            "--activation-checkpointing on, a smaller --chunk-nt or a smaller --batch-size needs less memory "
            f"({text[:200]})"
        ) from error
