"""The gene sets to train on and to measure on, their weights, and their batches."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from isoclr.errors import InputError
from isoclr.losses import count_weights
from isoclr.pretraining.batches import Batch, Packing, ViewMaker
from isoclr.pretraining.distributed import World
from isoclr.pretraining.options import Recipe
from isoclr.pretraining.validation import MOST_PAIRS, hold_out
from isoclr.views import (
    Augmentation,
    Isoforms,
    PairSampler,
    Resident,
    Stream,
    composition,
    generator,
)
from isoclr.views.composition import PARTS

COMPOSITION_SAMPLE = 4096
"""Transcripts that the scale of the compositions is taken from."""


class Data:
    """Which gene sets of a corpus a run trains on, and which it only measures on.

    Args:
        corpus: the corpus.
        recipe: the run's options.
        name: what to call the corpus in an error.

    Raises:
        InputError: there are too few gene sets to contrast.

    Attributes:
        weights: ``(g,)`` float32 loss weight of every gene set of the corpus.
        held_out: numbers of the gene sets that are not trained on.
        sampler: pairs of the gene sets that are.
    """

    def __init__(self, corpus: Isoforms, recipe: Recipe, name: str = "corpus") -> None:
        order, starts = corpus.members
        counts = np.diff(starts)
        used = counts >= recipe.min_transcripts
        self.corpus, self.recipe = corpus, recipe
        self.weights = np.zeros(len(counts), np.float32)
        self.weights[used] = count_weights(counts[used], recipe.weight_offset) if used.any() else 0
        self.held_out = hold_out(counts, recipe.held_out, recipe.seed)
        trained_on = np.setdiff1d(np.flatnonzero(used), self.held_out)
        if len(trained_on) < 2:
            raise InputError(
                f"{name}: {len(trained_on)} gene sets to train on "
                f"(--min-transcripts {recipe.min_transcripts}), expected at least 2"
            )
        self.sampler = PairSampler(
            order, starts, gene_sets=trained_on, batch_size=recipe.batch_size, seed=recipe.seed
        )
        self._fixed = PairSampler(
            order, starts, gene_sets=self.held_out, batch_size=MOST_PAIRS, seed=recipe.seed
        )

    def nt_of_batch(self) -> int:
        """Nucleotides of a batch, over all processes: those of the first one, before the shift."""
        pairs = self.sampler.batch(0, 0)
        lengths = np.asarray(self.corpus.index["length"], np.int64)
        return int(lengths[pairs.first].sum() + lengths[pairs.second].sum())

    def composition_scale(self, resident: Resident) -> tuple[Tensor, Tensor, Tensor] | None:
        """Mean, standard deviation and weight of every number of a composition; None: it is not asked for.

        Each of the things that it tells has its weight, however many numbers tell it.
        """
        if self.recipe.composition == 0:
            return None
        order, starts = self.corpus.members
        members = np.concatenate([order[starts[g] : starts[g + 1]] for g in self.sampler.gene_sets])
        rng = generator(self.recipe.seed, Stream.COMPOSITION)
        drawn = rng.choice(members, min(len(members), COMPOSITION_SAMPLE), replace=False)
        pieces = np.array_split(drawn, -(-len(drawn) // 256))
        found = torch.cat([composition(resident, piece).cpu() for piece in pieces]).double()
        deviation = found.std(0, correction=0)
        scale = torch.where(deviation > 1e-9, deviation, 0.0)
        weights = torch.cat([torch.full((p.size,), p.weight / p.size) for p in PARTS.values()])
        return found.mean(0).float(), scale.float(), weights

    def batches(self, resident: Resident, packing: Packing, world: World) -> Callable[[int], Batch]:
        """What makes this rank's views of a step, counted from the start of the run."""
        recipe = self.recipe
        augmentation = Augmentation(
            mask=recipe.mask,
            most_shift=recipe.shift,
            drop_splice=recipe.drop_splice,
            drop_tracks=recipe.drop_tracks,
        )
        maker = self._maker(resident, augmentation, packing, world)

        def batch_of(step: int) -> Batch:
            epoch, within = divmod(step, self.sampler.steps_per_epoch)
            return maker.batch(self.sampler.batch(epoch, within), epoch, within)

        return batch_of

    def held_out_batch(self, resident: Resident, packing: Packing, world: World) -> Batch | None:
        """The held-out pairs, always the same, as they are; None when there are none."""
        if len(self.held_out) == 0:
            return None
        maker = self._maker(resident, Augmentation(), packing, world)
        return maker.batch(self._fixed.batch(0, 0), 0, 0)

    def _maker(
        self, resident: Resident, augmentation: Augmentation, packing: Packing, world: World
    ) -> ViewMaker:
        return ViewMaker(
            resident,
            augmentation,
            packing,
            seed=self.recipe.seed,
            rank=world.rank,
            ranks=world.size,
            device=world.device,
            with_composition=self.recipe.composition > 0,
        )
