"""What suits the machine: sizes and shapes of chunks, recomputation, compilation.

None of it is part of the recipe: it changes speed and memory, and of what is computed only the rounding.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch

from isoclr.errors import InputError, IsoclrError
from isoclr.models.packing import SHAPES, STRIDE
from isoclr.models.resnet import Architecture
from isoclr.pretraining.batches import Packing

Switch = Literal["auto", "on", "off"]

CHUNK_NT = {"cpu": 32_768, "cuda": 2**23}
"""On a CPU chunks whose activations stay near the caches, on a GPU whole batches: every kernel is launched once."""
SPARE = 0.6
"""Share of a GPU's free memory that activations may be expected to fill."""
KEPT_PER_BLOCK = 6
"""Activations of a block's width that are kept for its backward pass: both convolutions' and both norms' results,
a shortcut's two; less where there is none."""


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """How a step is computed."""

    packing: Packing
    recompute: bool
    """Whether activations are computed again in the backward pass instead of being kept."""
    compile: bool
    """Whether the passes between convolutions are compiled."""


def tune(
    architecture: Architecture,
    *,
    device: torch.device,
    dtype: torch.dtype,
    nt: int,
    chunk_nt: int | None = None,
    recompute: Switch = "auto",
    compile: Switch = "auto",
) -> Tuning:
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
    return Tuning(
        packing=Packing(gap=architecture.gap, chunk_nt=most, round_to=step),
        recompute=_decide(recompute, not _fits(architecture, dtype, device, nt)),
        compile=compiled,
    )


class OutOfMemoryError(IsoclrError):
    """A step needs more memory than the device has."""


@contextmanager
def memory_errors_named() -> Iterator[None]:
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
