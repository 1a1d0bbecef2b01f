"""Every number as CSV, a file a study, and the larger tables that the page draws."""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from isoclr.benchmarking.bench import Bench
from isoclr.benchmarking.cell import Cell, Row
from isoclr.benchmarking.plan import STUDIES
from isoclr.benchmarking.store import Store, Stored
from isoclr.benchmarking.summaries import differences, over_repeats
from isoclr.corpus.inspection import inspect
from isoclr.files import atomic_path

RESULTS, TABLES = "results", "tables"
_TABLES_OF = {
    "main": ("predictions.parquet",),
    "latent": ("map.parquet", "map_colours.json"),
    "mutagenesis": ("mutations.parquet",),
}


def write_results(bench: Bench, store: Store, cells: Mapping[str, Sequence[Cell]]) -> None:
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


def _there(store: Store, cells: Mapping[str, Sequence[Cell]]) -> dict[str, list[Stored]]:
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


def _corpus_rows(bench: Bench) -> list[Row]:
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


def _write_predictions(bench: Bench, results: Sequence[Stored]) -> None:
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


def _write_maps(bench: Bench, results: Sequence[Stored]) -> None:
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


def _write_mutations(bench: Bench, results: Sequence[Stored]) -> None:
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


def _write_table(bench: Bench, name: str, table: pl.DataFrame) -> None:
    with atomic_path(bench.out / TABLES / f"{name}.parquet") as partial:
        table.write_parquet(partial, compression="zstd")


def _symbols(bench: Bench) -> pl.DataFrame:
    names = bench.corpus.transcripts.select("transcript_id", "gene_symbol")
    return names.unique("transcript_id", keep="first", maintain_order=True)
