"""The output of an evaluation: a CSV file per study, larger tables as Parquet, and a manifest."""

import csv
import io
import math
import os
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import distributions
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from isoclr._io import atomic_path, sha256, write_table
from isoclr._report import Row, write_json
from isoclr._version import __version__
from isoclr.corpus.inspect import inspect
from isoclr.evaluation.cache import CachedResult, Store, StoredResult
from isoclr.evaluation.context import Context
from isoclr.evaluation.plan import STUDIES, StudyName, TaskEntry
from isoclr.evaluation.report.results import COLORINGS
from isoclr.tasks.metrics import Difference, over_seeds, paired

Results = Mapping[StudyName, Sequence[CachedResult]]
RESULTS, TABLES = "results", "tables"
PACKAGES = ("torch", "numpy", "polars", "scipy", "scikit-learn", "openTSNE", "matplotlib", "plotly", "transformers")
_STUDY_OF = {
    "predictions.parquet": "main",
    "map.parquet": "latent",
    COLORINGS: "latent",
    "mutations.parquet": "mutagenesis",
}
"""Study of each larger table."""


def write_results(context: Context, store: Store, results: Results) -> None:
    """Write ``results/STUDY.csv`` and ``tables/NAME.parquet`` of what is done; remove those of other inputs."""
    done = _read_done(store, results)
    _remove_outdated(context.out, done)
    folder = context.out / RESULTS
    write_csv(folder / "corpus.csv", _corpus_rows(context))
    for study, stored in done.items():
        rows = [row for one in stored for row in one.rows]
        write_csv(folder / f"{study}.csv", rows)
        if compared := differences(stored):
            write_csv(folder / f"{study}_differences.csv", compared)
        if study == "low_data":
            write_csv(folder / "low_data_means.csv", mean_over_splits(rows))
        if by_split := [row for one in stored for row in _split_rows(one)]:
            write_csv(folder / f"{study}_splits.csv", by_split)
    _write_tables(context, done)


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write tidy rows: columns in order of first appearance, numbers with six digits, empty cells for no number."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    with atomic_path(path) as partial:
        partial.write_text(text.getvalue(), encoding="utf-8")


def _cell(value: str | int | float | None) -> str | int | float | None:
    if not isinstance(value, float):
        return value
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _read_done(store: Store, results: Results) -> dict[str, list[StoredResult]]:
    """Results that are done, by study; the leakage audits of the main study are a study of their own."""
    done: dict[str, list[StoredResult]] = {}
    for own in results.values():
        for one in own:
            if store.has(one):
                done.setdefault(one.study, []).append(store.read(one))
    return done


def _remove_outdated(out: Path, done: Mapping[str, Sequence[StoredResult]]) -> None:
    """Remove files of studies without a result, and all that are about to be written again."""
    for study in (*STUDIES, "leaks"):
        kinds = [f"{study}_differences", f"{study}_splits", f"{study}_means"]
        for name in kinds + ([] if study in done else [study]):
            (out / RESULTS / f"{name}.csv").unlink(missing_ok=True)
    for name, study in _STUDY_OF.items():
        if study not in done:
            (out / TABLES / name).unlink(missing_ok=True)


# --- Comparisons ---


def differences(stored: Sequence[StoredResult]) -> list[Row]:
    """The first method's main metric minus every other's, paired by split, with its 95 % interval.

    Args:
        stored: Results of one study. Within a task and split, each method is compared with the first method's result
            by the same probe if there is one, else with its first result.
    """
    by_split: dict[tuple[object, object], list[StoredResult]] = {}
    for one in stored:
        if one.rows and "by_split" in one.details:
            by_split.setdefault((one.rows[0]["task"], one.rows[0]["split"]), []).append(one)
    return [row for part in by_split.values() for row in _compare_with_first(part)]


def _compare_with_first(stored: Sequence[StoredResult]) -> list[Row]:
    name = stored[0].rows[0]["method"]
    first = [one for one in stored if one.rows[0]["method"] == name]
    rows = []
    for other in stored:
        if other.rows[0]["method"] != name:
            same = (one for one in first if one.rows[0]["model"] == other.rows[0]["model"])
            rows.append(_difference(next(same, first[0]), other))
    return rows


def _difference(first: StoredResult, other: StoredResult) -> Row:
    row = other.rows[0]
    metric = str(row["metric"])
    splits = first.details["by_split"]
    values = [
        one[metric] - another[metric]
        for one, another in zip(splits, other.details["by_split"], strict=True)
        if one[metric] is not None and another[metric] is not None
    ]
    difference = Difference(*[math.nan] * 4)
    if values:
        train, test = (float(np.mean([split[key] for split in splits])) for key in ("train", "test"))
        difference = paired(values, train, test)
    return {
        "study": row["study"],
        "task": row["task"],
        "split": row["split"],
        "method": first.rows[0]["method"],
        "against": row["method"],
        "model": first.rows[0]["model"],
        "against_model": row["model"],
        "metric": metric,
        **difference.row(),
        "p": difference.p,
        "n": len(values),
    }


def mean_over_splits(rows: Sequence[Row]) -> list[Row]:
    """Low-data results: mean over the splits of a share, with an interval that allows for their overlap.

    The splits overlap as those of all labels do, whatever share of a training part is used; so the whole training part
    counts in the correction, which is cautious for small shares, whose subsets hardly overlap.
    """
    if not rows:
        return []
    keys = ["study", "task", "split", "method", "model", "share", "metric"]
    means: list[Row] = []
    table = pl.DataFrame(rows, infer_schema_length=None)
    for key, part in table.group_by(keys, maintain_order=True):
        values = part["value"].drop_nulls().to_list()
        if values:
            row: Row = dict(zip(keys, key, strict=True))
            train, test = (float(np.mean(part[column].to_numpy())) for column in ("train", "n"))
            mean = over_seeds(values, train * 100 / float(row["share"] or 100), test)
            means.append({**row, **mean.row(), "train": round(train), "repeats": len(values)})
    return means


def _split_rows(stored: StoredResult) -> list[Row]:
    """Every split's metrics of one result."""
    if not stored.rows or "by_split" not in stored.details:
        return []
    names = ("study", "task", "split", "method", "model")
    keys: Row = {name: stored.rows[0].get(name) for name in names}
    return [
        {**keys, "fold": split["split"], "metric": metric, "value": value, "train": split["train"], "n": split["test"]}
        for split in stored.details["by_split"]
        for metric, value in split.items()
        if metric not in ("split", "train", "test", "penalty")
    ]


def _corpus_rows(context: Context) -> list[Row]:
    """The paper's Table 1 of the corpus."""
    numbers = ("gene_sets", "transcripts", "mean", "several", "genes", "mapped")
    return [
        {"study": "corpus", "species": group.name, **{name: getattr(group, name) for name in numbers}}
        for group in inspect(context.corpus).groups
    ]


# --- Larger tables ---


def _write_tables(context: Context, done: Mapping[str, Sequence[StoredResult]]) -> None:
    """Tables of all results one below the other, with columns that tell the results apart."""
    parts: dict[str, list[pl.DataFrame]] = {name: [] for name in ("predictions", "map", "mutations")}
    names = context.corpus.transcripts.select("transcript_id", "gene_symbol")
    symbols = names.unique("transcript_id", keep="first", maintain_order=True)
    for one in done.get("main", []):
        if one.rows and (row := one.rows[0])["method"] == context.plan.models[0].name:
            keys = {"task": row["task"], "model": row["model"], "split_kind": row["split"]}
            parts["predictions"].append(_with(one, "predictions", keys).join(symbols, on="transcript_id", how="left"))
    for one in done.get("latent", []):
        if "colorings" in one.details:  # the same RNAs and colorings in all maps
            parts["map"].append(_with(one, "map", {"method": one.details["method"]}))
            write_json(context.out / TABLES / COLORINGS, one.details["colorings"])
    for one in done.get("mutagenesis", []):
        if "coding" in one.details:
            keys = {key: one.details[key] for key in ("task", "target", "value")}
            keys |= dict(zip(("coding_start", "coding_end"), one.details["coding"], strict=True))
            parts["mutations"].append(_with(one, "mutations", keys))
    for name, tables in parts.items():
        if tables:
            write_table(pl.concat(tables, how="diagonal_relaxed"), context.out / TABLES / f"{name}.parquet")


def _with(stored: StoredResult, name: str, constants: Mapping[str, Any]) -> pl.DataFrame:
    return stored.table(name).with_columns(**{key: pl.lit(value) for key, value in constants.items()})


# --- Manifest ---


def write_manifest(context: Context, store: Store, results: Results) -> None:
    """Write ``results/manifest.json``: versions, machine, inputs, tasks, models, and what is done."""
    plan = context.plan
    done = [one for own in results.values() for one in own if store.has(one)]
    manifest = {
        "isoclr": __version__,
        "command": _command(sys.argv[1:]),
        "python": platform.python_version(),
        "packages": {name: one.version for name in PACKAGES for one in islice(distributions(name=name), 1)},
        "machine": machine(),
        "plan": {"name": plan.path.name, "sha256": sha256(plan.path)},
        "seed": plan.seed,
        "precision": plan.precision,
        "corpus": {key: context.corpus.meta[key] for key in ("files", "options", "counts")},
        "models": {model.name: context.model_inputs(model) for model in plan.models},
        "foreign": {one.name: context.digest(one.path) for one in plan.external},
        "tasks": {name: _task(context, entry) for name, entry in plan.tasks.items()},
        "results": [
            {"study": one.study, "title": one.title, "name": one.key, "seconds": store.read(one).seconds}
            for one in done
        ],
        "missing": sum(map(len, results.values())) - len(done),
    }
    write_json(context.out / RESULTS / "manifest.json", manifest)


def _command(words: Sequence[str]) -> str:
    """The command line, with the last parts of absolute paths only."""
    return " ".join(["isoclr", *(Path(w).name if Path(w).is_absolute() else w for w in words)])


def _task(context: Context, entry: TaskEntry) -> dict[str, Any]:
    task = entry.task
    return {
        "title": task.title,
        "labels": task.table.name,
        "sha256": context.digest(task.table),
        **{name: getattr(task, name) for name in ("label", "units", "citation", "species", "rnas")},
        "splits": list(entry.split),
        "repeats": entry.splits,
        "published": entry.published,
    }


def machine() -> dict[str, Any]:
    """System, processor, cores, and the GPU if there is one."""
    import torch

    known = Path("/proc/cpuinfo")
    cpu = re.search(r"^model name\s*:(.*)$", known.read_text() if known.exists() else "", re.MULTILINE)
    content: dict[str, Any] = {
        "system": platform.platform(),
        "cpu": cpu[1].strip() if cpu else platform.processor(),
        "cores": os.cpu_count(),
    }
    if torch.cuda.is_available():
        content["gpu"] = torch.cuda.get_device_name()
    return content
