from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests.forks import Forks
from torch import Tensor

from isoclr.training.distributed import Distributed, LostRankError, init_distributed, reraise_lost_rank

WORKER = Path(__file__).with_name("gradient_worker.py")


@pytest.fixture(scope="module")
def gradients(
    tmp_path_factory: pytest.TempPathFactory, small_corpus: Path, forks: Forks, free_port: Callable[[], int]
) -> dict[int, Path]:
    """For 2 and 3 ranks, where the gradients are: theirs and those of one process alone."""
    folders = {ranks: tmp_path_factory.mktemp(f"ranks-{ranks}") for ranks in (2, 3)}
    for ranks, tried in ((2, ["right,detaching,averaging", "1,5"]), (3, ["right", "1"])):
        words = [str(WORKER), str(small_corpus), str(folders[ranks]), *tried]
        for rank in forks.start_ranks(free_port(), ranks, words):
            assert rank.wait() == 0, rank.shown
    return folders


def of_ranks(folder: Path, variant: str, pairs: int) -> list[dict[str, Tensor]]:
    return [load_file(file) for file in sorted(folder.glob(f"{variant}.{pairs}.*"))]


def furthest(found: dict[str, Tensor], expected: dict[str, Tensor]) -> float:
    """Largest difference of a gradient, relative to the largest entry of its tensor.

    Gradients that are zero but for rounding (biases before a batch norm) are measured against the largest of all.
    """
    assert found.keys() == expected.keys()
    names = [name for name in expected if not name.startswith("after.")]
    largest = max(float(expected[name].abs().max()) for name in names)
    return max(
        float((found[name] - expected[name]).abs().max()) / max(float(expected[name].abs().max()), 1e-3 * largest)
        for name in names
    )


# two views on three ranks: one of them has none
@pytest.mark.parametrize(("ranks", "pairs"), [(2, 1), (2, 5), (3, 1)])
def test_gradient_equals_one_process(gradients: dict[int, Path], ranks: int, pairs: int) -> None:
    (alone,) = of_ranks(gradients[ranks], "alone", pairs)
    together = of_ranks(gradients[ranks], "right", pairs)
    assert len(together) == ranks
    for rank in together:
        assert furthest(rank, alone) < 1e-9


@pytest.mark.parametrize(("ranks", "pairs"), [(2, 5), (3, 1)])
def test_ranks_are_bit_identical(gradients: dict[int, Path], ranks: int, pairs: int) -> None:
    first, *others = of_ranks(gradients[ranks], "right", pairs)
    for other in others:
        for name in first:  # gradients, and weights and running statistics after the step
            assert torch.equal(first[name], other[name]), name


def test_running_statistics(gradients: dict[int, Path]) -> None:
    (alone,) = of_ranks(gradients[2], "alone", 5)
    rank = of_ranks(gradients[2], "right", 5)[0]
    statistics = [name for name in alone if "running" in name]
    assert len(statistics) > 10
    for name in statistics:
        torch.testing.assert_close(rank[name], alone[name], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("wrong", ["detaching", "averaging"])
def test_wrong_gradients_are_detected(gradients: dict[int, Path], wrong: str) -> None:
    (alone,) = of_ranks(gradients[2], "alone", 5)
    assert furthest(of_ranks(gradients[2], wrong, 5)[0], alone) > 0.4


def test_gather() -> None:
    own = torch.tensor([[1.0], [2.0], [3.0]], requires_grad=True)
    gathered = Distributed().gather(own, [torch.tensor([2, 0, 1])])
    assert gathered.tolist() == [[2.0], [3.0], [1.0]]
    (gathered * torch.tensor([[10.0], [20.0], [30.0]])).sum().backward()  # type: ignore[no-untyped-call]
    assert own.grad is not None
    assert own.grad.tolist() == [[30.0], [10.0], [20.0]]


def test_without_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with init_distributed("cpu") as world:
        assert (world.rank, world.size, world.is_main) == (0, 1, True)
        assert not torch.distributed.is_initialized()
        assert world.all_reduce_max([3.0, 1.0]) == [3.0, 1.0]


def test_lost_rank() -> None:
    with pytest.raises(LostRankError, match="rank 1 of 4 has lost another process"), reraise_lost_rank(1, 4):
        raise RuntimeError("[gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:53")


def test_other_errors() -> None:
    with pytest.raises(RuntimeError, match="out of memory"), reraise_lost_rank(0, 2):
        raise RuntimeError("out of memory")
