"""Supervised tasks: task files (TOML), and the labels and RNAs that they name."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import polars as pl
from msgspec import Meta, Struct

from isoclr._config import read_toml
from isoclr._console import info
from isoclr._io import atomic_path
from isoclr._report import Report, Row, Table
from isoclr.embedding.embeddings import RnaChoice
from isoclr.errors import InputError, counted
from isoclr.genomics.encoding import Codes
from isoclr.tasks.labels import MEDIAN, Labels, median_of_columns, read_labels, read_text_table, require_column
from isoclr.tasks.reporter import Construct, families
from isoclr.tasks.splits import SplitKind

BUILTIN_DIR = Path(__file__).parent / "builtin"  # Folder of the built-in task files
DATA_VARIABLE = "ISOCLR_DATA"
DATA_FOLDER = Path("data")
"""Default folder of the files of built-in tasks, which ``isoclr download`` fills."""
FilePath = str | list[str]  # A path, or several of which the first existing one is used


@dataclass(frozen=True)
class Task:
    """A label to predict from RNAs."""

    name: str  # Short name, such as half-life-human
    title: str  # Description
    citation: str
    source: Path
    units: str
    table: Path
    label: str | None  # The label's column; None if the table has one numeric column only
    columns: Mapping[str, str]  # Our name of a column → the table's (see read_labels)
    species: str | None  # Species of the RNAs; None for all
    rnas: RnaChoice
    split: SplitKind  # The default split
    construct: Construct | None
    """For a reporter assay, the common parts of its mRNAs. Then each row of the table is an mRNA of its own."""
    classes: tuple[str, ...] = ()
    """Classes of which an RNA can have several; the label's column has a digit, 0 or 1, for each."""
    median_of: tuple[str, ...] = ()  # Columns whose median over each row is the label median
    family_nt: int | None = None
    """Inserts of a reporter assay that share so many consecutive nt are a family, which a split keeps together."""

    def labels(self) -> Labels:
        """The labels; those of a reporter assay are by transcript, with the ids of :meth:`inserts`."""
        check_exists(self.table, self.name)
        raw = read_text_table(self.table)
        if self.median_of:
            key = None if self.construct else self.columns.get("gene_id")  # each row is an mRNA of its own
            raw = median_of_columns(self.table, raw, self.median_of, key)
        columns = dict(self.columns)
        if self.construct is not None:
            raw = raw.with_columns(transcript_id=pl.Series(list(self.inserts()), dtype=pl.String))
            columns = {**self.columns, "transcript_id": "transcript_id"}
        return read_labels(self.table, self.label, columns, raw=raw, digits=self.classes)

    def require_construct(self) -> Construct:
        """The construct of a reporter assay."""
        if self.construct is None:
            raise InputError(
                f"{self.source}: task {self.name} has no sequences of its own, its RNAs are in a corpus; expected a "
                "[construct] with insert, before, cds and after"
            )
        return self.construct

    def inserts(self) -> dict[str, str]:
        """The inserts of the mRNAs of a reporter assay: id (``TASK-LINE``) → sequence, one per row of the table."""
        column = self.require_construct().insert
        check_exists(self.table, self.name)
        raw = read_text_table(self.table)
        if column not in raw.columns:
            raise InputError(
                f"{self.table}: no column {column!r} with the inserts; the columns are {', '.join(raw.columns)}"
            )
        inserts = {}
        for line, insert in enumerate(raw[column], 2):
            if insert is None:
                raise InputError(f"{self.table}: line {line}: {column} is empty, expected a sequence")
            inserts[f"{self.name}-{line:05d}"] = insert
        return inserts

    def genes(self) -> list[str]:
        """What a split keeps together of each mRNA of a reporter assay.

        The table's column ``gene_id``, or what ``[labels.columns]`` names so; else the first insert of its family, if
        the task has families; else itself, as where the gene is not known.
        """
        table, inserts = read_text_table(self.table), self.inserts()
        names = list(inserts)
        column = self.columns.get("gene_id", "gene_id")
        if "gene_id" in self.columns or column in table.columns:
            require_column(self.table, table, column)
            return [gene or name for gene, name in zip(table[column], names, strict=True)]
        if self.family_nt is None:
            return names
        return [names[first] for first in families(list(inserts.values()), self.family_nt)]

    def sequences(self) -> dict[str, Codes]:
        """The mRNAs of a reporter assay: id → six-track codes."""
        construct = self.require_construct()
        return {name: construct.codes(insert, name) for name, insert in self.inserts().items()}

    def write_fasta(self, path: Path) -> int:
        """Write the mRNAs of a reporter assay with their coding sequences, for ``isoclr embed``; their number."""
        construct, inserts = self.require_construct(), self.inserts()
        if not self.name.isprintable():
            raise InputError(f"{self.source}: name {self.name!r} cannot be part of a FASTA header")
        with atomic_path(Path(path)) as partial, partial.open("w", encoding="utf-8") as stream:
            for (name, insert), gene in zip(inserts.items(), self.genes(), strict=True):
                stream.write(construct.fasta(insert, name, gene))
        return len(inserts)


@dataclass(frozen=True)
class OntologyTask:
    """Gene Ontology terms to predict from RNAs: one multi-label task for each of the three aspects."""

    name: str  # Short name, such as gene-ontology-human
    title: str  # Description
    citation: str
    source: Path
    terms: Path  # The ontology, an OBO file
    annotations: Path  # Terms of genes, in the format of NCBI's gene2go
    gene_ids: Path | None  # Maps the corpus' gene ids to NCBI's; None if they are the same
    depth: int  # Distance of the terms from the root
    classes: int
    species: str
    rnas: RnaChoice
    split: SplitKind  # The default split


class _Columns(Struct, frozen=True, forbid_unknown_fields=True):
    gene_id: str | None = None
    transcript_id: str | None = None
    fold: str | None = None
    chromosome: str | None = None


class _Labels(Struct, frozen=True, forbid_unknown_fields=True):
    file: FilePath
    label: str | None = None
    median_of: list[str] = []
    classes: list[str] = []
    units: str = ""
    columns: _Columns = _Columns()


class _Samples(Struct, frozen=True, forbid_unknown_fields=True):
    species: str | None = None
    rnas: RnaChoice = "all"
    split: SplitKind = "random"


class _Construct(Struct, frozen=True, forbid_unknown_fields=True):
    insert: str
    before: str
    cds: str
    after: str
    family_nt: Annotated[int, Meta(ge=8)] | None = None


class _Ontology(Struct, frozen=True, forbid_unknown_fields=True):
    terms: FilePath
    annotations: FilePath
    gene_ids: FilePath | None = None
    depth: Annotated[int, Meta(ge=1)] = 3
    classes: Annotated[int, Meta(ge=1)] = 10


class _TaskFile(Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    title: str
    citation: str = ""
    samples: _Samples = _Samples()
    labels: _Labels | None = None
    construct: _Construct | None = None
    ontology: _Ontology | None = None


def check_exists(path: Path, task: str) -> None:
    """Check that a file of a task exists."""
    if not path.exists():
        raise InputError(
            f"{path}: no such file, expected one of task {task}; give its folder with --data or ISOCLR_DATA"
        )


def task_names() -> list[str]:
    """Names of the built-in tasks.

    >>> "half-life-human" in task_names()
    True
    """
    return sorted(path.stem for path in BUILTIN_DIR.glob("*.toml"))


def is_task(name: Path | str) -> bool:
    """Whether a word is a task, built-in or a task file, and not a table of labels."""
    if not isinstance(name, str | Path):
        return False  # a data frame of labels
    return Path(name).suffix == ".toml" or (str(name) in task_names() and not Path(name).exists())


def read_task(task: Path | str, data: Path | str | None = None) -> Task | OntologyTask:
    """Read a task file.

    Args:
        task: Name of a built-in task, or a TOML file.
        data: Folder to which the file's paths are relative. Default: ISOCLR_DATA, or ``data``, for a built-in task; the
            folder of the task file for another.

    >>> task = read_task("half-life-human", data="data")
    >>> task.species, task.split, task.label
    ('human', 'fold', 'half_life')
    """
    source, folder = _locate(task, data)
    content = read_toml(source, _TaskFile, what="a task")
    if content.ontology is not None:
        return _ontology_task(content, content.ontology, source, folder)
    if content.labels is None:
        raise InputError(f"{source}: missing [labels] or [ontology]")
    labels, samples = content.labels, content.samples
    return Task(
        name=content.name,
        title=content.title,
        citation=content.citation,
        source=source,
        units=labels.units,
        table=_first_existing(labels.file, folder, source),
        label=labels.label or (MEDIAN if labels.median_of else None),
        classes=tuple(labels.classes),
        median_of=tuple(labels.median_of),
        family_nt=content.construct.family_nt if content.construct else None,
        columns={ours: name for ours, name in msgspec.structs.asdict(labels.columns).items() if name},
        species=samples.species,
        rnas=samples.rnas,
        split=samples.split,
        construct=None if content.construct is None else _construct(content.construct, source),
    )


def _construct(table: _Construct, source: Path) -> Construct:
    try:
        return Construct(table.insert, table.before, table.cds, table.after)
    except InputError as error:
        raise InputError(f"{source}: {error}") from None


def _ontology_task(content: _TaskFile, ontology: _Ontology, source: Path, folder: Path) -> OntologyTask:
    samples = content.samples
    if samples.species is None:
        raise InputError(f"{source}: samples: missing species, whose genes are annotated")
    if samples.split == "fold":
        raise InputError(f"{source}: samples.split is 'fold', but Gene Ontology terms have no folds")
    ids = ontology.gene_ids
    return OntologyTask(
        name=content.name,
        title=content.title,
        citation=content.citation,
        source=source,
        terms=_first_existing(ontology.terms, folder, source),
        annotations=_first_existing(ontology.annotations, folder, source),
        gene_ids=None if ids is None else _first_existing(ids, folder, source),
        depth=ontology.depth,
        classes=ontology.classes,
        species=samples.species,
        rnas=samples.rnas,
        split=samples.split,
    )


def read_label_task(task: Path | str, data: Path | str | None = None) -> Task:
    """Read a task of one label."""
    result = read_task(task, data)
    if isinstance(result, OntologyTask):
        raise InputError(
            f"{result.source}: task {result.name} has many labels per gene, expected one; use `isoclr ontology`"
        )
    return result


def read_ontology_task(task: Path | str, data: Path | str | None = None) -> OntologyTask:
    """Read a task of Gene Ontology terms."""
    result = read_task(task, data)
    if isinstance(result, Task):
        raise InputError(f"{result.source}: task {result.name} has one label, expected [ontology]")
    return result


def _locate(task: Path | str, data: Path | str | None) -> tuple[Path, Path]:
    """The task file, and the folder to which its paths are relative."""
    path = Path(task)
    if path.suffix == ".toml":
        if not path.is_file():
            raise InputError(f"{path}: no such task file")
        if path.parent != BUILTIN_DIR:
            return path, Path(data) if data is not None else path.parent
        task = path.stem
    if str(task) not in task_names():
        raise InputError(f"{task}: no such task; expected a TOML file or one of {', '.join(task_names())}")
    folder = data if data is not None else os.environ.get(DATA_VARIABLE, DATA_FOLDER)
    return BUILTIN_DIR / f"{task}.toml", Path(folder)


def _first_existing(paths: FilePath, folder: Path, source: Path) -> Path:
    files = [folder / path for path in ([paths] if isinstance(paths, str) else paths)]
    if not files:
        raise InputError(f"{source}: file is an empty list, expected one or several files")
    return next((file for file in files if file.exists()), files[0])


@dataclass(frozen=True)
class TaskList(Report):
    """The result of :func:`list_tasks`."""

    tasks: Sequence[Task | OntologyTask]

    def rows(self) -> list[Row]:
        """One row per task."""
        return [
            {
                "task": task.name,
                "title": task.title,
                "species": task.species or "",
                "RNAs": task.rnas,
                "split": task.split,
                "labels": str(task.table if isinstance(task, Task) else task.annotations),
            }
            for task in self.tasks
        ]

    def tables(self) -> Iterator[Table]:
        """The same."""
        rows = self.rows()
        yield Table("tasks", list(rows[0]), [list(row.values()) for row in rows])


def list_tasks(task: str | None = None, *, data: Path | None = None, fasta: Path | None = None) -> TaskList | None:
    """List the built-in supervised tasks, or describe one.

    Args:
        task: Name of a built-in task, or a TOML file (default: all built-in tasks).
        data: Folder of the task's files (default: ISOCLR_DATA, or ``data``, for a built-in task, else the folder of the
            task file).
        fasta: Write the RNAs of a reporter assay to this file, with their coding sequences, for ``isoclr embed``.

    Raises:
        InputError: no such task, or one whose RNAs are in a corpus.
    """
    if fasta is None:
        names = task_names() if task is None else [task]
        return TaskList([read_task(name, data) for name in names])
    if task is None:
        raise InputError("--fasta needs the name of one task, such as mrl-5utr")
    count = read_label_task(task, data).write_fasta(Path(fasta))
    info(f"wrote {counted(count, 'RNA')} to {fasta}")
    return None
