"""RNAs that labels can belong to: those of a corpus, of a reporter assay, or of embeddings."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from isoclr.corpus.corpus import Corpus
from isoclr.embedding.embeddings import Embeddings, RnaChoice, in_schema, select_rnas
from isoclr.genomics.encoding import Codes, nucleotides
from isoclr.tasks.task import Task

WHOLE_RNA, INSERT = "whole RNA", "insert of the construct"
"""What the leak audit compares: the rest of a reporter assay's RNAs is identical."""

CodesOf = Callable[[int], Codes | None]


@dataclass(frozen=True, eq=False)
class RnaSource:
    """A table of RNAs with their sequences."""

    table: pl.DataFrame  # One row per RNA: the columns of embeddings and, from a corpus, symbol
    codes_of: CodesOf | None = None
    """Row → six-track codes, None for an unknown sequence; None: no sequence is known."""
    insert_of: CodesOf | None = None  # Row → codes of the insert of a reporter construct
    corpus: Corpus | None = None  # Provides gene sets
    identity: str = ""  # Checksums of the content

    @property
    def symbols(self) -> pl.Series:
        """``(n,)`` gene symbols, empty where not known."""
        return self.table["symbol" if "symbol" in self.table.columns else "gene_symbol"].fill_null("")

    @property
    def compared_of(self) -> CodesOf | None:
        """Row → the sequence that the leak audit compares."""
        return self.insert_of or self.codes_of

    @property
    def compared_name(self) -> str:
        """What the leak audit compares, in words."""
        return WHOLE_RNA if self.insert_of is None else INSERT

    def choose(self, species: str | None, choice: RnaChoice) -> pl.DataFrame:
        """The RNAs that a label may belong to, with ``row``; reporter constructs have no species."""
        if self.insert_of is not None:
            species = None
        mask = select_rnas(self.table, species, choice)
        rows = pl.Series("row", np.flatnonzero(mask), dtype=pl.Int64)
        return self.table.filter(pl.Series(mask)).with_columns(rows)


def rnas_of_corpus(corpus: Corpus) -> RnaSource:
    """All RNAs of a corpus, in its order."""
    table = _with_symbol(in_schema(corpus.transcripts))
    return RnaSource(table, corpus.codes_of, corpus=corpus, identity=corpus.checksums())


def rnas_of_task(task: Task, identity: str = "") -> RnaSource:
    """The constructs of a reporter assay, one per row of its label table; see :meth:`Task.genes` for their genes."""
    inserts = task.inserts()
    construct = task.require_construct()
    names = list(inserts)
    codes = [construct.codes(insert, name) for name, insert in inserts.items()]
    parts = [nucleotides(insert, name=name) for name, insert in inserts.items()]
    table = pl.DataFrame(
        {
            "transcript_id": names,
            "gene_id": task.genes(),
            "species": "",
            "length": [len(one) for one in codes],
            "cds_length": [end - start for start, end in map(construct.cds_span, inserts.values())],
            "cds_source": "annotated",
        }
    )
    return RnaSource(in_schema(table), codes.__getitem__, parts.__getitem__, None, identity)


def rnas_of_embeddings(embeddings: Embeddings, corpus: Corpus | None = None, task: Task | None = None) -> RnaSource:
    """Embedded RNAs, with sequences from a reporter assay's task or from a corpus.

    Args:
        embeddings: The RNAs; rows of the source are rows of the embeddings.
        corpus: Provides sequences (of the same transcript id and length), symbols and gene sets.
        task: Provides the sequences instead, if it is a reporter assay.
    """
    table = in_schema(embeddings.table)
    names, lengths = table["transcript_id"].to_list(), table["length"].to_list()

    def with_length(row: int, codes: Codes | None) -> Codes | None:
        return codes if codes is not None and len(codes) == lengths[row] else None

    if task is not None and task.construct is not None:
        construct, inserts = task.construct, task.inserts()

        def codes_of(row: int) -> Codes | None:
            insert = inserts.get(names[row])
            whole = None if insert is None else construct.codes(insert, names[row])
            return with_length(row, whole)

        def insert_of(row: int) -> Codes | None:
            return nucleotides(inserts[names[row]]) if names[row] in inserts else None

        return RnaSource(table, codes_of, insert_of, corpus)
    if corpus is None:
        return RnaSource(_with_symbol(table))
    rows = [corpus.row_of(name) for name in names]
    symbols = corpus.transcripts["gene_symbol"].gather(pl.Series(rows, dtype=pl.Int64))

    def of_corpus(row: int) -> Codes | None:
        place = rows[row]
        return None if place is None else with_length(row, corpus.codes_of(place))

    return RnaSource(table.with_columns(symbol=symbols), of_corpus, None, corpus)


def _with_symbol(table: pl.DataFrame) -> pl.DataFrame:
    """The table with ``symbol``, by which labels are joined, if any RNA has one."""
    if not (table["gene_symbol"] != "").any():
        return table
    return table.with_columns(symbol=pl.col("gene_symbol"))
