"""The ``evaluate`` command: a plan → results, tables, figures and one page."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from isoclr._console import info
from isoclr._io import exclusive
from isoclr._report import Report, Row, Table
from isoclr._threads import use_threads
from isoclr.errors import InputError
from isoclr.evaluation.cache import CachedResult, Store
from isoclr.evaluation.context import Context
from isoclr.evaluation.output import write_manifest, write_results
from isoclr.evaluation.plan import StudyName, read_plan
from isoclr.evaluation.report.results import PAGE
from isoclr.evaluation.studies import ablations, finetuning, latent, linear_probe, low_data, mutagenesis, ontology

_STUDIES: Mapping[StudyName, Callable[[Context, Any], list[CachedResult]]] = {
    "main": linear_probe.results,
    "low_data": low_data.results,
    "ontology": ontology.results,
    "latent": latent.results,
    "mutagenesis": mutagenesis.results,
    "finetuning": finetuning.results,
    "ablations": ablations.results,
}


@dataclass(frozen=True)
class Progress:
    """How many of a study's results are done."""

    study: str
    done: int
    results: int
    computed: int  # Results that this call computed


@dataclass(frozen=True)
class Evaluation(Report):
    """The state of an evaluation."""

    out: Path  # Its directory
    studies: list[Progress]  # One per study
    to_do: list[str]  # Titles of the results that are missing
    report: Path | None = None  # The page, if it was written

    def rows(self) -> list[Row]:
        """One row per study."""
        return [asdict(one) for one in self.studies]

    def tables(self) -> Iterator[Table]:
        """One line per study."""
        columns = ["study", "done", "results", "computed now"]
        yield Table(f"evaluation: {self.out}", columns, [[*row.values()] for row in self.rows()])

    def print(self) -> None:
        """Print what is done and what is missing."""
        super().print()
        for title in self.to_do:
            info(f"to do: {title}")
        if self.report is not None and not self.to_do:
            info(f"the report is {self.report}")


def evaluate(
    plan: Path, *, out: Path, only: tuple[StudyName, ...] = (), dry_run: bool = False, report: bool = True
) -> Evaluation:
    """The paper's evaluation, with simple baselines and stricter splits, on any corpus, models and labels.

    Every result is stored under a hash of everything it depends on: options, and input files and weights by their
    content. A result is never computed twice, and a stopped evaluation continues with the same command. Studies run in
    a fixed order, cheap and informative ones first; after each one the CSV files, figures and the page are written.

    Args:
        plan: TOML file with the corpus, models, tasks and studies.
        out: Directory of the results; an existing evaluation is continued.
        only: Run only these studies of the plan; the report shows all results.
        dry_run: Compute nothing; list what is done and what is missing.
        report: Write figures and the page report.html next to the CSV files.

    Returns:
        What is done, and what this call computed.

    Raises:
        InputError: a plan, file or option that cannot be used.
    """
    parsed, out = read_plan(Path(plan)), Path(out)
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file, expected the directory of an evaluation")
    for name in only:
        if name not in parsed.studies:
            raise InputError(f"--only {name}: {parsed.path} has no such study; expected {', '.join(parsed.studies)}")
    for entry in parsed.tasks.values():
        if entry.task.table.is_file():
            entry.task.labels().require_one_output()
    if report and not dry_run:
        from isoclr.evaluation.report.page import check_page, write_page

        check_page()  # before hours of work
    use_threads(parsed.threads)  # in every run, so that a resumed one computes the same bits
    context, store = Context(parsed, out), Store(out)
    results = {name: _STUDIES[name](context, study) for name, study in parsed.studies.items()}
    computed = dict.fromkeys(results, 0)
    if not dry_run:
        with exclusive(out):
            for name in parsed.studies:
                if not only or name in only:
                    computed[name] = _compute(name, results[name], store)
                    write_results(context, store, results)
                    write_manifest(context, store, results)
                    if report:
                        write_page(out)
    return Evaluation(
        out,
        [Progress(name, sum(map(store.has, own)), len(own), computed[name]) for name, own in results.items()],
        [one.title for own in results.values() for one in own if not store.has(one)],
        out / PAGE if report and (out / PAGE).is_file() else None,
    )


def _compute(study: str, results: Sequence[CachedResult], store: Store) -> int:
    """Compute the missing results; how many."""
    missing = [one for one in results if not store.has(one)]
    info(f"{study}: {len(results) - len(missing)} of {len(results)} results are done")
    for number, one in enumerate(missing, 1):
        start = time.perf_counter()
        info(f"{study} {number}/{len(missing)}: {one.title}")
        store.write(one, one.compute(), time.perf_counter() - start)
    return len(missing)
