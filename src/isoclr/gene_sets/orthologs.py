"""NCBI's ``gene_orthologs``: pairs of orthologous genes, updated daily; a group is what pairs connect."""

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from isoclr.gene_sets.tables import cells, integers

HEADER = b"#tax_id\tGeneID\trelationship\tOther_tax_id\tOther_GeneID"
FORMAT = "gene_orthologs' columns #tax_id, GeneID, relationship, Other_tax_id, Other_GeneID"


def read_orthologs(path: Path, data: bytes) -> pl.DataFrame:
    """One row a gene of ``gene_orthologs``, in the connected component of its pairs.

    Args:
        path: the file, for errors.
        data: its unpacked content.

    Returns:
        ``taxid, entrez, symbol`` (empty: the file has none), ``group`` (``ORTH:34``, the component's smallest gene
        id), ``rank`` (34).

    Raises:
        InputError: a line whose ids are not numbers.
    """
    columns = ["tax_id", "GeneID", "relationship", "Other_tax_id", "Other_GeneID"]
    skip = 1 if data.startswith(b"#") else 0
    numbers = ["tax_id", "GeneID", "Other_tax_id", "Other_GeneID"]
    pairs = integers(cells(path, data, columns, skip=skip), path, numbers, FORMAT)
    one = pairs.select(taxid="tax_id", entrez="GeneID")
    other = pairs.select(taxid="Other_tax_id", entrez="Other_GeneID")
    genes = pl.concat([one, other])
    smallest = _smallest_of_component(genes["entrez"].to_numpy().reshape(2, -1))
    return genes.with_columns(
        symbol=pl.lit(""),
        group=pl.lit("ORTH:") + pl.Series(smallest).cast(pl.String),
        rank=pl.Series(smallest),
    ).unique(maintain_order=True)


def _smallest_of_component(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """The smallest gene id of each gene's component, for the genes of ``pairs`` ``(2, n)`` laid flat."""
    ids, nodes = np.unique(pairs, return_inverse=True)
    one, other = nodes.reshape(pairs.shape)
    edges = coo_array((np.ones(len(one), np.int8), (one, other)), shape=(len(ids), len(ids)))
    _, component = connected_components(edges, directed=False)
    # ids are sorted: the first gene of a component is its smallest
    _, first = np.unique(component, return_index=True)
    return ids[first[component]][nodes.ravel()]
