"""Where labelled RNAs come from: a corpus, or the task itself when it is of a reporter assay."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from isoclr.corpus import Corpus
from isoclr.corpus.codes import Codes, nucleotides
from isoclr.corpus.layout import DATA_FILES
from isoclr.embedding.table import SCHEMA, RnaChoice
from isoclr.errors import InputError
from isoclr.tasks.labels import Labels
from isoclr.tasks.samples import Samples, match
from isoclr.tasks.task import Task

WHOLE_RNA, INSERT = "whole RNA", "insert of the construct"
"""What a leak audit compares: of a reporter assay's RNAs all else is the same."""


@dataclass(frozen=True)
class Rnas:
    """RNAs that a label may be of.

    Attributes:
        identity: names them by their content.
        table: one row an RNA, the columns of embeddings.
        corpus: the corpus they are of; None for a reporter assay's.
        sequences: the codes of a reporter assay's.
        inserts: the stretches in which these differ.
    """

    identity: str
    table: pl.DataFrame
    corpus: Corpus | None
    sequences: Sequence[Codes] = ()
    inserts: Sequence[Codes] = ()

    def codes_of(self, row: int) -> Codes:
        """The codes of one RNA."""
        return self.sequences[row] if self.corpus is None else self.corpus.codes_of(row)

    def compared_of(self, row: int) -> Codes:
        """What a leak audit compares of it."""
        return self.inserts[row] if self.corpus is None else self.corpus.codes_of(row)

    @property
    def compared(self) -> str:
        """That in words."""
        return INSERT if self.corpus is None else WHOLE_RNA

    def choose(self, species: str | None, choice: RnaChoice) -> pl.DataFrame:
        """The RNAs that a label may be of, with ``place``, their rows; a reporter assay's are of no species.

        Raises:
            InputError: there are none.
        """
        table = self.table.with_row_index("place").with_columns(pl.col("place").cast(pl.Int64))
        if species is not None and self.corpus is not None:
            table = table.filter(pl.col("species") == species)
        if choice == "coding":
            table = table.filter(pl.col("cds_length") > 0)
        elif choice == "annotated":
            table = table.filter(pl.col("cds_source") == "annotated")
        if table.height == 0 and self.corpus is not None:
            raise InputError(
                f"{self.corpus.path}: no transcript is of species {species or 'any'!r} and of choice {choice!r}; "
                f"its species are {', '.join(self.corpus.species)}"
            )
        return table


def label_rnas(labels: Labels, chosen: pl.DataFrame) -> Samples:
    """Join labels to chosen RNAs; rows of the samples are the RNAs' places.

    Raises:
        InputError: see :func:`isoclr.tasks.samples.match`.
    """
    samples = match(labels, chosen.drop("place"))
    places = chosen["place"].gather(samples.table["row"])
    return replace(samples, table=samples.table.with_columns(row=places))


def of_corpus(corpus: Corpus) -> Rnas:
    """All RNAs of a corpus, in its order."""
    coding = pl.col("cds_end") - pl.col("cds_start")
    table = corpus.transcripts.with_columns(
        cds_length=pl.when(pl.col("cds_start") >= 0).then(coding).otherwise(0)
    )
    return Rnas(identity(corpus), _columns(table), corpus)


def of_task(task: Task, digest: str = "") -> Rnas:
    """The constructs of a reporter assay, one a row of its label table, each a gene of its own.

    Args:
        task: the assay.
        digest: SHA-256 of its label table and task file.

    Raises:
        InputError: the task has no construct, or a row has no insert.
    """
    sequences, inserts = task.sequences(), task.inserts()
    names = list(sequences)
    codons = [np.count_nonzero(codes & 8) for codes in sequences.values()]
    table = pl.DataFrame(
        {
            "transcript_id": names,
            "gene_id": names,
            "species": "",
            "length": [len(codes) for codes in sequences.values()],
            "cds_length": [3 * count for count in codons],
            "cds_source": "annotated",
        }
    )
    parts = [nucleotides(inserts[name], name=name) for name in names]
    return Rnas(digest, _columns(table), None, list(sequences.values()), parts)


def identity(corpus: Corpus) -> str:
    """Names a corpus by its content, wherever it lies."""
    files = corpus.meta["files"]
    return " ".join(files[name]["sha256"] for name in DATA_FILES)


def _columns(table: pl.DataFrame) -> pl.DataFrame:
    return table.select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())
