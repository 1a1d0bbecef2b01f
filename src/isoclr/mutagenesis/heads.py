"""The linear prediction that mutations are judged by: a head of ``isoclr fit``, and the encoder it belongs to."""

from dataclasses import dataclass
from pathlib import Path

from isoclr.errors import InputError
from isoclr.models import Encoder, load
from isoclr.predicting import Head, load_head
from isoclr.predicting.conformal import Regression
from isoclr.predicting.linear import Line
from isoclr.predicting.shipped import find_head, shipped_model


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
    if (head is None) == (task is None):
        raise InputError("expected --head, or --task with --species, and not both")
    if head is not None:
        chosen = load_head(head)
        encoder = _encoder(chosen, model)
    else:
        chosen = load_head(find_head(str(task), species, model))
        encoder = _encoder(chosen, None)
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


def _encoder(head: Head, model: str | None) -> Encoder:
    """The encoder that the head was fitted on, and no other."""
    name, sha256 = head.model["model"], head.model["sha256"]
    where = model if model is not None else shipped_model(sha256)
    if where is None:
        raise InputError(
            f"head {head.name!r} belongs to weights {sha256[:12]} of {name}, which do not ship with this version; "
            "give that model with --model"
        )
    encoder = load(where)
    if (encoder.sha256, encoder.dim) != (sha256, head.dim):
        raise InputError(
            f"{where}: weights {encoder.sha256[:12]}, embeddings of {encoder.dim}; head {head.name!r} belongs to "
            f"weights {sha256[:12]} of {name}, embeddings of {head.dim}"
        )
    return encoder
