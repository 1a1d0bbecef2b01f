from collections import Counter

import numpy as np
import pytest

from isoclr.views import PairSampler

COUNTS = np.array([1, 2, 5, 1, 3, 2, 8, 1, 2, 4, 1])


def csr(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Transcripts numbered so that consecutive ones belong to different gene sets."""
    gene_set = np.repeat(np.arange(len(counts)), counts)
    shuffled = np.random.default_rng(0).permutation(gene_set)
    return np.argsort(shuffled, kind="stable"), np.concatenate([[0], np.cumsum(counts)])


def sampler(seed: int = 7, min_transcripts: int = 1) -> PairSampler:
    return PairSampler(*csr(COUNTS), batch_size=4, seed=seed, min_transcripts=min_transcripts)


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
