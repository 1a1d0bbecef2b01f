"""In which precision the encoder's activations are kept: where bf16 pays."""

from typing import Literal

import torch

from isoclr.errors import InputError

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


def _bf16_pays(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device)[0] >= 8
    if device.type == "cpu":  # with bf16 instructions half as fast again; without them slower
        return bool(torch.cpu._is_avx512_bf16_supported())
    return False
