"""Task files: a few lines of TOML, shipped with this package or written by you."""

import os
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from isoclr.embedding.table import RnaChoice
from isoclr.errors import InputError
from isoclr.tasks.constructs import read_construct
from isoclr.tasks.fields import Fields
from isoclr.tasks.splits import SplitKind
from isoclr.tasks.task import OntologyTask, Task

SHELF = Path(__file__).parent / "shelf"
"""Where the task files that ship with this package lie."""

DATA_VARIABLE = "ISOCLR_DATA"
DATA_FOLDER = Path("data")
"""Where data lie when nothing is said: the folder that ``isoclr download`` fills."""

ONTOLOGY_SPLITS = ("homology", "random")
COLUMNS = ("gene_id", "transcript_id", "fold", "chromosome")


def task_names() -> list[str]:
    """Names of the tasks that ship with this package.

    >>> "half-life-human" in task_names()
    True
    """
    return sorted(path.stem for path in SHELF.glob("*.toml"))


def is_task(name: Path | str) -> bool:
    """Whether a word names a task, one that ships or a task file, and not a table of labels."""
    return Path(name).suffix == ".toml" or (str(name) in task_names() and not Path(name).exists())


def read_task(task: Path | str, data: Path | str | None = None) -> Task | OntologyTask:
    """Read a task file.

    Args:
        task: the name of a task that ships with this package, or a TOML file of your own.
        data: the folder that the file's paths start from. By default that of ``ISOCLR_DATA``, or ``data``, for a task
            that ships; the task file's own folder for one of yours.

    Raises:
        InputError: no such task, or a field that is missing, unknown or wrong.

    >>> task = read_task("half-life-human", data="data")
    >>> task.species, task.split, task.label
    ('human', 'fold', 'half_life')
    """
    source, folder = _find(task, data)
    fields = Fields(source, _parse(source))
    common = {
        "name": fields.text("name"),
        "title": fields.text("title"),
        "citation": fields.text("citation", default=""),
        "source": source,
    }
    samples = fields.table("samples", default={})
    common |= {
        "rnas": samples.choice("rnas", get_args(RnaChoice), default="all"),
        "split": samples.choice("split", get_args(SplitKind), default="random"),
    }
    made = (
        _ontology_task(fields, samples, folder, common)
        if "ontology" in fields.values
        else _label_task(fields, samples, folder, common)
    )
    samples.refuse_others()
    fields.refuse_others()
    return made


def read_label_task(task: Path | str, data: Path | str | None = None) -> Task:
    """The same for a task of one label.

    Raises:
        InputError: as :func:`read_task`, or the task is one of gene ontology terms.
    """
    found = read_task(task, data)
    if isinstance(found, OntologyTask):
        raise InputError(
            f"{found.source}: task {found.name} has many labels a gene, expected one; `isoclr ontology` takes it"
        )
    return found


def read_ontology_task(task: Path | str, data: Path | str | None = None) -> OntologyTask:
    """The same for a task of gene ontology terms.

    Raises:
        InputError: as :func:`read_task`, or the task is one of a single label.
    """
    found = read_task(task, data)
    if isinstance(found, Task):
        raise InputError(f"{found.source}: task {found.name} has one label, expected [ontology]")
    return found


def _find(task: Path | str, data: Path | str | None) -> tuple[Path, Path]:
    """The task file, and the folder that its paths start from."""
    path = Path(task)
    if path.suffix == ".toml":
        if not path.is_file():
            raise InputError(f"{path}: no such task file")
        if path.parent != SHELF:
            return path, Path(data) if data is not None else path.parent
        task = path.stem
    if str(task) not in task_names():
        raise InputError(
            f"{task}: no such task; expected a TOML file or one of {', '.join(task_names())}"
        )
    folder = data if data is not None else os.environ.get(DATA_VARIABLE, DATA_FOLDER)
    return SHELF / f"{task}.toml", Path(folder)


def _parse(source: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(source.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{source}: not readable as TOML ({error})") from None


def _label_task(fields: Fields, samples: Fields, folder: Path, common: dict[str, Any]) -> Task:
    labels = fields.table("labels")
    construct = fields.table("construct", default=None)
    columns = labels.table("columns", default={})
    task = Task(
        **common,
        units=labels.text("units", default=""),
        table=labels.file("file", folder),
        label=labels.text("label", default=None),
        columns={key: columns.text(key) for key in COLUMNS if key in columns.values},
        species=samples.text("species", default=None),
        construct=None,
    )
    columns.refuse_others()
    labels.refuse_others()
    if construct is None:
        return task
    return replace(task, construct=read_construct(task.source, construct.values))


def _ontology_task(
    fields: Fields, samples: Fields, folder: Path, common: dict[str, Any]
) -> OntologyTask:
    ontology = fields.table("ontology")
    named = "gene_ids" in ontology.values
    task = OntologyTask(
        **common,
        terms=ontology.file("terms", folder),
        annotations=ontology.file("annotations", folder),
        gene_ids=ontology.file("gene_ids", folder) if named else None,
        depth=ontology.number("depth", default=3),
        classes=ontology.number("classes", default=10),
        species=samples.text("species"),
    )
    ontology.refuse_others()
    if task.split not in ONTOLOGY_SPLITS:
        raise InputError(
            f"{task.source}: samples.split is {task.split!r}, expected one of {', '.join(ONTOLOGY_SPLITS)}: "
            "gene ontology terms have no folds and no chromosomes"
        )
    return task
