"""Timed steps of pre-training, without a run's directory."""

import math
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from isoclr._threads import use_threads
from isoclr.corpus.corpus import open_corpus
from isoclr.pretraining.config import PretrainConfig, PretrainRuntime
from isoclr.pretraining.data import Batch
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
