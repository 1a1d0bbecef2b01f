"""Chunks side by side: one thread each instead of all threads on one chunk.

torch splits every single operation over its threads and lets them wait for each other at its end. Chunks need no such
waiting: each goes through a layer on a thread of its own, in caches of its own. On a machine that others use too,
where a waited-for thread may be without a core, this is what keeps two threads faster than one (docs/performance.md).
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


def use_threads(threads: int | None) -> None:
    """Let torch compute on so many threads of the CPU.

    Args:
        threads: None: as many as torch chooses.

    Raises:
        InputError: fewer than one.
    """
    if threads is None:
        return
    if threads < 1:
        raise InputError(f"--threads {threads}: expected 1 or more")
    torch.set_num_threads(threads)


def thread_map(
    function: Callable[[Item], Result], items: Sequence[Item], device: str
) -> list[Result]:
    """``[function(item) for item in items]``, side by side on a CPU; without autograd.

    Args:
        function: what to do with one; it must not depend on the others nor draw random numbers.
        items: chunks, or the numbers of chunks.
        device: type of the device that computes; a GPU takes one after the other.
    """
    threads = torch.get_num_threads()
    if device != "cpu" or threads == 1 or len(items) < 2:
        with torch.no_grad():
            return [function(item) for item in items]

    def alone(item: Item) -> Result:
        with torch.no_grad():
            return function(item)

    futures = [_workers(threads).submit(alone, item) for item in items]
    try:
        return [future.result() for future in futures]
    finally:  # after an error nothing may go on writing
        for future in futures:
            future.cancel()
        wait(futures)


@cache
def _workers(threads: int) -> ThreadPoolExecutor:
    """Threads whose operations use one thread each.

    torch keeps one number of threads for all that are yet to come and one for each that has begun to compute: the
    workers begin here, and what the caller had is then put back.
    """
    pool, all_begun = ThreadPoolExecutor(threads, "chunk"), Barrier(threads)

    def begin() -> None:
        torch.set_num_threads(1)
        torch.get_num_threads()
        all_begun.wait()

    wait([pool.submit(begin) for _ in range(threads)])
    torch.set_num_threads(threads)
    return pool


if hasattr(os, "register_at_fork"):  # threads do not survive a fork
    os.register_at_fork(after_in_child=_workers.cache_clear)
