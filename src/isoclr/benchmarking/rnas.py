"""Where a task's RNAs come from: the corpus, or the task itself when it is a reporter assay."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from isoclr.corpus import Corpus
from isoclr.corpus.codes import Codes
from isoclr.corpus.layout import DATA_FILES
from isoclr.embedding.table import SCHEMA
from isoclr.tasks import Task


@dataclass(frozen=True)
class Rnas:
    """RNAs that are embedded together.

    Attributes:
        identity: names them by their content.
        table: one row an RNA, the columns of embeddings.
        corpus: the corpus they are of; None for a reporter assay's.
        sequences: the codes of a reporter assay's.
    """

    identity: str
    table: pl.DataFrame
    corpus: Corpus | None
    sequences: Sequence[Codes] = ()

    def codes_of(self, row: int) -> Codes:
        """The codes of one RNA."""
        return self.sequences[row] if self.corpus is None else self.corpus.codes_of(row)


def of_corpus(corpus: Corpus) -> Rnas:
    """All RNAs of a corpus, in its order."""
    coding = pl.col("cds_end") - pl.col("cds_start")
    table = corpus.transcripts.with_columns(
        cds_length=pl.when(pl.col("cds_start") >= 0).then(coding).otherwise(0)
    )
    return Rnas(identity(corpus), _columns(table), corpus)


def of_task(task: Task, digest: str) -> Rnas:
    """The constructs of a reporter assay, each a gene of its own.

    Args:
        task: the assay.
        digest: SHA-256 of its label table and task file.
    """
    sequences = task.sequences()
    names = list(sequences)
    spans = [(codes & 8).sum() * 3 for codes in sequences.values()]
    table = pl.DataFrame(
        {
            "transcript_id": names,
            "gene_id": names,
            "species": "",
            "length": [len(codes) for codes in sequences.values()],
            "cds_length": [int(span) for span in spans],
            "cds_source": "annotated",
        }
    )
    return Rnas(digest, _columns(table), None, list(sequences.values()))


def identity(corpus: Corpus) -> str:
    """Names a corpus by its content, wherever it lies."""
    files = corpus.meta["files"]
    return " ".join(files[name]["sha256"] for name in DATA_FILES)


def write_for_embedding(task: Task, path: Path) -> Path:
    """A reporter assay's RNAs as a FASTA beside ``path``."""
    fasta = path.with_suffix(".fa")
    task.write_fasta(fasta)
    return fasta


def _columns(table: pl.DataFrame) -> pl.DataFrame:
    return table.select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())
