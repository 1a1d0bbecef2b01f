"""In which precision is computed: activations in bf16 where it pays, and then float32 products in TF32."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch

from isoclr.errors import InputError, IsoclrError
from isoclr.models.packing import SHAPES, STRIDE, PackingConfig
from isoclr.models.resnet import Architecture

Precision = Literal["auto", "bf16", "float32"]


def activation_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The type of the encoder's activations; weights, statistics, projections and loss stay float32.

    Args:
        precision: ``bf16``, ``float32``, or ``auto``: bf16 where it is faster.
        device: where the encoder runs.

    Raises:
        InputError: an unknown precision.
    """
    if precision not in ("auto", "bf16", "float32"):
        raise InputError(f"--precision is {precision!r}, expected auto, bf16 or float32")
    if precision == "bf16" or (precision == "auto" and _bf16_pays(device)):
        return torch.bfloat16
    return torch.float32


@contextmanager
def matmul_precision(dtype: torch.dtype, device: torch.device) -> Iterator[None]:
    """How a GPU multiplies while a model is trained; on a CPU nothing is changed.

    In bf16 runs the projection head and the loss are the float32 products that are left, and may use TF32: it keeps
    10 bits of each factor, three more than the bf16 embeddings that come in, and sums in float32; the
    similarity of two unit vectors moves by about 1e-5. A run in float32 is float32 throughout, convolutions too, for
    which torch would take TF32 by default.

    Args:
        dtype: of the activations.
        device: where the model is trained.
    """
    if device.type != "cuda":
        yield
        return
    cudnn = torch.backends.cudnn
    before = torch.get_float32_matmul_precision(), cudnn.allow_tf32
    coarse = dtype == torch.bfloat16
    torch.set_float32_matmul_precision("high" if coarse else "highest")
    cudnn.allow_tf32 = coarse
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        cudnn.allow_tf32 = before[1]


def _bf16_pays(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device)[0] >= 8
    if device.type == "cpu":  # with bf16 instructions half as fast again; without them slower
        return bool(torch.cpu._is_avx512_bf16_supported())
    return False


Switch = Literal["auto", "on", "off"]

CHUNK_NT = {"cpu": 32_768, "cuda": 2**23}
"""On a CPU chunks whose activations stay near the caches, on a GPU whole batches: every kernel is launched once."""
SPARE = 0.6
"""Share of a GPU's free memory that activations may be expected to fill."""
KEPT_PER_BLOCK = 6
"""Activations of a block's width that are kept for its backward pass: both convolutions' and both norms' results,
a shortcut's two; less where there is none."""


@dataclass(frozen=True, kw_only=True)
class MemoryPlan:
    """How a step is computed."""

    packing: PackingConfig
    recompute: bool
    """Whether activations are computed again in the backward pass instead of being kept."""
    compile: bool
    """Whether the passes between convolutions are compiled."""


def plan_memory(
    architecture: Architecture,
    *,
    device: torch.device,
    dtype: torch.dtype,
    nt: int,
    chunk_nt: int | None = None,
    recompute: Switch = "auto",
    compile: Switch = "auto",
) -> MemoryPlan:
    """Follow the options, and where they leave it open, the device.

    Args:
        architecture: of the encoder.
        device: where it is trained.
        dtype: of its activations.
        nt: nucleotides of a batch that one process embeds, on average.
        chunk_nt: most codes in a chunk; None: by device.
        recompute: auto is on for CPUs, and for GPUs whose free memory the activations might not fit.
        compile: auto is on for GPUs.

    Raises:
        InputError: a switch that is none.
    """
    most = chunk_nt or CHUNK_NT.get(device.type, CHUNK_NT["cuda"])
    compiled = _decide(compile, device.type == "cuda")
    if compiled or device.type == "cuda":
        step = _shape_step(architecture.gap, min(nt, most))
    else:
        step = STRIDE if architecture.gap is None else max(most // SHAPES // STRIDE, 1) * STRIDE
    return MemoryPlan(
        packing=PackingConfig(gap=architecture.gap, chunk_nt=most, round_to=step),
        recompute=_decide(recompute, not _fits(architecture, dtype, device, nt)),
        compile=compiled,
    )


class OutOfMemoryError(IsoclrError):
    """A step needs more memory than the device has."""


@contextmanager
def reraise_out_of_memory() -> Iterator[None]:
    """Turn what torch throws when a GPU's memory is full into one line.

    Raises:
        OutOfMemoryError: instead of torch's.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        text = " ".join(str(error).split())
        raise OutOfMemoryError(
            f"--recompute on, a smaller --chunk-nt or a smaller --batch-size needs less memory ({text[:200]})"
        ) from error


def kept_bytes(architecture: Architecture, dtype: torch.dtype) -> float:
    """Bytes of activations that one nt needs until its backward pass, when nothing is recomputed.

    >>> round(kept_bytes(Architecture((64, 128, 128, 256), (2, 2, 2, 2), (1, 2, 4, 8)), torch.bfloat16))
    1792
    """
    values, stride = float(architecture.filters[0]) / 2, 2
    for _, channels, _, pools in architecture.layers():
        values += KEPT_PER_BLOCK * channels / stride
        stride *= 2 if pools else 1
    return values * torch.finfo(dtype).bits / 8


def _fits(architecture: Architecture, dtype: torch.dtype, device: torch.device, nt: int) -> bool:
    if device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(device)
    return kept_bytes(architecture, dtype) * nt < SPARE * free


def _shape_step(gap: int | None, nt: int) -> int:
    """Widths in steps of about 1/32 of a batch: a few shapes in all, for 1.5 % of padding."""
    if gap is None:
        return 16 * STRIDE
    return 1 << max(5, nt.bit_length() - 6)


def _decide(switch: Switch, auto: bool) -> bool:
    if switch not in ("auto", "on", "off"):
        raise InputError(f"{switch!r} is no switch, expected auto, on or off")
    return auto if switch == "auto" else switch == "on"
