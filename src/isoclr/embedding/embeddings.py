"""Embeddings in memory: one vector an RNA, and what the RNA is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr.errors import InputError, MissingExtraError

SCHEMA = pl.Schema(
    {
        "transcript_id": pl.String(),
        "gene_id": pl.String(),
        "species": pl.String(),
        "length": pl.Int64(),
        "cds_length": pl.Int64(),
        "cds_source": pl.String(),
    }
)
"""Columns beside the embedding: ``length`` and ``cds_length`` in nt (0: no coding sequence), ``cds_source`` one of
``annotated``, ``orf``, ``none``."""

MATRIX = "embedding"
RnaChoice = Literal["all", "coding", "annotated"]
"""All RNAs, those with a coding sequence, or those whose coding sequence an annotation gives."""

META_KEYS = ("model", "sha256", "n_tracks", "pooling", "precision", "isoclr")
"""Metadata of a file: the model's name, its weights' SHA-256, the tracks it read, what it is the mean of
(``Architecture.pooling``), the precision, isoclr's version."""


def completed(meta: Mapping[str, str]) -> dict[str, str]:
    """Metadata with what older files do not say."""
    return {"pooling": "last", **meta}


@dataclass(frozen=True)
class Embeddings:
    """One vector an RNA.

    Attributes:
        table: one row an RNA: ``transcript_id, gene_id, species, length, cds_length, cds_source``.
        matrix: ``(n, d)`` float32.
        meta: the values of :data:`META_KEYS`: what made them.
    """

    table: pl.DataFrame
    matrix: NDArray[np.float32]
    meta: Mapping[str, str]

    def __len__(self) -> int:
        return self.table.height

    def __repr__(self) -> str:
        return f"Embeddings({len(self):,} RNAs × {self.dim}, {self.meta['model']})"

    @property
    def dim(self) -> int:
        """Size of an embedding."""
        return int(self.matrix.shape[1])

    def select(self, species: str | None = None, rnas: RnaChoice = "all") -> "Embeddings":
        """The RNAs of one species (None: of all), and of them those that code (see :data:`RnaChoice`).

        Raises:
            InputError: there are none.
        """
        keep = pl.lit(True) if species is None else pl.col("species") == species
        if rnas == "coding":
            keep &= pl.col("cds_length") > 0
        elif rnas == "annotated":
            keep &= pl.col("cds_source") == "annotated"
        mask = self.table.with_columns(keep=keep)["keep"].to_numpy()
        if not mask.any():
            raise InputError(
                f"no embedded RNA is of species {species or 'any'!r} and of choice {rnas!r}; there are "
                + self._summary()
            )
        return Embeddings(self.table.filter(pl.Series(mask)), self.matrix[mask], self.meta)

    def _summary(self) -> str:
        counts = self.table.group_by("species", "cds_source").len().sort("species", "cds_source")
        return ", ".join(f"{n:,} {name!r} with CDS {source}" for name, source, n in counts.rows())


def anndata_module() -> Any:
    """The anndata package, an extra.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import anndata
    except ImportError:
        raise MissingExtraError("anndata", "anndata", "writing .h5ad") from None
    return anndata
