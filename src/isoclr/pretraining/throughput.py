"""How fast a machine pre-trains: steps as in a run, timed, without a run's directory."""

import math
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from isoclr._threads import use_threads
from isoclr.corpus.corpus import open_corpus
from isoclr.pretraining.config import PretrainConfig
from isoclr.pretraining.data import Batch
from isoclr.pretraining.losses import decoupled_contrastive_loss
from isoclr.pretraining.pretrain import Machine, RunContext, set_up
from isoclr.training.device import matmul_precision, reraise_out_of_memory
from isoclr.training.distributed import Distributed, init_distributed


@dataclass(frozen=True)
class Throughput:
    """What was measured; times are seconds a step, over all ranks together."""

    device: str
    precision: str
    ranks: int
    pairs: int
    steps: int
    """Steps timed, after those to warm up."""
    nt: float
    """Nucleotides of real bases a step, both views counted."""
    seconds: float
    """Of a step, pairs and views and optimiser included."""
    nt_per_second: float
    views_seconds: float
    """Of drawing pairs and making views, alone."""
    loss_seconds: float
    """Of the contrastive loss, forward and backward, alone."""
    warmup_seconds: float
    """Of all steps to warm up: where compilation is."""
    waste: float
    """Share of the chunks that is padding."""
    shapes: int
    """Distinct shapes of chunks that occurred."""
    recompute: bool
    compiled: bool
    peak_bytes: int
    """Most memory in use: the device's, or on a CPU the process'."""
    loss: float
    """Of the last step."""


def throughput(
    corpus: Path,
    *,
    model: str = "isoclr-s",
    tracks: int = 6,
    pooling: Literal["last", "all"] = "last",
    device: str = "auto",
    precision: Literal["auto", "bf16", "float32"] = "auto",
    batch_size: int = 1024,
    min_transcripts: int = 1,
    steps: int = 20,
    warmup: int = 5,
    threads: int | None = None,
    corpus_on: Literal["device", "cpu"] = "device",
    chunk_nt: int | None = None,
    recompute: Literal["auto", "on", "off"] = "auto",
    compile: Literal["auto", "on", "off"] = "auto",
    learning_rate: float = 0.001,
) -> Throughput:
    """Time steps of pre-training on a corpus; nothing is written.

    Started by torchrun, all ranks train together, and all return the same times.

    Args:
        corpus: directory that isoclr build wrote.
        model: isoclr-s, isoclr-m or isoclr-l.
        tracks: as in :func:`isoclr.pretraining.pretrain.pretrain`, like all options that are not told here.
        pooling: as there.
        device: as there.
        precision: as there.
        batch_size: pairs in a batch, over all processes.
        min_transcripts: leave out gene sets with fewer.
        steps: to time.
        warmup: steps before those.
        threads: of the CPU.
        corpus_on: as there.
        chunk_nt: as there.
        recompute: as there.
        compile: as there.
        learning_rate: of every step.

    Raises:
        InputError: an option or the corpus cannot be used.
    """
    recipe = PretrainConfig(
        model=model,
        tracks=tracks,
        pooling=pooling,
        precision=precision,
        batch_size=batch_size,
        min_transcripts=min_transcripts,
        learning_rate=learning_rate,
        held_out=0.0,
    )
    machine = Machine(corpus_on=corpus_on, chunk_nt=chunk_nt, recompute=recompute, compile=compile)
    use_threads(threads)
    with init_distributed(device) as world, reraise_out_of_memory():
        made = set_up(open_corpus(corpus), recipe, world, machine, say=lambda _: None)
        with matmul_precision(made.learner.dtype, world.device):
            return _measure(made, world, steps, warmup)


def _measure(made: RunContext, world: Distributed, steps: int, warmup: int) -> Throughput:
    warmup_seconds = _timed(world, lambda: _train(made, range(warmup)))
    batches: list[Batch] = []
    losses: list[float] = []

    def train() -> None:
        done, loss = _train(made, range(warmup, warmup + steps))
        batches.extend(done)
        losses.append(loss)

    seconds = _timed(world, train) / steps
    views = _timed(world, lambda: [made.batch_of(warmup + i) for i in range(steps)]) / steps
    nt = sum(batch.nt for batch in batches) / steps
    return Throughput(
        device=_name(world.device),
        precision=str(made.learner.dtype).removeprefix("torch."),
        ranks=world.size,
        pairs=made.learner.recipe.batch_size,
        steps=steps,
        nt=nt,
        seconds=seconds,
        nt_per_second=nt / seconds,
        views_seconds=views,
        loss_seconds=_loss_seconds(made, world, batches[0]),
        warmup_seconds=warmup_seconds,
        waste=sum(batch.waste for batch in batches) / steps,
        shapes=len({chunk.codes.shape for batch in batches for chunk in batch.chunks}),
        recompute=made.tuning.recompute,
        compiled=made.learner.network.compiled,
        peak_bytes=_peak_bytes(world.device),
        loss=losses[0],
    )


def _train(made: RunContext, steps: range) -> tuple[list[Batch], float]:
    """Some steps as a run does them: the next batch is drawn before a step's figures are waited for."""
    batches, loss = [made.batch_of(steps.start)], math.nan
    for step in steps:
        launched = made.learner.step(batches[-1], step, made.learner.recipe.learning_rate)
        batches.append(made.batch_of(step + 1))
        loss = launched.result().loss
    return batches[: len(steps)], loss


def _loss_seconds(made: RunContext, world: Distributed, batch: Batch, repeats: int = 5) -> float:
    """Of the loss of a batch's pairs, from projections that have just been made."""
    pairs, width = len(batch.gene_sets), made.learner.projector.last.out_features
    z = torch.randn(2 * pairs, width, device=world.device, requires_grad=True)

    def loss() -> None:
        for _ in range(repeats):
            z1, z2 = z.chunk(2)
            decoupled_contrastive_loss(z1, z2).backward()  # type: ignore[no-untyped-call]

    return _timed(world, loss) / repeats


def _timed(world: Distributed, work: Callable[[], object]) -> float:
    """Seconds that work takes on the slowest rank, a GPU's queue included."""
    _finish(world)
    began = time.perf_counter()
    work()
    _finish(world)
    return world.highest([time.perf_counter() - began])[0]


def _finish(world: Distributed) -> None:
    """Wait for what is queued here, and for the other ranks."""
    if world.device.type == "cuda":
        torch.cuda.synchronize(world.device)
    world.highest([0])


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)


def _peak_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale
