"""What this machine can do at most: the encoder's arithmetic without anything around it, and copying.

    python -m benchmarks.ceilings

For every convolution of IsoCLR-S the rate of the bare product of its shape is measured, in float32 and bf16, on one
thread and on all, on tiles that stay in the L2 cache: as a matrix product ``(positions, 2 c_in) × (2 c_in, c_out)``
and as a convolution (channels last, one pixel high). The *ceiling* is what one nucleotide's arithmetic would take at
these rates: an encoder that did nothing but its products, each at the best tile size.
"""

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks import harness
from benchmarks.harness import Figure
from isoclr.models.encoder import MODELS
from isoclr.models.resnet import Architecture

KERNEL = 2
TILES = (512, 2048, 8192)
"""Positions computed at a time; the best of them counts."""
DTYPES = {"float32": torch.float32, "bf16": torch.bfloat16}
COPIED = 2**28
"""Bytes of the copy: far more than any cache holds."""


class Product(NamedTuple):
    """One convolution as the matrix product it is."""

    positions: float
    """Output positions for one nucleotide: 1 before the first pooling, then 1/2, 1/4, …"""
    c_in: int
    c_out: int
    width: int
    """Neighbouring positions that enter one output: 2, or 1 for a shortcut."""
    dilation: int

    @property
    def flop(self) -> float:
        """Floating-point operations for one nucleotide, a multiplication and an addition counted as two."""
        return 2 * self.positions * self.width * self.c_in * self.c_out


def products(shape: Architecture, tracks: int = 6) -> list[Product]:
    """Every convolution of an encoder, from the stem to the last block.

    >>> round(sum(one.flop for one in products(MODELS["isoclr-s"])))
    140800
    """
    found = [Product(1, tracks, shape.filters[0], KERNEL, 1)]
    positions = 1 / 2
    for c_in, c_out, dilation, pools in shape.layers():
        found.append(Product(positions, c_in, c_out, KERNEL, dilation))
        found.append(Product(positions, c_out, c_out, KERNEL, dilation))
        if c_in != c_out:
            found.append(Product(positions, c_in, c_out, 1, 1))
        positions /= 2 if pools else 1
    return found


def flop_per_nt(shape: Architecture, tracks: int = 6) -> float:
    """Operations of one forward pass for one nucleotide."""
    return sum(one.flop for one in products(shape, tracks))


def ceiling(
    shape: Architecture,
    dtype: torch.dtype,
    *,
    device: str = "cpu",
    tiles: Iterable[int] = TILES,
    convolve: bool = False,
    at_least: float = 0.1,
) -> float:
    """FLOP/s of an encoder that consisted of its products alone (the stem, a look-up here, left out)."""
    needed = seconds = 0.0
    timed: dict[tuple[int, int, int, int], float] = {}
    for one in products(shape)[1:]:
        key = (one.c_in, one.c_out, one.width, one.dilation if convolve else 1)
        if key not in timed:
            make = _convolution if convolve else _matmul
            timed[key] = min(
                harness.seconds_of(make(one, n, dtype, device), at_least=at_least) / n
                for n in tiles
            )
        needed += one.flop
        seconds += one.positions * timed[key]
    return needed / seconds


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
    """Bytes a second, read and written ones both counted, of a copy that no cache holds."""
    source, target = torch.ones(COPIED, dtype=torch.uint8), torch.empty(COPIED, dtype=torch.uint8)
    return 2 * COPIED / harness.seconds_of(lambda: target.copy_(source))


def measure(threads: Iterable[int], *, at_least: float = 0.1) -> list[Figure]:
    """All ceilings of this machine, for each number of threads."""
    shape, figures = MODELS["isoclr-s"], []
    for count in threads:
        torch.set_num_threads(count)
        with torch.inference_mode():
            for name, dtype in DTYPES.items():
                for kind, convolve in (("matrix products", False), ("convolutions", True)):
                    rate = ceiling(shape, dtype, convolve=convolve, at_least=at_least)
                    what = f"{name} {kind}, {_threads(count)}"
                    figures.append(Figure(what, rate / 1e9, "GFLOP/s"))
            figures.append(Figure(f"copy, {_threads(count)}", copy_rate() / 1e9, "GB/s"))
    return figures


def _threads(count: int) -> str:
    return f"{count} thread{'s' * (count > 1)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=harness.RESULTS / "ceilings.csv")
    parser.add_argument("--seconds", type=float, default=0.3, help="for each shape and tile size")
    options = parser.parse_args()
    facts, torch_choice = harness.machine(), torch.get_num_threads()
    figures = measure(sorted({1, torch_choice}), at_least=options.seconds)
    harness.show(f"ceilings of {facts['cpu']}, {facts['cores']} cores", figures)
    harness.save(options.out, figures, facts)


if __name__ == "__main__":
    main()
