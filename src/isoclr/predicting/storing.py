"""Heads on disk: ``head.json`` and ``head.safetensors`` in a directory. No pickle is read or written."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from isoclr._version import __version__
from isoclr.embedding.table import RnaChoice
from isoclr.errors import InputError
from isoclr.files import atomic_directory, check_place, sha256
from isoclr.predicting.conformal import Regression
from isoclr.predicting.head import Head, Target
from isoclr.predicting.linear import Line, Member
from isoclr.predicting.novelty import Novelty

FACTS, NUMBERS = "head.json", "head.safetensors"
FORMAT, SCHEMA = "isoclr-head", 1
Tensors = dict[str, NDArray[Any]]
_KINDS = {
    "sha256": str,
    "name": str,
    "targets": list,
    "model": dict,
    "species": list,
    "rnas": str,
    "coverage": float,
}


def save_head(head: Head, directory: Path, *, overwrite: bool = False) -> None:
    """Write a head; the directory appears when it is whole.

    Raises:
        InputError: the directory exists, and is no head or may not be overwritten.
    """
    check_target(directory, overwrite)
    tensors: Tensors = {}
    for target in head.targets:
        own = _tensors(target)
        tensors |= {
            f"{target.name}/{key}": np.ascontiguousarray(value) for key, value in own.items()
        }
    with atomic_directory(directory, overwrite=overwrite) as partial:
        (partial / NUMBERS).write_bytes(save(tensors))
        ours = {
            "format": FORMAT,
            "schema": SCHEMA,
            "isoclr": __version__,
            "sha256": sha256(partial / NUMBERS),
        }
        facts = {
            **ours,
            **head.facts,
            **ours,
        }  # ours stand first, and last: a head may be saved again
        text = json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False)
        (partial / FACTS).write_text(text + "\n", encoding="utf-8")


def check_target(out: Path, overwrite: bool) -> None:
    """Refuse to replace what is not a head.

    Raises:
        InputError: ``out`` exists, and is no head or may not be overwritten; or it cannot be made.
    """
    check_place(out)
    if not out.exists():
        return
    if out.is_file():
        raise InputError(f"{out}: is a file, expected the name of a directory")
    if not overwrite:
        raise InputError(f"{out}: exists already; choose another name or --overwrite it")
    if not (out / FACTS).is_file() and any(out.iterdir()):
        raise InputError(f"{out}: not a head, --overwrite replaces nothing else")


def load_head(directory: Path | str) -> Head:
    """A head that ``isoclr fit`` wrote.

    Args:
        directory: where ``head.json`` and ``head.safetensors`` are.

    Raises:
        InputError: there is no head, or its files are damaged or do not fit each other.
    """
    directory = Path(directory)
    facts = read_facts(directory)
    path = directory / NUMBERS
    try:
        tensors: Tensors = load(path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{path}: not found; expected a head that `isoclr fit` wrote") from None
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: not a safetensors file ({error})") from None
    if sha256(path) != facts["sha256"]:
        raise InputError(f"{path}: not the numbers that {FACTS} names (SHA-256 differs)")
    try:
        targets = tuple(_target(told, tensors) for told in facts["targets"])
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise InputError(f"{path}: does not fit {FACTS} ({error})") from None
    return Head(
        name=facts["name"],
        targets=targets,
        model=facts["model"],
        species=tuple(facts["species"]),
        rnas=facts["rnas"],
        coverage=facts["coverage"],
        facts=facts,
    )


def read_facts(directory: Path) -> dict[str, Any]:
    """What ``head.json`` says.

    Raises:
        InputError: there is none, or it is not one of this format.
    """
    path = directory / FACTS
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: not found; expected a head that `isoclr fit` wrote") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a head's description ({error})") from None
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise InputError(f"{path}: not a head's description (no format: {FORMAT})")
    if facts.get("schema") not in range(1, SCHEMA + 1):
        raise InputError(
            f"{path}: schema is {facts.get('schema')!r}, this isoclr reads 1 to {SCHEMA}"
        )
    wrong = _wrong(facts)
    if wrong is not None:
        raise InputError(f"{path}: {wrong} is not what `isoclr fit` writes")
    return facts


def _wrong(facts: dict[str, Any]) -> str | None:
    """The first entry that a head cannot be made from."""
    for key, kind in _KINDS.items():
        if not isinstance(facts.get(key), kind):
            return key
    model = facts["model"]
    if not {"model", "sha256"} <= set(model) or not _are_text(model.values()):
        return "model"
    if not facts["targets"]:
        return "targets"
    if not _are_text(facts["species"]):
        return "species"
    return None if facts["rnas"] in get_args(RnaChoice) else "rnas"


def _are_text(values: Iterable[object]) -> bool:
    return all(isinstance(value, str) for value in values)


def _tensors(target: Target) -> Tensors:
    cloud = target.novelty
    found: Tensors = {
        "mean": cloud.mean,
        "scale": cloud.scale,
        "axes": cloud.axes,
        "spread": cloud.spread,
        "rest_and_limit": np.array([cloud.rest, cloud.limit]),
        "low_and_high": np.array([cloud.low, cloud.high]),
    }
    if isinstance(target.predictor, Line):
        return found | _line(target.predictor)
    members = target.predictor.members
    return (
        found
        | _line(target.predictor.value)
        | {
            "members/coefficients": np.array(
                [[m.value.coefficients, m.error.coefficients] for m in members]
            ),
            "members/intercepts": np.array(
                [[m.value.intercept, m.error.intercept] for m in members]
            ),
            "members/errors": np.array([[m.narrowest, m.widest] for m in members]),
            "members/penalties": np.array([m.penalties for m in members]),
            "scores": np.concatenate(target.predictor.scores),
            "scores/counts": np.array([len(scores) for scores in target.predictor.scores]),
        }
    )


def _line(line: Line) -> Tensors:
    return {"coefficients": line.coefficients, "intercept": np.array([line.intercept])}


def _target(told: dict[str, Any], tensors: Tensors) -> Target:
    prefix = told["name"] + "/"
    own = {
        key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)
    }
    line = Line(own["coefficients"], float(own["intercept"][0]))
    rest, limit = own["rest_and_limit"].tolist()
    low, high = own["low_and_high"]
    cloud = Novelty(own["mean"], own["scale"], own["axes"], own["spread"], rest, limit, low, high)
    shortest, longest = told["lengths"]
    predictor = line if told["kind"] == "class" else _regression(line, own, told["penalty"])
    return Target(told["name"], predictor, cloud, (int(shortest), int(longest)), told)


def _regression(line: Line, own: Tensors, penalty: float) -> Regression:
    members = []
    for lines, intercepts, errors, penalties in zip(
        own["members/coefficients"],
        own["members/intercepts"].tolist(),
        own["members/errors"].tolist(),
        own["members/penalties"].tolist(),
        strict=True,
    ):
        value, error = (Line(b, c) for b, c in zip(lines, intercepts, strict=True))
        members.append(Member(value, error, errors[0], errors[1], (penalties[0], penalties[1])))
    edges = np.cumsum(own["scores/counts"])[:-1]
    return Regression(line, tuple(members), tuple(np.split(own["scores"], edges)), penalty)
