"""AnnData and scanpy: embeddings as an AnnData, and embeddings added to the genes or transcripts of another one.

:meth:`isoclr.embedding.embeddings.Embeddings.to_anndata` gives an AnnData with one observation per RNA, and
``isoclr embed … -o embeddings.h5ad`` writes it. ``scanpy.pp.neighbors(data, use_rep="X")`` takes it. Here it is the
other way round: an expression matrix whose ``var`` (or ``obs``) names transcripts or genes gets their embeddings.
"""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from isoclr.embedding.embeddings import Embeddings
from isoclr.embedding.io import read_embeddings
from isoclr.errors import InputError
from isoclr.genomics.species import without_versions
from isoclr.tasks.join import representatives

KEY = "X_isoclr"


def add_embeddings(
    data: Any,
    embeddings: Embeddings | Path | str,
    *,
    axis: Literal["var", "obs"] = "var",
    column: str | None = None,
    key: str = KEY,
) -> int:
    """Add embeddings by id, as ``varm[key]`` (or ``obsm[key]``) ``(n, dim)`` float32; rows without one are NaN.

    An id is that of a transcript, or else of a gene, which its representative transcript stands for (canonical first,
    then RefSeq, then the longest coding sequence, then the longest RNA). Versions of ids are ignored. ``uns[key]`` gets
    the metadata of the embeddings, and the column ``key + "_transcript"`` of ``var`` (or ``obs``) the id of the
    transcript that was used, empty where there is none.

    Args:
        data: AnnData, changed in place.
        embeddings: Embeddings, or a file of them.
        axis: Where the RNAs or genes are.
        column: Column of ids; by default the names of the axis.
        key: Name of what is added.

    Returns:
        Number of rows that have an embedding.

    Raises:
        InputError: No such column, several species with one id, or no id of the embeddings.
    """
    opened = read_embeddings(embeddings)
    frame = getattr(data, axis)
    if column is not None and column not in frame.columns:
        raise InputError(f"AnnData: {axis} has no column {column!r}, found {', '.join(frame.columns)}")
    ids = (frame.index if column is None else frame[column]).astype(str).to_list()
    wanted = pl.DataFrame({"id": ids}, schema={"id": pl.String}).with_row_index("place")
    wanted = wanted.with_columns(id=without_versions(pl.col("id")))
    table = opened.table.with_row_index("row")
    found: dict[int, int] = {}
    for name in ("gene_id", "transcript_id"):  # transcripts last: they take precedence
        one = table.with_columns(id=without_versions(pl.col(name)))
        known = one.filter(pl.col("id").is_in(wanted["id"].unique().implode()))
        several = known.group_by("id").agg(pl.col("species").n_unique()).filter(pl.col("species") > 1)
        if several.height:
            raise InputError(
                f"{several['id'][0]}: is in several species of the embeddings; choose one with .select(species)"
            )
        chosen = representatives(known, "id").select("id", "row")
        found |= dict(wanted.join(chosen, on="id").select("place", "row").iter_rows())
    if not found:
        raise InputError(
            f"AnnData: none of the {len(ids):,} ids of {axis} ({ids[0] if ids else 'none'}, …) is among the "
            f"{len(opened):,} embedded RNAs ({opened.ids[0]}, …)"
        )
    places, rows = np.array(list(found)), np.array(list(found.values()))
    matrix = np.full((len(ids), opened.dim), np.nan, np.float32)
    matrix[places] = opened.matrix[rows]
    names = np.full(len(ids), "", dtype=object)
    names[places] = np.array(opened.ids, dtype=object)[rows]
    (data.varm if axis == "var" else data.obsm)[key] = matrix
    frame[f"{key}_transcript"] = names
    data.uns[key] = dict(opened.meta)
    return len(found)
