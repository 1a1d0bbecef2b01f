"""Reading tensors from safetensors files: damaged files, other weights and values that are no numbers are refused."""

from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from isoclr._io import sha256 as file_sha256
from isoclr.errors import InputError


def read_tensors(
    path: Path, sha256: str | None = None, *, what: str = "weights", allow_infinity: bool = False
) -> dict[str, Tensor]:
    """Tensors of a safetensors file by name, on the CPU.

    Args:
        allow_infinity: Accept infinite values, such as open bounds; NaN is never accepted.
    """
    if not path.is_file():
        raise InputError(f"{path}: not found, expected {what}")
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, ValueError, SafetensorError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path}: not a safetensors file ({reason})") from None
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            continue
        is_valid = ~tensor.isnan() if allow_infinity else tensor.isfinite()
        if not bool(is_valid.all()):
            raise InputError(f"{path}: tensor {name!r} holds NaN or infinity")
    if sha256 is not None and file_sha256(path) != sha256:
        raise InputError(f"{path}: SHA-256 differs from the one in its JSON file; other {what}")
    return tensors
