"""Side by side gives what one after the other gives, without autograd, on threads of one thread."""

import threading

import pytest
import torch

from isoclr.models.parallel import each


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
        results = each(double, range(50), "cpu")
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert [int(r) for r in results] == [2 * i for i in range(50)]
    assert not any(r.requires_grad for r in results)
    assert all(n == 1 for _, n in seen)


def test_an_error_reaches_the_caller() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(ZeroDivisionError):
            each(lambda i: 1 // i, [1, 0, 2], "cpu")
    finally:
        torch.set_num_threads(before)
