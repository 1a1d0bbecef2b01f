"""Time and memory of pre-training steps, in one fresh process or in those that torchrun starts, as JSON.

    python -m benchmarks.throughput CORPUS --batch-size 1024
    python -m benchmarks.throughput --simulate 6144 --batch-size 1024 --chunk-nt 65536

The benchmarks of growth, scaling and GPUs run it. In addition to the steps (:func:`throughput`) it times opening the
corpus and drawing the pairs of one epoch. Nothing but a simulated corpus is written.
"""

import argparse
import json
import math
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks import simulated
from benchmarks.harness import options_of, timed
from isoclr._threads import use_threads
from isoclr.corpus.corpus import open_corpus
from isoclr.pretraining.config import PretrainConfig, PretrainRuntime
from isoclr.pretraining.data import Batch, PairSampler
from isoclr.pretraining.losses import decoupled_contrastive_loss
from isoclr.pretraining.pretrain import RunContext, set_up
from isoclr.training.device import matmul_precision, reraise_out_of_memory
from isoclr.training.distributed import Distributed, init_distributed


@dataclass(frozen=True)
class Throughput:
    """Measured times and sizes; times are seconds per step, over all ranks together."""

    device: str  # Name of the device
    precision: str  # Type of the activations
    ranks: int  # Number of processes
    pairs: int  # Pairs per batch
    steps: int  # Timed steps, without warm-up
    nt: float  # Nucleotides per step, in both views and without padding
    seconds: float  # Time of a step, including pairs, views and optimizer
    nt_per_second: float  # Nucleotides per second
    views_seconds: float  # Time of sampling pairs and making views
    loss_seconds: float  # Time of the contrastive loss, forward and backward
    warmup_seconds: float  # Total time of the warm-up steps, which include compilation
    padding: float  # Fraction of the chunks that is padding
    shapes: int  # Number of distinct shapes of chunks
    activation_checkpointing: bool  # Whether activations were computed again in the backward pass
    compiled: bool  # Whether the operations between convolutions were compiled
    peak_bytes: int  # Peak memory of the GPU, or of the process on a CPU
    loss: float  # Loss of the last step


def throughput(
    corpus: Path,
    *,
    config: PretrainConfig = PretrainConfig(learning_rate=0.001),
    runtime: PretrainRuntime = PretrainRuntime(),
    steps: int = 20,
    warmup: int = 5,
) -> Throughput:
    """Time steps of pre-training on a corpus; nothing is written.

    Under torchrun all ranks train together, and all return the same times.

    Args:
        config: Options of the run; every step has the peak learning rate.

    Raises:
        InputError: An option or the corpus cannot be used.
    """
    use_threads(runtime.threads)
    with init_distributed(runtime.device) as world, reraise_out_of_memory():
        context = set_up(open_corpus(corpus), config, world, runtime)
        with matmul_precision(context.model.dtype, world.device):
            return _measure(context, world, steps, warmup)


def _measure(context: RunContext, world: Distributed, steps: int, warmup: int) -> Throughput:
    warmup_seconds = _seconds(world, lambda: _train(context, range(warmup)))
    batches: list[Batch] = []
    losses: list[float] = []

    def train() -> None:
        trained, loss = _train(context, range(warmup, warmup + steps))
        batches.extend(trained)
        losses.append(loss)

    seconds = _seconds(world, train) / steps
    views = _seconds(world, lambda: [context.batch_of(warmup + i) for i in range(steps)]) / steps
    nt = sum(batch.nt for batch in batches) / steps
    return Throughput(
        device=_device_name(world.device),
        precision=str(context.model.dtype).removeprefix("torch."),
        ranks=world.size,
        pairs=context.model.config.batch_size,
        steps=steps,
        nt=nt,
        seconds=seconds,
        nt_per_second=nt / seconds,
        views_seconds=views,
        loss_seconds=_loss_seconds(context, world, batches[0]),
        warmup_seconds=warmup_seconds,
        padding=sum(batch.padding for batch in batches) / steps,
        shapes=len({chunk.codes.shape for batch in batches for chunk in batch.chunks}),
        activation_checkpointing=context.plan.activation_checkpointing,
        compiled=context.model.network.compiled,
        peak_bytes=_peak_bytes(world.device),
        loss=losses[0],
    )


def _train(context: RunContext, steps: range) -> tuple[list[Batch], float]:
    """Train as a run does: the next batch is made before a step's loss is read."""
    batches, loss = [context.batch_of(steps.start)], math.nan
    for step in steps:
        pending = context.model.step(batches[-1], step, context.model.config.learning_rate)
        batches.append(context.batch_of(step + 1))
        loss = pending.result().loss
    return batches[: len(steps)], loss


def _loss_seconds(context: RunContext, world: Distributed, batch: Batch, repeats: int = 5) -> float:
    """Time of the loss of a batch's pairs, from random projections."""
    pairs, width = len(batch.gene_sets), context.model.projector.last.out_features
    z = torch.randn(2 * pairs, width, device=world.device, requires_grad=True)

    def loss() -> None:
        for _ in range(repeats):
            z1, z2 = z.chunk(2)
            decoupled_contrastive_loss(z1, z2).backward()  # type: ignore[no-untyped-call]

    return _seconds(world, loss) / repeats


def _seconds(world: Distributed, work: Callable[[], object]) -> float:
    """Time of work on the slowest rank, including a GPU's queue."""
    _synchronize(world)
    start = time.perf_counter()
    work()
    _synchronize(world)
    return world.all_reduce_max([time.perf_counter() - start])[0]


def _synchronize(world: Distributed) -> None:
    """Wait for this rank's device and for the other ranks."""
    if world.device.type == "cuda":
        torch.cuda.synchronize(world.device)
    world.barrier()


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)


def _peak_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale


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
    sampler, sampling = timed(lambda: PairSampler(*corpus.members, batch_size=config.batch_size, seed=0))
    _, drawing = timed(lambda: sampler.batch(0, 0))
    steps = throughput(path, config=config, runtime=runtime, steps=options.steps, warmup=options.warmup)
    return {
        "transcripts": len(corpus),
        "gene_sets": corpus.num_gene_sets,
        "nucleotides": len(corpus.codes),
        "opening_seconds": opening,
        "sampling_seconds": sampling + drawing,
        "steps_per_epoch": sampler.steps_per_epoch,
        **asdict(steps),
    }


def main() -> None:
    parser = options_of(__doc__)
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
