"""Embeddings in memory: one vector per RNA, and a table of the RNAs."""

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
        "gene_symbol": pl.String(),
        "species": pl.String(),
        "length": pl.Int64(),
        "cds_length": pl.Int64(),
        "cds_source": pl.String(),
    }
)
"""Columns of the table: ``gene_symbol`` is empty if unknown, ``length`` and ``cds_length`` are in nt (0: no coding
sequence), ``cds_source`` is one of ``annotated``, ``orf``, ``none``."""

MATRIX = "embedding"
RnaChoice = Literal["all", "coding", "annotated"]
"""All RNAs, those with a coding sequence, or those with an annotated coding sequence."""

META_KEYS = ("model", "sha256", "n_tracks", "pooling", "precision", "isoclr")
"""Metadata of a file: name of the model, SHA-256 of its weights, number of tracks, ``Architecture.pooling``, precision,
version of isoclr."""


def completed(meta: Mapping[str, str]) -> dict[str, str]:
    """Metadata with the defaults of entries that older files do not have."""
    return {"pooling": "last", **meta}


def in_schema(table: pl.DataFrame) -> pl.DataFrame:
    """The columns of :data:`SCHEMA` in its order; gene symbols are empty in a table without them."""
    if "gene_symbol" not in table.columns:
        table = table.with_columns(gene_symbol=pl.lit(""))
    return table.select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())


@dataclass(frozen=True)
class Embeddings:
    """One vector per RNA."""

    table: pl.DataFrame
    """One row per RNA, with the columns of :data:`SCHEMA`."""
    matrix: NDArray[np.float32]
    """``(n, d)``."""
    meta: Mapping[str, str]
    """The values of :data:`META_KEYS`."""

    def __len__(self) -> int:
        return self.table.height

    def __repr__(self) -> str:
        return f"Embeddings({len(self):,} RNAs × {self.dim}, {self.meta['model']})"

    @property
    def dim(self) -> int:
        """Size of an embedding."""
        return int(self.matrix.shape[1])

    def select(self, species: str | None = None, rnas: RnaChoice = "all") -> "Embeddings":
        """The RNAs of one species (None: all), and of those the coding ones (see :data:`RnaChoice`).

        Raises:
            InputError: there are none.
        """
        mask = select_rnas(self.table, species, rnas)
        return Embeddings(self.table.filter(pl.Series(mask)), self.matrix[mask], self.meta)


def select_rnas(table: pl.DataFrame, species: str | None, choice: RnaChoice) -> NDArray[np.bool_]:
    """Mask of the RNAs of one species (None: all) and one choice.

    Args:
        table: ``species``, ``cds_length``, ``cds_source``, one row per RNA.
        species: The species.
        choice: All RNAs, coding ones, or those with an annotated coding sequence.

    Raises:
        InputError: there are none.
    """
    keep = pl.lit(True) if species is None else pl.col("species") == species
    if choice == "coding":
        keep &= pl.col("cds_length") > 0
    elif choice == "annotated":
        keep &= pl.col("cds_source") == "annotated"
    mask: NDArray[np.bool_] = table.select(pl.repeat(True, pl.len()) & keep).to_series().to_numpy()
    if not mask.any():
        counts = table.group_by("species", "cds_source").len().sort("species", "cds_source")
        present = ", ".join(
            f"{n:,} {name!r} with CDS {source}" for name, source, n in counts.rows()
        )
        raise InputError(
            f"no RNA of species {species or 'any'!r} and choice {choice!r}; there are {present}"
        )
    return mask


def anndata_module() -> Any:
    """The anndata package, an optional dependency.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import anndata
    except ImportError:
        raise MissingExtraError("anndata", "anndata", "writing .h5ad") from None
    return anndata
