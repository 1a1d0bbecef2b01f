"""Distributed training with torchrun (gloo on CPUs, NCCL on GPUs).

Every rank embeds its views. The projections of all ranks are gathered, and every rank computes the loss of the whole
batch, in which only its own rows carry a gradient. The gradient of a parameter is then the sum over ranks.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

from isoclr.errors import IsoclrError
from isoclr.training.device import resolve_device

_LOST_PEER = ("closed by peer", "reset by peer", "timed out", "broken pipe", "connection refused")

RESUME = "restart it with --resume to go on from the last checkpoint"


class LostRankError(IsoclrError):
    """Another process of the job has died."""


@dataclass(frozen=True)
class Distributed:
    """The processes of a run as seen by one of them."""

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and shows messages."""
        return self.rank == 0

    def all_reduce_max(self, values: Sequence[float]) -> list[float]:
        """The maximum of each value over all ranks, so that every rank takes the same decision."""
        if self.size == 1:
            return list(values)
        shared = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(shared, dist.ReduceOp.MAX)
        return [float(value) for value in shared.tolist()]

    def barrier(self) -> None:
        """Wait for the other ranks."""
        self.all_reduce_max([0])

    def gather(self, own: Tensor, positions: Sequence[Tensor]) -> Tensor:
        """The rows ``(n, k)`` of all ranks, the same on every rank, in which this rank's rows carry a gradient.

        Args:
            own: ``(n_rank, k)`` rows of this rank; ranks may have different numbers of rows, or none.
            positions: For every rank, the positions of its rows in the result; on this rank's device.
        """
        width = own.shape[1]
        rows = own.new_zeros(sum(map(len, positions)), width)
        if self.size > 1:
            padded = own.new_zeros(max(map(len, positions)), width)
            padded[: len(own)] = own.detach()
            received = [torch.empty_like(padded) for _ in positions]
            dist.all_gather(received, padded)
            for position, part in zip(positions, received, strict=True):
                rows.index_copy_(0, position, part[: len(position)])
        return rows.index_copy(0, positions[self.rank], own)

    def sum_gradients(self, parameters: Sequence[Tensor]) -> None:
        """Sum the gradients over all ranks, in place and in one message."""
        if self.size == 1:
            return
        gradients = [p.new_zeros(p.shape) if p.grad is None else p.grad for p in parameters]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        dist.all_reduce(flat)
        parts = torch.split(flat, [gradient.numel() for gradient in gradients])
        for parameter, part in zip(parameters, parts, strict=True):
            parameter.grad = part.view_as(parameter)


@contextmanager
def init_distributed(
    device: str = "auto", timeout_minutes: float = 10.0, advice: str = RESUME
) -> Iterator[Distributed]:
    """Join the processes that torchrun started; without torchrun there is one process.

    Args:
        advice: What to do when another process has died.

    Raises:
        LostRankError: Another process has died.
    """
    rank, size = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    chosen = resolve_device(device)
    on_gpu = chosen.type == "cuda"
    if on_gpu:
        torch.cuda.set_device(chosen)
    if size == 1:
        yield Distributed(0, 1, chosen)
        return
    with reraise_lost_rank(rank, size, advice):
        dist.init_process_group(
            "nccl" if on_gpu else "gloo",
            timeout=timedelta(minutes=timeout_minutes),
            device_id=chosen if on_gpu else None,
        )
        yield Distributed(rank, size, chosen)
        # only without an error: destroying a group that has lost a rank may never return
        dist.destroy_process_group()


@contextmanager
def reraise_lost_rank(rank: int, size: int, advice: str = RESUME) -> Iterator[None]:
    """Turn the error of a collective operation whose peer has died into one line."""
    try:
        yield
    except RuntimeError as error:
        text = " ".join(str(error).split())
        collective = isinstance(error, dist.DistError) or "gloo" in text.lower()
        if not collective and not any(sign in text.lower() for sign in _LOST_PEER):
            raise
        raise LostRankError(
            f"rank {rank} of {size} has lost another process of the job ({text[:200]}); {advice}"
        ) from error
