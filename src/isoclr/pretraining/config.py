"""Options of pre-training, the length of a run, and the learning-rate schedule."""

import math
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from isoclr._config import Config, Meta, flag
from isoclr.errors import InputError
from isoclr.models.pooling import Pooling
from isoclr.training.device import Precision, RuntimeConfig, Switch

DEFAULT_EPOCHS = 1000  # The paper's length of a run

Probability = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[float, Meta(gt=0)]
NonNegative = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=1)]


@dataclass(frozen=True, kw_only=True)
class PretrainConfig(Config):
    """Everything that decides the weights; a resumed run must have the same options.

    The defaults are the paper's (Fradkin et al. 2023) unless an option says otherwise.
    """

    model: Literal["isoclr-xs", "isoclr-s", "isoclr-m", "isoclr-l"] = "isoclr-s"
    """Architecture of the encoder; isoclr-xs has a quarter of isoclr-s's channels, for experiments on a CPU."""
    tracks: Literal[4, 5, 6] = 6
    """Input tracks: 6, 5 without exon ends, or 4 without codon starts too."""
    pooling: Pooling | None = None
    """How the embedding is computed: mean activations of the last block, or of all blocks (multi-scale); -std adds
    standard deviations, -sqrt takes square roots (default: that of --init, else last)."""
    init: str | None = None
    """Trained model (a directory or a built-in model) to start from instead of random weights. Its projection head
    was not saved and starts from random weights."""
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 0
    """Random seed."""

    batch_size: Count = 1024
    """Gene sets (pairs of transcripts) per batch, over all processes."""
    learning_rate: NonNegative = 0.01
    """Peak learning rate; it decays to 0 along a cosine."""
    warmup_steps: Annotated[int, Meta(ge=0)] = 10
    """Steps over which the learning rate rises linearly."""
    weight_decay: NonNegative = 1e-6
    """AdamW weight decay."""
    max_grad_norm: Positive = 1.0
    """Largest norm of the gradient; a larger one is scaled down."""
    ema: Annotated[float, Meta(ge=0, le=0.99999)] = 0.0
    """Decay of a moving average of the encoder's weights, such as 0.999; the average is validated and saved. 0: off."""

    temperature: Positive = 0.1
    """Temperature of the contrastive loss."""
    weight_offset: Positive = 0.4
    """Offset c in the weight ln(n + c) of a gene set with n transcripts."""
    min_transcripts: Count = 1
    """Leave out gene sets with fewer transcripts; 2 leaves out single transcripts, which are paired with themselves."""
    in_silico_isoforms: bool = False
    """Give gene sets with one transcript a second one (not in the paper): other ends of the UTRs, and in half of the
    cases one exon fewer, in frame. The corpus and these isoforms are then held in memory."""
    contrast_on: Literal["embedding", "last"] = "embedding"
    """Part of the embedding that the contrastive loss sees: all of it, or the last block's only."""
    contrast_weight: NonNegative = 1.0
    """Weight of the contrastive loss; 0 trains by the auxiliary loss alone."""
    aux_weight: NonNegative = 0.0
    """Weight of an auxiliary loss (not in the paper): a linear regression from a masked view's embedding to features of
    the whole RNA, such as its 4-mers, codons, and the lengths, 3-mers and exons of its regions."""

    mask: Probability = 0.15
    """Probability that a position of a view is masked."""
    shift: Annotated[int, Meta(ge=0, le=31)] = 3
    """Shift every batch to the right by 0 to N positions."""
    drop_splice: Probability = 0.0
    """Fraction of the views without exon ends."""
    drop_tracks: Probability = 0.0
    """Fraction of the views without exon ends and codon starts."""
    dropout: Annotated[float, Meta(ge=0, le=0.99)] = 0.1
    """Dropout probability within the encoder's blocks."""
    val_fraction: Annotated[float, Meta(ge=0, le=0.9)] = 0.05
    """Fraction of the gene sets with two or more transcripts (at most 1,024) that are used for validation only. They
    depend on --seed and the corpus: the run that --init comes from has trained on them if it had others."""
    precision: Precision = "auto"
    """Precision of the encoder's activations; auto is bf16 where the device computes it faster."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.contrast_weight == self.aux_weight == 0:
            raise InputError("--contrast-weight and --aux-weight are both 0, so there is no loss; expected one above 0")
        if self.drop_splice + self.drop_tracks > 1:
            raise InputError(
                f"--drop-splice {self.drop_splice} and --drop-tracks {self.drop_tracks} are more than 1 together, "
                "but a view is in one of the two fractions only"
            )


@dataclass(frozen=True, kw_only=True)
class Budget(Config):
    """Length of a run: one of steps, epochs and minutes. One on the command line replaces that of a recipe.

    With steps or epochs every step is reproducible. With minutes the learning rate follows the clock, so two runs
    differ as the load of the machine does.
    """

    ALTERNATIVES: ClassVar[bool] = True

    steps: Count | None = None
    """Length of the run in batches."""
    epochs: Count | None = None
    """Length of the run in passes over the gene sets (default: 1000 when no length is given)."""
    minutes: Positive | None = None
    """Length of the run in minutes; the learning rate follows the clock."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(given := self._given()) > 1:
            lengths = " and ".join(f"{flag(unit)} {amount:g}" for unit, amount in given.items())
            raise InputError(f"{lengths} were given, expected one of --steps, --epochs and --minutes")

    def or_else(self, saved: "Budget | None") -> "Budget":
        """This length if there is one, else that of a checkpoint, else the paper's 1000 epochs."""
        return self if self._given() else saved or Budget(epochs=DEFAULT_EPOCHS)

    def progress(self, step: int, seconds: float, steps_per_epoch: int) -> float:
        """Fraction of the run that is done: 0 at the start, 1 or more at the end."""
        if self.minutes is not None:
            return seconds / (60 * self.minutes)
        return step / (self.steps or (self.epochs or DEFAULT_EPOCHS) * steps_per_epoch)

    def __str__(self) -> str:
        return " ".join(f"{amount:g} {unit}" for unit, amount in self._given().items())

    def _given(self) -> dict[str, Any]:
        return {unit: amount for unit, amount in self.flat().items() if amount is not None}


@dataclass(frozen=True, kw_only=True)
class PretrainRuntime(RuntimeConfig):
    """Options on how a run is computed; they may change when it is resumed."""

    corpus_on: Literal["device", "cpu"] = "device"
    """Where the corpus is kept and views are made: on the training device, or in host memory for a corpus that is
    larger than the GPU's memory."""
    chunk_nt: Count | None = None
    """Nucleotides that the encoder takes at a time; fewer need less memory (default: 32768 on a CPU, where 16384 keeps
    1024 pairs in float32 below 8 GB; the whole batch, at most 8388608, on a GPU)."""
    activation_checkpointing: Switch = "auto"
    """Compute activations again in the backward pass: about a third more time, a third of the memory. auto: on CPUs,
    and on GPUs without memory for them."""
    compile: Switch = "auto"
    """Compile the operations between convolutions at the first step; auto: on GPUs."""


@dataclass(frozen=True, kw_only=True)
class LoggingConfig(Config):
    """How often a run logs, validates and writes checkpoints."""

    log_every: Count = 1
    """Steps between records of the log."""
    validate_every: Count = 100
    """Steps between validations."""
    checkpoint_minutes: NonNegative = 10.0
    """Minutes between checkpoints."""
    checkpoint_steps: Count | None = None
    """Steps between checkpoints, in addition."""
    tensorboard: bool = False
    """Write TensorBoard events as well."""


def learning_rate(step: int, progress: float, *, peak: float, warmup_steps: int) -> float:
    """Linear warm-up over the first steps, times a cosine from 1 to 0 over the whole run.

    Args:
        step: Steps done before this one.
        warmup_steps: The first step without a warm-up factor.

    >>> [round(learning_rate(s, s / 4, peak=1.0, warmup_steps=2), 3) for s in range(5)]
    [0.5, 0.854, 0.5, 0.146, 0.0]
    """
    warmup = min(1.0, (step + 1) / warmup_steps) if warmup_steps else 1.0
    return peak * warmup * (1 + math.cos(math.pi * min(1.0, progress))) / 2
