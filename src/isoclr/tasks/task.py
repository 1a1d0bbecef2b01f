"""A supervised task: which labels, of which RNAs, split how, measured by whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from isoclr.corpus.codes import Codes
from isoclr.embedding.table import RnaChoice
from isoclr.errors import InputError
from isoclr.tasks.constructs import Construct, insert_names, write_fasta
from isoclr.tasks.labels import Labels, read_labels, read_text_table
from isoclr.tasks.splits import SplitKind


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
        construct = self._needed_construct()
        inserts = self._inserts(construct)
        names = insert_names(self.name, inserts)
        return {
            name: construct.codes(insert, name)
            for name, insert in zip(names, inserts["insert"], strict=True)
        }

    def inserts(self) -> dict[str, str]:
        """The stretch in which the mRNAs of a reporter assay differ: id → sequence."""
        rows = self._inserts(self._needed_construct())
        return dict(zip(insert_names(self.name, rows), rows["insert"], strict=True))

    def write_fasta(self, path: Path) -> int:
        """Write the mRNAs of a reporter assay with their coding sequences, ready for ``isoclr embed``; how many.

        Raises:
            InputError: the task has no construct, or a row has no insert.
        """
        construct = self._needed_construct()
        rows = self._inserts(construct)
        write_fasta(Path(path), insert_names(self.name, rows), rows["insert"].to_list(), construct)
        return rows.height

    def _needed_construct(self) -> Construct:
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
