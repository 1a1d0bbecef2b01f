"""Embeddings: one vector per RNA, and a table of the RNAs; in memory, and written to files."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from isoclr._html import card, grid
from isoclr._io import STDOUT, atomic_path, check_file
from isoclr._version import __version__
from isoclr.errors import InputError, counted, import_optional
from isoclr.genomics.transcript_models import with_canonical

SCHEMA = pl.Schema(
    {
        "transcript_id": pl.String(),
        "gene_id": pl.String(),
        "gene_symbol": pl.String(),
        "species": pl.String(),
        "length": pl.Int64(),
        "cds_length": pl.Int64(),
        "cds_source": pl.String(),
        "canonical": pl.Boolean(),
    }
)
"""Columns of the table: ``gene_symbol`` is empty if unknown, ``length`` and ``cds_length`` are in nt (0: no coding
sequence), ``cds_source`` is one of ``annotated``, ``orf``, ``none``, ``canonical`` is whether an annotation or a list
names the transcript as its gene's."""

FORMATS = (".parquet", ".h5ad", ".npz")
ROWS = 16_384  # Rows in memory at a time, and in a Parquet row group

MATRIX = "embedding"
RnaChoice = Literal["all", "coding", "annotated"]
"""All RNAs, those with a coding sequence, or those with an annotated coding sequence."""

META_KEYS = ("model", "sha256", "n_tracks", "pooling", "precision", "isoclr")
"""Metadata of a file: name of the model, SHA-256 of its weights, number of tracks, ``Architecture.pooling``, precision,
version of isoclr. Embeddings of a region of the RNA (:mod:`isoclr.embedding.embed`) name it under ``region``."""


def meta_of(*values: object) -> dict[str, str]:
    """Metadata of embeddings made now, from the values of :data:`META_KEYS` but the version."""
    return dict(zip(META_KEYS, map(str, (*values, __version__)), strict=True))


def known_entries(meta: Mapping[str, str]) -> dict[str, str]:
    """The entries of :data:`META_KEYS`, and the region if there is one."""
    return {key: meta[key] for key in (*META_KEYS, "region") if key in meta}


def in_schema(table: pl.DataFrame) -> pl.DataFrame:
    """The columns of :data:`SCHEMA` in its order; without them, gene symbols are empty and no RNA is canonical.

    ``cds_length`` may be given by ``cds_start`` and ``cds_end`` (negative: no coding sequence), as in a corpus.
    """
    if "gene_symbol" not in table.columns:
        table = table.with_columns(gene_symbol=pl.lit(""))
    if "cds_start" in table.columns and "cds_length" not in table.columns:
        coding = pl.col("cds_end") - pl.col("cds_start")
        table = table.with_columns(cds_length=pl.when(pl.col("cds_start") >= 0).then(coding).otherwise(0))
    return with_canonical(table).select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())


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
        facts = {"RNAs": len(self), "dimensions": self.dim, **known_entries(self.meta), "model": self._model_name()}
        del facts["sha256"]
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
        column = pl.Series(MATRIX, np.ascontiguousarray(self.matrix), pl.Array(pl.Float32, self.dim))
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
        index_name = "rna" if any(numbers) else "transcript_id"
        index = pd.Index(names, name=index_name, dtype=object)
        columns = {  # object: anndata before 0.12 does not write pandas 3's strings
            column.name: pd.Series(column.to_list(), index, dtype=object if column.dtype == pl.String else None)
            for column in self.table
            if any(numbers) or column.name != "transcript_id"
        }
        return anndata.AnnData(
            X=np.asarray(self.matrix),
            obs=pd.DataFrame(columns, index=index),
            var=pd.DataFrame(index=pd.Index([f"dim_{i}" for i in range(self.dim)], dtype=object)),
            uns={"isoclr": dict(self.meta)},
        )

    def save(self, path: Path | str, *, overwrite: bool = False) -> Path:
        """Write a file as ``isoclr embed -o`` does; :func:`isoclr.read_embeddings` reads it.

        Args:
            path: Parquet (``.parquet``), AnnData (``.h5ad``) or NumPy (``.npz``); it appears when it is complete.
            overwrite: Replace an existing file.

        Returns:
            The path.

        Raises:
            InputError: an unknown extension, an existing file, or a folder that cannot be written to.
            MissingExtraError: h5ad without anndata.
        """
        path = Path(path)
        check_output(path, overwrite=overwrite)
        write(path, self, overwrite=overwrite)
        return path

    def select(self, species: str | None = None, rnas: RnaChoice = "all") -> "Embeddings":
        """The RNAs of one species (None: all), and of those the coding ones (see :data:`RnaChoice`).

        Raises:
            InputError: there are none.
        """
        mask = select_rnas(self.table, species, rnas)
        return Embeddings(self.table.filter(pl.Series(mask)), self.matrix[mask], self.meta)


def select_rnas(table: pl.DataFrame, species: str | None, choice: RnaChoice) -> NDArray[np.bool_]:
    """Mask of the RNAs of one species (None: all) and one choice (see :data:`RnaChoice`)."""
    keep = pl.lit(True) if species is None else pl.col("species") == species
    if choice == "coding":
        keep &= pl.col("cds_length") > 0
    elif choice == "annotated":
        keep &= pl.col("cds_source") == "annotated"
    mask: NDArray[np.bool_] = table.select(pl.repeat(True, pl.len()) & keep).to_series().to_numpy()
    if not mask.any():
        counts = table.group_by("species", "cds_source").len().sort("species", "cds_source")
        named = [(repr(name) if name else "of no named species", source, n) for name, source, n in counts.rows()]
        present = ", ".join(f"{n:,} {name} with CDS {source}" for name, source, n in named)
        advice = f"; to name it: isoclr embed --species {species}" if species and "" in counts["species"] else ""
        raise InputError(f"no RNA of species {species or 'any'!r} and choice {choice!r}; there are {present}{advice}")
    return mask


def anndata_module() -> Any:
    """The anndata package, an optional dependency.

    Raises:
        MissingExtraError: it is not installed.
    """
    return import_optional("anndata", "anndata", "AnnData (.h5ad)")


def _pandas() -> Any:
    return import_optional("pandas", "anndata", "a pandas data frame")


def refuse_infinite(path: Path, table: pl.DataFrame, matrix: NDArray[np.float32]) -> None:
    """Check that the vectors are finite."""
    bad = ~np.isfinite(matrix).all(axis=1)
    if bad.any():
        name = table["transcript_id"][int(bad.argmax())]
        raise InputError(f"{path}: the embedding of {name} is not finite")


def check_output(path: Path, *, overwrite: bool) -> None:
    """Refuse an output that could not be written, before any work.

    Raises:
        MissingExtraError: h5ad without anndata.
    """
    if path == STDOUT and sys.stdout is not None and sys.stdout.isatty():
        raise InputError("--out -: Parquet is not for a terminal; expected a pipe or > FILE")
    if path.suffix not in FORMATS and path != STDOUT:
        raise InputError(f"{path}: unknown format, expected a name that ends in {', '.join(FORMATS)}")
    check_file(path, overwrite=overwrite)
    if path.suffix == ".h5ad":
        anndata_module()


def write(path: Path, embeddings: Embeddings, *, overwrite: bool = True) -> None:
    """Write embeddings in the format of the extension.

    ``.parquet``: the table's columns and ``embedding``, a fixed-size list of float32, with the metadata in the footer.
    ``.h5ad``: ``obs`` is the table, ``X`` the embeddings, ``uns["isoclr"]`` the metadata.
    ``.npz``: one array per column, ``embedding``, and ``meta``, the metadata's keys and values ``(k, 2)``; no pickle.
    The matrix may be a memory map, of which Parquet reads one block at a time.
    """
    writers = {".parquet": _write_parquet, ".h5ad": _write_h5ad, ".npz": _write_npz}
    with atomic_path(path, overwrite=overwrite) as partial:
        writers[path.suffix or ".parquet"](partial, embeddings)


def _write_parquet(path: Path, embeddings: Embeddings) -> None:
    from polars.io.plugins import register_io_source

    schema = {**SCHEMA, MATRIX: pl.Array(pl.Float32, embeddings.dim)}

    def blocks(*_pushed_down: Any) -> Iterator[pl.DataFrame]:
        for start in range(0, max(1, len(embeddings)), ROWS):
            rows = slice(start, start + ROWS)
            yield Embeddings(in_schema(embeddings.table[rows]), embeddings.matrix[rows], embeddings.meta).to_polars()

    register_io_source(blocks, schema=schema).sink_parquet(
        path, metadata=dict(embeddings.meta), row_group_size=ROWS, statistics=False, maintain_order=True
    )


def _write_npz(path: Path, embeddings: Embeddings) -> None:
    table = in_schema(embeddings.table)
    arrays: Any = {
        name: table[name].to_numpy().astype(np.str_ if dtype == pl.String else np.int64)
        for name, dtype in SCHEMA.items()
    }
    arrays[MATRIX] = embeddings.matrix
    arrays["meta"] = np.array(list(embeddings.meta.items()), np.str_)
    with path.open("wb") as stream:
        np.savez(stream, **arrays)


def _write_h5ad(path: Path, embeddings: Embeddings) -> None:
    table = in_schema(embeddings.table)
    for column in table.select(pl.col(pl.String)):
        with_nul = column.str.contains("\0", literal=True)
        if with_nul.any():
            row = int(with_nul.arg_max() or 0) + 1
            raise InputError(
                f"{path.name}: {column.name} of row {row:,} holds a NUL character, which .h5ad cannot keep; choose "
                ".parquet"
            )
    Embeddings(table, embeddings.matrix, embeddings.meta).to_anndata().write_h5ad(path)
