"""The trained modules (encoder, projection head, auxiliary head), their optimizer, and one training step."""

import copy
import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from isoclr.errors import InputError
from isoclr.models.encoder import Encoder, create
from isoclr.models.load import load
from isoclr.models.resnet import AuxiliaryHead, DilatedResNet, ProjectionHead
from isoclr.pretraining.config import PretrainConfig
from isoclr.pretraining.data import Batch
from isoclr.pretraining.losses import auxiliary_loss, contrastive_metrics, decoupled_contrastive_loss
from isoclr.training.checkpoint import optimizer_tensors, restore_modules, restore_optimizer
from isoclr.training.device import MemoryPlan, activation_dtype
from isoclr.training.distributed import Distributed
from isoclr.training.rng import RngStream, torch_seed
from isoclr.training.run import DivergedError

EMA = "ema."  # Prefix of the averaged weights in a checkpoint


def load_init(config: PretrainConfig) -> Encoder | None:
    """The trained encoder of ``--init``; None without it. The run may have another pooling, which has no weights."""
    if config.init is None:
        return None
    start = load(config.init)
    actual = _kind(start)
    for name, expected in _kind(create(config.model, tracks=config.tracks)).items():
        if actual[name] != expected:
            raise InputError(f"--init {config.init}: its {name} is {actual[name]}, that of the run is {expected}")
    return start


def pooling_of(config: PretrainConfig, start: Encoder | None) -> str:
    """The run's pooling: the given one, else that of ``--init``, else the mean of the last block."""
    return config.pooling or (start.network.architecture.pooling if start else "last")


def _kind(encoder: Encoder) -> dict[str, object]:
    """What two encoders must share to have the same weights."""
    architecture = dataclasses.replace(encoder.network.architecture, pooling="last")
    return {"model": encoder.name, "number of tracks": encoder.tracks, "architecture": architecture}


@dataclass(frozen=True)
class StepResult:
    """Loss and gradient norm of one step."""

    loss: float
    gradient_norm: float


@dataclass(frozen=True)
class PendingStep:
    """A step that a GPU may still be computing."""

    number: int
    values: Tensor  # (2,) loss and gradient norm, on the device

    def result(self) -> StepResult:
        """Wait for the step.

        Raises:
            DivergedError: The loss or the gradient is not finite; the weights are those before the step.
        """
        loss, norm = self.values.tolist()
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise DivergedError(
                f"step {self.number + 1}: loss {loss:g}, gradient norm {norm:g}; "
                "training has diverged, try a lower --learning-rate or --precision float32"
            )
        return StepResult(loss, norm)


class WeightAverage:
    """Exponential moving average of a network's weights and running statistics.

    Over the first steps the decay rises from 0.1 to its value, so that the random initial weights are soon forgotten.
    """

    def __init__(self, network: DilatedResNet, decay: float) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False).eval()
        """The network with averaged weights."""
        self.decay = decay

    @torch.no_grad()
    def update(self, network: DilatedResNet, step: int) -> None:
        """Move the average towards the weights after step ``step``, counted from 0."""
        decay = min(self.decay, (1 + step) / (10 + step))
        averages, current = self.network.state_dict(), network.state_dict()
        names = [name for name, tensor in averages.items() if tensor.is_floating_point()]
        torch._foreach_lerp_([averages[n] for n in names], [current[n] for n in names], 1 - decay)


class ContrastiveModel:
    """Encoder, projection head and AdamW.

    Args:
        weights: ``(g,)`` float32 loss weight of every gene set of the corpus.
        features: Mean, standard deviation and weight of every auxiliary feature; None without the auxiliary loss.
    """

    def __init__(
        self,
        config: PretrainConfig,
        world: Distributed,
        weights: NDArray[np.float32],
        *,
        start: Encoder | None = None,
        features: tuple[Tensor, Tensor, Tensor] | None = None,
    ) -> None:
        self.config = config
        self.world = world
        self.weights = torch.from_numpy(weights).to(world.device)
        self.dtype = activation_dtype(config.precision, world.device)
        self.encoder = create(
            config.model,
            tracks=config.tracks,
            seed=config.seed,
            dropout=config.dropout,
            pooling=pooling_of(config, start),
        )
        self.network = self.encoder.network
        if start is not None:
            self.network.load_state_dict(start.network.state_dict())
        self.contrast_dim = (
            self.encoder.dim if config.contrast_on == "embedding" else self.network.architecture.last_dim
        )
        """Number of columns of an embedding, the last ones, that the contrastive loss sees."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.projector = ProjectionHead(self.contrast_dim)
        self.modules = nn.ModuleDict({"network": self.network, "projector": self.projector})
        self.auxiliary = AuxiliaryHead(self.encoder.dim, *features) if features else None
        if self.auxiliary:
            self.modules["auxiliary"] = self.auxiliary
        self.modules.to(world.device)
        self.average = WeightAverage(self.network, config.ema) if config.ema else None
        self.parameters = list(self.modules.parameters())
        self.optimizer = torch.optim.AdamW(
            self.parameters, config.learning_rate, weight_decay=config.weight_decay, fused=True
        )

    def apply(self, plan: MemoryPlan) -> None:
        """Switch activation checkpointing and compilation on or off."""
        self.network.recompute = plan.activation_checkpointing
        self.network.compiled = plan.compile

    def step(self, batch: Batch, number: int, learning_rate: float) -> PendingStep:
        """One training step on N pairs; on a GPU it is queued without waiting.

        A step whose loss or gradient is not finite does not change the weights; :meth:`PendingStep.result` reports it.

        Args:
            number: Steps done before this one, which dropout depends on.
        """
        self.modules.train()
        torch.manual_seed(torch_seed(self.config.seed, RngStream.DROPOUT, number))  # on every rank
        embeddings = self.network(batch.chunks, self.dtype)  # (n, d) float32, n views of this rank
        z1, z2 = self._project(embeddings, batch).chunk(2)  # (N, k) each, of all ranks
        loss = decoupled_contrastive_loss(z1, z2, self._weights_of(batch), temperature=self.config.temperature)
        loss = self.config.contrast_weight * loss
        if self.auxiliary:
            loss = loss + self.config.aux_weight * self._auxiliary_loss(embeddings, batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.world.sum_gradients(self.parameters)
        norm = nn.utils.clip_grad_norm_(self.parameters, self.config.max_grad_norm)
        values = torch.stack([loss.detach(), norm.to(loss.dtype)])
        self._update(values, learning_rate)
        if self.average:
            self.average.update(self.network, number)
        return PendingStep(number, values)

    def _project(self, embeddings: Tensor, batch: Batch) -> Tensor:
        """``(2N, k)`` float32 projections of all views of the batch, the same on every rank."""
        own = self.projector(embeddings[:, -self.contrast_dim :])  # (n, k)
        return self.world.gather(own, batch.positions)

    def _auxiliary_loss(self, embeddings: Tensor, batch: Batch) -> Tensor:
        """Auxiliary loss over all ranks; about 1 for a constant prediction."""
        head = self.auxiliary
        assert head is not None
        assert batch.features is not None
        own = auxiliary_loss(head(embeddings), batch.features, head.mean, head.scale, head.weights)
        return self.world.gather(own, batch.positions).mean()

    @torch.no_grad()
    def validate(self, batch: Batch) -> dict[str, float]:
        """Metrics of the validation pairs, in evaluation mode and with averaged weights if there are any."""
        self.modules.eval()
        network = self.average.network if self.average else self.network
        embeddings = network(batch.chunks, self.dtype)
        z1, z2 = self._project(embeddings, batch).chunk(2)
        metrics = contrastive_metrics(z1, z2, self._weights_of(batch), self.config.temperature)
        if self.auxiliary:
            metrics["auxiliary_r2"] = 1 - float(self._auxiliary_loss(embeddings, batch))
        return metrics

    def tensors(self) -> dict[str, Tensor]:
        """Everything that training changes, by name."""
        average = self.average.network.state_dict() if self.average else {}
        return {
            **self.modules.state_dict(),
            **optimizer_tensors(self.optimizer, self.modules),
            **{EMA + name: tensor for name, tensor in average.items()},
        }

    def restore(self, tensors: Mapping[str, Tensor], source: Path) -> None:
        """Continue from the tensors of a checkpoint."""
        restore_modules(self.modules, tensors, source)
        restore_optimizer(self.optimizer, self.modules, tensors, source)
        if self.average:
            restore_modules(self.average.network, tensors, source, prefix=EMA)

    def save_encoder(self, folder: Path) -> None:
        """Write the encoder, with averaged weights if there are any, as a model that ``isoclr.load`` opens."""
        network = (self.average.network if self.average else self.network).eval()
        Encoder(network, name=self.encoder.name, tracks=self.encoder.tracks).save(folder)

    def _weights_of(self, batch: Batch) -> Tensor:
        return self.weights.index_select(0, batch.gene_sets)

    def _update(self, values: Tensor, learning_rate: float) -> None:
        """An AdamW step; the fused optimizer checks on the device whether all values are finite."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.found_inf = (~values.isfinite()).any().float()  # type: ignore[attr-defined]
        self.optimizer.step()
