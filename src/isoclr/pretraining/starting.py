"""What a run starts from: random weights, or those of a trained model."""

import dataclasses

from isoclr.errors import InputError
from isoclr.models import Encoder, create, load
from isoclr.pretraining.options import Recipe


def untrained(recipe: Recipe) -> Encoder:
    """The recipe's encoder with random weights."""
    return create(
        recipe.model,
        tracks=recipe.tracks,
        seed=recipe.seed,
        dropout=recipe.dropout,
        pooling=recipe.pooling,  # type: ignore[arg-type]  # create checks it
    )


def starting_point(init: str, *, model: str, tracks: int) -> Encoder:
    """The trained encoder that a run starts from; how it pools does not matter, as that has no weights.

    Args:
        init: a directory, or the name of a model that ships with the package.
        model: what the run is to train.
        tracks: that it is to read.

    Raises:
        InputError: there is no such model, or it is not of the kind that the run trains.
    """
    start = load(init)
    wanted = create(model, tracks=tracks)
    kinds = [_kind(wanted), _kind(start)]
    for (option, mine), (_, found) in zip(*kinds, strict=True):
        if mine != found:
            raise InputError(f"--init {init}: its {option} is {found}, the run's is {mine}")
    return start


def _kind(encoder: Encoder) -> list[tuple[str, object]]:
    """All that must agree for one network to take another's weights."""
    architecture = encoder.network.architecture
    return [
        ("model", encoder.name),
        ("number of tracks", encoder.tracks),
        ("architecture", dataclasses.replace(architecture, pooling="last")),
    ]
