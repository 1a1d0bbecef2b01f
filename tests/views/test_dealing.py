import numpy as np
import pytest

from isoclr.views import deal


def realistic_lengths(n: int) -> np.ndarray:
    """mRNA lengths: log-normal round 2 kb, at most 12,288 nt."""
    lengths = np.random.default_rng(2).lognormal(np.log(2000), 0.8, n)
    return np.clip(lengths, 150, 12_288).astype(np.int64)


@pytest.mark.parametrize("ranks", [1, 2, 3, 8])
@pytest.mark.parametrize("n", [1, 2, 5, 200])
def test_deal_gives_every_view_once_and_nucleotides_evenly(ranks: int, n: int) -> None:
    lengths = realistic_lengths(n)
    hands = deal(lengths, ranks)
    assert sorted(np.concatenate(hands)) == list(range(n))
    totals = [int(lengths[hand].sum()) for hand in hands]
    assert max(totals) - min(totals) <= lengths.max()
    for hand in hands:
        assert (np.diff(lengths[hand]) <= 0).all()
