"""The fine-tuning command: labels and a corpus to a trained model and its metrics on held-out RNAs."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from isoclr._config import read_json
from isoclr._io import as_paths, atomic_path, check_output, exclusive, sha256, write_table
from isoclr._report import provenance, write_json
from isoclr._threads import use_threads
from isoclr.corpus.corpus import Corpus, open_corpus
from isoclr.embedding.embeddings import RnaChoice
from isoclr.errors import InputError
from isoclr.finetuning.config import FinetuneConfig
from isoclr.finetuning.data import Trial, default_split, leakage, make_trials, read_label_specs, require_whole_genes
from isoclr.finetuning.head import fine_tuned_head
from isoclr.finetuning.models import BatchBuilder, ModelFactory, SalukiHead
from isoclr.finetuning.report import PREDICTIONS_SCHEMA, FinetuneReport, TrialResult
from isoclr.finetuning.saluki import SalukiPredictor
from isoclr.finetuning.trainer import CHECKPOINT, RESULTS, Trainer, TrialRunner, load_state
from isoclr.models.encoder import Encoder, Precision
from isoclr.models.saluki import Saluki
from isoclr.probing.head import ENCODER, HEAD, save_head
from isoclr.tasks.dataset import LabelledRnas, LabelSpec, label_rnas, rna_sources
from isoclr.tasks.splits import SplitConfig
from isoclr.training.device import (
    RuntimeConfig,
    activation_bytes,
    activation_dtype,
    matmul_precision,
    plan_memory,
    reraise_out_of_memory,
)
from isoclr.training.distributed import init_distributed
from isoclr.training.logging import LOG, Log, ProgressDisplay
from isoclr.training.run import GracefulStop, check_run_directory, require_same_options

OPTIONS, REPORT, PREDICTIONS = "options.json", "report.json", "predictions.parquet"
MAX_BATCH_BYTES = 2 << 30
"""Activations of a batch that a CPU keeps for the backward pass; larger ones are computed again."""
SALUKI_CHUNK_NT = 65_536
SALUKI_WIDTH_STEP = 4_096


def finetune(
    labels: tuple[Path, ...],
    *,
    out: Path,
    corpus: Path | None = None,
    label: tuple[str, ...] | None = None,
    id_column: str | None = None,
    gene_ids: Path | None = None,
    unmatched: Path | None = None,
    species: tuple[str, ...] | None = None,
    rnas: RnaChoice | None = None,
    data: Path | None = None,
    config: FinetuneConfig = FinetuneConfig(),
    splits: SplitConfig = SplitConfig(splits=3),
    runtime: RuntimeConfig = RuntimeConfig(),
    resume: bool = False,
) -> FinetuneReport:
    """Fine-tune an encoder on measured labels (Fradkin et al. 2023, appendix A.5), and measure it on held-out RNAs.

    New layers behind the encoder predict the labels; pre-trained weights get no weight decay. Training stops when the
    R of the validation part no longer rises, and the weights of the best epoch predict the test part. Several tables or
    tasks are learned together, by one encoder with one output for each; labels that share no gene (or gene set, or
    chromosome) are split independently. A gene with several transcripts is represented by the same one as in a probe.

    The study's directory holds report.json, predictions.parquet, log.jsonl, and the model of the trial with the
    highest validation R: isoclr predict --head OUT predicts with it, and isoclr embed --model OUT/encoder embeds with
    its encoder. A study that was killed continues with --resume from its last finished epoch, with the same result.
    SIGTERM and Ctrl-C end the command with exit code 143 or 130.

    Args:
        labels: Tables (TSV, CSV, Parquet; plain or gz) with a column gene_id or transcript_id and a numeric column, or
            tasks: TOML files, or names of those that ship with this package (isoclr tasks lists them).
        out: Directory of the study; it must be new or empty unless the study is resumed.
        corpus: Directory written by isoclr build, with the sequences, and the gene sets for --split homology; not
            needed for the task of a reporter assay, which has its own RNAs.
        label: Column of the label, one per table or one for all (default: the task's, or the only one).
        id_column: The id column, if its name is none of the usual ones.
        gene_ids: Table of gene id, Entrez id and symbol, for labels by symbol or Entrez number.
        unmatched: Write the labels that no RNA has to this table (Parquet, TSV or CSV).
        species: Species of the label, one per table or one for all (default: the task's, or any).
        rnas: RNAs to use: all, those with a coding sequence, or those whose coding sequence is annotated (default: the
            task's choice, or all).
        data: Folder of the files of tasks (default: that of ISOCLR_DATA or data for a task that ships, else the folder
            of the task file).
        config: How the model is trained.
        splits: How the labelled RNAs are split.
        runtime: Where the study is computed.
        resume: Continue where the study was stopped, or start if there is nothing yet; options that change results must
            be as before.

    Returns:
        Metrics of every split with 95 % intervals, predictions, and a leak audit. Labels and predictions are in
        standard deviations of the training labels, so that predicting the mean has an MSE of 1.

    Raises:
        InputError: A file or an option cannot be used, nothing matches, or the study was started with other options.
        DivergedError: The loss is no longer finite.
    """
    if unmatched is not None:
        check_output(Path(unmatched), overwrite=True)
    specs = read_label_specs(as_paths(labels), label, species, rnas, data, id_column=id_column, gene_ids=gene_ids)
    splits = splits.resolve(default_split(specs) if splits.split is None else None)
    use_threads(runtime.threads)
    opened = None if corpus is None else open_corpus(corpus)
    factory = ModelFactory(config)
    dataset = label_rnas(specs, rna_sources(specs, opened), splits)
    require_whole_genes(dataset, specs)
    if unmatched is not None and dataset.unmatched is not None:
        write_table(dataset.unmatched, Path(unmatched))
    trials, description = make_trials(dataset, splits, config)
    options = study_options(factory, specs, opened, splits, id_column, gene_ids)
    out = Path(out)
    with init_distributed(runtime.device) as world, GracefulStop() as stop:
        if world.size > 1:
            raise InputError("isoclr finetune runs as one process, not under torchrun")
        dtype = activation_dtype(config.precision, world.device)
        _open_directory(out, options, resume=resume)
        builder = make_builder(factory, dataset, world.device, dtype)
        leaks = leakage(trials, dataset)
        with exclusive(out), _open_log(out, trials) as log, ProgressDisplay() as display:
            display.message(f"{factory.method}: {len(dataset):,} RNAs, {description}, {len(trials)} trainings")
            runner = TrialRunner(
                out=out,
                rnas=dataset,
                factory=factory,
                builder=builder,
                save_model=partial(_save_model, factory, builder.precision, specs, options, out),
                log=log,
                display=display,
                stop=stop,
            )
            with matmul_precision(dtype, world.device), reraise_out_of_memory():
                results = runner.run(trials)
    inputs = {f"labels {spec.name}": spec.labels.path for spec in specs} | {"corpus": corpus}
    empty = pl.DataFrame(schema=PREDICTIONS_SCHEMA)
    report = FinetuneReport(
        out=out,
        method=factory.method,
        model=factory.name,
        train="scratch" if config.random_weights else config.train,
        tasks=dataset.labels,
        split=description,
        cross_validation=splits.cross_validation,
        train_fraction=config.train_fraction,
        counts=dataset.counts,
        results=[result for result, _ in results],
        predictions=pl.concat([empty, *(table for _, table in results)]),
        provenance=provenance(inputs, options),
        leaks=leaks,
        stopped_by=stop.signal if len(results) < len(trials) else 0,
    )
    if not report.stopped_by:
        report.save(out / REPORT)
        with atomic_path(out / PREDICTIONS) as path:
            report.predictions.write_parquet(path)
    return report


def study_options(
    factory: ModelFactory,
    specs: Sequence[LabelSpec],
    corpus: Corpus | None,
    splits: SplitConfig,
    id_column: str | None = None,
    gene_ids: Path | None = None,
) -> dict[str, Any]:
    """Everything that the results depend on, as JSON values; a resumed study must have the same."""
    config = factory.config
    options = {
        **config.flat(),
        **asdict(config.hyperparameters),
        "weights": factory.sha256,
        **splits.flat(),
        "chromosomes": [sha256(path) for path in splits.chromosomes],
        "labels": [_label_options(spec) for spec in specs],
        "corpus": "" if corpus is None else corpus.checksums(),
    }
    if id_column is not None:
        options["id_column"] = id_column
    if gene_ids is not None:
        options["gene_ids"] = sha256(Path(gene_ids))
    plain: dict[str, Any] = json.loads(json.dumps(options))  # as it will be read back
    return plain


def _label_options(spec: LabelSpec) -> dict[str, Any]:
    """What decides the values of a label and its RNAs."""
    task = spec.task
    return {
        "name": spec.name,
        "column": spec.labels.name,
        "species": spec.species,
        "rnas": spec.rnas,
        "sha256": sha256(spec.labels.path),
        "columns": dict(task.columns) if task else {},
        "construct": asdict(task.construct) if task and task.construct else None,
    }


def _open_directory(out: Path, options: dict[str, Any], *, resume: bool) -> None:
    """Begin a study's directory, or check that it was begun with the same options."""
    check_run_directory(out, resume=resume, markers=(OPTIONS,))
    path = out / OPTIONS
    if path.exists():
        require_same_options(read_json(path, dict[str, Any], what="options"), options, path)
    else:
        write_json(path, options)


def _open_log(out: Path, trials: Sequence[Trial]) -> Log:
    """The log without records of epochs that will be repeated."""
    done = {t.name for t in trials if (out / RESULTS / f"{t.name}.json").exists()}
    saved = load_state(out / CHECKPOINT)
    current, epoch = (saved[0].trial, saved[0].epoch) if saved else ("", 0)
    return Log(
        out / LOG,
        keep=lambda record: (
            record.get("trial") in done or (record.get("trial") == current and record.get("epoch", epoch + 1) <= epoch)
        ),
    )


def _save_model(
    factory: ModelFactory,
    precision: Precision,
    specs: Sequence[LabelSpec],
    options: dict[str, Any],
    out: Path,
    trainer: Trainer,
    result: TrialResult,
    predictions: pl.DataFrame,
) -> None:
    """Write the model of a trial with its best weights: an encoder with its head, or Saluki."""
    network, head = trainer.backbone.network, trainer.head
    if isinstance(network, Saluki):
        assert isinstance(head, SalukiHead)
        SalukiPredictor(
            network=network,
            head=head,
            tasks=trainer.rnas.labels,
            mean=np.asarray(trainer.mean),
            std=np.asarray(trainer.std),
            metadata={"options": options, "result": asdict(result)},
        ).save(out)
        return
    encoder = Encoder(network, name=factory.name, tracks=factory.tracks)
    new = fine_tuned_head(trainer, encoder, precision, specs, result, predictions, options)
    shutil.rmtree(out / HEAD, ignore_errors=True)  # written last: without it nothing opens
    encoder.save(out / ENCODER)
    save_head(new, out / HEAD)


def make_builder(factory: ModelFactory, rnas: LabelledRnas, device: torch.device, dtype: torch.dtype) -> BatchBuilder:
    """Choose chunks that suit the device, and set the encoder's activation checkpointing and compilation."""
    if factory.encoder is None:
        return BatchBuilder(rnas.sequences, device, dtype, SALUKI_CHUNK_NT, SALUKI_WIDTH_STEP)
    network = factory.encoder.network
    lengths = [len(codes) for codes in rnas.sequences]
    nt = int(factory.config.hyperparameters.batch_size * np.mean(lengths))
    fits = activation_bytes(network.architecture, dtype) * nt < MAX_BATCH_BYTES
    plan = plan_memory(
        network.architecture,
        device=device,
        dtype=dtype,
        nt=nt,
        activation_checkpointing="auto" if device.type == "cuda" else "off" if fits else "on",
    )
    network.recompute, network.compiled = plan.activation_checkpointing, plan.compile
    return BatchBuilder(rnas.sequences, device, dtype, plan.packing.chunk_nt, plan.packing.round_to)
