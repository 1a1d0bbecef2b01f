"""Prediction heads: embeddings → predictions of one or several labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from safetensors.numpy import save
from scipy.special import expit

from isoclr._config import read_json
from isoclr._html import card, grid
from isoclr._io import atomic_directory, sha256
from isoclr._report import write_json
from isoclr._tensors import read_tensors
from isoclr._version import __version__
from isoclr.embedding.embeddings import RnaChoice
from isoclr.errors import InputError, counted
from isoclr.probing.conformal import CVPlusRegressor, FoldModel
from isoclr.probing.linear import Array, Features, LinearModel
from isoclr.probing.network import Dense, NetworkRegressor
from isoclr.probing.ood import OODDetector

Predictor = CVPlusRegressor | NetworkRegressor | LinearModel


@dataclass(frozen=True, repr=False)
class Predictions:
    """Predictions of a label for RNAs."""

    value: Array
    """``(n,)`` the label, in its units; for a label of two classes the probability of the second."""
    lower: Array
    """``(n,)`` lower end of the prediction interval; NaN for classes."""
    upper: Array
    """``(n,)`` upper end."""
    extrapolating: NDArray[np.bool_]
    """``(n,)`` whether the RNA is unlike the training RNAs: its embedding is farther from theirs than 99.9 % of them,
    or has a value far outside their range where they hardly vary; its length is outside their range; or they all have a
    coding sequence, or an annotated one, and it has none."""

    def __repr__(self) -> str:
        return f"Predictions({counted(len(self.value), 'RNA')}, {self.extrapolating.sum():,} extrapolating)"


@dataclass(frozen=True, repr=False)
class Target:
    """The predictor of one label."""

    name: str
    """The label's column."""
    predictor: Predictor
    """With intervals for a quantity; the log-odds for a label of two classes is a :class:`LinearModel`."""
    detector: OODDetector
    """Distribution of the training embeddings."""
    lengths: tuple[int, int]
    """Lengths of the shortest and longest training RNA (nt)."""
    metadata: dict[str, Any]
    """The target's entry in ``head.json``."""

    def __repr__(self) -> str:
        return f"Target({self.title!r}, {type(self.predictor).__name__})"

    @property
    def is_class(self) -> bool:
        """Whether the label has two classes."""
        return isinstance(self.predictor, LinearModel)

    @property
    def positive(self) -> str:
        """For a label of two classes the one whose probability it predicts, else empty."""
        return str(self.metadata.get("classes", ["0", "1"])[-1]) if self.is_class else ""

    @property
    def units(self) -> str:
        """The units of a prediction; of a class, what its probability is of."""
        return f"probability of class {self.positive}" if self.positive else str(self.metadata.get("units", ""))

    @property
    def title(self) -> str:
        """The name with its units."""
        units = self.metadata.get("units", "")
        return f"{self.name} ({units})" if units else self.name

    @property
    def largest_coverage(self) -> float:
        """The largest possible coverage of its intervals."""
        return 1.0 if isinstance(self.predictor, LinearModel) else self.predictor.largest


@dataclass(frozen=True)
class Head:
    """Predictors of one or several labels from embeddings of one model; ``isoclr fit`` and ``finetune`` make them."""

    name: str
    """Name of the task."""
    targets: tuple[Target, ...]
    """One per label."""
    model: dict[str, str]
    """Metadata of the embeddings it was fitted on: the model's name, its weights' SHA-256, …"""
    species: tuple[str, ...]
    """Species of the training RNAs."""
    rnas: str
    """Which RNAs it was trained on: all, coding or annotated."""
    coverage: float
    """Default coverage of the intervals."""
    metadata: dict[str, Any]
    """Content of ``head.json``."""

    @classmethod
    def from_metadata(cls, metadata: dict[str, Any], targets: Sequence[Target]) -> "Head":
        """A head whose fields come from the content of ``head.json``."""
        return cls(
            name=metadata["name"],
            targets=tuple(targets),
            model=metadata["model"],
            species=tuple(metadata["species"]),
            rnas=metadata["rnas"],
            coverage=metadata["coverage"],
            metadata=metadata,
        )

    def __repr__(self) -> str:
        names = ", ".join(target.name for target in self.targets)
        of = " and ".join(name or "unnamed" for name in self.species)
        return f"Head({self.name!r}: {names}; species {of}, {self.model['model']})"

    def _repr_html_(self) -> str:
        rows = [
            [target.title, target.metadata["kind"], target.metadata["n"], " – ".join(map(str, target.lengths))]
            for target in self.targets
        ]
        columns = ["label", "kind", "training RNAs", "their lengths (nt)"]
        facts = {"species": ", ".join(self.species), "RNAs": self.rnas, "coverage": self.coverage}
        model = f"{self.model['model']} {self.model['sha256'][:12]}"
        return card(f"Head {self.name}", {**facts, "model": model}) + grid("labels", columns, rows)

    @property
    def region(self) -> str:
        """The region of an RNA whose embeddings it reads: ``rna``, the whole, or ``utr5``."""
        return self.model.get("region", "rna")

    @property
    def dim(self) -> int:
        """Size of the embeddings it reads."""
        return len(self.targets[0].detector.mean)

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
            features: ``(n, d)`` embeddings of the head's model.
            target: The label, if the head has several.
            coverage: Coverage of the intervals; by default the head's.
            lengths: ``(n,)`` lengths of the RNAs (nt), to detect those outside the training range.
            coding: ``(n,)`` whether they have a coding sequence, annotated or an open reading frame.
            annotated: ``(n,)`` whether their coding sequence is annotated.

        Raises:
            InputError: embeddings of another size or not finite, no such target, or a coverage that the head's
                calibration does not support.
        """
        chosen = self._find(target)
        features = self._checked(np.asarray(features))
        coverage = self.check_coverage(coverage)
        extrapolating = chosen.detector(features)
        if lengths is not None:
            shortest, longest = chosen.lengths
            extrapolating |= (lengths < shortest) | (lengths > longest)
        if coding is not None and self.rnas != "all":
            extrapolating |= ~coding
        if annotated is not None and self.rnas == "annotated":
            extrapolating |= ~annotated
        if isinstance(chosen.predictor, LinearModel):
            unknown = np.full(len(features), np.nan)
            return Predictions(expit(chosen.predictor(features)), unknown, unknown, extrapolating)
        return Predictions(*chosen.predictor.predict(features, coverage), extrapolating)

    def linear(self, label: str | None = None) -> LinearModel:
        """The linear model of a label (of its log-odds, for two classes).

        Raises:
            InputError: no such label, or several and none given; or it reads a region with features of its own, or is
                the head of a fine-tuned network.
        """
        self.check_whole_rna()
        predictor = self._find(label).predictor
        if isinstance(predictor, NetworkRegressor):
            raise InputError(
                f"head {self.name!r} is that of a fine-tuned network, which is not linear; isoclr predict and isoclr "
                "variants can use it, and isoclr fit makes a linear one"
            )
        return predictor.value if isinstance(predictor, CVPlusRegressor) else predictor

    def check_whole_rna(self) -> None:
        """Check that it predicts from the embedding of an RNA and from nothing else."""
        if self.region != "rna":
            raise InputError(
                f"head {self.name!r} reads the region {self.region} and its reading frames, not embeddings alone; "
                "isoclr predict and isoclr variants can use it"
            )

    def check_weights(self, name: str, sha256: str) -> None:
        """Check that it was fitted on embeddings by the weights of this SHA-256, which a model of this name has."""
        if self.model["sha256"] != sha256:
            raise InputError(
                f"{name}: weights {sha256[:12]}; head {self.name!r} needs weights {self.model['sha256'][:12]} of "
                f"{self.model['model']}"
            )

    def check_coverage(self, coverage: float | None) -> float:
        """The coverage of the intervals, by default the head's."""
        coverage = self.coverage if coverage is None else coverage
        largest = min(target.largest_coverage for target in self.targets)
        if not 0 < coverage <= largest:
            raise InputError(
                f"coverage {coverage:g}: expected more than 0 and at most {largest:.4g}, the largest that the "
                f"training RNAs of head {self.name!r} support"
            )
        return coverage

    def _find(self, name: str | None) -> Target:
        if name is None and len(self.targets) == 1:
            return self.targets[0]
        for target in self.targets:
            if target.name == name:
                return target
        names = ", ".join(target.name for target in self.targets)
        raise InputError(f"label {name!r}: head {self.name!r} predicts {names}; choose one of them")

    def _checked(self, features: Features) -> Features:
        if features.ndim != 2 or features.shape[1] != self.dim:
            raise InputError(f"embeddings of shape {features.shape}: head {self.name!r} expects (n, {self.dim})")
        bad = ~np.isfinite(features).all(axis=1)
        if bad.any():
            raise InputError(f"embedding {int(bad.argmax()) + 1} is not finite")
        return features


HEAD, ENCODER = "head", "encoder"  # Folders of a fine-tuned model
METADATA, TENSORS = "head.json", "head.safetensors"
FILES = (METADATA, TENSORS)
EXPECTED = "a head from `isoclr fit` or `isoclr finetune`"
Tensors = dict[str, NDArray[Any]]
DETECTOR = ("mean", "scale", "axes", "spread", "rest_and_limit", "low_and_high")
PREDICTOR = (
    "coefficients", "intercept", "members/coefficients", "members/intercepts", "members/errors", "members/penalties",
    "scores", "scores/counts",
)  # fmt: skip
LAYERS = tuple(f"layers/{number}/{part}" for number in range(3) for part in ("weight", "bias"))
"""Names of a target's tensors, after its own name and a slash: of the detector, of a linear model and its folds, and of
the layers of a network."""


class _TargetEntry(Struct):
    """Entries of a target in ``head.json`` that a head needs."""

    name: str
    kind: Literal["class", "quantity", "network"]  # A network predicts a quantity
    lengths: tuple[int, int]
    penalty: float


class _Model(Struct):
    model: str
    sha256: str


class _Entries(Struct):
    """Entries of ``head.json`` that a head needs."""

    format: Literal["isoclr-head"]
    schema: Literal[1]
    sha256: str
    name: str
    targets: list[_TargetEntry]
    model: _Model
    species: list[str]
    rnas: RnaChoice
    coverage: float


def save_head(head: Head, directory: Path, *, overwrite: bool = False) -> None:
    """Write a head; the directory appears when it is complete."""
    tensors: Tensors = {}
    shared: Tensors = {}
    for target in head.targets:
        own = _detector_tensors(target.detector) | _predictor_tensors(target.predictor)
        for key, value in own.items():
            if key not in shared or not np.array_equal(value, shared[key]):
                tensors[f"{target.name}/{key}"] = np.ascontiguousarray(value)
        shared = shared or {key: value for key, value in own.items() if key in (*DETECTOR, *LAYERS)}
    with atomic_directory(directory, overwrite=overwrite, contents=FILES) as partial:
        (partial / TENSORS).write_bytes(save(tensors))
        version = {"format": "isoclr-head", "schema": 1, "isoclr": __version__, "sha256": sha256(partial / TENSORS)}
        # first in the file, and last so that those of a head that was loaded do not replace them
        write_json(partial / METADATA, {**version, **head.metadata, **version})


def load_head(directory: Path | str) -> Head:
    """Load a head that ``isoclr fit`` or ``isoclr finetune`` wrote.

    Args:
        directory: Directory with ``head.json`` and ``head.safetensors``, or of a study of ``isoclr finetune``.

    Raises:
        InputError: there is no head, or its files are damaged or do not match.
    """
    directory = Path(directory)
    if (directory / HEAD).is_dir():
        directory /= HEAD
    metadata = read_metadata(directory)
    path = directory / TENSORS
    tensors = read_tensors(path, metadata["sha256"], what=EXPECTED, allow_infinity=True)
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    try:
        first = metadata["targets"][0]["name"]
        targets = [_target(entry, first, arrays) for entry in metadata["targets"]]
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise InputError(f"{path}: does not match {METADATA} ({error})") from None
    return Head.from_metadata(metadata, targets)


def read_metadata(directory: Path) -> dict[str, Any]:
    """The content of ``head.json``."""
    path = directory / METADATA
    entries = read_json(path, _Entries, what=EXPECTED)
    if not entries.targets:
        raise InputError(f"{path}: targets is empty, expected {EXPECTED}")
    return read_json(path, dict[str, Any], what=EXPECTED)


def _detector_tensors(detector: OODDetector) -> Tensors:
    return {
        "mean": detector.mean,
        "scale": detector.scale,
        "axes": detector.axes,
        "spread": detector.spread,
        "rest_and_limit": np.array([detector.rest, detector.limit]),
        "low_and_high": np.array([detector.low, detector.high]),
    }


def _predictor_tensors(predictor: Predictor) -> Tensors:
    if isinstance(predictor, NetworkRegressor):
        parts = [part for layer in predictor.layers for part in (layer.weight, layer.bias)]
        return {**dict(zip(LAYERS, parts, strict=True)), "errors": predictor.errors}
    value = predictor if isinstance(predictor, LinearModel) else predictor.value
    tensors = {"coefficients": value.coefficients, "intercept": np.array([value.intercept])}
    if isinstance(predictor, LinearModel):
        return tensors
    members = predictor.members
    coefficients = [[m.value.coefficients, m.error.coefficients] for m in members]
    intercepts = [[m.value.intercept, m.error.intercept] for m in members]
    return tensors | {
        "members/coefficients": np.array(coefficients),
        "members/intercepts": np.array(intercepts),
        "members/errors": np.array([[m.narrowest, m.widest] for m in members]),
        "members/penalties": np.array([m.penalties for m in members]),
        "scores": np.concatenate(predictor.scores),
        "scores/counts": np.array([len(scores) for scores in predictor.scores]),
    }


def _target(entry: dict[str, Any], first: str, tensors: Tensors) -> Target:
    prefix = entry["name"] + "/"
    own = {key: tensors[prefix + key] for key in (*DETECTOR, *PREDICTOR, *LAYERS, "errors") if prefix + key in tensors}
    for key in (*DETECTOR, *LAYERS):  # those that it shares with the first target
        if key not in own and f"{first}/{key}" in tensors:
            own[key] = tensors[f"{first}/{key}"]
    infinite = [k for k, a in own.items() if k != "low_and_high" and not np.isfinite(a).all()]
    if infinite:
        raise ValueError(f"{prefix}{infinite[0]} is infinite")
    dim = len(own["mean"])
    for key in ("coefficients", "scale", "low_and_high", "members/coefficients"):
        if key in own and own[key].shape[-1] != dim:
            raise ValueError(f"{prefix}{key} has {own[key].shape[-1]} values, expected {dim}")
    if own["axes"].shape != (dim, len(own["spread"])):
        raise ValueError(f"{prefix}axes is of shape {own['axes'].shape}")
    if "scores/counts" in own:
        expected = (len(own["members/coefficients"]), own["scores/counts"].sum())
        if (len(own["scores/counts"]), len(own["scores"])) != expected:
            raise ValueError(f"{prefix}scores and {prefix}scores/counts do not match")
    rest, limit = own["rest_and_limit"].tolist()
    low, high = own["low_and_high"]
    detector = OODDetector(own["mean"], own["scale"], own["axes"], own["spread"], rest, limit, low, high)
    shortest, longest = entry["lengths"]
    return Target(entry["name"], _predictor(own, entry), detector, (shortest, longest), entry)


def _predictor(own: Tensors, entry: dict[str, Any]) -> Predictor:
    if entry["kind"] == "network":
        return _network(own)
    value = LinearModel(own["coefficients"], float(own["intercept"][0]))
    return value if entry["kind"] == "class" else _regressor(value, own, entry["penalty"])


def _network(own: Tensors) -> NetworkRegressor:
    weights, biases = [[own[name] for name in LAYERS[part::2]] for part in (0, 1)]
    inputs = [len(own["mean"]), *map(len, weights)]
    expected = [*zip(inputs[1:], inputs, strict=False)]
    if [weight.shape for weight in weights] != expected or [*map(np.shape, biases)] != [(n,) for n in inputs[1:]]:
        raise ValueError("the shapes of the layers do not match")
    errors = own["errors"]
    if inputs[-1] != 1 or errors.ndim != 1 or not len(errors) or errors[0] < 0 or (np.diff(errors) < 0).any():
        raise ValueError("expected layers with one output, and sorted errors")
    return NetworkRegressor(tuple(map(Dense, weights, biases)), errors)


def _regressor(value: LinearModel, own: Tensors, penalty: float) -> CVPlusRegressor:
    members = []
    for coefficients, intercepts, errors, penalties in zip(
        own["members/coefficients"],
        own["members/intercepts"].tolist(),
        own["members/errors"].tolist(),
        own["members/penalties"].tolist(),
        strict=True,
    ):
        of_fold, error = (LinearModel(b, c) for b, c in zip(coefficients, intercepts, strict=True))
        members.append(FoldModel(of_fold, error, errors[0], errors[1], (penalties[0], penalties[1])))
    edges = np.cumsum(own["scores/counts"])[:-1]
    return CVPlusRegressor(value, tuple(members), tuple(np.split(own["scores"], edges)), penalty)
