"""HomoloGene: NCBI's groups of homologous genes (retired with the content of 2014, still what the paper used)."""

from pathlib import Path

import polars as pl

from isoclr.gene_sets.tables import cells, integers

FORMAT = "HomoloGene's columns HID, taxid, gene id, symbol, protein gi, protein accession"


def read_homologene(path: Path, data: bytes) -> pl.DataFrame:
    """One row a gene of ``homologene.data``.

    Args:
        path: the file, for errors.
        data: its unpacked content.

    Returns:
        ``taxid, entrez, symbol, group`` (``HID:3``), ``rank`` (3).

    Raises:
        InputError: a line whose first three columns are not numbers.
    """
    columns = ["HID", "taxid", "gene id", "symbol"]
    frame = integers(cells(path, data, columns), path, columns[:3], FORMAT)
    return frame.select(
        "taxid",
        entrez="gene id",
        symbol=pl.col("symbol").fill_null("").str.strip_chars(),
        group=pl.lit("HID:") + pl.col("HID").cast(pl.String),
        rank="HID",
    ).unique(maintain_order=True)
