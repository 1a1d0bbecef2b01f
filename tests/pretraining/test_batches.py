import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from isoclr.corpus.codes import MASK, PAD
from isoclr.corpus.reader import Corpus, open_corpus
from isoclr.pretraining.batches import Ahead, Batch, ViewMaker
from isoclr.views import Pairs, PairSampler


@pytest.fixture(scope="module")
def corpus(small_corpus: Path) -> Corpus:
    return open_corpus(small_corpus)


def maker(
    corpus: Corpus, rank: int = 0, ranks: int = 1, mask: float = 0.15, shift: int = 3
) -> ViewMaker:
    return ViewMaker(
        corpus, seed=1, rank=rank, ranks=ranks, chunk_nt=1024, mask_rate=mask, most_shift=shift
    )


def pairs_of(corpus: Corpus) -> Pairs:
    return PairSampler(*corpus.members, batch_size=7, seed=1).batch(0, 0)


def rows(batch: Batch, rank: int) -> dict[int, list[int]]:
    """View → its codes without padding at the end, shift included."""
    found = [
        row[:length].tolist()
        for chunk in batch.chunks
        for row, length in zip(chunk.codes, chunk.lengths.tolist(), strict=True)
    ]
    return dict(zip(batch.places[rank].tolist(), found, strict=True))


def test_rows_are_the_transcripts_they_are_said_to_be(corpus: Corpus) -> None:
    pairs = pairs_of(corpus)
    batch = maker(corpus, mask=0, shift=0).batch(pairs, 0, 0)
    transcripts = np.concatenate([pairs.first, pairs.second])
    views = rows(batch, 0)
    assert sorted(views) == list(range(14))
    for view, codes in views.items():
        assert codes == corpus.codes_of(transcripts[view]).tolist()
    assert batch.nt == sum(map(len, views.values()))
    assert 0 <= batch.waste < 1


def test_views_are_masked_each_its_own_way_and_shifted_together(corpus: Corpus) -> None:
    pairs = Pairs(
        np.array([0, 0]), np.array([5, 5]), np.array([5, 5])
    )  # one transcript, four views
    shifts = set()
    for step in range(12):
        views = rows(maker(corpus).batch(pairs, 0, step), 0)
        assert len({tuple(view) for view in views.values()}) == 4
        leading = {next(i for i, code in enumerate(view) if code != PAD) for view in views.values()}
        assert len(leading) == 1
        shifts |= leading
        for view in views.values():
            original = corpus.codes_of(5)
            kept = view[max(leading) :]
            assert len(kept) == len(original)
            assert all(a in (b, MASK) for a, b in zip(kept, original.tolist(), strict=True))
            assert 0 < kept.count(MASK) < len(kept) / 3
    assert shifts == {0, 1, 2, 3}


@pytest.mark.parametrize("ranks", [2, 3])
def test_several_ranks_have_the_views_of_one(corpus: Corpus, ranks: int) -> None:
    pairs = pairs_of(corpus)
    alone = rows(maker(corpus).batch(pairs, 3, 2), 0)
    together: dict[int, list[int]] = {}
    for rank in range(ranks):
        together |= rows(maker(corpus, rank, ranks).batch(pairs, 3, 2), rank)
    assert together == alone


def test_masks_are_new_in_every_step_and_epoch(corpus: Corpus) -> None:
    pairs = pairs_of(corpus)
    made = [
        rows(maker(corpus, shift=0).batch(pairs, *when), 0)[0] for when in [(0, 0), (0, 1), (1, 0)]
    ]
    assert made[0] != made[1] != made[2] != made[0]


def test_ahead_gives_the_batch_of_the_step_asked_for() -> None:
    def make(step: int) -> Batch:
        return Batch([], [torch.tensor([step])], np.array([step]), step, 0.0)

    with Ahead(make) as ahead:
        assert [ahead.get(step).nt for step in (4, 5, 6, 2, 3)] == [4, 5, 6, 2, 3]


def test_ahead_prepares_the_next_batch_in_the_meantime() -> None:
    prepared = threading.Event()

    def make(step: int) -> Batch:
        if step == 1:
            prepared.set()
        return Batch([], [], np.array([step]), step, 0.0)

    with Ahead(make) as ahead:
        ahead.get(0)
        assert prepared.wait(timeout=10)


def test_an_error_while_making_a_batch_arrives() -> None:
    def make(step: int) -> Batch:
        time.sleep(0)
        raise OSError(f"step {step}")

    with Ahead(make) as ahead, pytest.raises(OSError, match="step 3"):
        ahead.get(3)
