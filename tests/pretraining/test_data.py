from pathlib import Path

import numpy as np
import pytest
import torch

from isoclr.corpus.codes import MASK, PAD
from isoclr.corpus.reader import Corpus, open_corpus
from isoclr.errors import InputError
from isoclr.losses import count_weights
from isoclr.pretraining.batches import Packing
from isoclr.pretraining.data import Data
from isoclr.pretraining.distributed import World
from isoclr.pretraining.options import Recipe
from isoclr.views import Resident, composition
from isoclr.views.composition import PARTS

PACKING = Packing(gap=128, chunk_nt=4096)


@pytest.fixture(scope="module")
def corpus(small_corpus: Path) -> Corpus:
    return open_corpus(small_corpus)  # 24 gene sets, six of each size from 1 to 4


def data(corpus: Corpus, **options: float) -> Data:
    return Data(corpus, Recipe(**{"batch_size": 7, "held_out": 0.2, **options}))  # type: ignore[arg-type]


def test_every_gene_set_is_trained_on_or_held_out(corpus: Corpus) -> None:
    made = data(corpus)
    assert len(made.held_out) == round(0.2 * 18)
    assert sorted([*made.held_out, *made.sampler.gene_sets]) == list(range(24))


def test_weights_are_those_of_all_gene_sets_used(corpus: Corpus) -> None:
    counts = np.tile([1, 2, 3, 4], 6)
    np.testing.assert_allclose(data(corpus).weights, count_weights(counts, 0.4))
    paired = data(corpus, min_transcripts=2).weights
    assert (paired[counts == 1] == 0).all()
    assert paired[counts >= 2].mean() == pytest.approx(1)


def test_a_batch_is_that_of_its_step_in_its_epoch(corpus: Corpus) -> None:
    made = data(corpus)
    batch_of = made.batches(Resident(corpus), PACKING, World())
    assert made.sampler.steps_per_epoch == 3
    for step, (epoch, within) in {0: (0, 0), 2: (0, 2), 3: (1, 0), 7: (2, 1)}.items():
        pairs = made.sampler.batch(epoch, within)
        assert batch_of(step).gene_sets.tolist() == pairs.gene_sets.tolist()


def test_the_recipe_says_what_views_lose(corpus: Corpus) -> None:
    batch_of = data(corpus, mask=1.0, shift=0).batches(Resident(corpus), PACKING, World())
    assert all(((c.codes == MASK) | (c.codes == PAD)).all() for c in batch_of(0).chunks)


def test_held_out_pairs_are_whole_and_always_the_same(corpus: Corpus) -> None:
    made = data(corpus, mask=1.0)
    first, second = (made.held_out_batch(Resident(corpus), PACKING, World()) for _ in range(2))
    assert first is not None
    assert second is not None
    assert sorted(first.gene_sets.tolist()) == made.held_out.tolist()
    for ours, theirs in zip(first.chunks, second.chunks, strict=True):
        assert (ours.codes == theirs.codes).all()
        assert not (ours.codes == MASK).any()


def test_nothing_held_out_is_no_batch(corpus: Corpus) -> None:
    made = data(corpus, held_out=0.0)
    assert made.held_out_batch(Resident(corpus), PACKING, World()) is None


def test_the_size_of_a_batch_is_that_of_its_views(corpus: Corpus) -> None:
    made = data(corpus)
    batch = made.batches(Resident(corpus), PACKING, World())(0)
    assert made.nt_of_batch() == batch.nt


def test_too_few_gene_sets_to_contrast(corpus: Corpus) -> None:
    with pytest.raises(InputError, match=r"corpus: 0 gene sets .*--min-transcripts 5"):
        data(corpus, min_transcripts=5)


def test_the_scale_is_that_of_the_rnas_trained_on(corpus: Corpus) -> None:
    made, resident = data(corpus, composition=1.0), Resident(corpus)
    scale = made.composition_scale(resident)
    assert scale is not None
    used = np.flatnonzero(np.isin(corpus.index["gene_set"], made.sampler.gene_sets))
    found = composition(resident, used).double()
    np.testing.assert_allclose(scale[0], found.mean(0), atol=1e-6)
    np.testing.assert_allclose(scale[1], found.std(0, correction=0), atol=1e-6)
    assert (scale[1] == 0).any()  # made-up RNAs have no exons


def test_what_a_composition_tells_has_its_weight_however_many_numbers_tell_it(
    corpus: Corpus,
) -> None:
    scale = data(corpus, composition=1.0).composition_scale(Resident(corpus))
    assert scale is not None
    sizes = [part.size for part in PARTS.values()]
    found = [float(part.sum()) for part in torch.split(scale[2], sizes)]
    assert found == pytest.approx([part.weight for part in PARTS.values()])


def test_no_scale_unless_asked_for(corpus: Corpus) -> None:
    assert data(corpus).composition_scale(Resident(corpus)) is None
