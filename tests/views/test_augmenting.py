import numpy as np
import pytest

from isoclr.corpus.codes import CODON_START, EXON_END, NUCLEOTIDE_BITS
from isoclr.views import Augmentation, Draws

ALL = NUCLEOTIDE_BITS | CODON_START | EXON_END


def draw(n: int = 1000, step: int = 0, epoch: int = 0, seed: int = 0, **lost: float) -> Draws:
    how = Augmentation(**{"mask": 0.15, "most_shift": 3, **lost})  # type: ignore[arg-type]
    return how.draw(n, seed=seed, epoch=epoch, step=step)


def test_nothing_is_lost_unless_asked_for() -> None:
    draws = Augmentation().draw(4, seed=0, epoch=0, step=0)
    assert (draws.shift, draws.mask_rate, draws.keep) == (0, 0.0, None)


def test_shifts_are_0_to_the_most_alike_for_a_whole_batch() -> None:
    shifts = [draw(1, step).shift for step in range(400)]
    assert np.bincount(shifts, minlength=4).tolist() == pytest.approx([100] * 4, abs=45)


def test_keys_are_32_bit_halves_and_distinct() -> None:
    keys = draw(50_000).keys
    assert keys.shape == (50_000, 2)
    assert keys.min() >= -(2**31)
    assert keys.max() < 2**31
    assert len(np.unique(keys, axis=0)) == 50_000


@pytest.mark.parametrize("other", [{"step": 1}, {"epoch": 1}, {"seed": 1}])
def test_choices_are_new_in_every_step_epoch_and_run(other: dict[str, int]) -> None:
    ours, theirs = (draw(**which, drop_splice=0.3, drop_tracks=0.3) for which in ({}, other))
    assert not (ours.keys == theirs.keys).any()
    assert np.mean(ours.keep != theirs.keep) > 0.5


def test_a_views_choices_do_not_depend_on_how_many_follow() -> None:
    few, many = (draw(n, drop_splice=0.2, drop_tracks=0.2) for n in (10, 1000))
    np.testing.assert_array_equal(few.keys, many.keys[:10])
    assert few.keep is not None
    assert many.keep is not None
    np.testing.assert_array_equal(few.keep, many.keep[:10])


@pytest.mark.parametrize(
    ("splice", "tracks"), [(0.2, 0.3), (0.5, 0.5), (0.0, 0.4), (0.4, 0.0), (1.0, 0.0), (0.0, 1.0)]
)
def test_the_shares_asked_for_lose_their_tracks(splice: float, tracks: float) -> None:
    keep = draw(20_000, drop_splice=splice, drop_tracks=tracks).keep
    assert keep is not None
    shares = [(keep == bits).mean() for bits in (ALL & ~EXON_END, NUCLEOTIDE_BITS, ALL)]
    assert shares == pytest.approx([splice, tracks, 1 - splice - tracks], abs=0.015)


def test_the_two_views_of_a_pair_lose_theirs_independently() -> None:
    keep = draw(40_000, drop_tracks=0.5).keep
    assert keep is not None
    first, second = np.split(keep == ALL, 2)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03


def test_losing_tracks_leaves_mask_and_shift_as_they_were() -> None:
    without, with_loss = draw(100, 5), draw(100, 5, drop_tracks=0.5)
    assert without.shift == with_loss.shift
    np.testing.assert_array_equal(without.keys, with_loss.keys)
