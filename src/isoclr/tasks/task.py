"""Reading a TOML table field by field, so that a wrong or unknown one is named."""

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, get_args, overload

import polars as pl

from isoclr._console import info, table
from isoclr.embedding.embeddings import RnaChoice
from isoclr.errors import InputError
from isoclr.genomics.encoding import Codes
from isoclr.tasks.labels import Labels, read_labels, read_text_table
from isoclr.tasks.reporter import Construct, insert_names, read_construct, write_fasta
from isoclr.tasks.splits import SplitKind

_REQUIRED: Any = object()
Default = TypeVar("Default")


class Fields:
    """A table of a task file; it remembers which fields were asked for.

    Args:
        source: the file, for errors.
        values: the table.
        path: where in the file the table stands, such as ``labels.columns``; empty for the file itself.
    """

    def __init__(self, source: Path, values: Mapping[str, Any], path: str = "") -> None:
        self.source = source
        self.values = values
        self.path = path
        self._asked: list[str] = []

    @overload
    def text(self, key: str) -> str: ...
    @overload
    def text(self, key: str, default: Default) -> str | Default: ...
    def text(self, key: str, default: Any = _REQUIRED) -> Any:
        """A field of text."""
        return self._get(key, str, "text", default)

    def number(self, key: str, default: int) -> int:
        """A field that is a whole number, 1 or more."""
        value = self._get(key, int, "a whole number, 1 or more", default)
        if isinstance(value, bool) or value < 1:
            raise self._wrong(key, value, "a whole number, 1 or more")
        return int(value)

    def choice(self, key: str, choices: Sequence[str], default: str) -> str:
        """A field that is one of a few words."""
        value = self._get(key, str, f"one of {', '.join(choices)}", default)
        if value not in choices:
            raise self._wrong(key, value, f"one of {', '.join(choices)}")
        return str(value)

    def file(self, key: str, folder: Path) -> Path:
        """A file's path, or several of which the first that exists is meant (the first of all when none does)."""
        named = self._get(key, str | list, "a path, or several", _REQUIRED)
        paths = [named] if isinstance(named, str) else named
        if not paths or not all(isinstance(path, str) for path in paths):
            raise self._wrong(key, named, "a path, or several")
        files = [folder / path for path in paths]
        return next((file for file in files if file.exists()), files[0])

    @overload
    def table(self, key: str) -> "Fields": ...
    @overload
    def table(self, key: str, default: dict[str, Any]) -> "Fields": ...
    @overload
    def table(self, key: str, default: None) -> "Fields | None": ...
    def table(self, key: str, default: Any = _REQUIRED) -> "Fields | None":
        """A table within this one."""
        value = self._get(key, dict, "a table", default)
        return None if value is None else Fields(self.source, value, self._name(key))

    def refuse_others(self) -> None:
        """Refuse a field that nothing asked for: a slip of the pen must not pass in silence.

        Raises:
            InputError: there is one.
        """
        unknown = [key for key in self.values if key not in self._asked]
        if unknown:
            raise InputError(
                f"{self.source}: unknown field {self._name(unknown[0])!r}, expected {', '.join(self._asked)}"
            )

    def _get(self, key: str, kind: Any, expected: str, default: Any) -> Any:
        self._asked.append(key)
        if key not in self.values:
            if default is _REQUIRED:
                raise InputError(
                    f"{self.source}: no field {self._name(key)!r}, expected {expected}"
                )
            return default
        value = self.values[key]
        if not isinstance(value, kind):
            raise self._wrong(key, value, expected)
        return value

    def _wrong(self, key: str, value: object, expected: str) -> InputError:
        return InputError(f"{self.source}: {self._name(key)} is {value!r}, expected {expected}")

    def _name(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key


@dataclass(frozen=True)
class Task:
    """One label to predict from an RNA.

    Attributes:
        name: short name, such as ``half-life-human``.
        title: what it is, in words.
        citation: who measured it.
        source: the task file.
        units: of the label.
        table: the label table.
        label: the label's column; None when the table has one numeric column only.
        columns: our name of a column → the table's (see :func:`read_labels`).
        species: whose RNAs; None for all.
        rnas: which of them (see :data:`RnaChoice`).
        split: how the samples are split unless something else is asked for.
        construct: for a reporter assay, what its mRNAs have in common; then every row of the table is an mRNA of its
            own, which no corpus has.
    """

    name: str
    title: str
    citation: str
    source: Path
    units: str
    table: Path
    label: str | None
    columns: Mapping[str, str]
    species: str | None
    rnas: RnaChoice
    split: SplitKind
    construct: Construct | None

    def labels(self) -> Labels:
        """The measured labels; those of a construct are by transcript, under the ids of :meth:`sequences`.

        Raises:
            InputError: the table is not there, or see :func:`read_labels`.
        """
        check_at_hand(self.table, self.name)
        if self.construct is None:
            return read_labels(self.table, self.label, self.columns)
        inserts = self._inserts(self.construct)
        raw = read_text_table(self.table).with_columns(
            transcript_id=pl.Series(insert_names(self.name, inserts), dtype=pl.String)
        )
        return read_labels(
            self.table, self.label, {**self.columns, "transcript_id": "transcript_id"}, raw=raw
        )

    def sequences(self) -> dict[str, Codes]:
        """The mRNAs of a reporter assay: id → six-track codes, one a row of the table.

        Raises:
            InputError: the task has no construct, or a row has no insert.
        """
        construct = self.require_construct()
        inserts = self._inserts(construct)
        names = insert_names(self.name, inserts)
        return {
            name: construct.codes(insert, name)
            for name, insert in zip(names, inserts["insert"], strict=True)
        }

    def inserts(self) -> dict[str, str]:
        """The stretch in which the mRNAs of a reporter assay differ: id → sequence."""
        rows = self._inserts(self.require_construct())
        return dict(zip(insert_names(self.name, rows), rows["insert"], strict=True))

    def write_fasta(self, path: Path) -> int:
        """Write the mRNAs of a reporter assay with their coding sequences, ready for ``isoclr embed``; how many.

        Raises:
            InputError: the task has no construct, or a row has no insert.
        """
        construct = self.require_construct()
        rows = self._inserts(construct)
        write_fasta(Path(path), insert_names(self.name, rows), rows["insert"].to_list(), construct)
        return rows.height

    def require_construct(self) -> Construct:
        """The construct of a reporter assay.

        Raises:
            InputError: the task is of a corpus' RNAs.
        """
        if self.construct is None:
            raise InputError(
                f"{self.source}: task {self.name} has no sequences of its own, its RNAs are a corpus'; "
                "expected a [construct] with insert, before, cds and after"
            )
        return self.construct

    def _inserts(self, construct: Construct) -> pl.DataFrame:
        """``line`` of the table and ``insert``, for every row."""
        check_at_hand(self.table, self.name)
        raw = read_text_table(self.table)
        if construct.insert not in raw.columns:
            raise InputError(
                f"{self.table}: no column {construct.insert!r} with the inserts; the columns are "
                + ", ".join(raw.columns)
            )
        rows = raw.select(line=pl.int_range(2, pl.len() + 2), insert=pl.col(construct.insert))
        empty = rows.filter(pl.col("insert").is_null())
        if empty.height:
            raise InputError(
                f"{self.table}: line {empty['line'][0]}: {construct.insert} is empty, expected a sequence"
            )
        return rows


@dataclass(frozen=True)
class OntologyTask:
    """Gene ontology terms to predict from an RNA: a multi-label task for each of the three hierarchies.

    Attributes:
        name: short name, such as ``gene-ontology-human``.
        title: what it is, in words.
        citation: who made it.
        source: the task file.
        terms: the ontology, OBO.
        annotations: which gene has which term, in the format of NCBI's gene2go.
        gene_ids: joins the corpus' gene ids to NCBI's; None when they are the same.
        depth: how many steps below the root the terms are.
        classes: how many terms of each hierarchy.
        species: whose RNAs.
        rnas: which of them.
        split: how the samples are split unless something else is asked for.
    """

    name: str
    title: str
    citation: str
    source: Path
    terms: Path
    annotations: Path
    gene_ids: Path | None
    depth: int
    classes: int
    species: str
    rnas: RnaChoice
    split: SplitKind


def check_at_hand(path: Path, task: str) -> None:
    """Refuse a task whose file is not there, and say how to tell where it is.

    Raises:
        InputError: there is no such file.
    """
    if not path.exists():
        raise InputError(
            f"{path}: no such file, expected one of task {task}; --data or ISOCLR_DATA names the folder of its files"
        )


def described(tasks: Sequence[Task | OntologyTask]) -> list[list[str]]:
    """A row a task: name, what it is, species, RNAs, split, file."""
    return [
        [
            task.name,
            task.title,
            task.species or "",
            task.rnas,
            task.split,
            str(task.table if isinstance(task, Task) else task.annotations),
        ]
        for task in tasks
    ]


BUILTIN_DIR = Path(__file__).parent / "shelf"
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
    return sorted(path.stem for path in BUILTIN_DIR.glob("*.toml"))


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
        if path.parent != BUILTIN_DIR:
            return path, Path(data) if data is not None else path.parent
        task = path.stem
    if str(task) not in task_names():
        raise InputError(
            f"{task}: no such task; expected a TOML file or one of {', '.join(task_names())}"
        )
    folder = data if data is not None else os.environ.get(DATA_VARIABLE, DATA_FOLDER)
    return BUILTIN_DIR / f"{task}.toml", Path(folder)


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


def list_tasks(
    task: str | None = None, *, data: Path | None = None, fasta: Path | None = None
) -> None:
    """The supervised tasks that ship with this package, or one of them or of your own.

    Args:
        task: a name, or a TOML file; all that ship when none is given.
        data: the folder that the task's files are in (default: that of ISOCLR_DATA, or ``data``, for a task that ships,
            else the task file's own).
        fasta: write the RNAs of a reporter assay to this file, with their coding sequences, ready for ``isoclr embed``.

    Raises:
        InputError: no such task, or one whose RNAs are a corpus'.
    """
    names = task_names() if task is None else [task]
    if fasta is not None:
        if task is None:
            raise InputError("--fasta needs the name of one task, such as mrl-5utr")
        count = read_label_task(task, data).write_fasta(Path(fasta))
        info(f"wrote {count:,} RNAs to {fasta}")
        return
    columns = ["task", "what", "species", "RNAs", "split", "labels"]
    table("tasks", columns, described([read_task(name, data) for name in names]))
