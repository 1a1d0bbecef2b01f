"""Several processes training on one batch (torchrun; gloo on CPU, NCCL on GPU).

Every rank embeds its share of the views. The projections of all are then gathered, and every rank computes the
*whole* loss, in which only its own rows carry a gradient. The gradient of those rows is then exactly that of one
process with the whole batch, whatever a collective's backward pass would do, and a parameter's gradient is the
plain sum over ranks.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

from isoclr.errors import InputError, IsoclrError

_LOST_PEER = ("closed by peer", "reset by peer", "timed out", "broken pipe", "connection refused")


class LostRankError(IsoclrError):
    """Another process of the job is gone."""


@dataclass(frozen=True)
class Distributed:
    """The processes of a run, as one of them sees it."""

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def leads(self) -> bool:
        """Whether this process writes the files and talks to the person."""
        return self.rank == 0

    def highest(self, values: Sequence[float]) -> list[float]:
        """The highest value of each over all ranks, so that all decide alike."""
        if self.size == 1:
            return list(values)
        shared = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(shared, dist.ReduceOp.MAX)
        return [float(value) for value in shared.tolist()]

    def gather(self, own: Tensor, places: Sequence[Tensor]) -> Tensor:
        """The rows of all ranks in one matrix, of which this rank's own rows carry a gradient.

        Args:
            own: (n_rank, k) this rank's rows; the ranks' numbers of rows may differ, and may be 0.
            places: for every rank, where its rows belong in the result; on this rank's device.

        Returns:
            (sum of n_rank, k), the same values on every rank.
        """
        width = own.shape[1]
        everything = own.new_zeros(sum(len(place) for place in places), width)
        if self.size > 1:
            padded = own.new_zeros(max(len(place) for place in places), width)
            padded[: len(own)] = own.detach()
            received = [torch.empty_like(padded) for _ in places]
            dist.all_gather(received, padded)
            for place, rows in zip(places, received, strict=True):
                everything.index_copy_(0, place, rows[: len(place)])
        return everything.index_copy(0, places[self.rank], own)

    def sum_gradients(self, parameters: Sequence[Tensor]) -> None:
        """Add up the gradients of all ranks, in place and in one message."""
        if self.size == 1:
            return
        gradients = [p.new_zeros(p.shape) if p.grad is None else p.grad for p in parameters]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        dist.all_reduce(flat)
        parts = torch.split(flat, [gradient.numel() for gradient in gradients])
        for parameter, part in zip(parameters, parts, strict=True):
            parameter.grad = part.view_as(parameter)


@contextmanager
def init_distributed(device: str = "auto", timeout_minutes: float = 10.0) -> Iterator[Distributed]:
    """Join the processes that torchrun started, or be a world of one.

    Args:
        device: ``auto``, or what torch calls a device; under torchrun every process takes a GPU of its own.
        timeout_minutes: how long to wait for the others before the job is given up.

    Raises:
        InputError: no such device.
        LostRankError: another process is gone.
    """
    rank, size = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    chosen = _device(device)
    on_gpu = chosen.type == "cuda"
    if on_gpu:
        torch.cuda.set_device(chosen)
    if size == 1:
        yield Distributed(0, 1, chosen)
        return
    with reraise_lost_rank(rank, size):
        dist.init_process_group(
            "nccl" if on_gpu else "gloo",
            timeout=timedelta(minutes=timeout_minutes),
            device_id=chosen if on_gpu else None,
        )
        yield Distributed(rank, size, chosen)
        # not on the way out of an error: a group that has lost a rank may never come apart
        dist.destroy_process_group()


@contextmanager
def reraise_lost_rank(rank: int, size: int) -> Iterator[None]:
    """Turn what a collective throws when a process has died into one line.

    Raises:
        LostRankError: instead of the collective's error.
    """
    try:
        yield
    except RuntimeError as error:
        text = " ".join(str(error).split())
        collective = isinstance(error, dist.DistError) or "gloo" in text.lower()
        if not collective and not any(sign in text.lower() for sign in _LOST_PEER):
            raise
        raise LostRankError(
            f"rank {rank} of {size} has lost another process of the job ({text[:200]}); "
            "start it again with --resume to go on from the last checkpoint"
        ) from error


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(1, device=device).cpu()  # "meta" holds no numbers
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(f"--device is {name!r}, which torch cannot use here: {error}") from None
    if device.type == "cuda" and device.index is None:
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    return device
