"""Inside one process: loading a model, the latency of a single mRNA, and the encoder's rate beside the ceiling.

``python -m benchmarks.embed_inside FASTA --model DIR`` prints JSON; :mod:`benchmarks.embed` starts it. The
ceiling is measured between the passes of the encoder, so that both meet the same machine.
"""

import argparse
import importlib
import json
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.harness import timed

if TYPE_CHECKING:
    from isoclr.models.encoder import Encoder


PRECISIONS: tuple[Any, ...] = ("float32", "bf16")


def load_timed(model: Path) -> "tuple[Encoder, dict[str, float]]":
    """A model, and the seconds that importing torch and then loading took."""
    _, importing = timed(lambda: importlib.import_module("torch"))
    encoder, loading = timed(lambda: importlib.import_module("isoclr").load(model))
    return encoder, {"import_torch": importing, "load": loading}


def latencies(encoder: "Encoder", sequences: list[str], precision: Any) -> list[float]:
    """Seconds for each of some mRNAs, given as text, embedded alone; the first ones warm up."""
    for sequence in sequences[:3]:
        encoder.embed([sequence], precision=precision)
    alone = [partial(encoder.embed, [each], precision=precision) for each in sequences]
    return [timed(work)[1] for work in alone]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("fasta", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--singles", type=int, default=200, help="mRNAs embedded one by one")
    options = parser.parse_args()
    encoder, found = load_timed(options.model)

    import numpy as np
    import torch

    from benchmarks import ceilings
    from benchmarks.plain_embed import read_codes
    from isoclr.genomics.encoding import letters
    from isoclr.models.encoder import MODELS

    _, codes = read_codes(options.fasta)
    count = min(options.singles, len(codes))
    drawn = np.random.default_rng(1).choice(len(codes), count, replace=False).tolist()
    texts = [letters(codes[i]) for i in drawn]
    shape = MODELS[encoder.name]
    facts: dict[str, Any] = {
        **found,
        "nt": sum(map(len, codes)),
        "threads": torch.get_num_threads(),
    }
    facts["flop_per_nt"] = sum(
        one.flop for one in ceilings.products(shape)[1:]
    )  # the stem is a look-up
    facts["single_nt"] = median(map(len, texts))
    for precision in PRECISIONS:
        facts[f"single_{precision}"] = latencies(encoder, texts, precision)
    facts["ceiling"] = {precision: [] for precision in PRECISIONS}
    facts["rate"] = {precision: [] for precision in PRECISIONS}
    for _ in range(options.passes):
        for precision in PRECISIONS:
            facts["ceiling"][precision].append(_best_ceiling(shape, precision))
            _, spent = timed(partial(encoder.embed_codes, codes, precision=precision))
            facts["rate"][precision].append(facts["nt"] / spent)
    print(json.dumps(facts))


def _best_ceiling(shape: Any, precision: str) -> float:
    """FLOP/s of the better of the two ways to write the products."""
    import torch

    from benchmarks import ceilings

    dtype = ceilings.DTYPES[precision]
    with torch.inference_mode():
        return max(
            ceilings.ceiling(shape, dtype, tiles=(2048,), convolve=way) for way in (False, True)
        )


if __name__ == "__main__":
    main()
