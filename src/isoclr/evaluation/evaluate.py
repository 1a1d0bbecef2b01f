"""The verb: a plan in; every result, table, figure and one page out."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isoclr._console import info, table
from isoclr.errors import InputError
from isoclr.evaluation.cache import CachedResult, Context, Store
from isoclr.evaluation.plan import Plan, StudyName
from isoclr.evaluation.read_plan import read_plan
from isoclr.evaluation.results import RESULTS, write_manifest, write_results
from isoclr.evaluation.studies.ablations import cells as ablations_cells
from isoclr.evaluation.studies.finetuning import cells as finetuning_cells
from isoclr.evaluation.studies.latent import cells as latent_cells
from isoclr.evaluation.studies.linear_probe import cells as main_cells
from isoclr.evaluation.studies.low_data import cells as low_data_cells
from isoclr.evaluation.studies.mutagenesis import cells as mutagenesis_cells
from isoclr.evaluation.studies.ontology import cells as ontology_cells

_CELLS: Mapping[str, Callable[[Context, Any], list[CachedResult]]] = {
    "main": main_cells,
    "low_data": low_data_cells,
    "ontology": ontology_cells,
    "latent": latent_cells,
    "mutagenesis": mutagenesis_cells,
    "finetuning": finetuning_cells,
    "ablations": ablations_cells,
}


@dataclass(frozen=True)
class Progress:
    """One study of a benchmark: how many of its results are there."""

    study: str
    there: int
    results: int
    computed: int
    """How many of them this call made."""


@dataclass(frozen=True)
class Evaluation:
    """What :func:`benchmark` found or made.

    Attributes:
        out: the benchmark's directory.
        studies: one a study.
        to_do: titles of the results that are not there.
    """

    out: Path
    studies: list[Progress]
    to_do: list[str]
    report: Path | None = None
    """The page; None when it is not there, or was not asked for."""

    def print(self) -> None:
        """Print what is there and what is missing."""
        rows = [(one.study, one.results, one.there, one.computed) for one in self.studies]
        table(f"evaluation: {self.out}", ["study", "results", "there", "computed now"], rows)
        for title in self.to_do:
            info(f"to do: {title}")
        if self.report is not None and not self.to_do:
            info(f"the report is {self.report}")


def evaluate(
    plan: Path,
    *,
    out: Path,
    only: tuple[StudyName, ...] = (),
    list: bool = False,
    report: bool = True,
) -> Evaluation:
    """The paper's evaluation, and a fairer one, on any corpus, models and labels.

    Every result is kept under a name made of all that decides it: options, input files and weights by their content.
    What is there is never computed again; killed at any moment, the same command goes on. Studies run in a fixed order,
    what is cheap and tells most first, and after each one the CSV files, figures and the page are written anew.

    Args:
        plan: TOML file with the corpus, models, tasks and studies.
        out: directory of the results; one that is there is gone on with.
        only: run these studies of the plan only; the report shows all that is there.
        list: compute nothing; tell what is there and what is not.
        report: write figures and the page report.html beside the CSV files.

    Returns:
        What is there, and what this call computed.

    Raises:
        InputError: a plan, file or option that cannot be used.
    """
    read = read_plan(Path(plan))
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file, expected the directory of a benchmark")
    asked = _asked(read, only)
    if report and not list:
        from isoclr.evaluation.report.document import check_page

        check_page()  # before hours of work, not behind them
    bench, store = Context(read, out), Store(out)
    cells: dict[str, Sequence[CachedResult]] = {
        study: _CELLS[study](bench, getattr(read, study)) for study in read.studies
    }
    computed = dict.fromkeys(cells, 0)
    for study in asked if not list else ():
        computed[study] = _run(study, cells[study], store)
        _write(bench, store, cells, report=report)
    return Evaluation(
        out,
        [
            Progress(study, sum(map(store.has, mine)), len(mine), computed[study])
            for study, mine in cells.items()
        ],
        [cell.title for mine in cells.values() for cell in mine if not store.has(cell)],
        _page(out) if report else None,
    )


def _page(out: Path) -> Path | None:
    from isoclr.evaluation.report.document import PAGE

    return out / PAGE if (out / PAGE).is_file() else None


def _asked(plan: Plan, only: Sequence[StudyName]) -> Sequence[StudyName]:
    for name in only:
        if name not in plan.studies:
            raise InputError(
                f"{plan.path}: has no study [{name}], which --only asks for; expected {', '.join(plan.studies)}"
            )
    return [name for name in plan.studies if not only or name in only]


def _run(study: str, cells: Sequence[CachedResult], store: Store) -> int:
    """Compute what is not there; how many."""
    missing = [cell for cell in cells if not store.has(cell)]
    info(f"{study}: {len(cells) - len(missing)} of {len(cells)} results are there")
    for number, cell in enumerate(missing, 1):
        start = time.perf_counter()
        info(f"{study} {number}/{len(missing)}: {cell.title}")
        store.write(cell, cell.compute(), time.perf_counter() - start)
    return len(missing)


def _write(
    bench: Context, store: Store, cells: Mapping[str, Sequence[CachedResult]], *, report: bool
) -> None:
    """Tables, manifest, figures and page of all that is there."""
    folder = bench.out / RESULTS
    write_results(bench, store, cells)
    write_manifest(bench, store, cells, folder / "manifest.json")
    if report:
        from isoclr.evaluation.report.document import write_page

        write_page(bench.out)
