import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from isoclr.corpus.corpus import Corpus, open_corpus
from isoclr.errors import InputError
from isoclr.genomics.encoding import MASK, PAD
from isoclr.models.packing import PackingConfig
from isoclr.pretraining.augmentations import Augmentation, DeviceCorpus
from isoclr.pretraining.auxiliary import FEATURES, sequence_features
from isoclr.pretraining.config import PretrainConfig
from isoclr.pretraining.data import (
    MAX_VALIDATION_PAIRS,
    Batch,
    Pairs,
    PairSampler,
    PretrainDataset,
    ViewBuilder,
    choose_validation_sets,
    partition_by_length,
)
from isoclr.pretraining.losses import contrastive_metrics, count_weights
from isoclr.training.distributed import Distributed

PLAIN = Augmentation()
POORER = Augmentation(mask=0.15, max_shift=3, drop_splice=0.3, drop_tracks=0.2)
PACKING = PackingConfig(gap=128, chunk_nt=1024)


@pytest.fixture(scope="module")
def corpus(small_corpus: Path) -> Corpus:
    return open_corpus(small_corpus)  # 24 gene sets, six of each size from 1 to 4


def maker(
    corpus: Corpus, rank: int = 0, ranks: int = 1, augmentation: Augmentation = POORER, packing: PackingConfig = PACKING
) -> ViewBuilder:
    world = Distributed(rank, ranks)
    return ViewBuilder(DeviceCorpus(corpus), augmentation, packing, seed=1, world=world)


def pairs_of(corpus: Corpus) -> Pairs:
    return PairSampler(*corpus.members, batch_size=7, seed=1).batch(0, 0)


def rows(batch: Batch, rank: int = 0) -> dict[int, list[int]]:
    """View → its codes, shift included."""
    found = [
        chunk.codes.flatten()[start : start + length].tolist()
        for chunk in batch.chunks
        for start, length in zip(chunk.starts.tolist(), chunk.lengths.tolist(), strict=True)
    ]
    return dict(zip(batch.positions[rank].tolist(), found, strict=True))


def test_rows_are_transcripts(corpus: Corpus) -> None:
    pairs = pairs_of(corpus)
    batch = maker(corpus, augmentation=PLAIN).batch(pairs, 0, 0)
    transcripts = np.concatenate([pairs.first, pairs.second])
    views = rows(batch)
    assert sorted(views) == list(range(14))
    for view, codes in views.items():
        assert codes == corpus.codes_of(transcripts[view]).tolist()
    assert batch.gene_sets.tolist() == pairs.gene_sets.tolist()


def test_nt_and_padding(corpus: Corpus) -> None:
    batch = maker(corpus, augmentation=PLAIN).batch(pairs_of(corpus), 0, 0)
    codes = torch.cat([chunk.codes.flatten() for chunk in batch.chunks])
    assert batch.nt == int((codes != PAD).sum())
    assert batch.padding == pytest.approx(float((codes == PAD).float().mean()))


@pytest.mark.parametrize("ranks", [2, 3, 20])
def test_views_do_not_depend_on_ranks(corpus: Corpus, ranks: int) -> None:
    pairs = pairs_of(corpus)
    alone = rows(maker(corpus).batch(pairs, 3, 2))
    together: dict[int, list[int]] = {}
    for rank in range(ranks):
        together |= rows(maker(corpus, rank, ranks).batch(pairs, 3, 2), rank)
    assert together == alone


def test_positions_of_all_ranks(corpus: Corpus) -> None:
    pairs = pairs_of(corpus)
    batches = [maker(corpus, rank, 3).batch(pairs, 0, 0) for rank in range(3)]
    for batch in batches:
        for ours, theirs in zip(batch.positions, batches[0].positions, strict=True):
            assert torch.equal(ours, theirs)
    assert sorted(torch.cat(batches[0].positions).tolist()) == list(range(14))


def test_ranks_are_balanced(corpus: Corpus) -> None:
    batches = [maker(corpus, rank, 2, PLAIN).batch(pairs_of(corpus), 0, 0) for rank in range(2)]
    first, second = (sum(int(c.lengths.sum()) for c in batch.chunks) for batch in batches)
    assert abs(first - second) <= max(len(view) for view in rows(batches[0]).values())


@pytest.mark.parametrize(
    "packing",
    [
        PackingConfig(gap=128, chunk_nt=1),
        PackingConfig(gap=128, chunk_nt=2**23, round_to=1024),
        PackingConfig(gap=None, chunk_nt=1024),
    ],
)
def test_views_do_not_depend_on_packing(corpus: Corpus, packing: PackingConfig) -> None:
    pairs = pairs_of(corpus)
    found = rows(maker(corpus, packing=packing).batch(pairs, 3, 2))
    assert found == rows(maker(corpus).batch(pairs, 3, 2))


def test_views_of_steps_and_epochs(corpus: Corpus) -> None:
    pairs = pairs_of(corpus)
    made = [
        rows(maker(corpus, augmentation=Augmentation(mask=0.15)).batch(pairs, *when))[0]
        for when in [(0, 0), (0, 1), (1, 0)]
    ]
    assert made[0] != made[1] != made[2] != made[0]


@pytest.mark.parametrize("ranks", [1, 2])
def test_features_of_views(corpus: Corpus, ranks: int) -> None:
    pairs = pairs_of(corpus)
    transcripts = np.concatenate([pairs.first, pairs.second])
    resident = DeviceCorpus(corpus)
    for rank in range(ranks):
        made = ViewBuilder(resident, POORER, PACKING, seed=1, world=Distributed(rank, ranks), with_features=True).batch(
            pairs, 0, 0
        )
        assert made.features is not None
        expected = sequence_features(resident, transcripts[made.positions[rank].numpy()])
        assert torch.equal(made.features, expected)


def test_no_features_by_default(corpus: Corpus) -> None:
    assert maker(corpus).batch(pairs_of(corpus), 0, 0).features is None


def data(corpus: Corpus, **options: Any) -> PretrainDataset:
    defaults: dict[str, Any] = {"batch_size": 7, "val_fraction": 0.2}
    return PretrainDataset(corpus, PretrainConfig(**{**defaults, **options}))


def test_training_and_validation_sets(corpus: Corpus) -> None:
    made = data(corpus)
    assert len(made.validation_sets) == round(0.2 * 18)
    assert sorted([*made.validation_sets, *made.sampler.gene_sets]) == list(range(24))


def test_weights(corpus: Corpus) -> None:
    counts = np.tile([1, 2, 3, 4], 6)
    np.testing.assert_allclose(data(corpus).weights, count_weights(counts, 0.4))
    paired = data(corpus, min_transcripts=2).weights
    assert (paired[counts == 1] == 0).all()
    assert paired[counts >= 2].mean() == pytest.approx(1)


def test_weights_of_validation_sets_with_few_transcripts(corpus: Corpus) -> None:
    counts = np.tile([1, 2, 3, 4], 6)
    made = data(corpus, min_transcripts=3)
    used = counts >= 3
    few = np.setdiff1d(made.validation_sets, np.flatnonzero(used))
    assert len(few)
    np.testing.assert_allclose(made.weights[few], np.log(2.4) / np.log(counts[used] + 0.4).mean(), rtol=1e-6)
    np.testing.assert_array_equal(made.weights[used], count_weights(counts[used], 0.4))


def test_batches_of_epochs(corpus: Corpus) -> None:
    made = data(corpus)
    batch_of = made.batches(DeviceCorpus(corpus), PACKING, Distributed())
    assert made.sampler.steps_per_epoch == 3
    for step, (epoch, within) in {0: (0, 0), 2: (0, 2), 3: (1, 0), 7: (2, 1)}.items():
        pairs = made.sampler.batch(epoch, within)
        assert batch_of(step).gene_sets.tolist() == pairs.gene_sets.tolist()


def test_augmentation_of_the_config(corpus: Corpus) -> None:
    batch_of = data(corpus, mask=1.0, shift=0).batches(DeviceCorpus(corpus), PACKING, Distributed())
    assert all(((c.codes == MASK) | (c.codes == PAD)).all() for c in batch_of(0).chunks)


def test_validation_batch(corpus: Corpus) -> None:
    made = data(corpus, mask=1.0)
    first, second = (made.validation_batch(DeviceCorpus(corpus), PACKING, Distributed()) for _ in range(2))
    assert first is not None
    assert second is not None
    assert sorted(first.gene_sets.tolist()) == made.validation_sets.tolist()
    for ours, theirs in zip(first.chunks, second.chunks, strict=True):
        assert (ours.codes == theirs.codes).all()
        assert not (ours.codes == MASK).any()


def test_no_validation_batch(corpus: Corpus) -> None:
    made = data(corpus, val_fraction=0.0)
    assert made.validation_batch(DeviceCorpus(corpus), PACKING, Distributed()) is None


def test_nt_of_batch(corpus: Corpus) -> None:
    made = data(corpus)
    batch = made.batches(DeviceCorpus(corpus), PACKING, Distributed())(0)
    assert made.nt_of_batch() == batch.nt


def test_too_few_gene_sets(corpus: Corpus) -> None:
    with pytest.raises(InputError, match=r"corpus: 0 gene sets .*--min-transcripts 5"):
        data(corpus, min_transcripts=5)


def test_feature_statistics(corpus: Corpus) -> None:
    made, resident = data(corpus, aux_weight=1.0), DeviceCorpus(corpus)
    scale = made.feature_statistics(resident)
    assert scale is not None
    used = np.flatnonzero(np.isin(corpus.index["gene_set"], made.sampler.gene_sets))
    found = sequence_features(resident, used).double()
    np.testing.assert_allclose(scale[0], found.mean(0), atol=1e-6)
    np.testing.assert_allclose(scale[1], found.std(0, correction=0), atol=1e-6)
    assert (scale[1] == 0).any()  # made-up RNAs have no exons


def test_feature_weights(corpus: Corpus) -> None:
    scale = data(corpus, aux_weight=1.0).feature_statistics(DeviceCorpus(corpus))
    assert scale is not None
    sizes = [part.size for part in FEATURES.values()]
    found = [float(part.sum()) for part in torch.split(scale[2], sizes)]
    assert found == pytest.approx([part.weight for part in FEATURES.values()])


def test_no_feature_statistics_by_default(corpus: Corpus) -> None:
    assert data(corpus).feature_statistics(DeviceCorpus(corpus)) is None


def test_validation_sets_have_pairs() -> None:
    counts = np.array([1, 2, 1, 3] * 50)
    held = choose_validation_sets(counts, 0.1, seed=0)
    assert len(held) == 10
    assert len(set(held)) == 10
    assert (counts[held] >= 2).all()
    np.testing.assert_array_equal(held, choose_validation_sets(counts, 0.1, seed=0))
    assert not np.array_equal(held, choose_validation_sets(counts, 0.1, seed=1))


@pytest.mark.parametrize(("share", "paired"), [(0.0, 100), (0.01, 100), (0.5, 0)])
def test_too_few_validation_sets(share: float, paired: int) -> None:
    assert len(choose_validation_sets(np.full(paired, 2), share, seed=0)) == 0


def test_most_validation_sets() -> None:
    assert len(choose_validation_sets(np.full(100_000, 2), 0.5, seed=0)) == MAX_VALIDATION_PAIRS


def test_perfect_partners() -> None:
    z = torch.eye(4)
    figures = contrastive_metrics(z, 3 * z, torch.ones(4), 0.1)
    assert figures["retrieval"] == 1
    assert figures["alignment"] == pytest.approx(0, abs=1e-6)
    assert figures["uniformity"] == pytest.approx(-4)  # all distances² are 2
    assert figures["loss"] == pytest.approx(2 * math.log(3) - 10, abs=1e-4)
    assert figures["pairs"] == 4


def test_retrieval_counts_both_directions() -> None:
    z1 = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    z2 = torch.tensor([[1.0, 0.1], [1.0, 0.5]])  # the second is nearer to the wrong partner
    # of z1, both find theirs; of z2, both choose z1[0]
    assert contrastive_metrics(z1, z2, torch.ones(2), 0.1)["retrieval"] == 0.75


def test_random_vectors_retrieve_by_chance() -> None:
    rng = torch.Generator().manual_seed(0)
    z1, z2 = (torch.randn(200, 16, generator=rng) for _ in range(2))
    assert contrastive_metrics(z1, z2, torch.ones(200), 0.1)["retrieval"] < 0.03


def realistic_lengths(n: int) -> np.ndarray:
    """mRNA lengths: log-normal round 2 kb, at most 12,288 nt."""
    lengths = np.random.default_rng(2).lognormal(np.log(2000), 0.8, n)
    return np.clip(lengths, 150, 12_288).astype(np.int64)


@pytest.mark.parametrize("ranks", [1, 2, 3, 8])
@pytest.mark.parametrize("n", [1, 2, 5, 200])
def test_partition_by_length(ranks: int, n: int) -> None:
    lengths = realistic_lengths(n)
    hands = partition_by_length(lengths, ranks)
    assert sorted(np.concatenate(hands)) == list(range(n))
    totals = [int(lengths[hand].sum()) for hand in hands]
    assert max(totals) - min(totals) <= lengths.max()
    for hand in hands:
        assert (np.diff(lengths[hand]) <= 0).all()


COUNTS = np.array([1, 2, 5, 1, 3, 2, 8, 1, 2, 4, 1])


def csr(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Transcripts numbered so that consecutive ones belong to different gene sets."""
    gene_set = np.repeat(np.arange(len(counts)), counts)
    shuffled = np.random.default_rng(0).permutation(gene_set)
    return np.argsort(shuffled, kind="stable"), np.concatenate([[0], np.cumsum(counts)])


def sampler(seed: int = 7, gene_sets: np.ndarray | None = None) -> PairSampler:
    return PairSampler(*csr(COUNTS), batch_size=4, seed=seed, gene_sets=gene_sets)


def epoch_of(made: PairSampler, epoch: int) -> list[np.ndarray]:
    parts = [made.batch(epoch, step) for step in range(made.steps_per_epoch)]
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


@pytest.mark.parametrize("epoch", [0, 1, 17])
def test_one_pair_per_epoch(epoch: int) -> None:
    gene_sets, _, _ = epoch_of(sampler(), epoch)
    assert sorted(gene_sets) == list(range(len(COUNTS)))


def test_last_batch() -> None:
    made = sampler()
    assert [len(made.batch(0, s).gene_sets) for s in range(made.steps_per_epoch)] == [4, 4, 3]


def test_pairs_are_distinct() -> None:
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
        (int(pair.first[0]), int(pair.second[0])) for pair in (made.batch(epoch, 0) for epoch in range(2400))
    )
    assert len(drawn) == 12
    assert min(drawn.values()) > 140  # 200 expected, standard deviation 14
    assert max(drawn.values()) < 260


def test_batches_change_every_epoch() -> None:
    made = sampler()
    first_batches = {tuple(sorted(made.batch(epoch, 0).gene_sets)) for epoch in range(20)}
    assert len(first_batches) > 15


def test_batches_depend_on_seed_epoch_and_step() -> None:
    used, fresh = sampler(), sampler()
    for epoch in range(4):
        epoch_of(used, epoch)
    for ours, theirs in zip(used.batch(2, 1), fresh.batch(2, 1), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not np.array_equal(fresh.batch(2, 1).gene_sets, sampler(seed=8).batch(2, 1).gene_sets)


def test_given_gene_sets() -> None:
    paired = np.flatnonzero(COUNTS >= 2)
    gene_sets, first, second = epoch_of(sampler(gene_sets=paired), 0)
    assert sorted(gene_sets) == list(paired)
    assert (first != second).all()
