"""Peak memory and speed of one contrastive step at realistic RNA lengths.

    python benchmarks/pretrain_memory.py --pairs 1024

Prints the peak resident memory of the whole process before and after a step (on a GPU also the device's peak),
the step's duration, nucleotides per second of wall and of CPU time, and the share of padding.
"""

import argparse
import resource
import time

import numpy as np
import torch

from isoclr.corpus.codes import Codes
from isoclr.pretraining.batches import Batch, ViewMaker
from isoclr.pretraining.distributed import World
from isoclr.pretraining.learner import Learner
from isoclr.pretraining.options import Recipe
from isoclr.views import Pairs


class RandomCorpus:
    """RNAs of random bases; lengths log-normal with mean about 2.2 kb, as mRNAs have, up to 12,288 nt."""

    def __init__(self, transcripts: int, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        lengths = np.clip(rng.lognormal(np.log(1700), 0.75, transcripts), 150, 12_288)
        self.index = np.zeros(transcripts, [("length", "i4")])
        self.index["length"] = lengths.astype(int)
        self.members = (np.arange(transcripts), np.arange(0, transcripts + 1, 2))
        self._bases = rng.integers(0, 4, 12_288).astype(np.uint8)

    def codes_of(self, i: int) -> Codes:
        """Codes of one RNA."""
        return np.roll(self._bases, i)[: self.index["length"][i]]


def recipe(options: argparse.Namespace) -> Recipe:
    return Recipe(
        model=options.model,
        tracks=6,
        seed=0,
        batch_size=options.pairs,
        learning_rate=0.01,
        weight_decay=1e-6,
        warmup_steps=10,
        clip=1.0,
        temperature=0.1,
        mask=0.15,
        shift=3,
        dropout=0.1,
        precision=options.precision,
        held_out=0.0,
        weight_offset=0.4,
        min_transcripts=1,
    )


def one_batch(options: argparse.Namespace) -> Batch:
    corpus = RandomCorpus(2 * options.pairs)
    maker = ViewMaker(corpus, seed=0, chunk_nt=options.chunk_nt, mask_rate=0.15, most_shift=3)
    pairs = np.arange(options.pairs)
    return maker.batch(Pairs(pairs, 2 * pairs, 2 * pairs + 1), 0, 0)


def peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pairs", type=int, default=1024)
    parser.add_argument("--model", default="isoclr-s")
    parser.add_argument("--chunk-nt", type=int, default=65_536)
    parser.add_argument("--precision", default="float32", choices=["float32", "bf16", "auto"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--keep-activations", action="store_true", help="do not recompute them")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    world = World(device=torch.device(options.device))
    weights = np.ones(options.pairs, np.float32)
    learner = Learner(recipe(options), world, weights, recompute=not options.keep_activations)
    batch = one_batch(options)
    print(
        f"{options.model}, {options.pairs} pairs, {batch.nt:,} nt in {len(batch.chunks)} chunks, "
        f"{batch.waste:.1%} padding; peak memory before the step {peak_gb():.2f} GB"
    )
    for step in range(options.steps):
        wall, cpu = time.perf_counter(), time.process_time()
        result = learner.step(batch, step, 0.001)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(
            f"{options.precision}, {options.threads} threads, chunks of {options.chunk_nt:,} nt: "
            f"{wall:.1f} s, {batch.nt / wall:,.0f} nt/s, {batch.nt / cpu:,.0f} nt a CPU second, "
            f"peak memory {peak_gb():.2f} GB, loss {result.loss:.3f}"
        )
    if world.device.type == "cuda":
        print(f"peak memory of the device {torch.cuda.max_memory_allocated() / 2**30:.2f} GB")


if __name__ == "__main__":
    main()
