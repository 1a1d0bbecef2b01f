"""The verb: labels and a corpus in, a model that predicts them and how well it does out."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
import torch

from isoclr._io import as_paths, atomic_path, ensure_writable, sha256
from isoclr._threads import use_threads
from isoclr._version import __version__
from isoclr.corpus.corpus import CODES, INDEX, Corpus, open_corpus
from isoclr.embedding.embeddings import RnaChoice
from isoclr.errors import InputError
from isoclr.finetuning.config import FinetuneConfig, SplitConfig, rules_of
from isoclr.finetuning.data import Dataset, LabelSpec, gather, leaks_of, make_trials, name_tasks
from isoclr.finetuning.models import SALUKI, BatchBuilder, ModelFactory, Tune
from isoclr.finetuning.report import FinetuneReport
from isoclr.finetuning.trials import PREDICTIONS as PREDICTIONS_SCHEMA
from isoclr.finetuning.trials import Found, TrialDisplay, TrialRunner
from isoclr.tasks.labels import Labels, read_labels
from isoclr.tasks.leakage import LeakageReport
from isoclr.tasks.splits import SplitKind, check_chromosomes, check_folds
from isoclr.tasks.task import Task as TaskFile
from isoclr.tasks.task import is_task, read_label_task
from isoclr.training.device import (
    activation_dtype,
    kept_bytes,
    matmul_precision,
    plan_memory,
    reraise_out_of_memory,
)
from isoclr.training.distributed import init_distributed
from isoclr.training.signals import GracefulStop

RECIPE = "recipe.json"


def read_tasks(
    paths: Sequence[Path],
    label: Sequence[str] | None = None,
    species: Sequence[str] | None = None,
    rnas: RnaChoice | None = None,
    data: Path | None = None,
) -> list[LabelSpec]:
    """The label tables and tasks, each with its column, species and RNAs.

    Args:
        paths: tables, task files, and names of tasks that ship.
        label: columns; None: the tasks' own, or the only one of a table.
        species: of whose RNAs; None: the tasks' own, or any.
        rnas: which of them; None: the tasks' own, or all.
        data: the folder that the paths in task files start from.

    Raises:
        InputError: no table, a table that cannot be used, or as many columns or species as there are no tables.
    """
    if not paths:
        raise InputError("no labels: give one table or more")
    columns = _for_each("--label", label, len(paths))
    kinds = _for_each("--species", species, len(paths))
    files: list[TaskFile | None] = []
    tables: list[Labels] = []
    for path, column in zip(paths, columns, strict=True):
        file = read_label_task(path, data) if is_task(path) else None
        if file is not None:
            file = _of_known_assay(replace(file, label=column or file.label), files)
        files.append(file)
        tables.append(read_labels(Path(path), column) if file is None else file.labels())
        _refuse_flat(tables[-1])
    return [
        replace(task, rnas=rnas or (file.rnas if file else "all"), file=file)
        for task, file in zip(name_tasks(tables, _species(kinds, files)), files, strict=True)
    ]


def _species(asked: Sequence[str | None], files: Sequence[TaskFile | None]) -> list[str | None]:
    """Of every table; a reporter assay's RNAs are of none."""
    return [
        kind if file is None else None if file.construct else kind or file.species
        for kind, file in zip(asked, files, strict=True)
    ]


def _of_known_assay(file: TaskFile, files: Sequence[TaskFile | None]) -> TaskFile:
    """Constructs are named by their task: two labels of one assay are of the same RNAs, under the same names."""
    if file.construct is None:
        return file
    same = (file.table, file.construct)
    known = (one.name for one in files if one is not None and (one.table, one.construct) == same)
    return replace(file, name=next(known, file.name))


def _refuse_flat(table: Labels) -> None:
    if table.table["value"].n_unique() == 1:
        raise InputError(
            f"{table.path}: {table.name} is {table.table['value'][0]:g} in every row, "
            "expected values that differ"
        )


def choose_split(tasks: Sequence[LabelSpec], split: SplitKind | None) -> SplitKind:
    """The split that is asked for, or that of the tasks; a table as it is has the paper's random one.

    Raises:
        InputError: tasks say different ones.
    """
    if split is not None:
        return split
    own: dict[SplitKind, str] = {}
    for task in tasks:
        own.setdefault(task.file.split if task.file else "random", task.name)
    if len(own) > 1:
        told = ", ".join(f"{kind} of {name}" for kind, name in own.items())
        raise InputError(f"the tasks' splits differ ({told}); choose one with --split")
    return next(iter(own))


def reject_unused(
    start: ModelFactory, *, hidden: int | None, encoder_learning_rate: float | None
) -> None:
    """An option that is given must do something.

    Raises:
        InputError: naming the one that would not.
    """
    if hidden is not None and start.encoder is None:
        raise InputError(f"--hidden {hidden} is for IsoCLR encoders, saluki has layers of its own")
    if encoder_learning_rate is not None and start.tune == "frozen":
        raise InputError(
            f"--encoder-learning-rate {encoder_learning_rate:g}: with --tune frozen the encoder learns nothing"
        )


def fingerprint(
    start: ModelFactory,
    tasks: Sequence[LabelSpec],
    corpus: Corpus | None,
    rules: FinetuneConfig,
    dealing: SplitConfig,
    chromosomes: Sequence[Path],
    others: dict[str, Any],
) -> dict[str, Any]:
    """Everything that results depend on, as JSON takes it: two halves of one study must share it.

    Args:
        start: the model.
        tasks: the labels.
        corpus: the RNAs; None when the tasks bring their own.
        rules: how to train.
        dealing: how RNAs are dealt.
        chromosomes: files that say where the genes lie.
        others: further options by name.
    """
    files = {} if corpus is None else corpus.meta["files"]
    labels = [_facts(task) for task in tasks]
    rnas = list(dict.fromkeys(task.rnas for task in tasks))
    recipe: dict[str, Any] = {
        **others,
        "rnas": rnas[0] if len(rnas) == 1 else [task.rnas for task in tasks],
        "weights": start.sha256,
        "scratch": start.scratch,
        "tune": start.tune,
        "pooling": start.pooling,
        **asdict(dealing),
        "seeds": dealing.repeats,
        "labels": labels,
        "corpus": [files[name]["sha256"] for name in (CODES, INDEX) if files],
        "rules": asdict(rules),
    }
    if chromosomes:
        recipe["chromosomes"] = [sha256(path) for path in chromosomes]
    plain: dict[str, Any] = json.loads(json.dumps(recipe))  # as it will be read back
    return plain


def _facts(task: LabelSpec) -> dict[str, Any]:
    """What decides the labels of a task, and the RNAs that it brings."""
    facts: dict[str, Any] = {"name": task.name, "column": task.labels.name}
    facts["sha256"] = sha256(task.labels.path)
    if task.file is not None and task.file.columns:
        facts["columns"] = dict(task.file.columns)
    if task.file is not None and task.file.construct:
        facts["construct"] = asdict(task.file.construct)
    return facts


def open_run_dir(out: Path, recipe: dict[str, Any], *, resume: bool) -> None:
    """Begin a study's directory, or find that it was begun with the same recipe.

    Raises:
        InputError: it is in use, is something else, or was begun with other options.
    """
    path = out / RECIPE
    ensure_writable(out)
    # what a killed start left under its temporary name begins with a dot
    seen = out.exists() and (not out.is_dir() or any(f.name[0] != "." for f in out.iterdir()))
    if seen and not resume:
        raise InputError(f"{out}: exists already; add --resume to go on, or choose another --out")
    if path.exists():
        _require_same(path, recipe)
        return
    if seen:
        raise InputError(f"{out}: is no study to resume, expected one with {RECIPE}")
    with atomic_path(path) as partial:
        partial.write_text(json.dumps(recipe, indent=1, ensure_ascii=False) + "\n", "utf-8")


def provenance(recipe: dict[str, Any]) -> dict[str, Any]:
    """Versions and recipe."""
    packages = ("numpy", "polars", "scipy", "torch")
    versions = {package: version(package) for package in packages}
    return {"isoclr": __version__, "versions": versions, "recipe": recipe}


def _for_each(option: str, given: Sequence[str] | None, tables: int) -> list[str | None]:
    """One word a table; one word alone is for all of them."""
    if given is None:
        return [None] * tables
    words = [given] if isinstance(given, str) else list(given)
    if len(words) not in (1, tables):
        raise InputError(
            f"{option} has {len(words)} words for {tables} tables, expected one for all or one for each"
        )
    return [*words] * (tables // len(words))


def _require_same(path: Path, recipe: dict[str, Any]) -> None:
    try:
        saved = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a study's recipe ({error})") from None
    mine, theirs = _flat(recipe), _flat(saved if isinstance(saved, dict) else {})
    different = [
        f"{name} is {theirs.get(name)!r} there and {mine.get(name)!r} now"
        for name in dict.fromkeys([*mine, *theirs])
        if mine.get(name) != theirs.get(name)
    ]
    if different:
        raise InputError(f"{path}: was begun with other options: {'; '.join(different)}")


def _flat(recipe: dict[str, Any]) -> dict[str, Any]:
    return {**{k: v for k, v in recipe.items() if k != "rules"}, **recipe.get("rules", {})}


KEPT = 2 << 30
"""Bytes of activations of a batch that a CPU keeps for the backward pass; more are computed again."""
SALUKI_CHUNK_NT = 65_536
SALUKI_SHAPES = 4_096


def make_feed(
    start: ModelFactory,
    dataset: Dataset,
    rules: FinetuneConfig,
    device: torch.device,
    dtype: torch.dtype,
) -> BatchBuilder:
    """The RNAs in chunks that suit the device; the encoder is told whether to recompute and to compile.

    Args:
        start: the model.
        dataset: its RNAs.
        rules: the size of a batch.
        device: where is computed.
        dtype: of activations.
    """
    if start.encoder is None:
        return BatchBuilder(dataset.codes, device, dtype, SALUKI_CHUNK_NT, SALUKI_SHAPES)
    network = start.encoder.network
    nt = int(rules.batch_size * np.mean(dataset.lengths))
    fits = kept_bytes(network.architecture, dtype) * nt < KEPT
    tuning = plan_memory(
        network.architecture,
        device=device,
        dtype=dtype,
        nt=nt,
        recompute="auto" if device.type == "cuda" else "off" if fits else "on",
    )
    network.recompute, network.compiled = tuning.recompute, tuning.compile
    return BatchBuilder(
        dataset.codes, device, dtype, tuning.packing.chunk_nt, tuning.packing.round_to
    )


REPORT, PREDICTIONS = "report.json", "predictions.parquet"


def finetune(
    labels: tuple[Path, ...],
    *,
    out: Path,
    corpus: Path | None = None,
    model: str = "isoclr-s",
    scratch: bool = False,
    tune: Tune = "full",
    pooling: Literal["last", "all"] | None = None,
    species: tuple[str, ...] | None = None,
    label: tuple[str, ...] | None = None,
    rnas: RnaChoice | None = None,
    data: Path | None = None,
    split: SplitKind | None = None,
    chromosomes: tuple[Path, ...] = (),
    folds: int | None = None,
    splits: int | None = None,
    seeds: int | None = None,
    seed: int = 0,
    train_share: float = 1.0,
    learning_rate: float | None = None,
    encoder_learning_rate: float | None = None,
    decay: float | None = None,
    l2: float | None = None,
    clip: float | None = None,
    batch_size: int | None = None,
    dropout: float | None = None,
    hidden: int | None = None,
    epochs: int | None = None,
    min_epochs: int | None = None,
    patience: int | None = None,
    precision: Literal["auto", "bf16", "float32"] = "auto",
    device: str = "auto",
    threads: int | None = None,
    resume: bool = False,
) -> FinetuneReport:
    """Train an encoder on measured labels, as the paper's appendix A.5, and see how well it predicts held-out RNAs.

    New layers behind the encoder (the last one begins at zero) predict the labels. Weights from pre-training get no
    weight decay. Training stops when the validation part's R no longer rises, and the best epoch's weights predict the
    test part. Several tables or tasks are learnt together, by one encoder with an output for each; those that share no
    gene (or gene set, or chromosome) are each dealt as they would be alone. Of a gene with several transcripts the same
    one is used as in a probe.

    The study's directory holds report.json, predictions.parquet, and the model of the training that did best on its
    validation part: isoclr.finetuning.predictor.load_predictor opens it, and isoclr embed --model OUT/encoder
    embeds with the encoder. Killed at any moment, a study goes on with --resume from its last finished epoch as if
    it had never stopped. SIGTERM and Ctrl-C end the command with exit code 143 or 130.

    Args:
        labels: tables (TSV, CSV, Parquet; plain or gz) with a column gene_id or transcript_id and a numeric column. Or
            tasks: TOML files, or names of those that ship with this package (``isoclr tasks`` lists them).
        out: directory of the study; it must be new or empty, unless the study is resumed.
        corpus: directory that isoclr build wrote: sequences, and gene sets for a homology-aware split. Only the task of
            a reporter assay, which brings its RNAs along, does without.
        model: a pre-trained encoder: a directory, a model that ships, or user/name@revision of the hub. With --scratch
            also the name of an architecture. saluki: the published supervised model, always from scratch.
        scratch: random weights of the same architecture: the paper's Supervised-S and -M.
        tune: what learns besides the new layers: nothing (frozen: embeddings are computed once), the encoder's last
            stage (activations below are kept if they fit in 4 GiB), or everything.
        pooling: what an embedding is the mean of: the last block's activations, or those of all blocks; by default as
            the model was trained.
        species: of each table, in their order; one word for all of them. By default the tasks' own, or all.
        label: the label's column of each table, where it has several.
        rnas: use all RNAs (the default unless the task says otherwise), only those with a coding sequence, or only
            those whose coding sequence is annotated.
        data: the folder that tasks' files are in (default: that of ISOCLR_DATA, or ``data``, for a task that ships,
            else the task file's own).
        split: random (the default unless the tasks say otherwise): 70/15/15 by gene, as the paper; fold:
            cross-validation over the tables' column fold, of which one tests and the next validates; homology: 70/15/15
            by homologous gene set; chromosome: 70/15/15 by chromosome, of the tables' column chromosome or of
            --chromosomes.
        chromosomes: annotations (GTF, GFF3, genePred, BED12) or tables with gene_id and chromosome, for a split by
            chromosome.
        folds: this many cross-validation folds instead of 70/15/15, for any split but fold.
        splits: do only the first so many splits or folds.
        seeds: number of splits that are not folds (by default 3); of a cross-validation, trainings of each fold
            (by default 1).
        seed: the first; of splits, weights, order, dropout and the choice of a share.
        train_share: train on a uniform subset of the training RNAs, this share of them; validation and test stay whole.
        learning_rate: of new weights, by default 0.01 (saluki: 0.0001).
        encoder_learning_rate: of pre-trained weights, by default 0.001; not with --tune frozen.
        decay: of the learning rates after every epoch, by default 0.95 (saluki: 1).
        l2: factor of the new weights' squares in the loss, by default 1e-5 (saluki: 1e-3).
        clip: largest norm of the gradient, by default 0.5.
        batch_size: RNAs in a batch, by default 128 (saluki: 64).
        dropout: in the encoder's blocks and the new layers, by default 0.3.
        hidden: width of the two new layers, by default 256; saluki has layers of its own.
        epochs: most passes over the training RNAs, by default 50 (saluki: 250).
        min_epochs: passes before which training is not stopped early, by default 0 (saluki: 100).
        patience: passes without a better validation R after which training stops, by default 8 (saluki: 25).
        precision: of the encoder's activations; auto is bf16 where that is faster.
        device: auto, cpu, cuda, cuda:1, ...
        threads: of the CPU; torch's choice by default.
        resume: go on where the study was stopped, or start when there is nothing yet; all options that change
            results must be as before.

    Returns:
        Metrics of every split with 95 % intervals, the predictions, and a leak audit as of a probe. Labels and
        predictions are in standard deviations of the training labels, so that an MSE of 1 is what predicting the mean
        gives.

    Raises:
        InputError: a file or an option that cannot be used, nothing in common, or results made with other options.
        DivergedError: a loss is no longer a number.
    """
    tasks, files = read_tasks(as_paths(labels), label, species, rnas, data), as_paths(chromosomes)
    dealing = SplitConfig(
        split=choose_split(tasks, split),
        folds=folds,
        splits=splits,
        seeds=seeds,
        seed=seed,
        train_share=train_share,
    )
    check_chromosomes(dealing.split, files)
    if encoder_learning_rate is None and (scratch or model == SALUKI):
        encoder_learning_rate = learning_rate  # random weights learn as fast as the new layers
    rules = rules_of(model, scratch=scratch).changed(
        learning_rate=learning_rate,
        encoder_learning_rate=encoder_learning_rate,
        decay=decay,
        l2=l2,
        clip=clip,
        batch_size=batch_size,
        dropout=dropout,
        hidden=hidden,
        epochs=epochs,
        min_epochs=min_epochs,
        patience=patience,
    )
    use_threads(threads)
    opened = None if corpus is None else open_corpus(corpus)
    for task in tasks if dealing.split == "fold" else ():
        check_folds(task.labels)
    start = ModelFactory(model, scratch=scratch, tune=tune, pooling=pooling)
    reject_unused(start, hidden=hidden, encoder_learning_rate=encoder_learning_rate)
    dataset = gather(tasks, opened, split=dealing.split, chromosomes=files)
    jobs, words = make_trials(dataset, dealing)
    facts = {"model": model, "precision": precision}
    recipe = fingerprint(start, tasks, opened, rules, dealing, files, facts)
    with init_distributed(device) as world, GracefulStop() as stop, TrialDisplay() as display:
        if world.size > 1:
            raise InputError("isoclr finetune runs as one process, not under torchrun")
        dtype = activation_dtype(precision, world.device)
        open_run_dir(Path(out), recipe, resume=resume)
        feed = make_feed(start, dataset, rules, world.device, dtype)
        study = TrialRunner(Path(out), dataset, start, rules, feed, recipe, display, stop)
        display.say(f"{start.method}: {len(dataset):,} RNAs, {words}, {len(jobs)} trainings")
        leaks = leaks_of(jobs, dataset)
        with matmul_precision(dtype, world.device), reraise_out_of_memory():
            found = study.run(jobs)
    return _report(study, found, words, dealing, leaks, unfinished=len(found) < len(jobs))


def _report(
    study: TrialRunner,
    found: Found,
    words: str,
    dealing: SplitConfig,
    leaks: LeakageReport,
    *,
    unfinished: bool,
) -> FinetuneReport:
    """What was found; written when all trainings are done."""
    start, empty = study.start, pl.DataFrame(schema=PREDICTIONS_SCHEMA)
    report = FinetuneReport(
        out=study.out,
        method=start.method,
        model=start.name,
        tune="scratch" if start.scratch else start.tune,
        tasks=study.dataset.tasks,
        split=words,
        folds=dealing.in_folds,
        share=dealing.train_share,
        counts=study.dataset.counts,
        outcomes=[outcome for outcome, _ in found],
        predictions=pl.concat([empty, *(table for _, table in found)]),
        provenance=provenance(study.recipe),
        stopped_by=study.stop.signal if unfinished else 0,
        leaks=leaks,
    )
    if not unfinished:
        report.save(study.out / REPORT)
        with atomic_path(study.out / PREDICTIONS) as partial:
            report.predictions.write_parquet(partial)
    return report
