"""Every number as CSV, a file a study, and the larger tables that the page draws."""

import csv
import io
import json
import math
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from isoclr._io import atomic_path, sha256
from isoclr._version import __version__
from isoclr.corpus.inspect import inspect
from isoclr.evaluation.cache import CachedResult, Context, Row, Store, Stored
from isoclr.evaluation.plan import STUDIES
from isoclr.tasks.metrics import Difference, over_seeds, paired

PACKAGES = (
    "torch",
    "numpy",
    "polars",
    "scipy",
    "scikit-learn",
    "openTSNE",
    "matplotlib",
    "plotly",
    "transformers",
)


def write_manifest(
    bench: Context, store: Store, cells: Mapping[str, Sequence[CachedResult]], path: Path
) -> None:
    """Write the manifest of all that is there."""
    text = json.dumps(_manifest(bench, store, cells), indent=1, ensure_ascii=False)
    with atomic_path(path) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def _manifest(
    bench: Context, store: Store, cells: Mapping[str, Sequence[CachedResult]]
) -> dict[str, Any]:
    plan = bench.plan
    there = [cell for mine in cells.values() for cell in mine if store.has(cell)]
    return {
        "isoclr": __version__,
        "command": _command(sys.argv[1:]),
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "machine": machine(),
        "plan": {"name": plan.path.name, "sha256": sha256(plan.path)},
        "seed": plan.seed,
        "precision": plan.precision,
        "corpus": {
            "files": bench.corpus.meta["files"],
            "options": bench.corpus.meta["options"],
            "counts": bench.corpus.meta["counts"],
        },
        "models": {model.name: bench.facts(model) for model in plan.models},
        "foreign": {one.name: bench.digest(one.path) for one in plan.foreign},
        "tasks": {name: _task(bench, name) for name in plan.tasks},
        "results": [
            {
                "study": cell.study,
                "title": cell.title,
                "name": cell.key,
                "seconds": store.read(cell).seconds,
            }
            for cell in there
        ],
        "missing": sum(map(len, cells.values())) - len(there),
    }


def _command(words: Sequence[str]) -> str:
    """The command line; of a path that holds on one machine only, its last part."""
    return " ".join(["isoclr", *(Path(w).name if Path(w).is_absolute() else w for w in words)])


def _task(bench: Context, name: str) -> dict[str, Any]:
    asked = bench.plan.tasks[name]
    return {
        "title": asked.task.title,
        "labels": asked.task.table.name,
        "sha256": bench.digest(asked.task.table),
        "label": asked.task.label,
        "units": asked.task.units,
        "citation": asked.task.citation,
        "species": asked.task.species,
        "rnas": asked.task.rnas,
        "splits": list(asked.splits),
        "repeats": asked.repeats,
        "published": asked.published,
    }


def machine() -> dict[str, Any]:
    """Processor, cores and memory, and the GPU where there is one."""
    import torch

    facts: dict[str, Any] = {"system": platform.platform(), "cpu": _cpu(), "cores": os.cpu_count()}
    if torch.cuda.is_available():
        facts["gpu"] = torch.cuda.get_device_name()
    return facts


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def differences(results: Sequence[Stored]) -> list[Row]:
    """The first method's main metric minus every other's, paired by split, with its 95 % interval.

    Args:
        results: of one study; within a task and split, the first method is compared with the others, each with the
            first method's result by the same probe model where there is one, else with its first.
    """
    dealt: dict[tuple[str, str], list[Stored]] = {}
    for result in results:
        if result.rows and "by_split" in result.details:
            key = (str(result.rows[0]["task"]), str(result.rows[0]["split"]))
            dealt.setdefault(key, []).append(result)
    return [row for part in dealt.values() for row in _with_first(part)]


def _with_first(results: Sequence[Stored]) -> list[Row]:
    """Differences within one task and split; a method is never compared with itself."""
    name = results[0].rows[0]["method"]
    first = [one for one in results if one.rows[0]["method"] == name]
    found = []
    for other in results:
        model = other.rows[0]["model"]
        if other.rows[0]["method"] != name:
            same = (one for one in first if one.rows[0]["model"] == model)
            found.append(_difference(next(same, first[0]), other))
    return found


def _difference(first: Stored, other: Stored) -> Row:
    row = other.rows[0]
    metric = str(row["metric"])
    ours, theirs = first.details["by_split"], other.details["by_split"]
    pairs = [
        one[metric] - another[metric]
        for one, another in zip(ours, theirs, strict=True)
        if one[metric] is not None and another[metric] is not None
    ]
    found = paired_over(pairs, ours)
    return {
        "study": row["study"],
        "task": row["task"],
        "split": row["split"],
        "method": first.rows[0]["method"],
        "against": row["method"],
        "model": first.rows[0]["model"],
        "against_model": row["model"],
        "metric": metric,
        "value": found.mean,
        "low": found.low,
        "high": found.high,
        "p": found.p,
        "n": len(pairs),
    }


def paired_over(values: Sequence[float], splits: Sequence[Mapping[str, Any]]) -> Difference:
    """Mean difference over splits, tested as :func:`isoclr.tasks.metrics.paired` says."""
    if not values:
        return Difference(*[float("nan")] * 4)
    train = float(np.mean([split["train"] for split in splits]))
    test = float(np.mean([split["test"] for split in splits]))
    return paired(values, train, test)


def over_repeats(rows: Sequence[Row]) -> list[Row]:
    """Low-data results: mean over the repeats of a share, with an interval that allows for their overlap.

    The repeats' splits overlap as those of all labels do, whatever share of a training part is used; so it is the whole
    training part that counts in the correction, which is cautious for small shares, whose subsets hardly overlap.
    """
    if not rows:
        return []
    by = ["study", "task", "split", "method", "model", "share", "metric"]
    table = pl.DataFrame(rows, infer_schema_length=None)
    found: list[Row] = []
    for key, part in table.group_by(by, maintain_order=True):
        values = part["value"].drop_nulls().to_list()
        if not values:
            continue
        train, test = (float(np.mean(part[column].to_numpy())) for column in ("train", "n"))
        told = dict(zip(by, key, strict=True))
        mean = over_seeds(values, train * 100 / float(told["share"]), test)
        counts = {"train": round(train), "repeats": len(values)}
        found.append({**told, "value": mean.mean, "low": mean.low, "high": mean.high, **counts})
    return found


RESULTS, TABLES = "results", "tables"
_TABLES_OF = {
    "main": ("predictions.parquet",),
    "latent": ("map.parquet", "map_colours.json"),
    "mutagenesis": ("mutations.parquet",),
}


def write_results(
    bench: Context, store: Store, cells: Mapping[str, Sequence[CachedResult]]
) -> None:
    """Write what is there: ``results/STUDY.csv`` and ``tables/NAME.parquet``; remove what older inputs left there."""
    there = _there(store, cells)
    _remove_old(bench.out, there)
    folder = bench.out / RESULTS
    write_csv(folder / "corpus.csv", _corpus_rows(bench))
    for study, results in there.items():
        rows = [row for result in results for row in result.rows]
        write_csv(folder / f"{study}.csv", rows)
        if paired := differences(results):
            write_csv(folder / f"{study}_differences.csv", paired)
        if study == "low_data":
            write_csv(folder / "low_data_means.csv", over_repeats(rows))
        if by_split := [row for result in results for row in _split_rows(result)]:
            write_csv(folder / f"{study}_splits.csv", by_split)
    _write_predictions(bench, there.get("main", []))
    _write_maps(bench, there.get("latent", []))
    _write_mutations(bench, there.get("mutagenesis", []))


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write tidy rows; columns in order of first appearance, nothing where a row has no value."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _written(value) for name, value in row.items()} for row in rows)
    with atomic_path(path) as partial:
        partial.write_text(text.getvalue(), encoding="utf-8")


def _written(value: str | int | float | None) -> str | int | float | None:
    """As a CSV file holds it: six digits, and nothing for what is no number."""
    if not isinstance(value, float):
        return value
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _remove_old(out: Path, there: Mapping[str, Sequence[Stored]]) -> None:
    """Remove files of studies without a result of the present inputs, and all that is about to be written anew."""
    for study in (*STUDIES, "leaks"):
        kinds = [f"{study}_differences", f"{study}_splits", f"{study}_means"]
        for name in kinds + ([] if study in there else [study]):
            (out / RESULTS / f"{name}.csv").unlink(missing_ok=True)
    for study, names in _TABLES_OF.items():
        if study not in there:
            for name in names:
                (out / TABLES / name).unlink(missing_ok=True)


def _there(store: Store, cells: Mapping[str, Sequence[CachedResult]]) -> dict[str, list[Stored]]:
    """Results by study; the leak audits, made with the main table, are a study of their own."""
    found: dict[str, list[Stored]] = {}
    for mine in cells.values():
        for cell in mine:
            if store.has(cell):
                found.setdefault(cell.study, []).append(store.read(cell))
    return found


def _split_rows(result: Stored) -> list[Row]:
    """Every split's metrics of one result."""
    if not result.rows or "by_split" not in result.details:
        return []
    told = {
        name: result.rows[0].get(name) for name in ("study", "task", "split", "method", "model")
    }
    counts = ("split", "train", "test", "penalty")
    return [
        {
            **told,
            "fold": split["split"],
            "metric": metric,
            "value": value,
            "train": split["train"],
            "n": split["test"],
        }
        for split in result.details["by_split"]
        for metric, value in split.items()
        if metric not in counts
    ]


def _corpus_rows(bench: Context) -> list[Row]:
    """The paper's Table 1 of the corpus in use."""
    return [
        {
            "study": "corpus",
            "species": group.name,
            "gene_sets": group.gene_sets,
            "transcripts": group.transcripts,
            "mean": group.mean,
            "several": group.several,
            "genes": group.genes,
            "mapped": group.mapped,
        }
        for group in inspect(bench.corpus).groups
    ]


def _write_predictions(bench: Context, results: Sequence[Stored]) -> None:
    """Predictions from the first model's embedding, a table for all tasks and splits."""
    first = bench.plan.models[0].name
    parts = []
    for result in results:
        if not result.rows or result.rows[0]["method"] != first:
            continue
        told = [pl.lit(result.rows[0][name]).alias(name) for name in ("task", "model")]
        dealt = pl.lit(result.rows[0]["split"]).alias("dealt")
        parts.append(result.table("predictions").with_columns(*told, dealt))
    if parts:
        table = pl.concat(parts).join(_symbols(bench), on="transcript_id", how="left")
        _write_table(bench, "predictions", table)


def _write_maps(bench: Context, results: Sequence[Stored]) -> None:
    """All maps, one under the other, told apart by ``method``; their RNAs and colourings are the same."""
    maps = [one for one in results if "colours" in one.details]
    if maps:
        parts = [
            one.table("map").with_columns(method=pl.lit(str(one.details["method"]))) for one in maps
        ]
        _write_table(bench, "map", pl.concat(parts, how="diagonal_relaxed"))
        text = json.dumps(maps[0].details["colours"], indent=1, ensure_ascii=False)
        with atomic_path(bench.out / TABLES / "map_colours.json") as partial:
            partial.write_text(text + "\n", encoding="utf-8")


def _write_mutations(bench: Context, results: Sequence[Stored]) -> None:
    """Every base of the mRNAs that were mutated, with what was predicted."""
    parts = []
    for one in results:
        if "coding" in one.details:
            told = {key: one.details[key] for key in ("task", "target", "value")}
            start, end = one.details["coding"]
            told |= {"coding_start": start, "coding_end": end}
            columns = [pl.lit(value).alias(name) for name, value in told.items()]
            parts.append(one.table("mutations").with_columns(columns))
    if parts:
        _write_table(bench, "mutations", pl.concat(parts, how="diagonal_relaxed"))


def _write_table(bench: Context, name: str, table: pl.DataFrame) -> None:
    with atomic_path(bench.out / TABLES / f"{name}.parquet") as partial:
        table.write_parquet(partial, compression="zstd")


def _symbols(bench: Context) -> pl.DataFrame:
    names = bench.corpus.transcripts.select("transcript_id", "gene_symbol")
    return names.unique("transcript_id", keep="first", maintain_order=True)
