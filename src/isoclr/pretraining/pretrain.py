"""Pre-training from end to end: open the corpus, set everything up or resume, train, write the encoder."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from isoclr._console import info, table
from isoclr._console import info as console_say
from isoclr._io import ensure_writable
from isoclr._threads import use_threads
from isoclr.corpus.corpus import CODES, INDEX, Corpus, open_corpus
from isoclr.errors import InputError
from isoclr.models.encoder import Encoder
from isoclr.pretraining.augmentations import DeviceCorpus
from isoclr.pretraining.config import Budget, PretrainConfig, choose_budget
from isoclr.pretraining.data import Batch, PretrainDataset
from isoclr.pretraining.model import ContrastiveModel, load_init
from isoclr.pretraining.trainer import Checkpoint, Intervals, State, Trainer, load
from isoclr.training.device import (
    MemoryPlan,
    Switch,
    matmul_precision,
    plan_memory,
    reraise_out_of_memory,
)
from isoclr.training.distributed import Distributed, init_distributed
from isoclr.training.logging import Log, ProgressDisplay
from isoclr.training.signals import GracefulStop

CorpusOn = Literal["device", "cpu"]


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The options on how a run is computed; they may change when it is resumed."""

    corpus_on: CorpusOn = "device"
    chunk_nt: int | None = None
    recompute: Switch = "auto"
    compile: Switch = "auto"

    def __post_init__(self) -> None:
        """Refuse chunks of nothing.

        Raises:
            InputError: they are.
        """
        if self.chunk_nt is not None and self.chunk_nt < 1:
            raise InputError(f"--chunk-nt is {self.chunk_nt}, expected at least 1")


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """What a run works with."""

    data: PretrainDataset
    learner: ContrastiveModel
    tuning: MemoryPlan
    batch_of: Callable[[int], Batch]
    """The batch of a step, counted from the start of the run."""
    held_out: Batch | None
    """The pairs that are never trained on."""


def set_up(
    corpus: Corpus,
    recipe: PretrainConfig,
    world: Distributed,
    machine: Machine,
    *,
    start: Encoder | None = None,
    say: Callable[[str], None],
) -> RunContext:
    """Bring a corpus and a learner to their device.

    Args:
        corpus: to train on.
        recipe: the run's options.
        world: the processes that train together.
        machine: how it is computed.
        start: the encoder whose weights are the first ones; random ones by default.
        say: tells the person what takes time.

    Raises:
        InputError: an option or the corpus cannot be used here.
    """
    data = PretrainDataset(corpus, recipe, str(corpus.path))
    if machine.corpus_on == "device" and world.device.type != "cpu":
        say(f"{len(corpus.codes):,} bytes of corpus go to {world.device}")
    resident = DeviceCorpus(corpus, world.device if machine.corpus_on == "device" else "cpu")
    scale = data.composition_scale(resident)
    learner = ContrastiveModel(recipe, world, data.weights, start=start, composition=scale)
    tuning = plan_memory(
        learner.network.architecture,
        device=world.device,
        dtype=learner.dtype,
        nt=data.nt_of_batch() // world.size,
        chunk_nt=machine.chunk_nt,
        recompute=machine.recompute,
        compile=machine.compile,
    )
    learner.follow(tuning)
    return RunContext(
        data=data,
        learner=learner,
        tuning=tuning,
        batch_of=data.batches(resident, tuning.packing, world),
        held_out=data.held_out_batch(resident, tuning.packing, world),
    )


CHECKPOINT = "checkpoint.safetensors"
LOG = "log.jsonl"
TENSORBOARD = "tensorboard"


@dataclass(frozen=True)
class PretrainResult:
    """How a run ended."""

    out: Path
    """The run's directory; when the plan is done, a model that ``isoclr.load`` opens."""
    state: State
    steps_per_epoch: int
    gene_sets: int
    """Gene sets trained on."""
    stopped_by: int
    """Number of the signal that stopped the run early; 0 when the plan is done."""

    @property
    def exit_code(self) -> int:
        """128 + the number of the signal that stopped the run, as shells count; 0 for a finished one."""
        return 128 + self.stopped_by if self.stopped_by else 0

    def print(self) -> None:
        """Print how the run went."""
        state = self.state
        rows: list[tuple[str, object]] = [
            ("steps", state.step),
            ("epochs", f"{state.step / self.steps_per_epoch:.2f}"),
            ("gene sets trained on", self.gene_sets),
            ("nucleotides seen", state.nt),
            ("minutes", f"{state.seconds / 60:.1f}"),
        ]
        if state.loss is not None:
            rows.append(("loss", f"{state.loss:.3f}"))
        if state.validation:
            figures = state.validation
            rows += [
                ("held-out pairs", int(figures["pairs"])),
                ("held-out loss", f"{figures['loss']:.3f}"),
                ("held-out retrieval", f"{figures['retrieval']:.1%}"),
                ("alignment", f"{figures['alignment']:.3f}"),
                ("uniformity", f"{figures['uniformity']:.3f}"),
            ]
            if "composition" in figures:
                rows.append(("composition explained", f"{figures['composition']:.1%}"))
        table(f"pre-training: {self.out}", ["", "value"], rows)
        if self.stopped_by:
            info(f"stopped after step {state.step}; the same command with --resume goes on")
        else:
            info(f"the encoder is in {self.out}")


def pretrain(
    corpus: Path,
    *,
    out: Path,
    model: str = "isoclr-s",
    tracks: int = 6,
    pooling: Literal["last", "all"] = "last",
    project: Literal["embedding", "last"] = "embedding",
    init: str | None = None,
    steps: int | None = None,
    epochs: int | None = None,
    minutes: float | None = None,
    resume: bool = False,
    seed: int = 0,
    batch_size: int = 1024,
    learning_rate: float = 0.01,
    weight_decay: float = 1e-6,
    warmup_steps: int = 10,
    clip: float = 1.0,
    temperature: float = 0.1,
    composition: float = 0.0,
    weight_offset: float = 0.4,
    min_transcripts: int = 1,
    mask: float = 0.15,
    shift: int = 3,
    drop_splice: float = 0.0,
    drop_tracks: float = 0.0,
    dropout: float = 0.1,
    held_out: float = 0.05,
    precision: Literal["auto", "bf16", "float32"] = "auto",
    device: str = "auto",
    threads: int | None = None,
    corpus_on: Literal["device", "cpu"] = "device",
    chunk_nt: int | None = None,
    recompute: Literal["auto", "on", "off"] = "auto",
    compile: Literal["auto", "on", "off"] = "auto",
    checkpoint_minutes: float = 10.0,
    checkpoint_steps: int | None = None,
    validate_every: int = 100,
    log_every: int = 1,
    tensorboard: bool = False,
) -> PretrainResult:
    """Learn RNA representations from which transcripts belong together (IsoCLR).

    Two transcripts of a gene set – isoforms of a gene, transcripts of homologous genes – are pulled together
    in the space of a projection head, transcripts of other gene sets are pushed apart. The defaults are the
    paper's. Several processes train on one batch when torchrun starts them; the gradient is the same.

    The run's directory holds log.jsonl, checkpoint.safetensors, and at the end config.json and
    model.safetensors: the encoder. Killed at any moment, a run goes on with --resume from its last checkpoint
    as if it had never stopped: the same weights, to the bit, on a CPU with the same number of threads and
    processes and a length in steps or epochs. SIGTERM and Ctrl-C finish the step, write a checkpoint and end the
    command with exit code 143 or 130; a second Ctrl-C stops at once.

    Args:
        corpus: directory that isoclr build wrote.
        out: directory of the run; it must be new or empty, unless the run is resumed.
        model: isoclr-s, isoclr-m or isoclr-l.
        tracks: 6; 5 leaves out the exon ends, 4 the codon starts too.
        pooling: what an embedding is the mean of: the last block's activations, or those of all blocks (multi-scale).
        project: what the contrastive loss sees: the whole embedding, or its share from the last block only.
        init: a trained model to start from (a directory, or a model that ships) instead of random weights; its
            projection head was never kept and starts anew.
        steps: length of the run in batches.
        epochs: length of the run in passes over the gene sets; 1000 when no length is given.
        minutes: length of the run in time; the learning rate follows the clock.
        resume: go on from the last checkpoint, or start when there is none. All options but the length, those on
            the machine (device to compile) and those on checkpoints and logs must be as before; without a
            length the run's own is taken.
        seed: of everything random.
        batch_size: gene sets (pairs of transcripts) in a batch, over all processes.
        learning_rate: highest one; it decays to 0 along a cosine.
        weight_decay: of AdamW.
        warmup_steps: steps over which the learning rate rises.
        clip: largest norm of the gradient.
        temperature: of the contrastive loss.
        composition: weight of a second objective: to read off a masked view's embedding, linearly, what the whole
            RNA is made of (its 4-mers, codons, the lengths, bases and exon ends of UTRs and coding sequence).
        weight_offset: c in the weight ln(n + c) of a gene set with n transcripts.
        min_transcripts: leave out gene sets with fewer; 2 leaves out those whose pairs are one RNA twice.
        mask: probability that a position of a view is hidden.
        shift: every batch starts 0 to this many positions late.
        drop_splice: share of the views that lose their exon ends.
        drop_tracks: share of the views that lose exon ends and codon starts: bare sequence.
        dropout: inside the encoder's blocks.
        held_out: share of the gene sets with two or more transcripts (at most 1024 of them) that are not
            trained on but measured on.
        precision: of the encoder's activations; auto is bf16 where that is faster.
        device: auto, cpu, cuda, cuda:1, ...
        threads: of the CPU; torch's choice by default (under torchrun that is 1).
        corpus_on: where the corpus' bytes lie and views are made: on the device that trains, or in the host's
            memory, for a corpus that is larger than the GPU's.
        chunk_nt: nucleotides that the encoder takes at a time; less needs less memory. By default 32768 on a CPU
            (16384 keeps 1024 pairs in float32 below 8 GB), and a whole batch on a GPU (at most 8388608).
        recompute: compute activations again instead of keeping them: a third more time, a third of the memory. auto:
            on a CPU, and on a GPU that could not keep them.
        compile: compile the passes between convolutions at the first step; auto: on a GPU.
        checkpoint_minutes: time between checkpoints.
        checkpoint_steps: steps between checkpoints, in addition.
        validate_every: steps between measurements on the held-out gene sets.
        log_every: steps between lines of the log.
        tensorboard: write TensorBoard events as well.

    Returns:
        How the run ended.

    Raises:
        InputError: an option or a file that cannot be used, or a checkpoint made with other options.
        OutOfMemoryError: a step needs more than the device has.
        LostRankError: another process of the job has died.
        DivergedError: the loss is no longer a number.
    """
    start = load_init(init, model=model, tracks=tracks) if init else None
    recipe = PretrainConfig(
        model=model,
        tracks=tracks,
        pooling=pooling,
        project=project,
        init=start.sha256 if start else "",
        seed=seed,
        batch_size=batch_size,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        warmup_steps=warmup_steps,
        clip=clip,
        temperature=temperature,
        composition=composition,
        mask=mask,
        shift=shift,
        drop_splice=drop_splice,
        drop_tracks=drop_tracks,
        dropout=dropout,
        precision=precision,
        held_out=held_out,
        weight_offset=weight_offset,
        min_transcripts=min_transcripts,
    )
    cadence = Intervals(
        log=log_every,
        validate=validate_every,
        checkpoint_steps=checkpoint_steps,
        checkpoint_minutes=checkpoint_minutes,
    )
    machine = Machine(corpus_on=corpus_on, chunk_nt=chunk_nt, recompute=recompute, compile=compile)
    use_threads(threads)
    out, opened = Path(out), open_corpus(corpus)
    with init_distributed(device) as world, GracefulStop() as stop:
        saved = _last_checkpoint(out, resume, recipe, opened)
        plan = choose_budget(steps, epochs, minutes, saved.plan if saved else None)
        say = console_say if world.leads else _nobody_listens
        made = set_up(opened, recipe, world, machine, start=start, say=say)
        if saved:
            made.learner.restore(saved.tensors, out / CHECKPOINT)
        state = saved.state if saved else State()
        world.highest([0])  # nothing is written before every rank has read what is there
        events = out / TENSORBOARD if tensorboard else None
        with _leading_log(world, out, state, events) as log:
            signal = _train(made, opened, out, plan, state, cadence, world, log, stop)
        if world.leads and not signal:
            made.learner.save_encoder(out)
    sampler = made.data.sampler
    return PretrainResult(out, state, sampler.steps_per_epoch, len(sampler.gene_sets), signal)


def _train(
    made: RunContext,
    corpus: Corpus,
    out: Path,
    plan: Budget,
    state: State,
    cadence: Intervals,
    world: Distributed,
    log: Log | None,
    stop: GracefulStop,
) -> int:
    """Train to the end of the plan; the number of the signal that came before it, or 0."""
    products = matmul_precision(made.learner.dtype, world.device)
    with ProgressDisplay(world.leads) as display, products, reraise_out_of_memory():
        display.say(_summary(made.data, plan, state))
        run = Trainer(
            learner=made.learner,
            world=world,
            plan=plan,
            state=state,
            cadence=cadence,
            corpus=_identity(corpus),
            steps_per_epoch=made.data.sampler.steps_per_epoch,
            batch_of=made.batch_of,
            held_out=made.held_out,
            checkpoint_path=out / CHECKPOINT,
            log=log,
            display=display,
        )
        return run.train(stop)


def _summary(data: PretrainDataset, plan: Budget, state: State) -> str:
    """What is about to happen, for the person at the terminal."""
    start = f"going on after step {state.step}" if state.step else "starting"
    return (
        f"{start}: {plan} with {len(data.sampler.gene_sets):,} gene sets "
        f"({data.sampler.steps_per_epoch:,} steps an epoch), {len(data.held_out):,} held out"
    )


def _nobody_listens(_: str) -> None:
    """Ranks that do not lead say nothing."""


def _last_checkpoint(
    out: Path, resume: bool, recipe: PretrainConfig, corpus: Corpus
) -> Checkpoint | None:
    """What to go on from; None for a new run."""
    ensure_writable(out)
    if not resume:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise InputError(
                f"{out}: exists already; add --resume to go on, or choose another --out"
            )
        return None
    path = out / CHECKPOINT
    if not path.exists():
        if out.is_file() or (out.is_dir() and any(out.iterdir()) and not (out / LOG).exists()):
            raise InputError(f"{out}: is no run to resume, expected one with {CHECKPOINT} or {LOG}")
        return None
    saved = load(path)
    recipe.require_same(saved.recipe, str(path))
    if saved.corpus != _identity(corpus):
        raise InputError(
            f"{path}: was trained on another corpus than {corpus.path}, or an older build"
        )
    return saved


def _identity(corpus: Corpus) -> str:
    """Names a corpus by its content, wherever it lies."""
    files = corpus.meta["files"]
    return " ".join(files[name]["sha256"] for name in (CODES, INDEX))


def _leading_log(
    world: Distributed, out: Path, state: State, events: Path | None
) -> AbstractContextManager[Log | None]:
    if not world.leads:
        return nullcontext()
    return Log(out / LOG, step=state.step, tensorboard=events)
