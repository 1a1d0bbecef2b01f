from pathlib import Path

import pytest
import torch

from isoclr.corpus.reader import Corpus, open_corpus
from isoclr.pretraining.distributed import World
from isoclr.pretraining.options import Recipe
from isoclr.pretraining.preparing import CorpusOn, Machine, prepare

RECIPE = Recipe(batch_size=8, held_out=0.3, precision="float32")


@pytest.fixture(scope="module")
def corpus(small_corpus: Path) -> Corpus:
    return open_corpus(small_corpus)


def test_a_step_can_be_done_with_what_is_prepared(corpus: Corpus) -> None:
    said: list[str] = []
    made = prepare(corpus, RECIPE, World(), Machine(chunk_nt=4096), say=said.append)
    result = made.learner.step(made.batch_of(0), 0, 0.001).result()
    assert result.loss > 0
    assert made.held_out is not None
    assert made.learner.validate(made.held_out)["pairs"] == len(made.data.held_out)
    assert said == []  # a memory map takes no time


def test_the_machines_options_reach_network_and_chunks(corpus: Corpus) -> None:
    made = prepare(corpus, RECIPE, World(), Machine(chunk_nt=512, recompute="off"), say=print)
    assert not made.learner.network.recompute
    assert made.tuning.packing.chunk_nt == 512
    assert all(chunk.codes.numel() <= 512 for chunk in made.batch_of(0).chunks)
    assert prepare(corpus, RECIPE, World(), Machine(), say=print).learner.network.recompute


def test_the_packing_is_that_of_the_architecture(corpus: Corpus) -> None:
    made = prepare(corpus, Recipe(model="isoclr-l", batch_size=8), World(), Machine(), say=print)
    assert made.tuning.packing.gap is None
    assert all(len(c.starts) == len(c.codes) for c in made.batch_of(0).chunks)  # a row each


gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@gpu
@pytest.mark.parametrize("where", ["device", "cpu"])
def test_a_gpu_has_the_batches_of_a_cpu(corpus: Corpus, where: CorpusOn) -> None:
    on_cpu = prepare(corpus, RECIPE, World(), Machine(chunk_nt=2**20), say=print)
    world = World(device=torch.device("cuda", 0))
    machine = Machine(corpus_on=where, chunk_nt=2**20, compile="off")
    on_gpu = prepare(corpus, RECIPE, world, machine, say=print)
    for step in range(3):
        ours, theirs = on_gpu.batch_of(step), on_cpu.batch_of(step)
        assert ours.gene_sets.tolist() == theirs.gene_sets.tolist()
        for a, b in zip(ours.chunks, theirs.chunks, strict=True):
            assert a.codes.device == world.device
            nt = b.codes.numel()  # a GPU's chunk may be rounded up further
            assert torch.equal(a.codes.cpu().flatten()[:nt], b.codes.flatten())


@gpu
def test_nothing_waits_for_a_gpu_until_a_steps_figures_are_read(corpus: Corpus) -> None:
    world = World(device=torch.device("cuda", 0))
    made = prepare(corpus, RECIPE, world, Machine(compile="off", recompute="off"), say=print)
    made.learner.step(made.batch_of(0), 0, 0.001).result()
    torch.cuda.set_sync_debug_mode("error")
    try:
        launched = made.learner.step(made.batch_of(1), 1, 0.001)
        made.batch_of(2)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert launched.result().loss > 0
