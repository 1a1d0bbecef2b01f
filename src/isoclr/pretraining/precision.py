"""In which precision is computed: activations in bf16 where it pays, and then float32 products in TF32."""

from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def products_for(dtype: torch.dtype, device: torch.device) -> Iterator[None]:
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
