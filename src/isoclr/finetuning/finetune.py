"""The verb: labels and a corpus in, a model that predicts them and how well it does out."""

from pathlib import Path
from typing import Literal

import polars as pl

from isoclr.corpus import open_corpus
from isoclr.embedding.table import RnaChoice
from isoclr.errors import InputError
from isoclr.files import as_paths, atomic_path
from isoclr.finetuning.dataset import gather
from isoclr.finetuning.dealing import Dealing
from isoclr.finetuning.display import Display
from isoclr.finetuning.jobs import plan_jobs
from isoclr.finetuning.leaks import leaks_of
from isoclr.finetuning.outcomes import PREDICTIONS as PREDICTIONS_SCHEMA
from isoclr.finetuning.report import FinetuneReport
from isoclr.finetuning.request import (
    choose_split,
    enter,
    provenance,
    read_tasks,
    recipe_of,
    refuse_idle,
)
from isoclr.finetuning.rules import rules_of
from isoclr.finetuning.sizing import make_feed
from isoclr.finetuning.starting import SALUKI, Start, Tune
from isoclr.finetuning.study import Found, Study
from isoclr.models.parallel import use_threads
from isoclr.pretraining.distributed import join
from isoclr.pretraining.precision import activation_dtype, products_for
from isoclr.pretraining.stopping import StopRequest
from isoclr.pretraining.tuning import memory_errors_named
from isoclr.probing.grouping import check_chromosomes, check_folds
from isoclr.tasks.audit import LeakAudit
from isoclr.tasks.splits import SplitKind

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
    validation part: isoclr.finetuning.load_predictor opens it, and isoclr embed --model OUT/encoder embeds with the
    encoder. Killed at any moment, a study goes on with --resume from its last finished epoch as if it had never
    stopped. SIGTERM and Ctrl-C end the command with exit code 143 or 130.

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
    dealing = Dealing(
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
    start = Start(model, scratch=scratch, tune=tune, pooling=pooling)
    refuse_idle(start, hidden=hidden, encoder_learning_rate=encoder_learning_rate)
    dataset = gather(tasks, opened, split=dealing.split, chromosomes=files)
    jobs, words = plan_jobs(dataset, dealing)
    facts = {"model": model, "precision": precision}
    recipe = recipe_of(start, tasks, opened, rules, dealing, files, facts)
    with join(device) as world, StopRequest() as stop, Display() as display:
        if world.size > 1:
            raise InputError("isoclr finetune runs as one process, not under torchrun")
        dtype = activation_dtype(precision, world.device)
        enter(Path(out), recipe, resume=resume)
        feed = make_feed(start, dataset, rules, world.device, dtype)
        study = Study(Path(out), dataset, start, rules, feed, recipe, display, stop)
        display.say(f"{start.method}: {len(dataset):,} RNAs, {words}, {len(jobs)} trainings")
        leaks = leaks_of(jobs, dataset)
        with products_for(dtype, world.device), memory_errors_named():
            found = study.run(jobs)
    return _report(study, found, words, dealing, leaks, unfinished=len(found) < len(jobs))


def _report(
    study: Study,
    found: Found,
    words: str,
    dealing: Dealing,
    leaks: LeakAudit,
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
