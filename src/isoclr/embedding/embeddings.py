"""Embeddings in memory: one vector per RNA, and a table of the RNAs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr._html import card, grid
from isoclr.errors import InputError, MissingExtraError, counted

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
version of isoclr. Embeddings of a region of the RNA (:mod:`isoclr.embedding.regions`) name it under ``region``."""


def completed(meta: Mapping[str, str]) -> dict[str, str]:
    """Metadata with the defaults of entries that older files do not have."""
    return {"pooling": "last", **meta}


def known_entries(meta: Mapping[str, str]) -> dict[str, str]:
    """The entries of :data:`META_KEYS`, and the region if there is one."""
    return {key: meta[key] for key in META_KEYS} | {k: v for k, v in meta.items() if k == "region"}


def in_schema(table: pl.DataFrame) -> pl.DataFrame:
    """The columns of :data:`SCHEMA` in its order; gene symbols are empty in a table without them."""
    if "gene_symbol" not in table.columns:
        table = table.with_columns(gene_symbol=pl.lit(""))
    return table.select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())


@dataclass(frozen=True, repr=False, eq=False)
class Embeddings:
    """One vector per RNA."""

    table: pl.DataFrame
    """One row per RNA, with the columns of :data:`SCHEMA`."""
    matrix: NDArray[np.float32]
    """``(n, d)``."""
    meta: Mapping[str, str]
    """The values of :data:`META_KEYS`, and ``region``."""

    def __len__(self) -> int:
        return self.table.height

    def __repr__(self) -> str:
        return f"Embeddings({counted(len(self), 'RNA')} × {self.dim}, {self._model_name()})"

    def _repr_html_(self) -> str:
        facts: dict[str, object] = {"RNAs": len(self), "dimensions": self.dim}
        facts |= known_entries(self.meta)
        del facts["sha256"]
        facts["model"] = self._model_name()
        rows = self.table.head(5).rows()
        return card("Embeddings", facts) + grid("first RNAs", self.table.columns, rows)

    def _model_name(self) -> str:
        from isoclr.models.load import name_weights  # imports torch

        return name_weights(self.meta)

    @property
    def dim(self) -> int:
        """Size of an embedding."""
        return int(self.matrix.shape[1])

    @property
    def ids(self) -> list[str]:
        """Transcript id of each row."""
        return self.table["transcript_id"].to_list()

    def to_polars(self) -> pl.DataFrame:
        """The table with a column ``embedding`` of fixed-size lists, as ``isoclr embed`` writes it to Parquet."""
        column = pl.Series(
            MATRIX, np.ascontiguousarray(self.matrix), pl.Array(pl.Float32, self.dim)
        )
        return self.table.with_columns(column)

    def to_pandas(self) -> Any:
        """A data frame with the transcript ids as index, the table, and one column per dimension: ``dim_0``, …

        Raises:
            MissingExtraError: pandas is not installed.
        """
        pd = _pandas()
        index = pd.Index(self.ids, name="transcript_id", dtype=object)
        columns = [name for name in self.table.columns if name != "transcript_id"]
        known = pd.DataFrame({name: self.table[name].to_list() for name in columns}, index=index)
        names = [f"dim_{i}" for i in range(self.dim)]
        vectors = pd.DataFrame(np.asarray(self.matrix), index=index, columns=names)
        return pd.concat([known, vectors], axis=1)

    def to_anndata(self) -> Any:
        """An AnnData: ``X`` the embeddings, ``obs`` the table, ``uns["isoclr"]`` the metadata; one observation per RNA.

        Names of observations are transcript ids. Of RNAs with one id, as two species may have, later ones get ``-1``,
        ``-2``, … and the ids are in ``obs["transcript_id"]``.

        Raises:
            MissingExtraError: anndata is not installed.
        """
        anndata, pd = anndata_module(), _pandas()
        repeats = (pl.col("transcript_id").cum_count() - 1).over("transcript_id")
        numbers = self.table.select(repeats).to_series().to_list()
        names = [f"{one}-{n}" if n else one for one, n in zip(self.ids, numbers, strict=True)]
        columns = {name: self.table[name].to_list() for name in self.table.columns}
        if not any(numbers):
            del columns["transcript_id"]
        index_name = "rna" if any(numbers) else "transcript_id"
        return anndata.AnnData(
            X=np.asarray(self.matrix),
            obs=pd.DataFrame(columns, index=pd.Index(names, name=index_name, dtype=object)),
            var=pd.DataFrame(index=pd.Index([f"dim_{i}" for i in range(self.dim)], dtype=object)),
            uns={"isoclr": dict(self.meta)},
        )

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


def _pandas() -> Any:
    """The pandas package, which comes with anndata.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise MissingExtraError("pandas", "anndata", "a pandas data frame") from None
    return pandas


def anndata_module() -> Any:
    """The anndata package, an optional dependency.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import anndata
    except ImportError:
        raise MissingExtraError("anndata", "anndata", "AnnData (.h5ad)") from None
    return anndata
