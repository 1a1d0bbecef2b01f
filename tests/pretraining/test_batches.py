from pathlib import Path

import numpy as np
import pytest
import torch

from isoclr.corpus.codes import EXON_END, MASK, PAD
from isoclr.corpus.reader import Corpus, open_corpus
from isoclr.pretraining.batches import Batch, Packing, ViewMaker
from isoclr.views import Augmentation, Pairs, PairSampler, Resident, composition

PLAIN = Augmentation()
POORER = Augmentation(mask=0.15, most_shift=3, drop_splice=0.3, drop_tracks=0.2)
PACKING = Packing(gap=128, chunk_nt=1024)


@pytest.fixture(scope="module")
def corpus(small_corpus: Path) -> Corpus:
    return open_corpus(small_corpus)


def maker(
    corpus: Corpus,
    rank: int = 0,
    ranks: int = 1,
    augmentation: Augmentation = POORER,
    packing: Packing = PACKING,
) -> ViewMaker:
    return ViewMaker(Resident(corpus), augmentation, packing, seed=1, rank=rank, ranks=ranks)


def pairs_of(corpus: Corpus) -> Pairs:
    return PairSampler(*corpus.members, batch_size=7, seed=1).batch(0, 0)


def rows(batch: Batch, rank: int = 0) -> dict[int, list[int]]:
    """View → its codes, shift included."""
    found = [
        chunk.codes.flatten()[start : start + length].tolist()
        for chunk in batch.chunks
        for start, length in zip(chunk.starts.tolist(), chunk.lengths.tolist(), strict=True)
    ]
    return dict(zip(batch.places[rank].tolist(), found, strict=True))


def test_rows_are_the_transcripts_they_are_said_to_be(corpus: Corpus) -> None:
    pairs = pairs_of(corpus)
    batch = maker(corpus, augmentation=PLAIN).batch(pairs, 0, 0)
    transcripts = np.concatenate([pairs.first, pairs.second])
    views = rows(batch)
    assert sorted(views) == list(range(14))
    for view, codes in views.items():
        assert codes == corpus.codes_of(transcripts[view]).tolist()
    assert batch.gene_sets.tolist() == pairs.gene_sets.tolist()


def test_nucleotides_and_padding_are_counted(corpus: Corpus) -> None:
    batch = maker(corpus, augmentation=PLAIN).batch(pairs_of(corpus), 0, 0)
    codes = torch.cat([chunk.codes.flatten() for chunk in batch.chunks])
    assert batch.nt == int((codes != PAD).sum())
    assert batch.waste == pytest.approx(float((codes == PAD).float().mean()))


def test_views_are_masked_each_its_own_way_and_shifted_together(corpus: Corpus) -> None:
    fives = np.array([5, 5])
    pairs = Pairs(np.array([0, 0]), fives, fives)  # one transcript, four views
    shifts = set()
    for step in range(12):
        augmentation = Augmentation(mask=0.15, most_shift=3)
        views = rows(maker(corpus, augmentation=augmentation).batch(pairs, 0, step))
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


@pytest.mark.parametrize("ranks", [2, 3, 20])
def test_several_ranks_have_the_views_of_one(corpus: Corpus, ranks: int) -> None:
    pairs = pairs_of(corpus)
    alone = rows(maker(corpus).batch(pairs, 3, 2))
    together: dict[int, list[int]] = {}
    for rank in range(ranks):
        together |= rows(maker(corpus, rank, ranks).batch(pairs, 3, 2), rank)
    assert together == alone


def test_every_rank_knows_where_the_rows_of_all_belong(corpus: Corpus) -> None:
    pairs = pairs_of(corpus)
    batches = [maker(corpus, rank, 3).batch(pairs, 0, 0) for rank in range(3)]
    for batch in batches:
        for ours, theirs in zip(batch.places, batches[0].places, strict=True):
            assert torch.equal(ours, theirs)
    assert sorted(torch.cat(batches[0].places).tolist()) == list(range(14))


def test_ranks_have_as_many_nucleotides(corpus: Corpus) -> None:
    batches = [maker(corpus, rank, 2, PLAIN).batch(pairs_of(corpus), 0, 0) for rank in range(2)]
    first, second = (sum(int(c.lengths.sum()) for c in batch.chunks) for batch in batches)
    assert abs(first - second) <= max(len(view) for view in rows(batches[0]).values())


@pytest.mark.parametrize(
    "packing",
    [
        Packing(gap=128, chunk_nt=1),
        Packing(gap=128, chunk_nt=2**23, round_to=1024),
        Packing(gap=None, chunk_nt=1024),
    ],
)
def test_the_packing_changes_no_view(corpus: Corpus, packing: Packing) -> None:
    pairs = pairs_of(corpus)
    found = rows(maker(corpus, packing=packing).batch(pairs, 3, 2))
    assert found == rows(maker(corpus).batch(pairs, 3, 2))


def test_views_are_new_in_every_step_and_epoch(corpus: Corpus) -> None:
    pairs = pairs_of(corpus)
    made = [
        rows(maker(corpus, augmentation=Augmentation(mask=0.15)).batch(pairs, *when))[0]
        for when in [(0, 0), (0, 1), (1, 0)]
    ]
    assert made[0] != made[1] != made[2] != made[0]


def test_a_share_of_the_views_loses_its_tracks(corpus: Corpus) -> None:
    pairs = pairs_of(corpus)
    marked = Resident(corpus)
    marked.codes = marked.codes | EXON_END
    made = ViewMaker(marked, Augmentation(drop_splice=0.5), PACKING, seed=1)
    for_all = [rows(made.batch(pairs, 0, step)) for step in range(20)]
    kept = [view[0] >= EXON_END for views in for_all for view in views.values()]
    assert np.mean(kept) == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize("ranks", [1, 2])
def test_compositions_are_those_of_the_whole_rnas_in_the_order_of_the_rows(
    corpus: Corpus, ranks: int
) -> None:
    pairs = pairs_of(corpus)
    transcripts = np.concatenate([pairs.first, pairs.second])
    resident = Resident(corpus)
    for rank in range(ranks):
        made = ViewMaker(
            resident, POORER, PACKING, seed=1, rank=rank, ranks=ranks, with_composition=True
        ).batch(pairs, 0, 0)
        assert made.composition is not None
        expected = composition(resident, transcripts[made.places[rank].numpy()])
        assert torch.equal(made.composition, expected)


def test_no_composition_unless_asked_for(corpus: Corpus) -> None:
    assert maker(corpus).batch(pairs_of(corpus), 0, 0).composition is None
