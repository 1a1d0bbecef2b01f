"""Side by side gives what one after the other gives, without autograd, on threads of one thread."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from isoclr._threads import thread_map, use_threads
from isoclr.errors import InputError


@pytest.mark.parametrize("threads", [1, 2])
def test_results_come_in_order_and_without_gradients(threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    seen: set[tuple[str, int]] = set()
    weight = torch.ones(1, requires_grad=True)

    def double(i: int) -> torch.Tensor:
        seen.add((threading.current_thread().name, torch.get_num_threads()))
        return weight * 2 * i

    try:
        results = thread_map(double, range(50), "cpu")
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert [int(r) for r in results] == [2 * i for i in range(50)]
    assert not any(r.requires_grad for r in results)
    assert all(n == 1 for _, n in seen)


def test_error_reaches_the_caller(two_threads: None) -> None:
    with pytest.raises(ZeroDivisionError):
        thread_map(lambda i: 1 // i, [1, 0, 2], "cpu")


def test_use_threads(two_threads: None) -> None:
    use_threads(None)
    assert torch.get_num_threads() == 2
    use_threads(1)
    assert torch.get_num_threads() == 1
    with pytest.raises(InputError, match="--threads 0: expected 1 to 1,024"):
        use_threads(0)
    assert torch.get_num_threads() == 1


def test_nothing_runs_after_an_error(two_threads: None) -> None:
    done: list[int] = []

    def work(i: int) -> None:
        if i == 0:
            raise ValueError("first")
        time.sleep(0.05)
        done.append(i)

    with pytest.raises(ValueError, match="first"):
        thread_map(work, list(range(20)), "cpu")
    seen = len(done)
    time.sleep(0.2)
    assert len(done) == seen < 19


def test_other_threads_keep_their_cores(two_threads: None) -> None:
    thread_map(abs, [1, 2, 3], "cpu")
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(torch.get_num_threads).result() == 2
    assert torch.get_num_threads() == 2


def test_a_forked_child_has_threads_of_its_own() -> None:
    script = (
        "import os, signal, torch\n"
        "from isoclr._threads import thread_map\n"
        "torch.set_num_threads(2)\n"
        "thread_map(abs, [1, 2], 'cpu')\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    signal.alarm(20)\n"
        "    os._exit(thread_map(abs, [-1, 2], 'cpu') != [1, 2])\n"
        "raise SystemExit(os.waitpid(child, 0)[1])\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
