"""Chunks side by side: one thread each instead of all threads on one chunk.

torch splits every single operation over its threads and lets them wait for each other at its end. Chunks need no such
waiting: each goes through a layer on a thread of its own, in caches of its own. On a machine that others use too,
where a waited-for thread may be without a core, this is what keeps two threads faster than one (docs/performance.md).
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


def each(function: Callable[[Item], Result], items: Sequence[Item], device: str) -> list[Result]:
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

    return list(_workers(threads).map(alone, items))


@cache
def _workers(threads: int) -> ThreadPoolExecutor:
    """Threads whose operations use one thread each."""
    return ThreadPoolExecutor(threads, "chunk", initializer=torch.set_num_threads, initargs=(1,))
