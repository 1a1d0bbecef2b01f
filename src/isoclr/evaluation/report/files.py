"""The figures as files, PNG and SVG, from the same charts as the page."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from isoclr.evaluation.report.charts import Dots
from isoclr.evaluation.report.drawing import draw_curves, draw_dots
from isoclr.evaluation.report.results import Results
from isoclr.evaluation.report.sections import (
    ablations,
    finetuned,
    linear_probe,
    mutagenesis,
    neighbours,
    ontology,
)
from isoclr.evaluation.report.sections.low_data import curves as low_data_curves
from isoclr.evaluation.report.sections.maps import panels as maps_panels
from isoclr.plotting import map_figure, mutation_figure

FOLDER = "figures"
FORMATS = ("png", "svg")
_OURS = re.compile(
    r"(main|finetuning|ablations|map|mutations)_.+|low_data|ontology|neighbours|motifs"
)


def write_figures(results: Results) -> None:
    """Draw what there is into ``figures/``."""
    folder = results.folder / FOLDER
    _remove_old(folder)
    for kind in FORMATS:
        for name, charts in _dots(results):
            draw_dots(folder / f"{name}.{kind}", charts)
        if curves := low_data_curves(results):
            draw_curves(folder / f"low_data.{kind}", curves)
        for name, method, points, panels in maps_panels(results):
            x, y = (points[axis].to_numpy() for axis in ("x", "y"))
            map_figure(folder / f"{name}.{kind}", x, y, panels, title=method)
        _draw_mutations(results, folder, kind)


def _remove_old(folder: Path) -> None:
    """Remove the figures of an earlier page: what it showed may be of other inputs."""
    for kind in FORMATS:
        for path in folder.glob(f"*.{kind}"):
            if _OURS.fullmatch(path.stem):
                path.unlink()


def _dots(results: Results) -> Iterator[tuple[str, list[Dots]]]:
    by_split = {"main": linear_probe, "finetuning": finetuned, "ablations": ablations}
    for study, module in by_split.items():
        rows = results.rows(study)
        for split in dict.fromkeys(rows["split"]) if not rows.is_empty() else ():
            yield f"{study}_{split}", module.dots(results, rows, split)
    others = {"ontology": ontology, "neighbours": neighbours, "motifs": mutagenesis}
    for name, other in others.items():
        if charts := other.dots(results):
            yield name, charts


def _draw_mutations(results: Results, folder: Path, kind: str) -> None:
    """Every mutated mRNA with its track and the logo of its most important stretch."""
    for (task, transcript), part in mutagenesis.mutated(results).items():
        first = part.row(0, named=True)
        letters = {letter: code for code, letter in enumerate("ACGUN")}
        bases = part["base"].replace_strict(letters, return_dtype=pl.UInt8)
        mutation_figure(
            folder / f"{mutagenesis.picture(task, transcript)}.{kind}",
            title=f"{transcript}: {first['target']}, predicted {first['value']:.2f}",
            bases=bases.to_numpy(),
            effects=part.select("A", "C", "G", "U").to_numpy().astype(np.float32),
            importance=part["importance"].to_numpy().astype(np.float32),
            coding=(first["coding_start"], first["coding_end"]),
            exon_ends=np.flatnonzero(part["exon_end"].to_numpy()),
        )
