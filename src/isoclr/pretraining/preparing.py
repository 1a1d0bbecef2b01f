"""All that a step needs, ready on its device: gene sets, corpus, encoder, and what makes the batches."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from isoclr.corpus.reader import Corpus
from isoclr.errors import InputError
from isoclr.models import Encoder
from isoclr.pretraining.batches import Batch
from isoclr.pretraining.data import Data
from isoclr.pretraining.distributed import World
from isoclr.pretraining.learner import Learner
from isoclr.pretraining.options import Recipe
from isoclr.pretraining.tuning import Switch, Tuning, tune
from isoclr.views import Resident

CorpusOn = Literal["device", "cpu"]


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The options on how a run is computed; they may change when it is resumed."""

    corpus_on: CorpusOn = "device"
    chunk_nt: int | None = None
    recompute: Switch = "auto"
    compile: Switch = "auto"

    def __post_init__(self) -> None:
        """Refuse chunks of nothing.

        Raises:
            InputError: they are.
        """
        if self.chunk_nt is not None and self.chunk_nt < 1:
            raise InputError(f"--chunk-nt is {self.chunk_nt}, expected at least 1")


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What a run works with."""

    data: Data
    learner: Learner
    tuning: Tuning
    batch_of: Callable[[int], Batch]
    """The batch of a step, counted from the start of the run."""
    held_out: Batch | None
    """The pairs that are never trained on."""


def prepare(
    corpus: Corpus,
    recipe: Recipe,
    world: World,
    machine: Machine,
    *,
    start: Encoder | None = None,
    say: Callable[[str], None],
) -> Prepared:
    """Bring a corpus and a learner to their device.

    Args:
        corpus: to train on.
        recipe: the run's options.
        world: the processes that train together.
        machine: how it is computed.
        start: the encoder whose weights are the first ones; random ones by default.
        say: tells the person what takes time.

    Raises:
        InputError: an option or the corpus cannot be used here.
    """
    data = Data(corpus, recipe, str(corpus.path))
    if machine.corpus_on == "device" and world.device.type != "cpu":
        say(f"{len(corpus.codes):,} bytes of corpus go to {world.device}")
    resident = Resident(corpus, world.device if machine.corpus_on == "device" else "cpu")
    scale = data.composition_scale(resident)
    learner = Learner(recipe, world, data.weights, start=start, composition=scale)
    tuning = tune(
        learner.network.architecture,
        device=world.device,
        dtype=learner.dtype,
        nt=data.nt_of_batch() // world.size,
        chunk_nt=machine.chunk_nt,
        recompute=machine.recompute,
        compile=machine.compile,
    )
    learner.follow(tuning)
    return Prepared(
        data=data,
        learner=learner,
        tuning=tuning,
        batch_of=data.batches(resident, tuning.packing, world),
        held_out=data.held_out_batch(resident, tuning.packing, world),
    )
