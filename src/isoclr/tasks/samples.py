"""Joining RNAs with their labels: the samples of a supervised task."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.accessions import without_versions
from isoclr.errors import InputError
from isoclr.tasks.labels import Labels
from isoclr.tasks.representatives import representatives


@dataclass(frozen=True)
class Samples:
    """The RNAs that have a label, each with the gene it must not be separated from.

    Attributes:
        table: ``row`` (of the RNA in the embeddings), ``transcript_id``, ``gene_id``, ``species``, ``gene``
            (``species|gene_id`` without version), ``value``, ``fold`` and ``chromosome`` (String or null); ordered by
            ``gene``, ``row``.
        unmatched: number of labels whose id names no RNA at hand.
        without_label: number of RNAs that no label names.
        not_representative: number of RNAs of labelled genes for which another transcript stands.
    """

    table: pl.DataFrame
    unmatched: int
    without_label: int
    not_representative: int

    def __len__(self) -> int:
        return self.table.height

    @property
    def rows(self) -> NDArray[np.int64]:
        """``(n,)`` rows of the samples in the embeddings."""
        return self.table["row"].to_numpy()

    @property
    def values(self) -> NDArray[np.float64]:
        """``(n,)`` labels."""
        return self.table["value"].to_numpy()

    def select(self, keep: NDArray[np.bool_]) -> "Samples":
        """The samples where ``keep`` ``(n,)`` is true; the counts stay those of the whole."""
        table = self.table.filter(pl.Series(keep))
        return Samples(table, self.unmatched, self.without_label, self.not_representative)


def gene_key() -> pl.Expr:
    """``species|gene_id`` without the version: equal for two RNAs exactly when they are isoforms of one gene."""
    return (pl.col("species") + "|" + without_versions(pl.col("gene_id"))).alias("gene")


def match(labels: Labels, transcripts: pl.DataFrame) -> Samples:
    """Join labels to RNAs by gene or transcript id, exactly or without the version.

    Args:
        labels: what was measured; by gene, one transcript stands for each gene (see :func:`representatives`).
        transcripts: ``transcript_id, gene_id, species, length, cds_length``, one row an RNA.

    Raises:
        InputError: no label names any RNA, or one names genes of two species.
    """
    named = transcripts.with_row_index("row").with_columns(
        pl.col("row").cast(pl.Int64), gene_key(), key=without_versions(pl.col(labels.level))
    )
    wanted = labels.table.with_columns(key=without_versions(pl.col("id")))
    told = wanted.select("key", "value", "fold", "chromosome", "line")
    joined = named.join(told, on="key", how="inner")
    if joined.height == 0:
        raise InputError(
            f"{labels.path}: none of its {labels.table.height} ids ({labels.table['id'][0]}, …) names an embedded RNA "
            f"({transcripts[labels.level][0]}, … of {transcripts.height})"
        )
    _refuse_shared_ids(labels, joined)
    chosen = representatives(joined, "gene") if labels.level == "gene_id" else joined
    kept = (
        "row",
        "transcript_id",
        "gene_id",
        "species",
        "gene",
        "value",
        "fold",
        "chromosome",
        "line",
    )
    return Samples(
        table=chosen.sort("gene", "row").select(kept),
        unmatched=labels.table.height - joined["line"].n_unique(),
        without_label=transcripts.height - joined.height,
        not_representative=joined.height - chosen.height,
    )


def _refuse_shared_ids(labels: Labels, joined: pl.DataFrame) -> None:
    """A gene symbol can name a gene in every species: its label is one species', and must not stand for all."""
    species = joined.group_by("line").agg(pl.col("species").unique().sort()).sort("line")
    shared = species.filter(pl.col("species").list.len() > 1)
    if shared.height:
        line, found = shared.row(0)
        name = labels.table.filter(pl.col("line") == line)["id"][0]
        raise InputError(
            f"{labels.path}: line {line}: {name} names RNAs of {' and '.join(map(repr, found))}; "
            "expected one species, choose it with --species"
        )
