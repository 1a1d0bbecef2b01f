"""Steps of pre-training in a process of their own, or in those that torchrun starts: times and memory as JSON.

``python -m benchmarks.step CORPUS --batch-size 1024`` is started by the benchmarks of growth, scaling and GPUs. Beside
what :func:`isoclr.pretraining.throughput` says it times opening the corpus and drawing the pairs of an epoch.
"""

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path

from benchmarks.harness import timed
from isoclr.corpus.corpus import Corpus, open_corpus
from isoclr.pretraining.data import PairSampler
from isoclr.pretraining.throughput import throughput


def sample_epoch(corpus: Corpus, batch_size: int) -> PairSampler:
    """Group the transcripts by gene set, and draw the pairs of one epoch."""
    sampler = PairSampler(*corpus.members, batch_size=batch_size, seed=0)
    sampler.batch(0, 0)
    return sampler


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--model", default="isoclr-s")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=("auto", "bf16", "float32"), default="auto")
    parser.add_argument("--batch-size", type=int, required=True, help="pairs, over all ranks")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--warmup", type=int, default=1)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--compile", choices=("auto", "on", "off"), default="auto")
    parser.add_argument("--recompute", choices=("auto", "on", "off"), default="auto")
    options = vars(parser.parse_args())
    corpus, opening = timed(lambda: open_corpus(options["corpus"]))
    sampler, sampling = timed(lambda: sample_epoch(corpus, options["batch_size"]))
    facts = {
        "transcripts": len(corpus),
        "gene_sets": corpus.num_gene_sets,
        "nucleotides": len(corpus.codes),
        "opening_seconds": opening,
        "sampling_seconds": sampling,
        "steps_per_epoch": sampler.steps_per_epoch,
    }
    facts |= asdict(throughput(**options))
    if int(os.environ.get("RANK", 0)) == 0:
        print(json.dumps(facts))


if __name__ == "__main__":
    main()
