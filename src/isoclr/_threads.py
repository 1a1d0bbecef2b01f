"""CPU threads: one thread per chunk instead of all threads on each operation.

PyTorch splits every operation over its threads, which wait for each other at its end. A chunk that goes through a layer
on a thread of its own needs no such waiting and stays in one core's caches. On a busy machine this is what makes two
threads faster than one (docs/performance.md).
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from threading import Barrier
from typing import TypeVar

import torch

from isoclr.errors import InputError

Item = TypeVar("Item")
Result = TypeVar("Result")


MAX_THREADS = 1024


def use_threads(threads: int | None) -> None:
    """Set the number of CPU threads; None leaves PyTorch's choice."""
    if threads is None:
        return
    if not 1 <= threads <= MAX_THREADS:  # libgomp ends the process if it cannot have so many
        raise InputError(f"--threads {threads}: expected 1 to {MAX_THREADS:,}")
    torch.set_num_threads(threads)


def thread_map(function: Callable[[Item], Result], items: Sequence[Item], device: str) -> list[Result]:
    """``[function(item) for item in items]``, in parallel on a CPU; without autograd.

    Args:
        function: Must not depend on other items and must not draw random numbers.
        device: Type of the device; on a GPU items are processed in sequence.
    """
    threads = torch.get_num_threads()
    if device != "cpu" or threads == 1 or len(items) < 2:
        with torch.no_grad():
            return [function(item) for item in items]

    def run(item: Item) -> Result:
        with torch.no_grad():
            return function(item)

    futures = [_workers(threads).submit(run, item) for item in items]
    try:
        return [future.result() for future in futures]
    finally:  # after an error no thread may go on writing
        for future in futures:
            future.cancel()
        wait(futures)


@cache
def _workers(threads: int) -> ThreadPoolExecutor:
    """Threads whose operations use one thread each.

    PyTorch has one number of threads for threads that start later, and one for each that has computed already. All
    workers therefore start here, and the caller's number is restored afterwards.
    """
    pool, all_started = ThreadPoolExecutor(threads, "chunk"), Barrier(threads)

    def start() -> None:
        torch.set_num_threads(1)
        torch.get_num_threads()
        all_started.wait()

    wait([pool.submit(start) for _ in range(threads)])
    torch.set_num_threads(threads)
    return pool


if hasattr(os, "register_at_fork"):  # threads do not survive a fork
    os.register_at_fork(after_in_child=_workers.cache_clear)
