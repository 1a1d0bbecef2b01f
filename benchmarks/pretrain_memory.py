"""Peak memory and speed of contrastive steps at realistic RNA lengths, on a simulated corpus.

    python -m benchmarks.pretrain_memory --pairs 1024

Prints the duration of a step, nucleotides a second, the share of padding and the peak memory: of the whole process,
or of the device on a GPU.
"""

import argparse
import tempfile
from pathlib import Path

from benchmarks import simulated
from isoclr.pretraining.throughput import throughput


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=1024)
    parser.add_argument("--model", default="isoclr-s")
    parser.add_argument("--chunk-nt", type=int)
    parser.add_argument("--precision", default="float32", choices=["float32", "bf16", "auto"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--keep-activations", action="store_true", help="do not recompute them")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        corpus = simulated.simulate(Path(folder) / "corpus", 6 * options.pairs)
        found = throughput(
            corpus,
            model=options.model,
            device=options.device,
            precision=options.precision,
            batch_size=options.pairs,
            steps=options.steps,
            warmup=0,
            threads=options.threads,
            chunk_nt=options.chunk_nt,
            recompute="off" if options.keep_activations else "auto",
        )
    print(
        f"{options.model}, {options.pairs} pairs, {found.nt:,.0f} nt, {found.waste:.1%} padding, {found.precision}: "
        f"{found.seconds:.1f} s a step, {found.nt_per_second:,.0f} nt/s, "
        f"peak memory {found.peak_bytes / 1e9:.2f} GB, loss {found.loss:.3f}"
    )


if __name__ == "__main__":
    main()
