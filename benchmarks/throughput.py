"""Time and memory of pre-training steps, in one fresh process or in those that torchrun starts, as JSON.

    python -m benchmarks.throughput CORPUS --batch-size 1024
    python -m benchmarks.throughput --simulate 6144 --batch-size 1024 --chunk-nt 65536

The benchmarks of growth, scaling and GPUs run it. In addition to :func:`benchmarks.step_times.throughput` it times
opening the corpus and drawing the pairs of one epoch.
"""

import argparse
import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import simulated
from benchmarks.harness import timed
from benchmarks.step_times import throughput
from isoclr.corpus.corpus import Corpus, open_corpus
from isoclr.pretraining.config import PretrainConfig, PretrainRuntime
from isoclr.pretraining.data import PairSampler


def sample_epoch(corpus: Corpus, batch_size: int) -> PairSampler:
    """Group the transcripts by gene set and draw the pairs of one epoch."""
    sampler = PairSampler(*corpus.members, batch_size=batch_size, seed=0)
    sampler.batch(0, 0)
    return sampler


def measure(path: Path, options: argparse.Namespace) -> dict[str, Any]:
    """All measurements on one corpus."""
    config = PretrainConfig(
        model=options.model,
        precision=options.precision,
        batch_size=options.batch_size,
        learning_rate=0.001,
        val_fraction=0.0,
    )
    runtime = PretrainRuntime(
        device=options.device,
        threads=options.threads,
        chunk_nt=options.chunk_nt,
        compile=options.compile,
        activation_checkpointing=options.activation_checkpointing,
    )
    corpus, opening = timed(lambda: open_corpus(path))
    sampler, sampling = timed(lambda: sample_epoch(corpus, config.batch_size))
    steps = throughput(path, config=config, runtime=runtime, steps=options.steps, warmup=options.warmup)
    return {
        "transcripts": len(corpus),
        "gene_sets": corpus.num_gene_sets,
        "nucleotides": len(corpus.codes),
        "opening_seconds": opening,
        "sampling_seconds": sampling,
        "steps_per_epoch": sampler.steps_per_epoch,
        **asdict(steps),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("corpus", type=Path, nargs="?")
    parser.add_argument("--simulate", type=int, metavar="N", help="simulate N transcripts instead")
    parser.add_argument("--model", default="isoclr-s")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=("auto", "bf16", "float32"), default="auto")
    parser.add_argument("--batch-size", type=int, required=True, help="pairs, over all ranks")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--warmup", type=int, default=1, help="steps before the timed ones")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--chunk-nt", type=int)
    parser.add_argument("--compile", choices=("auto", "on", "off"), default="auto")
    parser.add_argument("--activation-checkpointing", choices=("auto", "on", "off"), default="auto")
    options = parser.parse_args()
    if (options.corpus is None) == (options.simulate is None):
        parser.error("give a corpus or --simulate")
    with tempfile.TemporaryDirectory() as folder:
        path = options.corpus or simulated.simulate(Path(folder) / "corpus", options.simulate)
        result = measure(path, options)
    if int(os.environ.get("RANK", 0)) == 0:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
