"""What is trained – encoder, projector, optimiser – and one step of it, from top to bottom."""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from isoclr.errors import InputError, IsoclrError
from isoclr.models.encoder import Encoder, create
from isoclr.models.load import load
from isoclr.models.resnet import AuxiliaryHead, ProjectionHead
from isoclr.pretraining.config import PretrainConfig
from isoclr.pretraining.data import Batch
from isoclr.pretraining.losses import auxiliary_loss, decoupled_contrastive_loss, measure
from isoclr.training.checkpoint import take
from isoclr.training.device import MemoryPlan, activation_dtype
from isoclr.training.distributed import Distributed
from isoclr.training.rng import RngStream, keyed_rng


def build_encoder(recipe: PretrainConfig) -> Encoder:
    """The recipe's encoder with random weights."""
    return create(
        recipe.model,
        tracks=recipe.tracks,
        seed=recipe.seed,
        dropout=recipe.dropout,
        pooling=recipe.pooling,  # type: ignore[arg-type]  # create checks it
    )


def load_init(init: str, *, model: str, tracks: int) -> Encoder:
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


class DivergedError(IsoclrError):
    """Training has led to a loss that is no number."""


@dataclass(frozen=True)
class StepResult:
    """What one step says about itself."""

    loss: float
    gradient_norm: float


@dataclass(frozen=True)
class PendingStep:
    """A step whose figures are still on the device; a GPU may yet be at work on it."""

    number: int
    figures: Tensor
    """(2,) loss and gradient norm."""

    def result(self) -> StepResult:
        """Wait for the step, and read its figures.

        Raises:
            DivergedError: the loss or the gradient is not finite; the weights are those before the step.
        """
        loss, norm = self.figures.tolist()
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise DivergedError(
                f"step {self.number + 1}: loss {loss:g}, gradient norm {norm:g}; "
                "training has diverged, try a lower --learning-rate or --precision float32"
            )
        return StepResult(loss, norm)


class ContrastiveModel:
    """The encoder with its projection head and AdamW.

    Args:
        recipe: the run's options.
        world: the processes that train together.
        weights: (g,) float32 loss weight of every gene set of the corpus.
        start: the encoder whose weights are the first ones; random ones by default.
        composition: mean, standard deviation and weight of every number of a composition, when the recipe asks the
            embedding for it.
    """

    def __init__(
        self,
        recipe: PretrainConfig,
        world: Distributed,
        weights: NDArray[np.float32],
        *,
        start: Encoder | None = None,
        composition: tuple[Tensor, Tensor, Tensor] | None = None,
    ) -> None:
        self.recipe = recipe
        self.world = world
        self.weights = torch.from_numpy(weights).to(world.device)
        self.dtype = activation_dtype(recipe.precision, world.device)
        self.encoder = build_encoder(recipe)
        self.network = self.encoder.network
        if start is not None:
            self.network.load_state_dict(start.network.state_dict())
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            self.projector = ProjectionHead(self._projected)
        self.modules = nn.ModuleDict({"network": self.network, "projector": self.projector})
        self.reader = AuxiliaryHead(self.encoder.dim, *composition) if composition else None
        if self.reader:
            self.modules["composition"] = self.reader
        self.modules.to(world.device)
        self.parameters = list(self.modules.parameters())
        self.optimizer = torch.optim.AdamW(
            self.parameters, recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
        )

    def follow(self, tuning: MemoryPlan) -> None:
        """Recompute activations, compile, or not."""
        self.network.recompute = tuning.recompute
        self.network.compiled = tuning.compile

    def step(self, batch: Batch, number: int, learning_rate: float) -> PendingStep:
        """One step of contrastive learning on N pairs; on a GPU it is queued, and nothing waits for it.

        A step whose loss or gradient is not finite leaves the weights as they were, which
        :meth:`Launched.result` reports.

        Args:
            batch: this rank's share of the views.
            number: steps done before; the dropout depends on it.
            learning_rate: of this step.
        """
        self.modules.train()
        self._seed_dropout(number)
        embeddings = self.network(batch.chunks, self.dtype)  # (n, d) float32, n views of this rank
        z1, z2 = self._project(embeddings, batch).chunk(2)  # (N, k) each, all ranks
        loss = decoupled_contrastive_loss(
            z1, z2, self._weights_of(batch), temperature=self.recipe.temperature
        )
        if self.reader:
            loss = loss + self.recipe.composition * self._misread(self.reader, embeddings, batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.world.sum_gradients(self.parameters)
        norm = nn.utils.clip_grad_norm_(self.parameters, self.recipe.clip)
        figures = torch.stack([loss.detach(), norm.to(loss.dtype)])
        self._update(figures, learning_rate)
        return PendingStep(number, figures)

    def _project(self, embeddings: Tensor, batch: Batch) -> Tensor:
        """Projections of all views of a batch ``(2N, k)`` float32, in their order, on every rank."""
        own = self.projector(embeddings[:, -self._projected :])  # (n, k)
        return self.world.gather(own, batch.places)

    @property
    def _projected(self) -> int:
        """How many columns of an embedding, the last ones, the contrastive loss sees."""
        whole = self.recipe.project == "embedding"
        return self.encoder.dim if whole else self.network.architecture.filters[-1]

    def _misread(self, reader: AuxiliaryHead, embeddings: Tensor, batch: Batch) -> Tensor:
        """How badly the views' embeddings tell what their RNAs are made of; 1: not at all. The same on every rank."""
        assert batch.composition is not None
        own = auxiliary_loss(
            reader(embeddings), batch.composition, reader.mean, reader.scale, reader.weights
        )
        return self.world.gather(own, batch.places).mean()

    @torch.no_grad()
    def validate(self, batch: Batch) -> dict[str, float]:
        """Measure the held-out pairs: no dropout, running statistics."""
        self.modules.eval()
        embeddings = self.network(batch.chunks, self.dtype)
        z1, z2 = self._project(embeddings, batch).chunk(2)
        figures = measure(z1, z2, self._weights_of(batch), self.recipe.temperature)
        if self.reader:
            figures["composition"] = 1 - float(self._misread(self.reader, embeddings, batch))
        return figures

    def tensors(self) -> dict[str, Tensor]:
        """Everything that training changes, by name."""
        return {**self.modules.state_dict(), **dict(self._optimizer_tensors())}

    def restore(self, tensors: Mapping[str, Tensor], source: Path) -> None:
        """Continue from the tensors of a checkpoint.

        Raises:
            InputError: a tensor is missing or of another shape.
        """
        modules = self.modules.state_dict()
        self.modules.load_state_dict(
            {name: take(tensors, name, found.shape, source) for name, found in modules.items()}
        )
        state = {}
        for i, (name, parameter) in enumerate(self.modules.named_parameters()):
            shapes = {
                "exp_avg": parameter.shape,
                "exp_avg_sq": parameter.shape,
                "step": torch.Size(()),
            }
            state[i] = {
                kind: take(tensors, f"optimizer.{name}.{kind}", shape, source)
                for kind, shape in shapes.items()
            }
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state, "param_groups": groups})

    def save_encoder(self, folder: Path) -> None:
        """Write the encoder, without its projection head, as a model that ``isoclr.load`` reads."""
        self.network.eval()
        self.encoder.save(folder)

    def _optimizer_tensors(self) -> Iterator[tuple[str, Tensor]]:
        for name, parameter in self.modules.named_parameters():
            for kind, tensor in self.optimizer.state[parameter].items():
                yield f"optimizer.{name}.{kind}", tensor

    def _weights_of(self, batch: Batch) -> Tensor:
        return self.weights.index_select(0, batch.gene_sets)

    def _update(self, figures: Tensor, learning_rate: float) -> None:
        """Let AdamW do its step, unless a figure is not finite: the fused optimiser looks at that on the device."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.found_inf = (~figures.isfinite()).any().float()  # type: ignore[attr-defined]
        self.optimizer.step()

    def _seed_dropout(self, number: int) -> None:
        rng = keyed_rng(self.recipe.seed, RngStream.DROPOUT, number, self.world.rank)
        torch.manual_seed(int(rng.integers(2**63)))
