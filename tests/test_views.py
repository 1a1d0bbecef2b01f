from collections import Counter

import numpy as np
import pytest
import torch

from isoclr.corpus.codes import CODON_START, MASK, PAD, Codes
from isoclr.views import (
    PairSampler,
    Stream,
    deal,
    generator,
    make_chunks,
    mask,
    padding_waste,
)

COUNTS = np.array([1, 2, 5, 1, 3, 2, 8, 1, 2, 4, 1])


def csr(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Transcripts numbered so that consecutive ones belong to different gene sets."""
    gene_set = np.repeat(np.arange(len(counts)), counts)
    shuffled = np.random.default_rng(0).permutation(gene_set)
    return np.argsort(shuffled, kind="stable"), np.concatenate([[0], np.cumsum(counts)])


def sampler(seed: int = 7, min_transcripts: int = 1) -> PairSampler:
    return PairSampler(*csr(COUNTS), batch_size=4, seed=seed, min_transcripts=min_transcripts)


def views(lengths: list[int]) -> list[Codes]:
    rng = np.random.default_rng(1)
    return [rng.integers(0, 4, length).astype(np.uint8) for length in lengths]


def realistic_lengths(n: int) -> np.ndarray:
    """mRNA lengths: log-normal round 2 kb, at most 12,288 nt."""
    lengths = np.random.default_rng(2).lognormal(np.log(2000), 0.8, n)
    return np.clip(lengths, 150, 12_288).astype(np.int64)


def epoch_of(made: PairSampler, epoch: int) -> list[np.ndarray]:
    parts = [made.batch(epoch, step) for step in range(made.steps_per_epoch)]
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


@pytest.mark.parametrize("epoch", [0, 1, 17])
def test_every_gene_set_has_one_pair_an_epoch(epoch: int) -> None:
    gene_sets, _, _ = epoch_of(sampler(), epoch)
    assert sorted(gene_sets) == list(range(len(COUNTS)))


def test_the_last_smaller_batch_is_kept() -> None:
    made = sampler()
    assert [len(made.batch(0, s).gene_sets) for s in range(made.steps_per_epoch)] == [4, 4, 3]


def test_pairs_are_distinct_members_of_their_gene_set() -> None:
    order, starts = csr(COUNTS)
    for epoch in range(50):
        for gene_set, first, second in zip(*epoch_of(sampler(), epoch), strict=True):
            members = order[starts[gene_set] : starts[gene_set + 1]]
            assert first in members
            assert second in members
            assert (first == second) == (len(members) == 1)


def test_pairs_are_drawn_uniformly() -> None:
    made = PairSampler(np.arange(4), np.array([0, 4]), batch_size=1, seed=0)
    drawn = Counter(
        (int(pair.first[0]), int(pair.second[0]))
        for pair in (made.batch(epoch, 0) for epoch in range(6000))
    )
    assert len(drawn) == 12
    assert min(drawn.values()) > 400  # 500 expected, standard deviation 21
    assert max(drawn.values()) < 600


def test_composition_changes_every_epoch() -> None:
    made = sampler()
    first_batches = {tuple(sorted(made.batch(epoch, 0).gene_sets)) for epoch in range(20)}
    assert len(first_batches) > 15


def test_a_batch_depends_on_seed_epoch_and_step_only() -> None:
    used, fresh = sampler(), sampler()
    for epoch in range(4):
        epoch_of(used, epoch)
    for ours, theirs in zip(used.batch(2, 1), fresh.batch(2, 1), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not np.array_equal(fresh.batch(2, 1).gene_sets, sampler(seed=8).batch(2, 1).gene_sets)


def test_min_transcripts_leaves_out_gene_sets_without_a_true_pair() -> None:
    gene_sets, first, second = epoch_of(sampler(min_transcripts=2), 0)
    assert sorted(gene_sets) == list(np.flatnonzero(COUNTS >= 2))
    assert (first != second).all()


def test_only_the_gene_sets_given_are_drawn() -> None:
    made = PairSampler(*csr(COUNTS), batch_size=4, seed=0, gene_sets=np.array([2, 6]))
    assert sorted(made.batch(0, 0).gene_sets) == [2, 6]


def test_random_numbers_differ_by_purpose_and_key() -> None:
    keys = [
        (0, Stream.MASK, 1, 2),
        (0, Stream.SHIFT, 1, 2),
        (1, Stream.MASK, 1, 2),
        (0, Stream.MASK, 2, 1),
    ]
    assert len({generator(*key).integers(2**62) for key in keys}) == len(keys)


def test_mask_hides_the_share_asked_for_and_nothing_else_changes() -> None:
    codes = np.random.default_rng(0).integers(0, 4, 100_000).astype(np.uint8)
    codes[::3] |= CODON_START
    before = codes.copy()
    masked = mask(codes, 0.15, generator(0, Stream.MASK, 0, 0, 0))
    hidden = masked == MASK
    assert 0.145 < hidden.mean() < 0.155
    assert 0.14 < hidden[::3].mean() < 0.16  # also where a codon starts
    np.testing.assert_array_equal(masked[~hidden], codes[~hidden])
    np.testing.assert_array_equal(codes, before)


@pytest.mark.parametrize(("rate", "hidden"), [(0.0, 0), (1.0, 50)])
def test_mask_at_its_limits(rate: float, hidden: int) -> None:
    masked = mask(np.zeros(50, np.uint8), rate, generator(0, Stream.MASK, 0))
    assert (masked == MASK).sum() == hidden


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


@pytest.mark.parametrize("shift", [0, 3])
def test_chunks_hold_every_view_in_its_row(shift: int) -> None:
    made = views([40, 700, 33, 64, 120, 121, 64])
    chunks, order = make_chunks(made, chunk_nt=256, shift=shift)
    rows = [
        (row, length)
        for chunk in chunks
        for row, length in zip(chunk.codes.numpy(), chunk.lengths.tolist(), strict=True)
    ]
    assert sorted(order) == list(range(len(made)))
    for (row, length), view in zip(rows, order, strict=True):
        assert length == len(made[view]) + shift
        np.testing.assert_array_equal(row[shift:length], made[view])
        assert (row[:shift] == PAD).all()
        assert (row[length:] == PAD).all()


def test_chunks_are_sorted_multiples_of_the_stride_and_no_larger_than_asked() -> None:
    chunks, _ = make_chunks(views(realistic_lengths(300).tolist()), chunk_nt=20_000)
    widths = [chunk.codes.shape[1] for chunk in chunks]
    assert widths == sorted(widths, reverse=True)
    for chunk in chunks:
        assert chunk.codes.dtype == torch.uint8
        assert chunk.codes.shape[1] % 32 == 0
        assert chunk.codes.shape[1] - int(chunk.lengths.max()) < 32
        assert chunk.codes.numel() <= 20_000


def test_a_view_longer_than_a_chunk_has_one_alone() -> None:
    chunks, order = make_chunks(views([100, 5000, 100]), chunk_nt=1000)
    assert [tuple(chunk.codes.shape) for chunk in chunks] == [(1, 5024), (2, 128)]
    assert order.tolist() == [1, 0, 2]


def test_views_of_one_short_length_share_chunks() -> None:
    chunks, _ = make_chunks(views([33] * 64), chunk_nt=4096)
    assert len(chunks) == 1  # though each is padded from 33 to 64


def test_no_views_no_chunks() -> None:
    chunks, order = make_chunks([], chunk_nt=1000)
    assert (chunks, len(order), padding_waste(chunks)) == ([], 0, 0.0)


@pytest.mark.parametrize("n", [256, 2048])
def test_padding_wastes_less_than_a_tenth(n: int) -> None:
    chunks, _ = make_chunks(views(realistic_lengths(n).tolist()), chunk_nt=262_144)
    assert padding_waste(chunks) < 0.1


def test_padding_waste_counts_what_is_beyond_the_lengths() -> None:
    chunks, _ = make_chunks(views([64, 60]), chunk_nt=1000)
    assert padding_waste(chunks) == pytest.approx(4 / 128)
