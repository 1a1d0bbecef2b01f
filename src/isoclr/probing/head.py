"""A head: what turns an embedding into the prediction of one or several measured labels."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save
from scipy.special import expit

from isoclr._io import atomic_directory, ensure_writable, sha256
from isoclr._version import __version__
from isoclr.embedding.embeddings import RnaChoice
from isoclr.errors import InputError
from isoclr.probing.conformal import CVPlusRegressor
from isoclr.probing.linear import Array, Features, FoldModel, LinearModel
from isoclr.probing.ood import OODDetector


@dataclass(frozen=True)
class Predictions:
    """What a head says of RNAs.

    Attributes:
        value: ``(n,)`` the label, in its units; for a label of two classes the probability of class 1.
        lower: ``(n,)`` lower end of the prediction interval; NaN for classes.
        upper: ``(n,)`` its upper end.
        extrapolating: ``(n,)`` whether the RNA is unlike those the head was trained on: its embedding lies farther from
            theirs than that of 99.9 % of them does, or has a value far outside theirs where they hardly vary; its
            length is outside theirs; or they have a coding sequence, or an annotated one, and it has none such.
    """

    value: Array
    lower: Array
    upper: Array
    extrapolating: NDArray[np.bool_]


@dataclass(frozen=True)
class Target:
    """The predictor of one label.

    Attributes:
        name: the label's column.
        predictor: with intervals for a quantity, the log-odds for a label of two classes.
        novelty: the cloud of training embeddings.
        lengths: nt of the shortest and longest training RNA.
        facts: what else is known of it, as ``head.json`` says it.
    """

    name: str
    predictor: CVPlusRegressor | LinearModel
    novelty: OODDetector
    lengths: tuple[int, int]
    facts: dict[str, Any]

    @property
    def title(self) -> str:
        """The name with its units, as a table says it."""
        units = self.facts.get("units", "")
        return f"{self.name} ({units})" if units else self.name

    @property
    def largest_coverage(self) -> float:
        """The largest coverage its intervals can have."""
        return self.predictor.largest if isinstance(self.predictor, CVPlusRegressor) else 1.0


@dataclass(frozen=True)
class Head:
    """A directory that ``isoclr fit`` wrote, ready to predict.

    Attributes:
        name: the task.
        targets: one a label.
        model: metadata of the embeddings it was fitted on: the model's name, its weights' SHA-256, …
        species: of the training RNAs.
        rnas: which RNAs it was trained on: all, coding or annotated.
        coverage: of the intervals, unless another is asked for.
        facts: everything of ``head.json``.
    """

    name: str
    targets: tuple[Target, ...]
    model: dict[str, str]
    species: tuple[str, ...]
    rnas: str
    coverage: float
    facts: dict[str, Any]

    def __repr__(self) -> str:
        names = ", ".join(target.name for target in self.targets)
        of = " and ".join(name or "unnamed" for name in self.species)
        return f"Head({self.name!r}: {names}; species {of}, {self.model['model']})"

    @property
    def dim(self) -> int:
        """Size of the embeddings it reads."""
        return len(self.targets[0].novelty.mean)

    def predict(
        self,
        features: Features,
        *,
        target: str | None = None,
        coverage: float | None = None,
        lengths: NDArray[np.int64] | None = None,
        coding: NDArray[np.bool_] | None = None,
        annotated: NDArray[np.bool_] | None = None,
    ) -> Predictions:
        """Predict a label from embeddings.

        Args:
            features: ``(n, d)`` embeddings of the model that the head belongs to.
            target: which label, when the head has several.
            coverage: of the intervals; by default what the head was made with.
            lengths: ``(n,)`` nt of the RNAs, to tell whether they are outside the training range.
            coding: ``(n,)`` whether they have a coding sequence, annotated or found as an open reading frame.
            annotated: ``(n,)`` whether an annotation gives their coding sequence.

        Raises:
            InputError: embeddings of another size or not finite, no such target, or a coverage that the head's
                calibration cannot vouch for.
        """
        chosen = self._target(target)
        features = self._checked(np.asarray(features))
        coverage = self.check_coverage(coverage)
        new = chosen.novelty(features)
        if lengths is not None:
            shortest, longest = chosen.lengths
            new |= (lengths < shortest) | (lengths > longest)
        if coding is not None and self.rnas != "all":
            new |= ~coding
        if annotated is not None and self.rnas == "annotated":
            new |= ~annotated
        if isinstance(chosen.predictor, LinearModel):
            unknown = np.full(len(features), np.nan)
            return Predictions(expit(chosen.predictor(features)), unknown, unknown, new)
        return Predictions(*chosen.predictor.predict(features, coverage), new)

    def check_coverage(self, coverage: float | None) -> float:
        """The coverage of the intervals.

        Raises:
            InputError: it is no share, or more than the calibration RNAs can vouch for.
        """
        coverage = self.coverage if coverage is None else coverage
        largest = min(target.largest_coverage for target in self.targets)
        if not 0 < coverage <= largest:
            raise InputError(
                f"coverage {coverage:g}: expected more than 0 and at most {largest:.4g}, which is what "
                f"the training RNAs of head {self.name!r} can vouch for"
            )
        return coverage

    def _target(self, name: str | None) -> Target:
        if name is None and len(self.targets) == 1:
            return self.targets[0]
        for target in self.targets:
            if target.name == name:
                return target
        known = ", ".join(target.name for target in self.targets)
        raise InputError(
            f"target {name!r}: head {self.name!r} predicts {known}; choose one of them"
        )

    def _checked(self, features: Features) -> Features:
        if features.ndim != 2 or features.shape[1] != self.dim:
            raise InputError(
                f"embeddings of shape {features.shape}: head {self.name!r} expects (n, {self.dim})"
            )
        bad = ~np.isfinite(features).all(axis=1)
        if bad.any():
            raise InputError(f"embedding {int(bad.argmax()) + 1} is not finite")
        return features


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
    ensure_writable(out)
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
    if isinstance(target.predictor, LinearModel):
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


def _line(line: LinearModel) -> Tensors:
    return {"coefficients": line.coefficients, "intercept": np.array([line.intercept])}


def _target(told: dict[str, Any], tensors: Tensors) -> Target:
    prefix = told["name"] + "/"
    own = {
        key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)
    }
    line = LinearModel(own["coefficients"], float(own["intercept"][0]))
    rest, limit = own["rest_and_limit"].tolist()
    low, high = own["low_and_high"]
    cloud = OODDetector(
        own["mean"], own["scale"], own["axes"], own["spread"], rest, limit, low, high
    )
    shortest, longest = told["lengths"]
    predictor = line if told["kind"] == "class" else _regression(line, own, told["penalty"])
    return Target(told["name"], predictor, cloud, (int(shortest), int(longest)), told)


def _regression(line: LinearModel, own: Tensors, penalty: float) -> CVPlusRegressor:
    members = []
    for lines, intercepts, errors, penalties in zip(
        own["members/coefficients"],
        own["members/intercepts"].tolist(),
        own["members/errors"].tolist(),
        own["members/penalties"].tolist(),
        strict=True,
    ):
        value, error = (LinearModel(b, c) for b, c in zip(lines, intercepts, strict=True))
        members.append(FoldModel(value, error, errors[0], errors[1], (penalties[0], penalties[1])))
    edges = np.cumsum(own["scores/counts"])[:-1]
    return CVPlusRegressor(line, tuple(members), tuple(np.split(own["scores"], edges)), penalty)
