"""Measurements within one process: loading a model, the latency of a single mRNA, and the encoder's speed.

``python -m benchmarks.encoder_speed FASTA --model DIR`` prints JSON. :mod:`benchmarks.embed` runs it. The ceiling is
measured between the encoder's passes, so that other load on the machine affects both.
"""

import importlib
import json
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.harness import options_of, timed

if TYPE_CHECKING:
    from isoclr.models.encoder import Encoder


PRECISIONS: tuple[Any, ...] = ("float32", "bf16")


def timed_load(model: Path) -> "tuple[Encoder, dict[str, float]]":
    """A model, and the seconds to import torch and then to load the model."""
    _, importing = timed(lambda: importlib.import_module("torch"))
    encoder, loading = timed(lambda: importlib.import_module("isoclr").load(model))
    return encoder, {"import_torch": importing, "load": loading}


def latencies(encoder: "Encoder", sequences: list[str], precision: Any) -> list[float]:
    """Seconds for each mRNA, given as text and embedded alone; the first three also warm up."""
    for sequence in sequences[:3]:
        encoder.embed([sequence], precision=precision)
    calls = [partial(encoder.embed, [one], precision=precision) for one in sequences]
    return [timed(call)[1] for call in calls]


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("fasta", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--singles", type=int, default=200, help="mRNAs to embed one by one")
    options = parser.parse_args()
    encoder, timings = timed_load(options.model)

    import numpy as np
    import torch

    from benchmarks import ceilings
    from benchmarks.plain_embed import read_codes
    from isoclr.genomics.encoding import letters
    from isoclr.models.encoder import MODELS

    _, codes = read_codes(options.fasta)
    nt = sum(map(len, codes))
    count = min(options.singles, len(codes))
    rows = np.random.default_rng(1).choice(len(codes), count, replace=False).tolist()
    sequences = [letters(codes[row]) for row in rows]
    shape = MODELS[encoder.name]
    result: dict[str, Any] = {
        **timings,
        "nt": nt,
        "threads": torch.get_num_threads(),
        # without the stem, which is a table look-up
        "flop_per_nt": sum(one.flop for one in ceilings.products(shape)[1:]),
        "single_nt": median(map(len, sequences)),
        "ceiling": {precision: [] for precision in PRECISIONS},
        "rate": {precision: [] for precision in PRECISIONS},
    }
    for precision in PRECISIONS:
        result[f"single_{precision}"] = latencies(encoder, sequences, precision)
    for _ in range(options.passes):
        for precision in PRECISIONS:
            result["ceiling"][precision].append(_ceiling(shape, precision))
            _, seconds = timed(partial(encoder.embed_codes, codes, precision=precision))
            result["rate"][precision].append(nt / seconds)
    print(json.dumps(result))


def _ceiling(shape: Any, precision: str) -> float:
    """FLOP/s of matrix products or convolutions, whichever is faster."""
    import torch

    from benchmarks import ceilings

    dtype = ceilings.DTYPES[precision]
    with torch.inference_mode():
        return max(ceilings.ceiling(shape, dtype, tiles=(2048,), convolve=convolve) for convolve in (False, True))


if __name__ == "__main__":
    main()
