"""The pre-training command: open the corpus, start or resume a run, train, write the encoder."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isoclr._console import info
from isoclr._io import exclusive
from isoclr._report import Report, Row, Table
from isoclr._threads import use_threads
from isoclr.corpus.corpus import CODES, INDEX, Corpus, open_corpus
from isoclr.errors import InputError
from isoclr.models.encoder import Encoder
from isoclr.pretraining.augmentations import DeviceCorpus
from isoclr.pretraining.config import Budget, LoggingConfig, PretrainConfig, PretrainRuntime
from isoclr.pretraining.data import Batch, PretrainDataset
from isoclr.pretraining.model import ContrastiveModel, load_init, pooling_of
from isoclr.pretraining.trainer import Checkpoint, RunState, Trainer
from isoclr.training.device import MemoryPlan, matmul_precision, plan_memory, reraise_out_of_memory
from isoclr.training.distributed import Distributed, init_distributed
from isoclr.training.logging import LOG, Log, ProgressDisplay
from isoclr.training.run import GracefulStop, check_run_directory, exit_code, require_same_options

CHECKPOINT = "checkpoint.safetensors"
TENSORBOARD = "tensorboard"
FEW_PAIRS = 0.1  # Fraction of gene sets with two or more transcripts below which a warning is shown


@dataclass(frozen=True)
class PretrainResult(Report):
    """How a run ended."""

    out: Path  # Directory of the run; when the run is done, a model that isoclr.load opens
    state: RunState  # Progress of the run
    steps_per_epoch: int  # Batches per epoch
    gene_sets: int  # Gene sets trained on
    stopped_by: int  # Number of the signal that stopped the run early; 0 when the run is done

    @property
    def exit_code(self) -> int:
        """Exit code of the command."""
        return exit_code(self.stopped_by)

    def rows(self) -> list[Row]:
        """One row with the numbers of the run."""
        state = self.state
        row: Row = {
            "steps": state.step,
            "epochs": round(state.step / self.steps_per_epoch, 2),
            "gene_sets": self.gene_sets,
            "nucleotides": state.nt,
            "minutes": round(state.seconds / 60, 1),
            "loss": state.loss,
        }
        metrics = state.validation or {}
        return [row | {f"val_{k}": v for k, v in metrics.items() if k != "step"}]

    def tables(self) -> Iterator[Table]:
        """The numbers of the run, one below the other."""
        rows = [(k.replace("_", " "), _cell(v)) for k, v in self.rows()[0].items() if v is not None]
        yield Table(f"pre-training: {self.out}", ["", "value"], rows)

    def print(self) -> None:
        """Print the numbers of the run, and how to go on."""
        super().print()
        if self.stopped_by:
            info(f"stopped after step {self.state.step}; the same command with --resume continues it")
        else:
            info(f"the encoder is in {self.out}")


def _cell(value: object) -> object:
    return f"{value:.3f}" if isinstance(value, float) and not value.is_integer() else value


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """Data and model of a run, on their device."""

    data: PretrainDataset  # Gene sets to train on and to validate on
    model: ContrastiveModel
    plan: MemoryPlan  # How a step is computed
    batch_of: Callable[[int], Batch]  # The batch of a step, counted from the start of the run
    validation_batch: Batch | None  # The pairs that are never trained on


def set_up(
    corpus: Corpus,
    config: PretrainConfig,
    world: Distributed,
    runtime: PretrainRuntime,
    *,
    start: Encoder | None = None,
    message: Callable[[str], None] = lambda _: None,
) -> RunContext:
    """Bring a corpus and a model to their device."""
    data = PretrainDataset(corpus, config, str(corpus.path))
    if runtime.corpus_on == "device" and world.device.type != "cpu":
        message(f"copying {len(data.corpus.codes):,} bytes of corpus to {world.device}")
    on_device = DeviceCorpus(data.corpus, world.device if runtime.corpus_on == "device" else "cpu")
    statistics = data.feature_statistics(on_device)
    model = ContrastiveModel(config, world, data.weights, start=start, features=statistics)
    plan = plan_memory(
        model.network.architecture,
        device=world.device,
        dtype=model.dtype,
        nt=data.nt_of_batch() // world.size,
        chunk_nt=runtime.chunk_nt,
        activation_checkpointing=runtime.activation_checkpointing,
        compile=runtime.compile,
    )
    model.apply(plan)
    return RunContext(
        data=data,
        model=model,
        plan=plan,
        batch_of=data.batches(on_device, plan.packing, world),
        validation_batch=data.validation_batch(on_device, plan.packing, world),
    )


def pretrain(
    corpus: Path,
    *,
    out: Path,
    config: PretrainConfig = PretrainConfig(),
    budget: Budget = Budget(),
    runtime: PretrainRuntime = PretrainRuntime(),
    logging: LoggingConfig = LoggingConfig(),
    resume: bool = False,
) -> PretrainResult:
    """Pre-train an encoder on a corpus with IsoCLR's contrastive learning (Fradkin et al. 2023).

    Two transcripts of a gene set (isoforms of a gene, or transcripts of homologous genes) are pulled together in the
    space of a projection head; transcripts of different gene sets are pushed apart.

    The run's directory holds log.jsonl, checkpoint.safetensors and, at the end, the encoder: config.json and
    model.safetensors. A run that was killed continues from its last checkpoint with --resume, and ends with the same
    weights bit for bit on a CPU with the same number of threads and processes and a length in steps or epochs. SIGTERM
    and Ctrl-C finish the step, write a checkpoint and end the command with exit code 143 or 130; a second Ctrl-C stops
    at once.

    torchrun starts several processes that train on one batch. Pairs, views, dropout, batch statistics, loss and
    gradient are those of one process, except for rounding.

    Args:
        corpus: Directory written by isoclr build.
        out: Directory of the run; it must be new or empty unless the run is resumed.
        config: Options that decide the weights.
        budget: Length of the run.
        runtime: Options on how the run is computed.
        logging: Intervals of log, validation and checkpoints.
        resume: Continue from the last checkpoint, or start if there is none. Options that decide the weights must be
            as before; without a length the run keeps its own.

    Returns:
        How the run ended.

    Raises:
        InputError: An option or a file cannot be used, or the checkpoint was made with other options.
        OutOfMemoryError: A step needs more memory than the device has.
        LostRankError: Another process of the job has died.
        DivergedError: The loss is no longer finite.
    """
    start = load_init(config)
    options = {**config.flat(), "init": start.sha256 if start else None, "pooling": pooling_of(config, start)}
    use_threads(runtime.threads)
    out, opened = Path(out), open_corpus(corpus)
    with init_distributed(runtime.device) as world, GracefulStop() as stop:
        message = info if world.is_main else lambda _: None
        checkpoint = _load_checkpoint(out, resume, options, opened)
        budget = budget.or_else(checkpoint.budget if checkpoint else None)
        if checkpoint and budget != checkpoint.budget:  # perhaps that of a recipe, which was replaced at the start
            message(f"warning: the run's length was {checkpoint.budget}, and is {budget} from now on")
        if world.is_main:  # before hours of training on a damaged corpus
            message(f"verifying the SHA-256 of {len(opened.codes):,} bytes of corpus")
            opened.verify()
        context = set_up(opened, config, world, runtime, start=start, message=message)
        _warn_about_pairs(context.data, opened, message)
        if checkpoint:
            context.model.restore(checkpoint.tensors, out / CHECKPOINT)
        state = checkpoint.state if checkpoint else RunState()
        world.barrier()  # every rank has read the run's directory before one writes to it
        with (
            exclusive(out) if world.is_main else nullcontext(),
            _open_log(world, out, state, logging) as log,
            ProgressDisplay(world.is_main) as display,
            matmul_precision(context.model.dtype, world.device),
            reraise_out_of_memory(),
        ):
            display.message(_summary(context.data, budget, state))
            display.start("pre-training")
            signal = Trainer(
                model=context.model,
                world=world,
                budget=budget,
                state=state,
                logging=logging,
                options=options,
                corpus=opened.checksums(CODES, INDEX),
                steps_per_epoch=context.data.sampler.steps_per_epoch,
                batch_of=context.batch_of,
                validation_batch=context.validation_batch,
                checkpoint_path=out / CHECKPOINT,
                log=log,
                display=display,
            ).train(stop)
        if world.is_main and not signal:
            context.model.save_encoder(out)
    sampler = context.data.sampler
    return PretrainResult(out, state, sampler.steps_per_epoch, len(sampler.gene_sets), signal)


def _load_checkpoint(out: Path, resume: bool, options: dict[str, Any], corpus: Corpus) -> Checkpoint | None:
    """The checkpoint to continue from; None for a new run."""
    check_run_directory(out, resume=resume, markers=(CHECKPOINT, LOG))
    path = out / CHECKPOINT
    if not path.exists():
        return None
    checkpoint = Checkpoint.load(path)
    saved = {**PretrainConfig().flat(), **checkpoint.options}  # options newer than the checkpoint had their default
    require_same_options(saved, options, path)
    if checkpoint.corpus != corpus.checksums(CODES, INDEX):
        raise InputError(f"{path}: was trained on another corpus than {corpus.path}, or on an older build of it")
    return checkpoint


def _warn_about_pairs(data: PretrainDataset, corpus: Corpus, message: Callable[[str], None]) -> None:
    if data.paired_fraction < FEW_PAIRS:
        message(
            f"warning: only {data.paired_fraction:.1%} of the gene sets of {corpus.path} have two or more transcripts, "
            "and the others teach little; build the corpus with --homology, give them another transcript "
            "(--in-silico-isoforms), or start from --init isoclr-s"
        )


def _summary(data: PretrainDataset, budget: Budget, state: RunState) -> str:
    start = f"continuing after step {state.step}" if state.step else "starting"
    return (
        f"{start}: {budget} with {len(data.sampler.gene_sets):,} gene sets "
        f"({data.sampler.steps_per_epoch:,} steps an epoch), {len(data.validation_sets):,} for validation"
    )


def _open_log(
    world: Distributed, out: Path, state: RunState, logging: LoggingConfig
) -> AbstractContextManager[Log | None]:
    """The log without records after the last checkpoint; None on all ranks but the first."""
    if not world.is_main:
        return nullcontext()
    return Log(
        out / LOG,
        keep=lambda record: record.get("step", state.step + 1) <= state.step,
        tensorboard=out / TENSORBOARD if logging.tensorboard else None,
        step=state.step,
    )
