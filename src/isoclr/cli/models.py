"""``isoclr models``: what ``isoclr embed --model`` can be."""

from collections.abc import Iterable, Sequence

from isoclr._console import say, table
from isoclr.cli import _verb

_HEADS = ("language model", "parameters", "window (tokens)", "dim", "weights", "pinned", "needs")


def command(argv: Sequence[str]) -> None:
    """Print the models."""
    _verb.run(_models, argv, name="models")


def _models() -> None:
    """What isoclr embed --model can be: encoders that ship with isoclr, and language models of other groups.

    Weights of language models are fetched from the Hugging Face hub at a pinned commit, as safetensors only. Where
    only a pickle is published, embed tells how to convert it and to give the folder as --model-dir; where no commit is
    pinned, name one with --revision.
    """
    shipped = list(_shipped())
    if shipped:
        table("encoders that ship", ("model", "parameters", "dim"), shipped)
    table("language models of other groups", _HEADS, _published())
    say("also: the folder of a trained model, or user/name@revision of the Hugging Face hub")


def _shipped() -> Iterable[Sequence[object]]:
    from isoclr.models.load import SHELF, load

    for directory in sorted(SHELF.iterdir()) if SHELF.is_dir() else ():
        if directory.is_dir():
            encoder = load(directory)
            yield directory.name, encoder.num_parameters, encoder.dim


def _published() -> Iterable[Sequence[object]]:
    from isoclr.baselines.language_models.catalog import CATALOGUE

    for entry in CATALOGUE.values():
        yield (
            entry.name,
            entry.parameters,
            entry.window,
            entry.dim,
            entry.published,
            (entry.revision or "–")[:8],
            entry.package or "–",
        )
