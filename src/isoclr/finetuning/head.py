"""The head of a fine-tuned encoder: its layers, intervals and units, as ``isoclr predict`` reads them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from isoclr.embedding.embeddings import meta_of
from isoclr.finetuning.models import Head as Layers
from isoclr.finetuning.report import TrialResult
from isoclr.finetuning.trainer import Trainer
from isoclr.models.encoder import Encoder, Precision
from isoclr.probing.head import Head, Target
from isoclr.probing.network import Dense, NetworkRegressor
from isoclr.probing.ood import fit_ood_detector
from isoclr.tasks.dataset import LabelSpec
from isoclr.tasks.splits import Groups

COVERAGE = 0.9  # Default coverage of the intervals
DETECTOR_FOLDS = 5  # Folds whose distances set the limit of RNAs like the training ones


def fine_tuned_head(
    trainer: Trainer,
    encoder: Encoder,
    precision: Precision,
    specs: Sequence[LabelSpec],
    result: TrialResult,
    predictions: pl.DataFrame,
    options: dict[str, Any],
) -> Head:
    """The head of a trial with its best weights.

    Args:
        encoder: The fine-tuned encoder.
        precision: Precision of its activations in training.
        specs: The labels.
        predictions: Those of the test part, whose errors give the intervals (``PREDICTIONS_SCHEMA``).
        options: Those of the study, which are kept with the head.
    """
    rows = trainer.trial.split.train
    features = trainer.backbone.evaluate(rows).cpu().numpy()
    targets = [
        _target(trainer, number, spec, features, result, predictions.filter(task=spec.name))
        for number, spec in enumerate(specs)
    ]
    train = trainer.rnas.table[rows]
    choices = {spec.rnas for spec in specs}
    pooling = encoder.network.architecture.pooling
    metadata = {
        "name": " + ".join(spec.name for spec in specs),
        "species": sorted(train["species"].unique()),
        "model": meta_of(encoder.name, encoder.sha256, encoder.tracks, pooling, precision),
        "features": {"kind": "embedding", "dim": encoder.dim},
        "held_out": f"the test part of {result.split}, which took part in neither training nor early stopping",
        "intervals": "split conformal, of the errors of the test part",
        "targets": [target.metadata for target in targets],
        "rnas": choices.pop() if len(choices) == 1 else "all",
        "annotated": (train["cds_source"] == "annotated").sum() / len(train),
        "coverage": min(COVERAGE, *(target.largest_coverage for target in targets)),
        "seed": result.seed,
        "options": options,
    }
    return Head.from_metadata(metadata, targets)


def _target(
    trainer: Trainer,
    number: int,
    spec: LabelSpec,
    features: NDArray[np.float32],
    result: TrialResult,
    predictions: pl.DataFrame,
) -> Target:
    """One label: its layers, the errors of its test RNAs, and the distribution of its training RNAs."""
    rnas, train = trainer.rnas, trainer.trial.split.train
    known = np.isfinite(rnas.targets[train, number])
    train = train[known]
    lengths = int(trainer.lengths[train].min()), int(trainer.lengths[train].max())
    detector = fit_ood_detector(features[known], detector_folds(rnas.groups[train]))
    mean, std = float(trainer.mean[number]), float(trainer.std[number])
    assert isinstance(trainer.head, Layers)
    errors = np.sort((predictions["true"] - predictions["predicted"]).abs().to_numpy() * std)
    regressor = NetworkRegressor(dense_layers(trainer.head, number, mean, std), errors)
    return Target(
        name=spec.name,
        predictor=regressor,
        detector=detector,
        lengths=lengths,
        metadata={
            "name": spec.name,
            "units": spec.task.units if spec.task else "",
            "kind": "network",
            "n": len(train),
            "penalty": trainer.parameters.l2,
            "split": trainer.trial.split.name,
            "lengths": list(lengths),
            "held_out": {"metrics": {name: {"mean": value} for name, value in result.metrics[spec.name].items()}},
        },
    )


def detector_folds(groups: Groups) -> NDArray[np.int64]:
    """Folds ``(n,)`` of whole groups; of single RNAs if there is one group only, as for a single chromosome."""
    _, group = np.unique(groups, return_inverse=True)
    if not group.any():
        group = np.arange(len(groups))
    return np.asarray(group % min(DETECTOR_FOLDS, int(group.max()) + 1))


def dense_layers(head: Layers, label: int, mean: float, std: float) -> tuple[Dense, ...]:
    """The layers of one label without norms and dropout, for a prediction in the label's units.

    In evaluation a batch norm is an affine function of each channel, which the layer before or after it can apply.

    Args:
        label: Number of the label.
        mean: Mean of the training labels.
        std: Their standard deviation.
    """
    with torch.inference_mode():
        scale, shift = _affine(head.scale)
        layers = []
        for linear, norm in zip(head.hidden, head.norms, strict=True):
            assert isinstance(linear, torch.nn.Linear)
            weight, bias = linear.weight.double(), linear.bias.double()
            weight, bias = weight * scale, bias + weight @ shift
            factor, offset = _affine(norm)
            layers.append((factor[:, None] * weight, factor * bias + offset))
            scale, shift = torch.ones_like(factor), torch.zeros_like(factor)
        last = head.last.weight[label : label + 1].double() * std
        layers.append((last, head.last.bias[label : label + 1].double() * std + mean))
        return tuple(Dense(weight.float().cpu().numpy(), bias.float().cpu().numpy()) for weight, bias in layers)


def _affine(norm: torch.nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    """Factor and offset of each channel of a batch norm in evaluation."""
    assert isinstance(norm, torch.nn.BatchNorm1d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    factor = (norm.running_var.double() + norm.eps).rsqrt()
    if norm.affine:
        factor = factor * norm.weight.double()
    offset = -norm.running_mean.double() * factor
    return factor, offset + norm.bias.double() if norm.affine else offset
