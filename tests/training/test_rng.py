"""Random numbers depend on seed, purpose and key alone."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from isoclr.training.rng import UINT32, RngStream, bernoulli, hash_uint32, keyed_rng, seeded, torch_seed


def test_numbers_depend_on_the_key_and_on_nothing_drawn_before() -> None:
    one = keyed_rng(1, RngStream.BATCH_ORDER, 2, 3).integers(1 << 60)
    keyed_rng(1, RngStream.BATCH_ORDER, 2, 3).integers(1 << 60, size=9)
    assert keyed_rng(1, RngStream.BATCH_ORDER, 2, 3).integers(1 << 60) == one
    others = [
        keyed_rng(0, RngStream.BATCH_ORDER, 2, 3),
        keyed_rng(1, RngStream.TRAIN_FRACTION, 2, 3),
        keyed_rng(1, RngStream.BATCH_ORDER, 2, 4),
    ]
    assert one not in [rng.integers(1 << 60) for rng in others]
    assert torch_seed(1, RngStream.TRIAL_DROPOUT, 0) != torch_seed(1, RngStream.TRIAL_DROPOUT, 1)


def test_torchs_own_generator_is_left_alone() -> None:
    torch.manual_seed(7)
    want = torch.rand(3)
    torch.manual_seed(7)
    with seeded(0, RngStream.NEW_WEIGHTS):
        first = torch.rand(3)
    with seeded(0, RngStream.NEW_WEIGHTS):
        assert torch.equal(torch.rand(3), first)
    assert torch.equal(torch.rand(3), want)


N = 2**18
INT32 = (-(2**31), 2**31)


def sequence(low: int = 17, high: int = -5, start: int = 0, n: int = N) -> Tensor:
    """Words of consecutive positions of one view."""
    position = torch.arange(start, start + n, dtype=torch.int32)
    return hash_uint32(position, *(torch.tensor(half, dtype=torch.int32) for half in (low, high)))


def across_views(n: int = N, position: int = 100) -> Tensor:
    """Words of one position of many views, with keys as a step draws them."""
    keys = torch.from_numpy(np.random.default_rng(0).integers(*INT32, (n, 2))).int()
    return hash_uint32(torch.tensor(position, dtype=torch.int32), keys[:, 0], keys[:, 1])


def across_neighbouring_keys(n: int = N) -> Tensor:
    """Words of one position of views whose keys differ by one: the hardest case for a hash."""
    high = torch.arange(n, dtype=torch.int32)
    return hash_uint32(torch.tensor(3, dtype=torch.int32), torch.tensor(7, dtype=torch.int32), high)


SOURCES: dict[str, Callable[[], Tensor]] = {
    "along positions": sequence,
    "along far positions": lambda: sequence(start=2**30),
    "with a zero key": lambda: sequence(0, 0),
    "across views": across_views,
    "across neighbouring keys": across_neighbouring_keys,
}
every_source = pytest.mark.parametrize("source", SOURCES)


def plain(position: int, low: int, high: int) -> int:
    """The same in Python's unbounded integers."""
    x = (position * 0x1E3779B9 + low) % UINT32
    x ^= x >> 15
    x = x * 0x31848BAB % UINT32 ^ high % UINT32
    for multiplier in (0x21F0AAAD, 0x735A2D97):
        x ^= x >> 15
        x = x * multiplier % UINT32
    x ^= x >> 15
    return x - UINT32 if x >= UINT32 // 2 else x


def test_it_is_the_hash_of_32_bit_integers_on_any_machine() -> None:
    rng = np.random.default_rng(1)
    for position, low, high in rng.integers(*INT32, (200, 3)).tolist():
        found = hash_uint32(*(torch.tensor(v, dtype=torch.int32) for v in (abs(position) // 2, low, high)))
        assert int(found) == plain(abs(position) // 2, low, high)


def test_golden_words_stay_what_they_are() -> None:
    # a resumed run must draw the masks that the stopped one would have drawn
    assert sequence(n=4).tolist() == [plain(i, 17, -5) for i in range(4)]
    assert sequence(n=3).tolist() == [1545699100, -1416835927, 818711715]


@every_source
def test_words_are_uniform(source: str) -> None:
    x = SOURCES[source]().numpy().astype(np.float64) / UINT32 + 0.5
    assert abs(x.mean() - 0.5) < 5 / np.sqrt(12 * len(x))
    counts = np.histogram(x, 1024, (0, 1))[0]
    assert stats.chisquare(counts).pvalue > 1e-4


@every_source
def test_every_bit_is_as_often_one_as_zero(source: str) -> None:
    x = SOURCES[source]().numpy().view(np.uint32)
    ones = np.array([((x >> bit) & 1).mean() for bit in range(32)])
    assert np.abs(ones - 0.5).max() < 5 * 0.5 / np.sqrt(len(x))


@every_source
@pytest.mark.parametrize("lag", [1, 2, 3, 16, 32, 4096])
def test_words_do_not_follow_from_earlier_ones(source: str, lag: int) -> None:
    x = SOURCES[source]().numpy().astype(np.float64)
    correlation = np.corrcoef(x[:-lag], x[lag:])[0, 1]
    assert abs(correlation) < 5 / np.sqrt(len(x))


@pytest.mark.parametrize("other", [(18, -5), (17, -4), (17 + 2**31, -5), (-17, 5)])
def test_views_do_not_follow_from_each_other(other: tuple[int, int]) -> None:
    low = (other[0] + 2**31) % UINT32 - 2**31
    x, y = sequence().numpy().astype(np.float64), sequence(low, other[1]).numpy().astype(np.float64)
    for lag in (0, 1, 7):
        correlation = np.corrcoef(x[: N - lag], y[lag:])[0, 1]
        assert abs(correlation) < 5 / np.sqrt(N)


def test_neighbouring_masks_are_independent() -> None:
    hidden = bernoulli(sequence(), 0.15).numpy().astype(int)
    patterns = np.bincount(hidden[:-2] * 4 + hidden[1:-1] * 2 + hidden[2:], minlength=8)
    share = np.array([0.85, 0.15])
    expected = np.einsum("i,j,k->ijk", share, share, share).ravel() * patterns.sum()
    assert stats.chisquare(patterns[:], expected).pvalue > 1e-4


def test_runs_of_masked_positions_are_as_long_as_chance_makes_them() -> None:
    hidden = bernoulli(sequence(), 0.15).numpy()
    edges = np.flatnonzero(np.diff(np.concatenate([[False], hidden, [False]]).astype(int)))
    runs = edges[1::2] - edges[::2]
    assert runs.mean() == pytest.approx(1 / 0.85, rel=0.01)


@pytest.mark.parametrize("probability", [0.0, 0.001, 0.15, 0.5, 0.999, 1.0])
def test_the_share_below_is_the_probability(probability: float) -> None:
    share = float(bernoulli(sequence(), probability).float().mean())
    assert abs(share - probability) <= 5 * np.sqrt(probability * (1 - probability) / N)


def test_below_at_its_limits() -> None:
    extremes = torch.tensor([-(2**31), -(2**31) + 1, 2**31 - 1], dtype=torch.int32)
    assert bernoulli(extremes, 0.0).tolist() == [False, False, False]
    assert bernoulli(extremes, 2.0**-32).tolist() == [True, False, False]
    assert bernoulli(extremes, 1 - 2.0**-32).tolist() == [True, True, False]
    assert bernoulli(extremes, 1.0).tolist() == [True, True, True]
