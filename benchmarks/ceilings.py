"""Upper bounds of this machine: the encoder's arithmetic without anything around it, and memory copies.

    python -m benchmarks.ceilings

For every convolution of IsoCLR-S, the speed of the bare product of its shape is measured in float32 and bf16, with one
thread and with all, on tiles that stay in the L2 cache: as a matrix product ``(positions, 2 c_in) × (2 c_in, c_out)``
and as a convolution (channels last, one pixel high). The *ceiling* is the speed of an encoder that computes nothing but
these products, each at its best tile size.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks import harness
from benchmarks.harness import Measurement
from isoclr.models.encoder import MODELS
from isoclr.models.resnet import Architecture

KERNEL = 2
TILES = (512, 2048, 8192)
"""Positions per product; the best of them counts."""
DTYPES = {"float32": torch.float32, "bf16": torch.bfloat16}
COPY_BYTES = 2**28
"""More than any cache holds."""


class Product(NamedTuple):
    """One convolution, as a matrix product."""

    positions: float
    """Output positions per nucleotide: 1 before the first pooling, then 1/2, 1/4, …"""
    c_in: int
    c_out: int
    width: int
    """Kernel size: 2, or 1 for a shortcut."""
    dilation: int

    @property
    def flop(self) -> float:
        """Floating-point operations per nucleotide; a multiplication and an addition count as two."""
        return 2 * self.positions * self.width * self.c_in * self.c_out


def products(shape: Architecture, tracks: int = 6) -> list[Product]:
    """Every convolution of an encoder, from the stem to the last block.

    >>> round(sum(one.flop for one in products(MODELS["isoclr-s"])))
    140800
    """
    convolutions = [Product(1, tracks, shape.filters[0], KERNEL, 1)]
    positions = 1 / 2
    for c_in, c_out, dilation, pools in shape.layers():
        convolutions.append(Product(positions, c_in, c_out, KERNEL, dilation))
        convolutions.append(Product(positions, c_out, c_out, KERNEL, dilation))
        if c_in != c_out:
            convolutions.append(Product(positions, c_in, c_out, 1, 1))
        positions /= 2 if pools else 1
    return convolutions


def flop_per_nt(shape: Architecture, tracks: int = 6) -> float:
    """Operations per nucleotide of one forward pass."""
    return sum(one.flop for one in products(shape, tracks))


def ceiling(
    shape: Architecture,
    dtype: torch.dtype,
    *,
    device: str = "cpu",
    tiles: Sequence[int] = (),
    convolve: bool = False,
    budget: float = 0.1,
) -> float:
    """FLOP/s of an encoder that computes its products only, without the stem, which is a table look-up."""
    flop = seconds = 0.0
    measured: dict[tuple[int, int, int, int], float] = {}
    for one in products(shape)[1:]:
        key = (one.c_in, one.c_out, one.width, one.dilation if convolve else 1)
        if key not in measured:
            make = _convolution if convolve else _matmul
            measured[key] = min(
                harness.best_seconds(make(one, n, dtype, device), budget=budget) / n for n in tiles or TILES
            )
        flop += one.flop
        seconds += one.positions * measured[key]
    return flop / seconds


def _matmul(one: Product, n: int, dtype: torch.dtype, device: str) -> Callable[[], Tensor]:
    x = torch.randn(n, one.width * one.c_in, device=device).to(dtype)
    weight = torch.randn(one.width * one.c_in, one.c_out, device=device).to(dtype)
    y = torch.empty(n, one.c_out, dtype=dtype, device=device)
    return lambda: torch.mm(x, weight, out=y)


def _convolution(one: Product, n: int, dtype: torch.dtype, device: str) -> Callable[[], Tensor]:
    last = torch.channels_last
    image = torch.randn(1, one.c_in, 1, n, device=device).to(dtype, memory_format=last)
    weight = torch.randn(one.c_out, one.c_in, 1, one.width, device=device)
    weight = weight.to(dtype, memory_format=last)
    return lambda: F.conv2d(image, weight, dilation=(1, one.dilation))


def copy_rate() -> float:
    """Bytes per second of a large copy; bytes read and bytes written both count."""
    source = torch.ones(COPY_BYTES, dtype=torch.uint8)
    target = torch.empty(COPY_BYTES, dtype=torch.uint8)
    return 2 * COPY_BYTES / harness.best_seconds(lambda: target.copy_(source))


def measure(threads: Iterable[int], *, budget: float = 0.1) -> list[Measurement]:
    """All ceilings of this machine, for each number of threads."""
    shape, results = MODELS["isoclr-s"], []
    for count in threads:
        torch.set_num_threads(count)
        with torch.inference_mode():
            for name, dtype in DTYPES.items():
                for kind, convolve in (("matrix products", False), ("convolutions", True)):
                    rate = ceiling(shape, dtype, convolve=convolve, budget=budget)
                    label = f"{name} {kind}, {_threads(count)}"
                    results.append(Measurement(label, rate / 1e9, "GFLOP/s"))
            results.append(Measurement(f"copy, {_threads(count)}", copy_rate() / 1e9, "GB/s"))
    return results


def _threads(count: int) -> str:
    return f"{count} thread{'s' * (count > 1)}"


def main() -> None:
    parser = harness.options_of(__doc__, harness.RESULTS / "ceilings.csv")
    parser.add_argument("--seconds", type=float, default=0.3, help="seconds for each shape and tile size")
    options = parser.parse_args()
    machine, all_threads = harness.machine(), torch.get_num_threads()
    results = measure(sorted({1, all_threads}), budget=options.seconds)
    harness.report(f"ceilings of {machine['cpu']}, {machine['cores']} cores", options.out, results, machine)


if __name__ == "__main__":
    main()
