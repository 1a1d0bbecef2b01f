"""The output directory of an evaluation with something of every study, and its page in a browser."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from isoclr.evaluation.report.page import write_page


@pytest.fixture(scope="session")
def browser(chromium: Any, page: Path) -> Any:
    """The page, opened once: plotly alone is 5 MB to read."""
    chromium.open(page)
    return chromium


MANIFEST = {
    "isoclr": "0.0.1",
    "command": "isoclr evaluate plan.toml",
    "python": "3.11",
    "packages": {},
    "machine": {"cpu": "a processor", "cores": 2},
    "seed": 0,
    "results": [{"study": "main", "title": "one", "name": "x", "seconds": 60.0}],
    "missing": 1,
    "models": {"ours": {"model": "isoclr-s", "pooling": "last", "tracks": 6, "sha256": "a" * 64}},
    "tasks": {
        "half-life": {
            "title": "half-life <of> mRNAs",
            "labels": "h.tsv",
            "citation": "Somebody 2022",
            "units": "z",
            "rnas": "coding",
            "splits": ["fold"],
            "published": "half-life human",
        }
    },
}
VALUE = {"value": 0.7, "low": 0.6, "high": 0.8, "n": 50}
Rows = list[dict[str, object]]


def _probe(study: str, method: str, value: float) -> Rows:
    keys = {"study": study, "task": "half-life", "split": "fold", "method": method}
    ends = {"value": value, "low": value - 0.05, "high": value + 0.05, "n": 100}
    row = {**keys, "model": "ridge", "dim": 2, "metric": "pearson", **ends}
    return [row, {**row, "metric": "mse", "value": 1 - value**2}]


def _difference(baseline: str, value: float) -> dict[str, object]:
    keys = {"study": "main", "task": "half-life", "split": "fold", "method": "ours"}
    keys |= {"against": baseline, "model": "ridge", "against_model": "ridge", "metric": "pearson"}
    return {**keys, "value": value, "low": value - 0.05, "high": value + 0.05, "p": 0.001, "n": 8}


def _csv_files() -> dict[str, Rows]:
    low = {"study": "low_data", "task": "half-life", "split": "random", "metric": "pearson"}
    neighbor = {"part": "retrieval", "scope": "all RNAs", "relation": "isoform", "length": "all"}
    neighbor["method"] = "ours"
    term = {"task": "gene-ontology-human", "hierarchy": "molecular_function", "method": "ours"}
    motif = {"part": "motifs", "task": "half-life", "motif": "AU-rich", "region": "3' UTR"}
    base = {"part": "every base", "task": "half-life", "transcript": "T1", "n": 9}
    base["consequence"] = "missense"
    leak = {"task": "half-life", "split": "fold", "n": 40}
    corpus = {"species": "all", "gene_sets": 3000, "transcripts": 7000, "mean": 2.3, "several": 0.3}
    return {
        "corpus": [corpus],
        "main": _probe("main", "ours", 0.5) + _probe("main", "k-mers + codons", 0.6),
        "main_differences": [_difference("k-mers + codons", -0.1), _difference("length alone", 0.2)],
        "finetuning": _probe("finetuning", "ours, fine-tuned", 0.7),
        "low_data": [{**low, "method": "ours", "share": 1.0}],
        "low_data_means": [
            {**low, "method": method, "share": share, "train": int(10 * share), **VALUE}
            for method in ("ours", "k-mers + codons")
            for share in (1.0, 10.0, 100.0)
        ],
        "ablations": _probe("ablations", "full", 0.4) + _probe("ablations", "no mask", 0.3),
        "leaks": [{**leak, "metric": "gene", "value": 3}, {**leak, "metric": "gene set"}],
        "ontology": [
            {**term, "metric": metric, "term_id": term_id, "term": "a function", **VALUE}
            for metric in ("roc_auc", "cross_entropy")
            for term_id in ("all", "GO:1")
        ],
        "latent": [
            {**neighbor, "k": 1, "metric": "hit rate", **VALUE},
            {**neighbor, "k": 1, "metric": "length-matched chance", "value": 0.1},
            {"part": "geometry", "relation": "isoform", "method": "ours", "metric": "alignment", **VALUE},
            {"part": "properties", "property": "GC", "method": "ours", "metric": "r2", **VALUE},
            {"part": "map", "colour": "half-life", "method": "ours", "metric": "spearman", **VALUE},
        ],
        "mutagenesis": [
            {**motif, "metric": "effect beyond control", **VALUE},
            {**base, "metric": "mean effect", "value": -0.01},
            {**base, "metric": "mean absolute effect", "value": 0.02},
        ],
    }  # fmt: skip


POINTS = 60


def _map() -> pl.DataFrame:
    """Two maps of the same RNAs; the first RNA lies far from the others."""
    x = [100.0, *(float(i % 8) for i in range(1, POINTS))]
    y = [100.0, *(float(i // 8) for i in range(1, POINTS))]
    names = {
        "transcript_id": [f"ENST{i:04d}.1" for i in range(POINTS)],
        "gene_id": [f"ENSG{i:04d}" for i in range(POINTS)],
        "gene_symbol": ["TP53", ""] + [f"SYM{i}" for i in range(2, POINTS)],
    }
    colorings = {
        "half-life": [None, *(i / 10 for i in range(1, POINTS))],
        "function": ["binding", None] + ["kinase"] * (POINTS - 2),
    }
    shown = pl.DataFrame({**names, "x": x, "y": y, **colorings})
    other = shown.with_columns(x=-pl.col("x"), method=pl.lit("random-init encoder"))
    return pl.concat([shown.with_columns(method=pl.lit("ours")), other])  # fmt: skip


def _predictions() -> pl.DataFrame:
    measured = np.linspace(-2, 2, POINTS)
    names = [f"ENST{i:04d}.1" for i in range(POINTS)]
    columns = {"transcript_id": names, "measured": measured, "predicted": measured / 2}
    return pl.DataFrame({**columns, "task": "half-life", "model": "ridge", "split_kind": "fold"})


def _mutations() -> pl.DataFrame:
    effects = np.random.default_rng(0).normal(0, 0.01, (40, 4))
    return pl.DataFrame(
        {
            "transcript_id": "T1",
            "position": np.arange(1, 41),
            "base": list("ACGU" * 10),
            "importance": -effects.sum(1) / 3,
            **{base: effects[:, i] for i, base in enumerate("ACGU")},
            "exon_end": [i in (19, 39) for i in range(40)],
            **{"task": "half-life", "target": "half-life", "value": 0.5},
            **{"coding_start": 10, "coding_end": 31},
        }
    )


@pytest.fixture(scope="session")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output directory of an evaluation with something of every study."""
    folder = tmp_path_factory.mktemp("evaluation")
    for name in ("results", "tables"):
        (folder / name).mkdir()
    for name, rows in _csv_files().items():
        pl.DataFrame(rows, infer_schema_length=None).write_csv(folder / "results" / f"{name}.csv")
    (folder / "results" / "manifest.json").write_text(json.dumps(MANIFEST))
    for name, table in (("predictions", _predictions()), ("map", _map()), ("mutations", _mutations())):
        table.write_parquet(folder / "tables" / f"{name}.parquet")
    colorings = {"half-life": {"kind": "quantity"}, "function": {"kind": "class"}}
    text = json.dumps({name: {**kind, "skewed": False} for name, kind in colorings.items()})
    (folder / "tables" / "map_colorings.json").write_text(text)
    return folder


@pytest.fixture(scope="session")
def page(evaluation: Path) -> Path:
    """The page of that evaluation."""
    return write_page(evaluation)
