"""The linear prediction that mutations are judged by: a head of ``isoclr fit``, and the encoder it belongs to."""

from dataclasses import dataclass
from pathlib import Path

from isoclr.errors import InputError
from isoclr.models import Encoder
from isoclr.predicting import Head
from isoclr.predicting.choosing import choose, encoder_of, model_of
from isoclr.predicting.conformal import Regression
from isoclr.predicting.linear import Line


@dataclass(frozen=True)
class Predictor:
    """An encoder and a line that reads a label off its embeddings.

    Attributes:
        encoder: makes embeddings.
        line: of the label; of the log-odds of class 1 where the label has two classes.
        target: what it predicts, with units.
    """

    encoder: Encoder
    line: Line
    target: str


def predictor(
    head: Path | None, task: str | None, species: str, model: str | None, target: str | None
) -> Predictor:
    """Load a head and its model.

    Args:
        head: directory that ``isoclr fit`` wrote.
        task: instead, what a head that ships with isoclr predicts.
        species: of the shipped head.
        model: the head's model, when it does not ship; with ``task``, the shipped model whose head to take.
        target: which label, when the head has several.

    Raises:
        InputError: no such head, model or label, or a model of other weights than the head's.
    """
    chosen, given = choose(head, task, species, model)
    encoder = encoder_of(chosen, model_of(chosen, given))
    return Predictor(encoder, *line_of(chosen, target))


def line_of(head: Head, target: str | None = None) -> tuple[Line, str]:
    """A head's linear prediction, and what it is of.

    Args:
        head: from :func:`isoclr.load_head`.
        target: which label, when the head has several.

    Raises:
        InputError: no such label, or several and none named.
    """
    names = [one.name for one in head.targets]
    if target is None and len(names) > 1:
        raise InputError(
            f"head {head.name!r} predicts {', '.join(names)}; choose one with --target"
        )
    found = next((one for one in head.targets if target in (None, one.name)), None)
    if found is None:
        raise InputError(f"head {head.name!r} predicts {', '.join(names)}, not {target!r}")
    if isinstance(found.predictor, Regression):
        return found.predictor.value, found.title
    return found.predictor, f"{found.title}, log-odds"
